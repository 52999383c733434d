/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump PATH...: asks the kernel for what is in each of these network namespaces, and throws it
 * away: links, addresses, routes, neighbours, tables, chains, rules, sets. What reading the same
 * state costs at least. (Elements of sets are not asked for: that takes the sets' names.)
 */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char buf[1 << 17];

static int ask(struct mnl_socket *nl, uint16_t type, bool nft)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	ssize_t n;
	int r = MNL_CB_OK;

	h->nlmsg_type = nft ? (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type) : type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	if (nft)
		((struct nfgenmsg *)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg)))
			->nfgen_family = AF_UNSPEC;
	else
		(void)mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -1;
	while (r == MNL_CB_OK) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -1;
		r = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL);
	}
	return r;
}

static int all(int bus, const uint16_t *types, size_t n)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int r = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -1;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = ask(nl, types[i], bus == NETLINK_NETFILTER);
	if (nl)
		(void)mnl_socket_close(nl);
	return r;
}

int main(int argc, char **argv)
{
	static const uint16_t route[] = {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH};
	static const uint16_t nft[] = {NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE,
				       NFT_MSG_GETSET};

	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || setns(fd, CLONE_NEWNET) < 0 ||
		    all(NETLINK_ROUTE, route, sizeof(route) / sizeof(route[0])) < 0 ||
		    all(NETLINK_NETFILTER, nft, sizeof(nft) / sizeof(nft[0])) < 0) {
			perror(argv[i]);
			return 1;
		}
		(void)close(fd);
	}
	return 0;
}
