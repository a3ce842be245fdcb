/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet thread owns inject. The control thread leaves a new one in offered, where the packet
 * thread finds it; way is written by both, and each only has to see it soon.
 */
#include "daemon/sending.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/send_batch.h"

struct sending {
	struct rawsock *rawsock;
	struct inject *inject;
	_Atomic(struct inject *) offered;
	atomic_int way;
	uint64_t old_errors[N_GATEWAY_SEND_ERRORS]; /* of those before inject */
};

int sending_new(const struct rawsock_config *config, struct sending **ret, char *text)
{
	struct rawsock *rawsock = NULL;
	struct sending *sending;
	int r = rawsock_new(config, &rawsock, text);

	if (r < 0)
		return r;
	sending = calloc(1, sizeof(*sending));
	if (!sending) {
		(void)snprintf(text, RAWSOCK_TEXT_SIZE, "no memory for sending");
		rawsock_free(rawsock);
		return -ENOMEM;
	}
	sending->rawsock = rawsock;
	*ret = sending;
	return 0;
}

void sending_free(struct sending *sending, bool keep_device)
{
	struct inject *offered;

	if (!sending)
		return;
	offered = atomic_exchange(&sending->offered, NULL);
	inject_free(sending->inject, keep_device || offered);
	inject_free(offered, keep_device);
	rawsock_free(sending->rawsock);
	free(sending);
}

void sending_offer(struct sending *sending, struct inject *inject)
{
	/* One that was never used. */
	inject_free(atomic_exchange(&sending->offered, inject), true);
}

void sending_set_way(struct sending *sending, enum sending_way way)
{
	atomic_store(&sending->way, (int)way);
}

enum sending_way sending_way(const struct sending *sending)
{
	return (enum sending_way)atomic_load(&sending->way);
}

const struct rawsock *sending_rawsock(const struct sending *sending)
{
	return sending->rawsock;
}

/* Its device is the same, or has gone already. */
static void adopt(struct sending *sending)
{
	struct inject *fresh = atomic_exchange(&sending->offered, NULL);

	if (!fresh)
		return;
	for (unsigned i = 0; sending->inject && i < N_GATEWAY_SEND_ERRORS; i++)
		sending->old_errors[i] += inject_errors(sending->inject)[i];
	inject_free(sending->inject, true);
	sending->inject = fresh;
}

/* What the device has refused because it is not there any more. */
static unsigned send_again(struct sending *sending, const struct out_packet *packets, unsigned n,
			   int *ret_error)
{
	unsigned n_refused = 0;

	for (unsigned i = 0; i < n; i++) {
		if (send_batch_is_of_device(ret_error[i]) && packets[i].is_tcp) {
			inject_withdraw(&packets[i]);
			n_refused +=
				rawsock_send(sending->rawsock, &packets[i], 1, true, &ret_error[i]);
		} else if (ret_error[i] != 0) {
			n_refused++;
		}
	}
	return n_refused;
}

unsigned sending_send(struct sending *sending, const struct out_packet *packets, unsigned n,
		      int *ret_error)
{
	const bool by_packet = sending_way(sending) == SENDING_PACKET;
	unsigned n_refused, n_others;

	adopt(sending);
	n_refused = rawsock_send(sending->rawsock, packets, n, !by_packet, ret_error);
	if (!by_packet)
		return n_refused;
	n_others = n_refused;
	n_refused += inject_send(sending->inject, packets, n, ret_error);
	if (n_refused == n_others || !inject_has_gone(sending->inject))
		return n_refused;
	sending_set_way(sending, SENDING_RAW);
	return send_again(sending, packets, n, ret_error);
}

uint64_t sending_errors(const struct sending *sending, enum gateway_send_error error)
{
	return rawsock_errors(sending->rawsock)[error] + sending->old_errors[error] +
	       (sending->inject ? inject_errors(sending->inject)[error] : 0);
}
