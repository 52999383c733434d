/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * born CMD [ARG...]: the floor of a start, as a process: nothing less could be called isolated in
 * seven namespaces. Statically linked, as whoever wants no more can be.
 */
#include <stdio.h>

#include "seven.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = seven_start(argv + 1);
	if (pid < 0) {
		perror("born: clone3");
		return 125;
	}
	return seven_wait(pid);
}
