/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See static_change.h. */
#include "daemon/static_change.h"

#include <stdio.h>
#include <string.h>

#include "daemon/change_text.h"
#include "daemon/config_check.h"
#include "daemon/config_value.h"
#include "daemon/core/nat64.h"
#include "daemon/kept.h"
#include "daemon/pool4_sync_internal.h"
#include "daemon/static_key.h"

#define PROTOCOLS_SIZE 16

/* "" = tcp and udp, as in the file. */
static bool parse_protocols(const char *text, bool ret_protocol[N_PROTOCOLS],
			    struct change_result *ret)
{
	g_autofree char *copy = g_strdelimit(g_strdup(*text ? text : "tcp udp"), ",", ' ');
	g_auto(GStrv) words = config_words(copy);

	for (unsigned i = 0; words[i] != NULL; i++) {
		enum protocol protocol;

		if (!protocol_parse(words[i], &protocol)) {
			change_fail(ret, CHANGE_INVALID_PROTOCOL,
				    "'%.*s' is none of: tcp, udp, icmp", CHANGE_QUOTED_MAX,
				    words[i]);
			return false;
		}
		ret_protocol[protocol] = true;
	}
	return true;
}

/* What is given of the two sides; an empty address: that side is not. */
static bool parse(const struct change_bib *request, struct config_static *ret_binding,
		  struct change_result *ret)
{
	struct config_static binding = {
		.inside.port = request->port6,
		.outside.port = request->port4,
	};
	const char *refusal;

	if (!parse_protocols(request->protocols, binding.protocol, ret))
		return false;
	if (*request->address6 && !addr6_parse(request->address6, &binding.inside.addr)) {
		change_fail(ret, CHANGE_INVALID_ADDRESS, "'%.*s' is not an IPv6 address",
			    CHANGE_QUOTED_MAX, request->address6);
		return false;
	}
	if (*request->address4 && !addr4_parse(request->address4, &binding.outside.addr)) {
		change_fail(ret, CHANGE_INVALID_ADDRESS, "'%.*s' is not an IPv4 address",
			    CHANGE_QUOTED_MAX, request->address4);
		return false;
	}
	refusal = config_static_refusal(&binding);
	if (refusal != NULL) {
		change_fail(ret, CHANGE_INVALID_PORTS, "%s", refusal);
		return false;
	}
	if (binding.outside.addr != 0 && addr4_is_illegal(binding.outside.addr)) {
		change_fail(ret, CHANGE_INVALID_ADDRESS, "%s: no host can have this address",
			    request->address4);
		return false;
	}
	*ret_binding = binding;
	return true;
}

static const char *protocols_text(const bool protocol[N_PROTOCOLS], char ret[PROTOCOLS_SIZE])
{
	ret[0] = '\0';
	for (enum protocol i = 0; i < N_PROTOCOLS; i++) {
		if (protocol[i] && *ret)
			(void)g_strlcat(ret, " ", PROTOCOLS_SIZE);
		if (protocol[i])
			(void)g_strlcat(ret, protocol_name(i), PROTOCOLS_SIZE);
	}
	return ret;
}

static struct nat64 *nat_of(const struct pool4_sync *sync)
{
	return sync->config.gateway->nat;
}

/* NULL: the file does not have it. */
static const struct config_static *section_of(const struct pool4_sync *sync,
					      const struct config_static *binding,
					      enum protocol protocol)
{
	for (uint32_t i = 0; i < sync->followed->n_statics; i++) {
		const struct config_static *section = &sync->followed->statics[i];

		if (section->protocol[protocol] &&
		    taddr6_equal(&section->inside, &binding->inside) &&
		    taddr4_equal(&section->outside, &binding->outside))
			return section;
	}
	return NULL;
}

/* As somebody has written it: with name and comment, of one protocol. */
static struct config_static as_written(const struct pool4_sync *sync,
				       const struct config_static *one, enum protocol protocol)
{
	const struct config_static *section = section_of(sync, one, protocol);
	const struct static_record *record = pool4_runtime_find_static(sync->runtime, one);

	if (record && !record->removed)
		return record->binding;
	return section ? static_key_only(section, protocol) : *one;
}

/* So that it can be undone. */
static void note_step(struct pool4_sync *sync, const struct config_static *one,
		      enum protocol protocol, bool made)
{
	const struct static_step step = {
		.binding = *one,
		.protocol = protocol,
		.made = made,
	};

	g_array_append_val(sync->static_steps, step);
}

/* A side is bound otherwise: by which binding. */
static void fail_taken(struct nat64 *nat, enum protocol protocol,
		       const struct config_static *binding, struct change_result *ret)
{
	const struct bib *bib = &nat->bib[protocol];
	uint32_t found6 = bib_find6(bib, &binding->inside);
	uint32_t found4 = bib_find4(bib, &binding->outside);
	bool inside = found6 != SLAB_NONE;
	char text[2][ADDR_TEXT_SIZE];
	const struct bib_entry *entry;
	struct taddr6 taddr6;
	struct taddr4 taddr4;

	if (!inside && found4 == SLAB_NONE) {
		change_fail(ret, CHANGE_ADDRESS_TAKEN, "%s %s is in use", protocol_name(protocol),
			    taddr4_print(&binding->outside, text[0]));
		return;
	}
	entry = bib_at(bib, inside ? found6 : found4);
	taddr6 = bib_entry_taddr6(entry);
	taddr4 = bib_entry_taddr4(entry);
	taddr6_print(&taddr6, text[0]);
	taddr4_print(&taddr4, text[1]);
	change_fail(ret, inside ? CHANGE_BIB_EXISTS : CHANGE_ADDRESS_TAKEN,
		    "%s %s is bound to %s (%s): --replace ends that binding",
		    protocol_name(protocol), inside ? text[0] : text[1], inside ? text[1] : text[0],
		    entry->is_static ? "static" : "dynamic");
}

static void fail(struct nat64 *nat, enum protocol protocol, const struct config_static *binding,
		 enum nat64_static_result result, struct change_result *ret)
{
	char addr6[ADDR_TEXT_SIZE], addr4[ADDR_TEXT_SIZE];

	addr6_print(&binding->inside.addr, addr6);
	addr4_print(binding->outside.addr, addr4);
	switch (result) {
	case NAT64_STATIC_OK:
	case NAT64_STATIC_IDENTICAL:
		break;
	case NAT64_STATIC_ILLEGAL:
		change_fail(ret, CHANGE_INVALID_ADDRESS,
			    "%s is not the address of one host: it is multicast, link-local, "
			    "loopback or ::",
			    addr6);
		break;
	case NAT64_STATIC_IN_POOL6:
		change_fail(ret, CHANGE_INVALID_ADDRESS,
			    "%s lies in Pool6, where the IPv4 hosts are: give the client's own "
			    "address",
			    addr6);
		break;
	case NAT64_STATIC_NOT_OUR_ADDRESS:
		change_fail(ret, CHANGE_NOT_IN_POOL4,
			    "%s is neither in pool4 nor the host's own: 'nat64ctl pool4 add %s' "
			    "adds it",
			    addr4, addr4);
		break;
	case NAT64_STATIC_LISTENER:
		change_fail(ret, CHANGE_ADDRESS_TAKEN,
			    "a local program listens on %s %s:%u: choose another port, or stop it",
			    protocol_name(protocol), addr4, binding->outside.port);
		break;
	case NAT64_STATIC_TAKEN:
		fail_taken(nat, protocol, binding, ret);
		break;
	case NAT64_STATIC_FULL:
		change_fail(ret, CHANGE_EXHAUSTED,
			    "there are as many bindings as the %u that Limits.Bindings allows",
			    nat->limits.bindings);
		break;
	}
}

/* All of the protocols before any is touched. Lock held. identical: nothing is to be done. */
static bool check(struct nat64 *nat, const struct config_static *binding, bool replace,
		  bool *ret_identical, struct change_result *ret)
{
	*ret_identical = true;
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		enum nat64_static_result result;

		if (!binding->protocol[protocol])
			continue;
		result = nat64_check_static(nat, protocol, &binding->inside, &binding->outside);
		if (result == NAT64_STATIC_IDENTICAL)
			continue;
		*ret_identical = false;
		if (result == NAT64_STATIC_OK || (result == NAT64_STATIC_TAKEN && replace))
			continue;
		fail(nat, protocol, binding, result, ret);
		return false;
	}
	return true;
}

/* Lock held. True: nothing could pass the binding, and that is not wanted. */
static bool is_blocked(const struct nat64 *nat, const struct config_static *binding,
		       const struct change_options *options, struct change_result *ret)
{
	char client[ADDR_TEXT_SIZE], text[ADDR_TEXT_SIZE];
	struct prefix6 prefix;

	if (!blocklist_find_cover(&nat->blocklist, &binding->inside.addr, &prefix))
		return false;
	addr6_print(&binding->inside.addr, client);
	prefix6_print(&prefix, text);
	if (options->force) {
		change_warn(ret,
			    "client %s is blocked: nothing passes before 'nat64ctl client unblock "
			    "%s'",
			    client, text);
		return false;
	}
	change_fail(ret, CHANGE_CLIENT_BLOCKED,
		    "client %s is blocked: 'nat64ctl client unblock %s' ends that, --force binds "
		    "it all the same",
		    client, text);
	return true;
}

/* That one protocol of a static binding comes or goes, in a dry run as a plan. */
static void record(struct pool4_sync *sync, const struct config_static *one, enum protocol protocol,
		   bool removed, const struct change_options *options)
{
	bool of_file = section_of(sync, one, protocol) != NULL;

	if (!options->dry_run && removed)
		pool4_runtime_remove_static(sync->runtime, one, of_file);
	else if (!options->dry_run)
		pool4_runtime_add_static(sync->runtime, one, of_file);
	else if (options->plan)
		g_ptr_array_add(options->plan->rows, removed == of_file
							     ? kept_static_row(one, removed)
							     : kept_static_gone(one));
}

/* Lock held. In a dry run nothing but the plan is made. True if it was a static one. */
static bool end(struct pool4_sync *sync, enum protocol protocol, uint32_t index,
		const struct change_options *options)
{
	struct nat64 *nat = nat_of(sync);
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], index);
	struct config_static binding = {
		.inside = bib_entry_taddr6(entry),
		.outside = bib_entry_taddr4(entry),
	};

	bool is_static = entry->is_static;

	if (is_static) {
		binding = static_key_only(&binding, protocol);
		binding = as_written(sync, &binding, protocol);
		record(sync, &binding, protocol, true, options);
		if (!options->dry_run) {
			static_sync_ended(sync->statics, protocol, &binding.outside);
			note_step(sync, &binding, protocol, false);
		}
	}
	if (!options->dry_run)
		nat64_remove_binding(nat, protocol, index, gateway_now_ms());
	return is_static;
}

/* What rules that do not follow do not bring back. */
static void tell_lasting(unsigned n_dynamic, struct change_result *ret)
{
	if (n_dynamic > 0)
		(void)snprintf(ret->lasting, sizeof(ret->lasting), "%u dynamic binding%s ended",
			       n_dynamic, n_dynamic == 1 ? "" : "s");
}

/* Lock held. It may be that something has taken its place: then it waits for that, as it would
 * after a start. */
static void make_again(struct pool4_sync *sync, const struct config_static *one,
		       enum protocol protocol)
{
	static const struct change_options no_options;

	record(sync, one, protocol, false, &no_options);
	if (nat64_add_static(nat_of(sync), protocol, &one->inside, &one->outside,
			     gateway_now_ms()) == NAT64_STATIC_OK)
		static_sync_made(sync->statics, one);
}

/* Lock held. */
static void end_again(struct pool4_sync *sync, const struct config_static *one,
		      enum protocol protocol)
{
	static const struct change_options no_options;
	const struct bib *bib = &nat_of(sync)->bib[protocol];
	uint32_t index = bib_find4(bib, &one->outside);

	if (index != SLAB_NONE && bib_at(bib, index)->is_static &&
	    index == bib_find6(bib, &one->inside))
		(void)end(sync, protocol, index, &no_options);
}

/* Lock held. The last step first, down to that many. */
static void undo_steps(struct pool4_sync *sync, guint n_left)
{
	for (guint i = sync->static_steps->len; i-- > n_left;) {
		const struct static_step step =
			g_array_index(sync->static_steps, struct static_step, i);

		if (step.made)
			end_again(sync, &step.binding, step.protocol);
		else
			make_again(sync, &step.binding, step.protocol);
	}
	/* Undoing is no step. */
	g_array_set_size(sync->static_steps, n_left);
}

/* Bindings that made way. */
struct ended {
	unsigned n;
	unsigned n_dynamic; /* of them */
};

/* Lock held. False if it could not be made. In a dry run nothing but the plan is. */
static bool make(struct pool4_sync *sync, const struct config_static *binding,
		 enum protocol protocol, const struct change_options *options, struct ended *ended,
		 struct change_result *ret)
{
	struct nat64 *nat = nat_of(sync);
	struct config_static one = static_key_only(binding, protocol);
	enum nat64_static_result result;
	uint32_t found[2];

	result = nat64_check_static(nat, protocol, &binding->inside, &binding->outside);
	if (result == NAT64_STATIC_IDENTICAL)
		return true;
	found[0] = bib_find6(&nat->bib[protocol], &binding->inside);
	found[1] = bib_find4(&nat->bib[protocol], &binding->outside);
	for (unsigned i = 0; i < 2; i++) {
		if (found[i] == SLAB_NONE || (i == 1 && found[1] == found[0]))
			continue;
		ended->n_dynamic += !end(sync, protocol, found[i], options);
		ended->n++;
	}
	if (options->dry_run) {
		record(sync, &one, protocol, false, options);
		return true;
	}
	result = nat64_add_static(nat, protocol, &binding->inside, &binding->outside,
				  gateway_now_ms());
	if (result != NAT64_STATIC_OK) {
		fail(nat, protocol, binding, result, ret);
		return false;
	}
	record(sync, &one, protocol, false, options);
	static_sync_made(sync->statics, &one);
	note_step(sync, &one, protocol, true);
	return true;
}

void static_change_add(struct pool4_sync *sync, const struct change_bib *request,
		       const struct change_options *options, struct change_result *ret)
{
	char protocols[PROTOCOLS_SIZE], inside[ADDR_TEXT_SIZE], outside[ADDR_TEXT_SIZE];
	struct gateway *gateway = sync->config.gateway;
	struct config_static binding;
	guint n_steps = sync->static_steps->len;
	struct ended ended = {0};
	bool identical, good;

	if (!parse(request, &binding, ret))
		return;
	if (!*request->address6 || !*request->address4) {
		change_fail(ret, CHANGE_INVALID_ADDRESS,
			    "a static binding has an IPv6 and an IPv4 address: one is missing");
		return;
	}
	if (options->comment && strlen(options->comment) >= sizeof(binding.comment)) {
		change_fail(ret, CHANGE_INVALID_VALUE, "comment: longer than %zu bytes",
			    sizeof(binding.comment) - 1);
		return;
	}
	g_strlcpy(binding.comment, options->comment ? options->comment : "",
		  sizeof(binding.comment));
	taddr6_print(&binding.inside, inside);
	(void)g_strlcpy(binding.name, taddr4_print(&binding.outside, outside),
			sizeof(binding.name));
	protocols_text(binding.protocol, protocols);
	gateway_lock(gateway);
	good = check(gateway->nat, &binding, options->replace, &identical, ret) &&
	       (identical || !is_blocked(gateway->nat, &binding, options, ret));
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		if (good && !identical && binding.protocol[protocol])
			good = make(sync, &binding, protocol, options, &ended, ret);
	}
	if (!good)
		undo_steps(sync, n_steps);
	gateway_unlock(gateway);
	if (!good)
		return;
	ret->needs_rules = !identical;
	if (identical)
		change_nothing(ret, "static binding %s %s to %s is there already", protocols,
			       inside, outside);
	else
		change_done(ret, "static binding %s %s to %s %s", protocols, inside, outside,
			    options->dry_run ? "would be added" : "added");
	if (ended.n > 0 && !options->dry_run)
		change_warn(ret, "%u binding%s ended", ended.n, ended.n == 1 ? "" : "s");
	tell_lasting(ended.n_dynamic, ret);
}

/* Lock held. SLAB_NONE if there is none that matches both sides as far as given. */
static uint32_t find(const struct nat64 *nat, enum protocol protocol,
		     const struct change_bib *request, const struct config_static *binding)
{
	const struct bib *bib = &nat->bib[protocol];
	uint32_t found6 = *request->address6 ? bib_find6(bib, &binding->inside) : SLAB_NONE;
	uint32_t found4 = *request->address4 ? bib_find4(bib, &binding->outside) : SLAB_NONE;

	if (*request->address6 && *request->address4)
		return found6 == found4 ? found6 : SLAB_NONE;
	return *request->address6 ? found6 : found4;
}

/* One that was added and can not be in use now: its entry is gone, or something is in its way. */
static bool forget_held(struct pool4_sync *sync, enum protocol protocol,
			const struct change_bib *request, const struct config_static *binding,
			const struct change_options *options)
{
	for (guint i = 0; i < sync->runtime->statics->len; i++) {
		const struct static_record held =
			g_array_index(sync->runtime->statics, struct static_record, i);
		bool meant = held.binding.protocol[protocol] && !held.removed &&
			     (!*request->address6 ||
			      taddr6_equal(&held.binding.inside, &binding->inside)) &&
			     (!*request->address4 ||
			      taddr4_equal(&held.binding.outside, &binding->outside));

		if (meant) {
			record(sync, &held.binding, protocol, true, options);
			if (!options->dry_run)
				note_step(sync, &held.binding, protocol, false);
			return true;
		}
	}
	return false;
}

void static_change_remove(struct pool4_sync *sync, const struct change_bib *request,
			  const struct change_options *options, struct change_result *ret)
{
	char protocols[PROTOCOLS_SIZE], inside[ADDR_TEXT_SIZE], outside[ADDR_TEXT_SIZE];
	struct gateway *gateway = sync->config.gateway;
	bool ended[N_PROTOCOLS] = {false}, any = false;
	struct config_static binding;
	unsigned n_dynamic = 0;
	const char *separator;

	if (!parse(request, &binding, ret))
		return;
	if (!*request->address6 && !*request->address4) {
		change_fail(ret, CHANGE_INVALID_ADDRESS,
			    "which binding? give its IPv6 or its IPv4 address and port");
		return;
	}
	gateway_lock(gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		uint32_t index = binding.protocol[protocol]
					 ? find(gateway->nat, protocol, request, &binding)
					 : SLAB_NONE;

		if (index == SLAB_NONE)
			continue;
		ended[protocol] = any = true;
		n_dynamic += !end(sync, protocol, index, options);
	}
	gateway_unlock(gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		any |= binding.protocol[protocol] && !ended[protocol] &&
		       (ended[protocol] = forget_held(sync, protocol, request, &binding, options));
	taddr6_print(&binding.inside, inside);
	taddr4_print(&binding.outside, outside);
	inside[*request->address6 ? strlen(inside) : 0] = '\0';
	outside[*request->address4 ? strlen(outside) : 0] = '\0';
	separator = *inside && *outside ? " to " : "";
	if (!any) {
		change_fail(ret, CHANGE_NO_SUCH_BIB, "there is no binding %s %s%s%s",
			    protocols_text(binding.protocol, protocols), inside, separator,
			    outside);
		return;
	}
	change_done(ret, "binding %s %s%s%s %s", protocols_text(ended, protocols), inside,
		    separator, outside, options->dry_run ? "would be removed" : "removed");
	tell_lasting(n_dynamic, ret);
	ret->needs_rules = true;
}

void static_change_roll_back(struct pool4_sync *sync)
{
	struct gateway *gateway = sync->config.gateway;

	gateway_lock(gateway);
	undo_steps(sync, 0);
	gateway_unlock(gateway);
}
