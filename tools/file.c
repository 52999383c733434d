/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file.h"

#include <string.h>

#include "../lib/base/cleanup.h"

static void close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

int file_read(char **ret, size_t *len, const char *path, FILE *in, size_t max,
	      struct nsnet_err *err)
{
	NSN_AUTO(close_file) FILE *own = NULL;
	/* One byte more than may be, so that more is noticed; and the zero. */
	NSN_AUTO(nsn_freep) char *text = malloc(max + 2);
	size_t n;

	if (!text)
		return nsn_err_nomem(err);
	if (strcmp(path, "-") == 0) {
		path = "standard input";
	} else {
		own = fopen(path, "re");
		if (!own)
			return nsn_err_sys(err, -errno, "file '%s' cannot be read", path);
		in = own;
	}
	n = fread(text, 1, max + 1, in);
	if (ferror(in))
		return nsn_err_sys(err, -errno, "file '%s' cannot be read", path);
	if (n > max)
		return nsn_err(err, -EFBIG, NSNET_E_BAD_FILE, "file '%s' has more than %zu bytes",
			       path, max);
	text[n] = '\0';
	*ret = NSN_TAKE_PTR(text);
	*len = n;
	return 0;
}
