/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>

#include "cmd.h"
#include "stdfd.h"

int main(int argc, char **argv)
{
	int status;

	if (stdfd_guard() < 0)
		return 3;
	/* Without it libsmartcols escapes every letter that is not ASCII. */
	(void)setlocale(LC_CTYPE, "");

	status = cmd_main(argc > 0 ? argc - 1 : 0, argv + 1, stdin, stdout, stderr);
	return stdfd_close(status);
}
