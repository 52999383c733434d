/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command that does nothing, statically linked: what it takes itself is the least there is. */
int main(void)
{
	return 0;
}
