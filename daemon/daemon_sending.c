/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever the queues are told, and whenever, nothing depends on it but speed: superpackets that
 * wait when raw sockets become the way are cut (sending.h).
 */
#include "daemon/daemon_sending.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "daemon/inject_probe.h"
#include "daemon/log.h"
#include "daemon/rules.h"
#include "daemon/sending.h"

#define SEND_MEMORY_SIZE (8u << 20)

/* A way that works is not given up for one packet that is lost in a rush; one that does not is not
 * waited for. */
#define TRIES_WORKING      3
#define TIMEOUT_WORKING_MS 100
#define TRIES_FAILING      1
#define TIMEOUT_FAILING_MS 50

/* The pair is new or as it is; each thread has a socket of its own in it. */
static int make_injects(const struct daemon_sending *sending, const struct inject_config *config,
			struct inject *ret[GATEWAY_LANES_MAX], char *text)
{
	int r = 0;

	for (unsigned i = 0; i < sending->n_workers && r == 0; i++)
		r = inject_new(config, &ret[i], text);
	if (r < 0)
		for (unsigned i = sending->n_workers; i-- > 0;)
			inject_free(ret[i], i > 0);
	return r;
}

/* A pair for TCP, and what looks after it. */
static int make(struct daemon_sending *sending, char *text)
{
	const struct inject_config inject_config = {
		.device = sending->device,
		.mark = sending->mark.value,
		.mark_mask = sending->mark.mask,
		.memory_size = SEND_MEMORY_SIZE,
	};
	struct inject_probe_config probe_config = {.device = sending->device,
						   .mark = sending->mark.value};
	struct inject *inject[GATEWAY_LANES_MAX] = {NULL};
	int r;

	inject_probe_free(sending->probe);
	sending->probe = NULL;
	sending->ifindex = 0;
	r = make_injects(sending, &inject_config, inject, text);
	if (r < 0)
		return r;
	probe_config.ifindex = inject_ifindex(inject[0]);
	r = inject_probe_new(&probe_config, &sending->probe, text);
	if (r == 0)
		sending->ifindex = inject_ifindex(inject[0]);
	for (unsigned i = 0; i < sending->n_workers; i++) {
		if (r == 0)
			sending_offer(sending->sending[i], inject[i]);
		else
			inject_free(inject[i], true);
	}
	return r;
}

int daemon_sending_open(struct daemon_sending *sending, const struct daemon_sending_config *config)
{
	const struct config_queue *queue = config->queue;
	struct rawsock_config rawsock_config = {
		.mark = queue->mark.value,
		.mark_mask = queue->mark.mask,
		.memory_size = SEND_MEMORY_SIZE,
		.inherited_fd4 = config->inherited_fd4,
		.inherited_fd6 = config->inherited_fd6,
	};
	char text[RAWSOCK_TEXT_SIZE];
	int r = 0;

	_Static_assert(INJECT_TEXT_SIZE <= RAWSOCK_TEXT_SIZE, "text is for both");
	*sending = (struct daemon_sending){
		.gateway = config->gateway,
		.wanted = queue->inject,
		.mark = queue->mark,
		.n_workers = config->n_workers,
		.set_super = config->set_super,
		.context = config->context,
		.is_first = true,
	};
	sending->device = rules_inject_device(config->instance);
	for (unsigned i = 0; i < sending->n_workers && r == 0; i++) {
		r = sending_new(&rawsock_config, &sending->sending[i], text);
		/* They carry nothing over: those of the others are new. */
		rawsock_config.inherited_fd4 = rawsock_config.inherited_fd6 = 0;
	}
	if (r < 0) {
		log_line(LOG_ERR, "%s", text);
		return r;
	}
	if (sending->wanted != CONFIG_INJECT_PACKET)
		return 0;
	/* auto asks when the rules are there; what was asked for has to be possible. */
	r = make(sending, text);
	if (r < 0)
		log_line(LOG_ERR, "Queue.Inject=packet: %s; or set Queue.Inject to auto or raw",
			 text);
	return r;
}

void daemon_sending_close(struct daemon_sending *sending, bool keep)
{
	inject_probe_free(sending->probe);
	/* The first one last: it may take the pair away. */
	for (unsigned i = sending->n_workers; i-- > 0;)
		sending_free(sending->sending[i], keep || i > 0);
	g_free(sending->device);
	*sending = (struct daemon_sending){.n_workers = 0};
}

/* With packet, a probe that does not come through is only a remark. */
static bool judge_probe(struct daemon_sending *sending, int error, const char *text)
{
	if (error == 0 || sending->wanted == CONFIG_INJECT_AUTO)
		return error == 0;
	if (!sending->is_warned)
		log_line(LOG_WARNING,
			 "Queue.Inject=packet: %s; TCP may be lost there, 'auto' would take raw "
			 "sockets",
			 text);
	sending->is_warned = true;
	return true;
}

/* Can TCP go through the kernel's forwarding? The reason is in text, of INJECT_TEXT_SIZE bytes. */
static bool can_inject(struct daemon_sending *sending, char *text)
{
	const bool insist = sending->by_packet || sending->is_first;
	int r = sending->ifindex == 0 ? -ENODEV
				      : inject_check(sending->device, sending->ifindex, text);

	if (r == -ENODEV)
		r = make(sending, text);
	if (r == 0) {
		r = inject_probe_run(sending->probe, insist ? TRIES_WORKING : TRIES_FAILING,
				     insist ? TIMEOUT_WORKING_MS : TIMEOUT_FAILING_MS, text);
		sending->is_warned = sending->is_warned && r < 0;
		if (judge_probe(sending, r, text))
			r = 0;
	}
	if (r < 0)
		return false;
	(void)g_strlcpy(text,
			sending->wanted == CONFIG_INJECT_AUTO ? "a probe came through"
							      : "Queue.Inject=packet",
			INJECT_TEXT_SIZE);
	return true;
}

static void tell_gateway(const struct daemon_sending *sending, bool has_fallen)
{
	struct gateway_sending *ret = &sending->gateway->sending;

	gateway_lock(sending->gateway);
	ret->by_packet = sending->by_packet;
	ret->has_fallen = has_fallen;
	g_strlcpy(ret->reason, sending->reason, sizeof(ret->reason));
	gateway_unlock(sending->gateway);
}

static void say(const struct daemon_sending *sending, bool has_fallen)
{
	if (sending->is_first && sending->wanted == CONFIG_INJECT_RAW)
		return;
	if (sending->by_packet)
		log_line(sending->is_first ? LOG_INFO : LOG_NOTICE,
			 "TCP goes through the kernel's forwarding%s, whole superpackets from the "
			 "interface %s: %s",
			 sending->is_first ? "" : " again", sending->device, sending->reason);
	else
		log_line(has_fallen ? LOG_WARNING : LOG_NOTICE,
			 "TCP goes by raw sockets%s, segment by segment and slower: %s",
			 has_fallen ? " for now" : "", sending->reason);
}

static void take_way(struct daemon_sending *sending, bool by_packet, const char *reason)
{
	/* Written by nobody else. */
	const bool has_fallen =
		!by_packet && (sending->by_packet || sending->gateway->sending.has_fallen);
	const bool is_news = sending->is_first || by_packet != sending->by_packet ||
			     strcmp(reason, sending->reason) != 0;

	/* Also when the packet thread has changed it, and the way is the same as before. */
	for (unsigned i = 0; i < sending->n_workers; i++)
		sending_set_way(sending->sending[i], by_packet ? SENDING_PACKET : SENDING_RAW);
	if (!is_news)
		return;
	sending->by_packet = by_packet;
	(void)g_strlcpy(sending->reason, reason, sizeof(sending->reason));
	sending->set_super(sending->context, by_packet);
	tell_gateway(sending, has_fallen);
	say(sending, has_fallen);
	sending->is_first = false;
}

static void sweep(struct daemon_sending *sending)
{
	if (sending->is_swept)
		return;
	inject_remove(sending->device);
	sending->is_swept = true;
}

/* A thread has found that the pair is not there. */
static bool one_has_fallen(const struct daemon_sending *sending)
{
	for (unsigned i = 0; i < sending->n_workers; i++)
		if (sending_way(sending->sending[i]) == SENDING_RAW)
			return true;
	return false;
}

/* The pair is not what it was. */
static bool has_gone(struct daemon_sending *sending, char *text)
{
	if (inject_check(sending->device, sending->ifindex, text) == -ENODEV)
		return true;
	(void)g_strlcpy(text, "the interface did not take packets for a moment", INJECT_TEXT_SIZE);
	return one_has_fallen(sending);
}

static void look(struct daemon_sending *sending)
{
	char text[INJECT_TEXT_SIZE];
	bool can;

	/* Said, even if it is mended at once. */
	if (sending->by_packet && has_gone(sending, text)) {
		sending->ifindex = 0;
		take_way(sending, false, text);
	}
	can = can_inject(sending, text);
	take_way(sending, can, text);
}

void daemon_sending_choose(struct daemon_sending *sending)
{
	if (sending->wanted != CONFIG_INJECT_RAW) {
		look(sending);
		return;
	}
	take_way(sending, false, "Queue.Inject=raw");
}

bool daemon_sending_is_device(const struct daemon_sending *sending, const char *name)
{
	const size_t length = sending->device ? strlen(sending->device) : 0;

	return length > 0 && strncmp(name, sending->device, length) == 0 &&
	       (name[length] == '\0' || strcmp(name + length, INJECT_PEER_SUFFIX) == 0);
}

void daemon_sending_doubt(struct daemon_sending *sending)
{
	sending->is_doubtful = true;
}

void daemon_sending_look(struct daemon_sending *sending)
{
	sending->is_doubtful = false;
	if (sending->is_first)
		return;
	if (sending->wanted == CONFIG_INJECT_RAW)
		sweep(sending);
	else
		look(sending);
}

void daemon_sending_tick(struct daemon_sending *sending)
{
	if (sending->is_doubtful || (sending->by_packet && one_has_fallen(sending)))
		daemon_sending_look(sending);
}

void daemon_sending_say_again(struct daemon_sending *sending)
{
	if (!sending->is_first)
		sending->set_super(sending->context, sending->by_packet);
}
