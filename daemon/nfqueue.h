/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NFQUEUE: packets out of the kernel in batches, and a verdict for each of them.
 *
 * One struct is one netlink socket with some queues. It belongs to one packet thread; the control
 * thread may call what says so.
 */
#pragma once

#include "daemon/core/packet.h"

#define NFQUEUE_BATCH_MAX  64
#define NFQUEUE_QUEUES_MAX 128 /* of one socket; half of them may be old */
#define NFQUEUE_TEXT_SIZE  256

struct nfqueue;

struct nfqueue_config {
	uint16_t first;          /* number of the first queue, if they are consecutive: */
	const uint16_t *numbers; /* NULL, else all of them */
	unsigned n_queues;       /* 0 .. NFQUEUE_QUEUES_MAX, with n_old */
	unsigned n_super;        /* of the first ones: superpackets come whole (segment.h) */
	/* So many more numbers are of queues that the socket has from before and that end as soon
	 * as nothing waits in them: nfqueue_end_old(). */
	unsigned n_old;
	uint32_t length;      /* packets that may wait in each queue */
	uint64_t memory_size; /* bytes that may wait in the socket */
	/* The socket of a predecessor, which has the queues and what waits in them; 0 = none. It is
	 * taken over in any case, and closed if it is something else. */
	int inherited_fd;
};

struct nfqueue_packet {
	struct packet packet; /* data lies in the receive buffers until the next receive */
	uint32_t id;
	uint8_t queue; /* 0 = the first one */
	bool to_host;  /* the caller's decision for nfqueue_verdict(): NF_ACCEPT instead of NF_DROP
			*/
};

struct nfqueue_batch {
	struct nfqueue_packet packet[NFQUEUE_BATCH_MAX];
	unsigned n_packets;
};

/* What went wrong outside of single packets. */
struct nfqueue_counters {
	uint64_t overruns;         /* ENOBUFS in spite of NETLINK_NO_ENOBUFS */
	uint64_t unreadable;       /* messages that are no packet */
	uint64_t verdict_failures; /* verdicts that the kernel did not take */
};

/* The queues that this socket of a predecessor has: how many, or a negative errno if that can not
 * be told, as in a user namespace. */
int nfqueue_queues_of(int fd, uint16_t ret[NFQUEUE_QUEUES_MAX]);

/*
 * Binds the queues. On failure a negative errno, and text is a sentence for people; with 0 text is
 * a remark (less memory than asked for) or empty. text holds NFQUEUE_TEXT_SIZE bytes.
 */
int nfqueue_new(const struct nfqueue_config *config, struct nfqueue **ret, char *text);
void nfqueue_free(struct nfqueue *queue);

/* Has it taken over what waits? */
bool nfqueue_is_inherited(const struct nfqueue *queue);
/* And did the one before have all the queues that are wanted now, and no others? False if that can
 * not be told. */
bool nfqueue_has_same_queues(const struct nfqueue *queue);
/* The predecessor will not go on: only now the queues get what this configuration says, and those
 * that nobody knows of end. Nothing if there is none. */
void nfqueue_settle(struct nfqueue *queue);
/* The successor has failed, and the rules lead here again: what it has bound by this socket besides
 * ends, with the packets that came there. Of the control thread; nothing where the kernel does not
 * tell, as in a user namespace. */
void nfqueue_take_back(struct nfqueue *queue);
/* Of the control thread, after the rules have left them: old queues in which nothing waits end. */
void nfqueue_end_old(struct nfqueue *queue);

/* Old ones are behind the others. */
unsigned nfqueue_n_queues(const struct nfqueue *queue);
unsigned nfqueue_n_old(const struct nfqueue *queue);
uint16_t nfqueue_number(const struct nfqueue *queue, unsigned index);

/* In how many of the first queues superpackets come whole from now on, or from nfqueue_settle() on
 * if that is still due; also says again what
 * another daemon may have changed. What waits already stays as it is. Of one thread besides the one
 * that receives; failures are counted as those of verdicts. */
void nfqueue_set_super(struct nfqueue *queue, unsigned n_super);

/* How much may wait from now on, of one thread besides the one that receives; what waits already
 * stays. text is a remark, or empty. A length that the kernel does not take is counted as a verdict
 * would be. */
void nfqueue_set_waiting(struct nfqueue *queue, uint32_t length, uint64_t memory_size, char *text);

/* For poll(): readable when packets wait. */
int nfqueue_fd(const struct nfqueue *queue);

/*
 * Takes what waits, at most NFQUEUE_BATCH_MAX packets, without blocking. 0 also if there is none.
 * The packets of the batch before must have had their verdicts.
 */
int nfqueue_receive(struct nfqueue *queue, struct nfqueue_batch *ret);

/* One verdict for each packet of the batch: those to_host are accepted, all others dropped. */
int nfqueue_verdict(struct nfqueue *queue, const struct nfqueue_batch *batch);

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *queue);

/* What the kernel knows of one queue. */
struct nfqueue_losses {
	uint32_t waiting;
	uint64_t queue_full;  /* dropped: more than length waited */
	uint64_t socket_full; /* dropped: the socket's memory was full */
};

/* Fills n_queues elements, and n_old more; of any thread. -ENODATA if a queue is not bound any
 * more.
 */
int nfqueue_read_losses(const struct nfqueue *queue, struct nfqueue_losses *ret);

/* The sentence for an errno of binding queue number; owner is the netlink port that has it, or 0.
 * Part of nfqueue_new(), for tests. */
void nfqueue_explain(int error, uint16_t number, uint32_t owner, char *ret_text);
