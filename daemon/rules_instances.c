/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/rules_instances.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rules_kernel.h"
#include "daemon/rules_plan.h"

/* Without a mark that is nobody's among so many, none is named. */
#define TRIES_MAX 256

/* A jump of another instance. */
struct jump {
	struct config_mark mark;
	char *chain; /* the table's name */
};

static void jump_clear(gpointer data)
{
	struct jump *jump = data;

	g_free(jump->chain);
}

/* "-A PREROUTING -m mark --mark 0x65000000/0xff000000 -j nat64d_lab/offer", without the mask if
 * that is all bits. */
static bool read_jump(const char *line, const char *table, struct jump *ret)
{
	const char *match = strstr(line, " --mark "), *target = strstr(line, " -j ");
	char *end;

	if (!g_str_has_prefix(line, "-A ") || match == NULL || target == NULL)
		return false;
	target += strlen(" -j ");
	match += strlen(" --mark ");
	ret->mark.value = (uint32_t)strtoul(match, &end, 16);
	if (end == match)
		return false;
	ret->mark.mask = *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 16) : UINT32_MAX;
	ret->chain = g_strndup(target, strcspn(target, "/ "));
	if ((strcmp(ret->chain, "nat64d") == 0 || g_str_has_prefix(ret->chain, "nat64d_")) &&
	    strcmp(ret->chain, table) != 0)
		return true;
	g_free(ret->chain);
	return false;
}

static GArray *read_jumps(const char *saved, const char *table)
{
	g_auto(GStrv) lines = g_strsplit(saved, "\n", -1);
	GArray *jumps = g_array_new(FALSE, FALSE, sizeof(struct jump));
	struct jump jump;

	g_array_set_clear_func(jumps, jump_clear);
	for (char **line = lines; *line != NULL; line++) {
		if (read_jump(*line, table, &jump))
			g_array_append_val(jumps, jump);
	}
	return jumps;
}

/* Does a jump to this mark match what has that one, and nothing else? */
static bool matches(const struct config_mark *jump, uint32_t value)
{
	return (value & jump->mask) == jump->value;
}

/* The jump that takes what is ours, be it to come to us or sent by us; or of which ours take what
 * is the other's. */
static const struct jump *find_clash(const GArray *jumps, const struct config_mark *mark)
{
	struct rules_marks marks;

	if (!rules_plan_marks(mark, &marks))
		return NULL;
	for (guint i = 0; i < jumps->len; i++) {
		const struct jump *jump = &g_array_index(jumps, struct jump, i);
		const struct config_mark take = {marks.take, mark->mask};
		const struct config_mark offer = {marks.offer, mark->mask};

		if (matches(&jump->mark, marks.take) || matches(&jump->mark, marks.offer) ||
		    matches(&jump->mark, mark->value) || matches(&take, jump->mark.value) ||
		    matches(&offer, jump->mark.value))
			return jump;
	}
	return NULL;
}

/* The next higher value in the mask that is nobody's; 0: there is none. */
static uint32_t find_free(const GArray *jumps, const struct config_mark *mark)
{
	struct config_mark other = *mark;
	struct rules_marks marks;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		other.value = ((other.value | ~other.mask) + 1) & other.mask;
		if (other.value != 0 && rules_plan_marks(&other, &marks) &&
		    find_clash(jumps, &other) == NULL)
			return other.value;
	}
	return 0;
}

char *rules_instances_clash(const char *saved, const char *table, const struct config_mark *mark)
{
	g_autoptr(GArray) jumps = read_jumps(saved, table);
	const struct jump *jump = find_clash(jumps, mark);
	g_autofree char *who = NULL, *instead = NULL;
	uint32_t value;

	if (jump == NULL)
		return NULL;
	who = strcmp(jump->chain, "nat64d") == 0
		      ? g_strdup("the instance without a name")
		      : g_strdup_printf("instance '%s'", jump->chain + strlen("nat64d_"));
	value = find_free(jumps, mark);
	instead = value == 0 ? g_strdup("a mask with more bits")
			     : g_strdup_printf("Queue.Mark=0x%x/0x%x", value, mark->mask);
	return g_strdup_printf(
		"Queue.Mark 0x%x/0x%x: the iptables rules of %s take what has this mark "
		"or one next to it; %s would work",
		mark->value, mark->mask, who, instead);
}

int rules_instances_check(const char *table, const struct config_mark *mark, char **ret_error)
{
	static const char *const programs[] = {"iptables-nft-save", "ip6tables-nft-save"};

	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
		const char *const argv[] = {programs[i], NULL};
		g_autofree char *saved = NULL;
		int r = rules_kernel_program(argv, "", &saved, ret_error);

		if (r < 0)
			return r;
		*ret_error = rules_instances_clash(saved, table, mark);
		if (*ret_error != NULL)
			return -EADDRINUSE;
	}
	return 0;
}
