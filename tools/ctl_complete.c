/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_complete.h. */
#include "tools/ctl_complete.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/tcp_fsm.h"
#include "dbus/names.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_pool6.h"
#include "tools/ctl_verbs.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define PATIENCE_USEC 1000000 /* somebody waits at the keyboard */
#define CLIENTS_MAX   100     /* offered, those with most bindings first */

/* The word that is being written, "--name=VALUE" and "a,b,VALUE" taken apart. */
struct writing {
	const char *before; /* what each candidate begins with, not judged */
	const char *word;
};

static void offer(const struct writing *writing, const char *candidate, const char *what)
{
	if (g_str_has_prefix(candidate, writing->word))
		printf("%s%s\t%s\n", writing->before, candidate, what);
}

static void offer_nouns(const struct writing *writing)
{
	const char *last = "";

	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++) {
		g_autoptr(GString) actions = g_string_new(NULL);

		if (strcmp(verb->noun, last) == 0)
			continue;
		last = verb->noun;
		for (const struct ctl_verb *v = verb; v->noun != NULL; v++) {
			if (v->action != NULL && strcmp(v->noun, verb->noun) == 0)
				g_string_append_printf(actions, "%s%s", actions->len ? ", " : "",
						       v->action);
		}
		offer(writing, verb->noun, verb->action != NULL ? actions->str : verb->help);
	}
}

static void offer_actions(const struct writing *writing, const char *noun)
{
	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++) {
		if (strcmp(verb->noun, noun) == 0 && verb->action != NULL)
			offer(writing, verb->action, verb->help);
	}
}

/* Options that may come, without those that have. */
static void offer_options(const struct writing *writing, const struct ctl_arguments *arguments)
{
	uint64_t allowed = ctl_arguments_allowed(arguments);

	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		if ((allowed & CTL_BIT(o)) != 0 && !ctl_arguments_has(arguments, o))
			offer(writing, ctl_options[o].name, ctl_options[o].help);
	}
}

static void offer_words(const struct writing *writing, enum ctl_kind kind)
{
	const char *const *words = ctl_kind_words(kind);

	for (unsigned i = 0; words != NULL && words[i] != NULL; i++)
		offer(writing, words[i], "");
}

static void offer_states(const struct writing *writing)
{
	for (unsigned i = 0; i < N_TCP_FSM_STATES; i++) {
		const char *name = tcp_fsm_state_name(i);

		if (*name != '\0')
			offer(writing, name, "");
	}
}

static bool offer_entry(const struct ctl_pool4 *entry, void *writing)
{
	offer(writing, entry->name, entry->addresses);
	return false;
}

/* Texts that stand first in the rows of an array. */
static void offer_column(const struct writing *writing, sd_bus_message *reply, const char *row_type)
{
	g_autofree char *members = g_strndup(row_type + 1, strlen(row_type) - 2);
	const char *text;
	int r = sd_bus_message_enter_container(reply, 'a', row_type);

	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', members)) > 0) {
		r = sd_bus_message_read(reply, "s", &text);
		if (r < 0)
			return;
		offer(writing, text, "");
		r = sd_bus_message_skip(reply, members + 1);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
}

static void offer_clients(struct ctl *ctl, const struct writing *writing)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;

	if (ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListClients", &call) == CTL_DONE &&
	    sd_bus_message_append(call, "a{sv}su", 0, "", CLIENTS_MAX) >= 0 &&
	    ctl_call(ctl, call, &reply) == CTL_DONE)
		offer_column(writing, reply, DBUS_TYPE_CLIENT);
}

static void offer_column_of(struct ctl *ctl, const struct writing *writing, const char *method,
			    const char *row_type)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (ctl_call_plain(ctl, method, &reply) == CTL_DONE)
		offer_column(writing, reply, row_type);
}

static void offer_pool6(struct ctl *ctl, const struct writing *writing)
{
	g_autoptr(GPtrArray) prefixes = NULL;

	if (ctl_pool6_get(ctl, &prefixes) != CTL_DONE)
		return;
	for (guint i = 0; i < prefixes->len; i++)
		offer(writing, g_ptr_array_index(prefixes, i), "");
}

/* What a key is now: to be changed by hand. */
static void offer_value(struct ctl *ctl, const struct writing *writing, const char *key)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	const char *value;

	if (ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "GetConfig", &call) == CTL_DONE &&
	    sd_bus_message_append(call, "s", key) >= 0 && ctl_call(ctl, call, &reply) == CTL_DONE &&
	    sd_bus_message_read(reply, "s", &value) >= 0 && *value != '\0')
		offer(writing, value, "what it is now");
}

/* The last one of words with commas between them, without those that are there. */
static void offer_in_list(const struct writing *writing, enum ctl_kind kind)
{
	const char *const *words = ctl_kind_words(kind);
	const char *comma = strrchr(writing->word, ',');
	size_t length = comma != NULL ? (size_t)(comma + 1 - writing->word) : 0;
	g_autofree char *done = g_strndup(writing->word, length);
	g_autofree char *before = g_strconcat(writing->before, done, NULL);
	g_auto(GStrv) given = g_strsplit(done, ",", -1);
	const struct writing last = {before, writing->word + length};

	for (unsigned i = 0; words != NULL && words[i] != NULL; i++) {
		if (!g_strv_contains((const char *const *)given, words[i]))
			offer(&last, words[i], "");
	}
}

static void offer_kind(struct ctl *ctl, const struct writing *writing, enum ctl_kind kind,
		       const char *word_before)
{
	switch (kind) {
	case CTL_KIND_NONE:
	case CTL_KIND_TEXT:
	case CTL_KIND_NUMBER:
	case CTL_KIND_PORT:
	case CTL_KIND_TIME:
		return;
	case CTL_KIND_PROTOCOL:
	case CTL_KIND_LEVEL:
	case CTL_KIND_EVENTS:
		return offer_words(writing, kind);
	case CTL_KIND_PROTOCOLS:
	case CTL_KIND_FLAGS:
		return offer_in_list(writing, kind);
	case CTL_KIND_ENTRY:
		(void)ctl_pool4_each(ctl, offer_entry, (void *)writing);
		return;
	case CTL_KIND_POOL6:
		return offer_pool6(ctl, writing);
	case CTL_KIND_CLIENT:
		return offer_clients(ctl, writing);
	case CTL_KIND_BLOCKED:
		return offer_column_of(ctl, writing, "ListBlockedClients", DBUS_TYPE_BLOCKED);
	case CTL_KIND_KEY:
		return offer_column_of(ctl, writing, "ListConfig", DBUS_TYPE_CONFIG);
	case CTL_KIND_KEY_VALUE:
		return offer_value(ctl, writing, word_before);
	case CTL_KIND_STATE:
		return offer_states(writing);
	case CTL_KIND_FILE:
		puts("@files");
		return;
	case CTL_KIND_COMMAND:
		return offer_nouns(writing);
	case CTL_KIND_ACTION:
		return offer_actions(writing, word_before);
	}
}

/* "--name=VALUE", with the options that may come; false: it is none of them. */
static bool offer_after_equals(struct ctl *ctl, const struct ctl_arguments *arguments,
			       const char *word)
{
	const char *equals = strchr(word, '=');
	struct ctl_arguments with = *arguments;
	g_autofree char *before = NULL, *name = NULL;
	struct writing writing;

	if (equals == NULL)
		return false;
	name = g_strndup(word, (size_t)(equals - word));
	before = g_strdup_printf("%s=", name);
	writing = (struct writing){before, equals + 1};
	if (ctl_arguments_step(&with, name) == CTL_DONE && with.pending != CTL_N_OPTIONS)
		offer_kind(ctl, &writing, ctl_options[with.pending].kind, "");
	return true;
}

enum ctl_status ctl_complete(struct ctl *ctl, const struct ctl_arguments *arguments,
			     const char *word)
{
	const struct writing writing = {"", word};
	const struct ctl_verb *verb = arguments->verb;
	unsigned n = arguments->n_words;

	ctl->patience_usec = PATIENCE_USEC;
	if (arguments->pending != CTL_N_OPTIONS) {
		offer_kind(ctl, &writing, ctl_options[arguments->pending].kind, "");
	} else if (*word == '-' && !arguments->only_words) {
		if (!offer_after_equals(ctl, arguments, word))
			offer_options(&writing, arguments);
	} else if (verb == NULL && arguments->noun == NULL) {
		offer_nouns(&writing);
	} else if (verb == NULL) {
		offer_actions(&writing, arguments->noun);
	} else if (n < ctl_verb_n_words(verb)) {
		offer_kind(ctl, &writing, verb->word[n].kind, n > 0 ? arguments->word[n - 1] : "");
	}
	return CTL_DONE;
}
