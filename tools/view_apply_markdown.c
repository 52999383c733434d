/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan -o markdown: what files change, as a report to be reviewed */
#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "view_apply.h"
#include "view_proof.h"

/* Somebody's text, which is to stay in its cell, and text. */
static void put(FILE *to, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c >= 0x7f) {
			fputc('?', to);
			continue;
		}
		if (strchr("\\|`<>*_[]#&!", *c))
			fputc('\\', to);
		fputc(*c, to);
	}
}

static void cell(FILE *to, const char *text)
{
	fputc(' ', to);
	put(to, text ? text : "");
	fputs(" |", to);
}

static void changes(FILE *to, const struct nsnet_applied *a)
{
	const size_t n = nsnet_applied_differences(a);

	if (n == 0) {
		fputs("\nNothing that is stored changes.\n", to);
		return;
	}
	fputs("\n### Changes\n\n| | kind | name | what | was | where "
	      "|\n|---|---|---|---|---|---|\n",
	      to);
	for (size_t i = 0; i < n; i++) {
		struct nsnet_difference d;

		nsnet_applied_difference(a, i, &d);
		fprintf(to, "| `%s` |", d.op);
		cell(to, d.kind);
		cell(to, d.name);
		cell(to, d.text);
		cell(to, d.was);
		fputc(' ', to);
		put(to, d.file);
		if (*d.file)
			fprintf(to, ":%" PRIu32, d.line);
		fputs(d.kept ? " (kept: needs --prune) |\n" : " |\n", to);
	}
}

static void effects(FILE *to, const struct nsnet_applied *a, bool opens)
{
	bool some = false;

	for (size_t i = 0; i < nsnet_applied_effects(a); i++) {
		struct nsnet_effect e;

		nsnet_applied_effect(a, i, &e);
		if (e.opens != opens)
			continue;
		if (!some)
			fprintf(to,
				"\n### %s\n\n| from | to | ports | rule | because |\n"
				"|---|---|---|---|---|\n",
				opens ? "Opens" : "Closes");
		some = true;
		fputc('|', to);
		cell(to, e.from);
		cell(to, e.to);
		for (size_t k = 0; k < e.n_ports; k++)
			fprintf(to, "%s%s", k ? ", " : " ", e.ports[k]);
		fputs(e.unsure ? " (or more) |" : " |", to);
		cell(to, e.rule);
		cell(to, e.because);
		fputc('\n', to);
	}
}

static void evidence(FILE *to, const struct nsnet_applied *a)
{
	struct nsnet_effects_of of;
	char hash[VIEW_HASH_SIZE];

	nsnet_applied_effects_of(a, &of);
	if (of.certainty == NSNET_PROVED) {
		fprintf(to, "\n**Proved**: nothing else opens or closes, by the state `%s`%s.\n",
			view_hash(of.hash, hash),
			of.from_file ? ", its policies in rules" : " of the kernel");
		return;
	}
	fputs("\n**Not proved**", to);
	if (of.by_policy) {
		fputs(": what opens and closes is what the policies say, and no more", to);
		if (*of.why)
			fputs(" (", to);
		put(to, of.why);
		fputs(*of.why ? ").\n" : ".\n", to);
		return;
	}
	fprintf(to, " by the state `%s`: more may open or close.\n\n", view_hash(of.hash, hash));
	for (size_t i = 0; i < of.n_unfollowed; i++) {
		fputs("- ", to);
		put(to, *of.unfollowed[i].from ? of.unfollowed[i].from : "?");
		fputs(" -> ?: ", to);
		put(to, of.unfollowed[i].why);
		fputc('\n', to);
	}
}

static void expectations(FILE *to, const struct nsnet_applied *a)
{
	const struct apply_tally t = apply_count(a);

	if (t.expects == 0)
		return;
	fprintf(to, "\n### Expectations: %zu of %zu hold\n", t.hold, t.expects);
	for (size_t i = 0; i < t.expects; i++) {
		struct nsnet_expect e;

		nsnet_applied_expect(a, i, &e);
		if (e.holds)
			continue;
		fprintf(to, "\n- **does not hold**: ");
		put(to, e.file);
		fprintf(to, ":%" PRIu32 ": ", e.line);
		put(to, e.flow);
		fputs(e.can ? " can be, but " : " cannot be, but ", to);
		put(to, e.reason);
		fputc('\n', to);
	}
}

void view_applied_markdown(const struct out *o, const struct nsnet_applied *a)
{
	const struct apply_tally t = apply_count(a);
	char opens[CHANGE_COUNT_SIZE], closes[CHANGE_COUNT_SIZE];

	fprintf(o->to, "## nsnet plan: %s, %s\n",
		change_count(t.opens, "pair opens", "pairs open", opens),
		change_count(t.closes, "closes", "close", closes));
	evidence(o->to, a);
	effects(o->to, a, true);
	effects(o->to, a, false);
	changes(o->to, a);
	expectations(o->to, a);
}
