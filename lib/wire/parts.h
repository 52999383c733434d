/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_WIRE_PARTS_H
#define NSN_WIRE_PARTS_H

/*
 * parts - what the files of lib/wire share; nobody else includes it
 *
 * Every frame that is sent ends with a trailer: eight bytes that are the run's (the kernel's
 * filter asks for them), the number of the shot, and four bytes that follow from the number and a
 * secret, as who receives one frame knows the first eight and could make up others.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../kernel/netns.h"
#include "wire.h"

/* ---- kinds.c ------------------------------------------------------------------------ */

/* The protocol by which a socket of IP gets it; 0: by none. */
uint8_t nsn_wire_kind_proto(enum nsn_wire_kind k, uint8_t family);
bool nsn_wire_kind_link(enum nsn_wire_kind k); /* is no IP packet */

/* ---- frame.c, form.c: pure ---------------------------------------------------------- */

#define NSN_WIRE_TRAILER 16
#define NSN_WIRE_LONGEST 2048 /* a frame */
#define NSN_WIRE_TRAIN	 6    /* frames of one shot */

struct nsn_wire_key {
	uint8_t magic[8];
	uint64_t secret;
};

void nsn_wire_stamp(const struct nsn_wire_key *k, uint8_t *at, uint32_t number);
/* Whether @data ends with a trailer of ours. */
bool nsn_wire_stamped(const struct nsn_wire_key *k, const uint8_t *data, size_t len,
		      uint32_t *number);

struct nsn_wire_frame {
	size_t len, l3, l4; /* where they begin; 0: none */
	uint8_t family;	    /* of l3; 0: none */
	uint8_t proto;	    /* of l4 */
	struct nsn_ip
		final; /* family 0, or what checksums are made of instead of the destination */
	bool part;     /* a fragment: what l4 has is complete */
	uint8_t bytes[NSN_WIRE_LONGEST];
};

uint8_t *nsn_wire_add(struct nsn_wire_frame *f, size_t n); /* zeros; NULL: no room */
void nsn_wire_put16(uint8_t *p, size_t value);
void nsn_wire_put32(uint8_t *p, uint32_t value);
void nsn_wire_put(uint8_t *p, const void *bytes, size_t n); /* bytes of a frame, no text */
void nsn_wire_eth(struct nsn_wire_frame *f, const struct nsn_mac *dst, const struct nsn_mac *src,
		  uint16_t type);
/* @options: a multiple of 4 bytes that stay zero, for IPv4. */
void nsn_wire_ip(struct nsn_wire_frame *f, const struct nsn_ip *src, const struct nsn_ip *dst,
		 uint8_t proto, uint8_t ttl, size_t options);
/* Appends the trailer, and fills in lengths and checksums of all that is IP. */
void nsn_wire_finish(struct nsn_wire_frame *f, const struct nsn_wire_key *k, uint32_t number);
/* Where the headers are in a frame that somebody else made; what is no IP has none. */
struct nsn_wire_shape {
	size_t l3, l4;
	uint8_t family, proto;
	bool part;
};
void nsn_wire_look(struct nsn_wire_shape *f, const uint8_t *bytes, size_t len);
/* Whether it is said about another packet (an error), or the answer to an echo. */
bool nsn_wire_is_answer(enum nsn_wire_kind k, uint8_t proto, const uint8_t *l4, size_t len,
			bool *echo);
uint32_t nsn_wire_crc32c(const uint8_t *data, size_t len);

/* What one shot is made of. */
struct nsn_wire_ask {
	enum nsn_wire_kind kind;
	uint8_t family, ttl, proto;
	bool near; /* both behind one gateway: also straight to the other's MAC address */
	struct nsn_mac mac, gateway_mac, to_mac;
	struct nsn_ip src, dst;
	struct nsn_ip first; /* the sender's gateway: a source route begins there; family 0: none */
	struct nsn_ip third, router; /* a third tenant's, and that of the receiver's gateway */
	struct nsn_prefix subnet;
	uint16_t sport, dport, id;
	const void *raw;
	size_t raw_len;
};

struct nsn_wire_train {
	size_t n;
	struct nsn_wire_frame f[NSN_WIRE_TRAIN];
};

/* Return: NULL, or why there is no such packet. */
const char *nsn_wire_form(struct nsn_wire_train *t, const struct nsn_wire_ask *a,
			  const struct nsn_wire_key *k, uint32_t number);

/* ---- judge.c: pure ------------------------------------------------------------------ */

struct nsn_wire_facts {
	const char *refused; /* why it was not sent at all, or NULL */
	int error;	     /* of the mouth */
	size_t sent, left; /* frames; left: seen, as they were sent, where the sender's link ends */
	bool heard;	   /* by anybody */
	bool answered;	   /* an echo's answer came, whoever gave it */
	bool no_controls;
	bool overrun; /* the machine's queues, or an ear's, dropped something */
	bool settled; /* all processors' queues were emptied after all the rest was seen */
	bool able;    /* the sender's own network works */
	bool alive;   /* the receiver's own network works: a permitted packet went there and back */
	bool sentinel, control;
	const char *deaf; /* why nothing can be heard at the receiver, or NULL */
};

enum nsn_wire_end nsn_wire_judge(const struct nsn_wire_facts *f, const char **why);

/* ---- ear.c, open.c ------------------------------------------------------------------ */

#define NSN_WIRE_NONE SIZE_MAX

enum nsn_ear_role {
	NSN_EAR_END,  /* a tenant's end of its link: a mouth, too */
	NSN_EAR_PORT, /* the gateway's end of it */
	NSN_EAR_LINK, /* another link of a trusted namespace */
	NSN_EAR_RAW,  /* what a socket of IP gets in a trusted namespace */
};

struct nsn_ear {
	int fd;
	enum nsn_ear_role role;
	size_t place; /* of PORT: whose port it is */
	size_t ns;    /* of which namespace */
	int ifindex;
	bool veth;
	const char *link;
	uint8_t family, proto; /* of RAW */
	uint32_t drops;	       /* as the kernel counts */
};

/* What is wrong with a place. */
enum nsn_wire_fault {
	NSN_FAULT_NONE,
	NSN_FAULT_CLOSED,
	NSN_FAULT_GONE,
	NSN_FAULT_GATEWAY,
	NSN_FAULT_PORT,
	NSN_FAULT_LINK,
};

struct nsn_wire_spot {
	int netns; /* kept for trusted ones: more sockets may be needed */
	size_t end, port, lo;
	bool gateway;		   /* somebody's */
	enum nsn_wire_fault fault; /* nothing can be told about it */
};

struct nsn_fence;

struct nsn_wire {
	struct nsn_home home;
	const struct nsn_wire_place *places;
	struct nsn_wire_spot *spots;
	size_t n;
	struct nsn_ear *ears;
	size_t n_ears, room;
	int epoll;
	struct nsn_wire_key key;
	struct nsn_fence *fence;
	uint32_t next;	     /* the first number that was not given */
	uint32_t salt;	     /* fresh ports follow from it */
	uint8_t raw[2][256]; /* protocols with sockets, by family */
	uint8_t *inbox;
	uint32_t *opened; /* by sender: delivered in this second, whichever the run */
	uint64_t second;  /* when it began */
};

/* Sockets in the namespace that the thread is in; a negative errno. */
int nsn_ear_packet(const struct nsn_wire_key *k, int ifindex, bool bypass);
int nsn_ear_raw(const struct nsn_wire_key *k, uint8_t family, uint8_t proto);
uint32_t nsn_ear_drops(int fd);
int nsn_ear_keep(struct nsn_wire *w, const struct nsn_ear *ear, size_t *index,
		 struct nsnet_err *err);
/* Raw sockets for a protocol in all trusted namespaces, and in the one of the fence. */
int nsn_wire_need(struct nsn_wire *w, uint8_t family, uint8_t proto, struct nsnet_err *err);

/* One that came in. @data begins with the link's header, of RAW with that of IP (or behind it). */
struct nsn_heard {
	const struct nsn_ear *ear;
	bool out; /* handed to the link, not received from it */
	uint32_t number;
	const uint8_t *data;
	size_t len;
};
typedef void nsn_wire_hear(void *arg, const struct nsn_heard *h);
/* All that has come, without waiting. Return: how many, or a negative errno. */
int nsn_wire_listen(struct nsn_wire *w, nsn_wire_hear *hear, void *arg);

/* ---- fence.c ------------------------------------------------------------------------ */

/*
 * A namespace of the prober's own, with `lo` only. What is sent there goes through the queue of a
 * processor like everything else that is handed over between namespaces, so when a frame that was
 * sent now has come, all that was in this queue before has gone on. A pass does this for each
 * processor.
 */
int nsn_fence_open(struct nsn_fence **ret, struct nsn_home *home, const struct nsn_wire_key *k,
		   struct nsnet_err *err);
void nsn_fence_close(struct nsn_fence *f);
/* 0, or -ETIME when some processor did not get to it. */
int nsn_fence_pass(struct nsn_fence *f, unsigned int cap_ms);
/* Whether a raw socket hears this kind of packet: sends one by lo. */
bool nsn_fence_raw(struct nsn_fence *f, struct nsn_home *home, enum nsn_wire_kind k, uint8_t family,
		   uint8_t proto);
/* What the queues of all processors have dropped so far. */
uint64_t nsn_fence_lost(void);

/* ---- run.c, shot.c, batch.c ---------------------------------------------------------- */

uint64_t nsn_wire_now_us(void);

#endif
