/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/link.h"
#include "../../lib/kernel/nft.h"
#include "../../lib/nl/msg.h"
#include "../../lib/nl/socket.h"
#include "../lib/world.h"

static struct nsn_nl *open_nl(int protocol)
{
	struct nsn_nl *nl = NULL;
	struct nsnet_err err = {0};

	assert_int_equal(nsn_nl_open(&nl, protocol, &err), 0);
	return nl;
}

static struct nsn_object bridge(const char *name)
{
	return (struct nsn_object){.kind = NSN_OBJ_LINK,
				   .link = name,
				   .u.dev = {.type = NSN_LINK_BRIDGE,
					     .type_name = "bridge",
					     .mac = {{2, 0, 0, 0, 0, 1}},
					     .mtu = 1500,
					     .master = "",
					     .peer = ""}};
}

static void a_refusal_has_the_links_name_and_the_kernels_words(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o = bridge("b0");
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	assert_int_equal(nsn_link_add(nl, &o, NULL, -1, &err), 0);
	assert_string_equal(err.msg, ""); /* untouched on success */
	assert_int_equal(nsn_link_add(nl, &o, NULL, -1, &err), -EEXIST);
	assert_string_equal(err.msg, "link 'b0': File exists");
	assert_int_equal(err.id, NSNET_E_KERNEL);

	o.link = "b1";
	o.u.dev.type_name = "nosuchthing";
	assert_int_equal(nsn_link_add(nl, &o, NULL, -1, &err), -EOPNOTSUPP);
	assert_string_equal(err.msg, "link 'b1': Operation not supported - Unknown device type");
}

static void a_long_name_is_refused_not_cut(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o = bridge("sixteen-letters!");
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	assert_int_equal(nsn_link_add(nl, &o, NULL, -1, &err), -ENAMETOOLONG);
	assert_int_equal(if_nametoindex("sixteen-letters"), 0);
}

/* Another process writes an ack for our next request into our socket. */
static void forge_ack(const struct nsn_nl *nl, uint32_t seq)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	NSN_AUTO(nsn_closep) int sk = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	socklen_t len = sizeof(to);
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} ack = {.h = {.nlmsg_len = sizeof(ack), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = seq}};

	assert_true(sk >= 0);
	assert_int_equal(getsockname(nl->fd, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(sendto(sk, &ack, sizeof(ack), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(ack));
}

static void a_forged_ack_is_not_believed(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	forge_ack(nl, nl->seq + 1);
	assert_int_equal(nsn_link_set_up(nl, "nolink", true, &err), -ENODEV);
}

/* An answer that nobody read belongs to an earlier request. */
static void an_answer_to_another_request_is_passed_over(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = 999};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	struct nsnet_err err = {0};
	int index;

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	msg = nsn_msg_new(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, &ifi, sizeof(ifi));
	assert_non_null(msg);
	nlmsg_hdr(msg)->nlmsg_seq = nl->seq + 100;
	assert_int_equal(nsn_nl_send(nl, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, &err), 0);
	/* Its refusal waits in the queue before the next answer. */
	assert_int_equal(nsn_link_index(nl, "lo", &index, &err), 0);
	assert_int_equal(index, 1);
}

/*
 * The receive queue is full of other mail when the ack is to be queued: the
 * kernel did as asked, the ack is lost.
 */
static void a_lost_answer_is_unsure_and_the_request_was_carried_out(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o = bridge("b0");
	struct nsnet_err err = {0};
	int tiny = 1, i;

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	assert_int_equal(setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)), 0);
	for (i = 0; i < 64; i++) {
		struct sockaddr_nl to = {.nl_family = AF_NETLINK};
		NSN_AUTO(nsn_closep)
		int sk = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
		socklen_t len = sizeof(to);

		assert_int_equal(getsockname(nl->fd, (struct sockaddr *)&to, &len), 0);
		(void)sendto(sk, "junk", 4, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	}
	assert_true(nsn_link_add(nl, &o, NULL, -1, &err) < 0);
	assert_int_equal(err.id, NSNET_E_UNSURE);
	assert_true(if_nametoindex("b0") > 0);
}

static struct nsn_object table(const char *name)
{
	return (struct nsn_object){
		.kind = NSN_OBJ_TABLE,
		.link = "",
		.u.table = {.family = NFPROTO_INET, .name = name, .comment = "made by a test"}};
}

static struct nsn_object chain(const char *in, const char *name)
{
	return (struct nsn_object){.kind = NSN_OBJ_CHAIN,
				   .link = "",
				   .u.chain = {.family = NFPROTO_INET,
					       .table = in,
					       .name = name,
					       .type = "",
					       .policy = NF_DROP}};
}

static void nft_freep(struct nsn_nft_txn **t)
{
	nsn_nft_free(*t);
}

static size_t count_objects(struct nsn_nl *nl, const char *name)
{
	struct nsn_state s = {0};
	struct nsnet_err err = {0};
	size_t n;

	assert_int_equal(nsn_nft_dump(nl, name, &s, (struct nsn_place){0}, &err), 0);
	n = s.n;
	nsn_state_clear(&s);
	return n;
}

static void a_failed_batch_names_its_first_refusal_and_does_nothing(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(nft_freep) struct nsn_nft_txn *t = NULL, *again = NULL;
	struct nsn_object good = table("t"), bad = chain("nosuch", "c"), worse = chain("no", "d");
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	nl = open_nl(NETLINK_NETFILTER);
	assert_int_equal(nsn_nft_begin(&t, &err), 0);
	assert_int_equal(nsn_nft_add(t, &good, &err), 0);
	assert_int_equal(nsn_nft_add(t, &bad, &err), 0);
	assert_int_equal(nsn_nft_add(t, &worse, &err), 0);
	assert_int_equal(nsn_nft_commit(t, nl, &err), -ENOENT);
	assert_string_equal(err.msg, "chain 'inet nosuch c, 0 rules': "
				     "No such file or directory");
	assert_int_equal(count_objects(nl, "t"), 0);

	/* Nothing of the failure is left in the socket. */
	assert_int_equal(nsn_nft_begin(&again, &err), 0);
	assert_int_equal(nsn_nft_add(again, &good, &err), 0);
	assert_int_equal(nsn_nft_commit(again, nl, &err), 0);
	assert_int_equal(count_objects(nl, "t"), 1);
}

static void a_batch_grows_with_its_content(void **state)
{
	enum { CHAINS = 20000 };
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(nft_freep) struct nsn_nft_txn *t = NULL;
	struct nsn_object o = table("big"), c;
	struct nsnet_err err = {0};
	char name[16];
	int i;

	(void)state;
	world_need();
	nl = open_nl(NETLINK_NETFILTER);
	assert_int_equal(nsn_nft_begin(&t, &err), 0);
	assert_int_equal(nsn_nft_add(t, &o, &err), 0);
	for (i = 0; i < CHAINS; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		c = chain("big", name);
		assert_int_equal(nsn_nft_add(t, &c, &err), 0);
	}
	assert_int_equal(nsn_nft_commit(t, nl, &err), 0);
	assert_int_equal(count_objects(nl, "big"), 1 + CHAINS);
}

static void an_empty_batch_is_no_request(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(nft_freep) struct nsn_nft_txn *t = NULL;
	struct nsnet_err err = {0};
	uint32_t seq;

	(void)state;
	world_need();
	nl = open_nl(NETLINK_NETFILTER);
	seq = nl->seq;
	assert_int_equal(nsn_nft_begin(&t, &err), 0);
	assert_int_equal(nsn_nft_commit(t, nl, &err), 0);
	assert_int_equal(nl->seq, seq);
}

/* ---- dumps that are interrupted ------------------------------------------------------ */

struct meddler {
	struct nsn_nl *nl;
	int times; /* how often it still changes the table */
	int messages, restarts;
};

/* Changes the table of links in the middle of its dump, which the kernel then marks. */
static int meddle(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct meddler *m = arg;
	char name[IFNAMSIZ];
	struct nsn_object o;

	(void)msg;
	if (m->messages++ == 0 && m->times > 0) {
		(void)snprintf(name, sizeof(name), "m%d", m->times--);
		o = bridge(name);
		return nsn_link_add(m->nl, &o, NULL, -1, err);
	}
	return 0;
}

static void begin_again(void *arg)
{
	struct meddler *m = arg;

	m->restarts++;
	m->messages = 0;
}

/* Enough links that a dump takes several datagrams. */
static void many_links(struct nsn_nl *nl)
{
	struct nsnet_err err = {0};
	char name[IFNAMSIZ];
	struct nsn_object o;
	int i;

	for (i = 0; i < 80; i++) {
		(void)snprintf(name, sizeof(name), "l%d", i);
		o = bridge(name);
		assert_int_equal(nsn_link_add(nl, &o, NULL, -1, &err), 0);
	}
}

static int dump_meddled(struct nsn_nl *nl, struct meddler *m, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	const struct nsn_nl_sink sink = {.each = meddle, .restart = begin_again, .arg = m};

	assert_non_null(msg);
	return nsn_nl_dump(nl, nlmsg_hdr(msg), &sink, err);
}

static void an_interrupted_dump_begins_anew(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL, *other = NULL;
	struct meddler m = {.times = 2};
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	m.nl = other = open_nl(NETLINK_ROUTE);
	many_links(other);
	assert_int_equal(dump_meddled(nl, &m, &err), 0);
	assert_int_equal(m.restarts, 2);
	assert_int_equal(m.messages, 1 + 80 + 2); /* lo, ours, the meddler's */
}

static void a_table_that_never_holds_still_is_given_up(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL, *other = NULL;
	struct meddler m = {.times = 1000};
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	nl = open_nl(NETLINK_ROUTE);
	m.nl = other = open_nl(NETLINK_ROUTE);
	many_links(other);
	assert_int_equal(dump_meddled(nl, &m, &err), -EBUSY);
	assert_int_equal(m.restarts, NSN_NL_DUMP_TRIES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_refusal_has_the_links_name_and_the_kernels_words,
				       world_setup),
		cmocka_unit_test_setup(a_long_name_is_refused_not_cut, world_setup),
		cmocka_unit_test_setup(a_forged_ack_is_not_believed, world_setup),
		cmocka_unit_test_setup(an_answer_to_another_request_is_passed_over, world_setup),
		cmocka_unit_test_setup(a_lost_answer_is_unsure_and_the_request_was_carried_out,
				       world_setup),
		cmocka_unit_test_setup(a_failed_batch_names_its_first_refusal_and_does_nothing,
				       world_setup),
		cmocka_unit_test_setup(a_batch_grows_with_its_content, world_setup),
		cmocka_unit_test_setup(an_empty_batch_is_no_request, world_setup),
		cmocka_unit_test_setup(an_interrupted_dump_begins_anew, world_setup),
		cmocka_unit_test_setup(a_table_that_never_holds_still_is_given_up, world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
