/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See config_value.h. Lists are in config_list.c, keys of objects in config_object.c. */
#include "daemon/config_value.h"

#include <errno.h>
#include <string.h>

G_STATIC_ASSERT(sizeof(enum config_rules) == sizeof(uint32_t));
G_STATIC_ASSERT(sizeof(enum filtering) == sizeof(uint32_t));

bool config_number_parse(const char *text, uint64_t *ret)
{
	char *end;
	guint64 value;

	if (!g_ascii_isdigit(*text))
		return false;
	errno = 0;
	value = g_ascii_strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret = value;
	return true;
}

/* One number with one of the units, which are tried in order; moves *text behind both. */
struct unit {
	const char *name;
	uint64_t factor;
};

static bool take_with_unit(const char **text, const struct unit *units, uint64_t *sum)
{
	char *end;
	uint64_t number, product;

	if (!g_ascii_isdigit(**text))
		return false;
	errno = 0;
	number = g_ascii_strtoull(*text, &end, 10);
	if (errno != 0)
		return false;
	for (; units->name != NULL; units++) {
		size_t length = strlen(units->name);

		if (strncmp(end, units->name, length) != 0 || g_ascii_isalpha(end[length]))
			continue;
		*text = end + length;
		return !__builtin_mul_overflow(number, units->factor, &product) &&
		       !__builtin_add_overflow(*sum, product, sum);
	}
	return false;
}

static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL},
};

bool config_duration_parse(const char *text, uint64_t *ret_ms)
{
	uint64_t number, sum = 0;

	if (config_number_parse(text, &number)) {
		if (__builtin_mul_overflow(number, 1000u, ret_ms))
			return false;
		return true;
	}
	do {
		if (!take_with_unit(&text, duration_units, &sum))
			return false;
	} while (*text != '\0');
	*ret_ms = sum;
	return true;
}

const char *config_duration_print(uint64_t ms, char *ret)
{
	size_t used = 0;

	for (const struct unit *unit = &duration_units[4];; unit--) {
		if (ms >= unit->factor) {
			used += (size_t)g_snprintf(ret + used, CONFIG_DURATION_TEXT_SIZE - used,
						   "%" G_GUINT64_FORMAT "%s", ms / unit->factor,
						   unit->name);
			ms %= unit->factor;
		}
		if (unit == duration_units)
			break;
	}
	if (used == 0)
		g_strlcpy(ret, "0s", CONFIG_DURATION_TEXT_SIZE);
	return ret;
}

bool config_size_parse(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{"K", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {"T", 1ull << 40}, {NULL},
	};
	uint64_t sum = 0;

	if (config_number_parse(text, ret_bytes))
		return true;
	if (!take_with_unit(&text, units, &sum) || *text != '\0')
		return false;
	*ret_bytes = sum;
	return true;
}

char **config_words(const char *text)
{
	char **split = g_strsplit_set(text, " \t", -1);
	unsigned n = 0;

	for (unsigned i = 0; split[i] != NULL; i++) {
		if (*split[i] != '\0')
			split[n++] = split[i];
		else
			g_free(split[i]);
	}
	split[n] = NULL;
	return split;
}

static char *not_of_form(const struct config_key *key, const char *text)
{
	return g_strdup_printf("'%s' is not %s", text, config_type_form(key->type));
}

/* The lower bound that holds now: an RFC's minimum can be lifted, down to one second. */
static uint64_t lower_bound(const struct config_key *key, const struct config *config)
{
	if ((key->flags & CONFIG_RELAXABLE) && config->allow_below_minimum)
		return MIN(key->min, 1000);
	return key->min;
}

void config_bound_print(const struct config_key *key, uint64_t value, char *ret)
{
	if (key->type == CONFIG_DURATION || key->type == CONFIG_FLUSH)
		config_duration_print(value, ret);
	else if (key->type == CONFIG_SECONDS)
		config_duration_print(value * 1000, ret);
	else
		g_snprintf(ret, CONFIG_DURATION_TEXT_SIZE, "%" G_GUINT64_FORMAT, value);
}

/* Is value inside the key's bounds? The sentence names the bound and who set it (K-12). */
static char *check_bounds(const struct config_key *key, const char *text, uint64_t value,
			  const struct config *config)
{
	uint64_t min = lower_bound(key, config);
	const char *open = *key->bound != '\0' ? " (" : "";
	const char *close = *key->bound != '\0' ? ")" : "";
	const char *hint = key->flags & CONFIG_RELAXABLE && value >= 1000
				   ? "; Timeouts.AllowBelowMinimum=yes permits it"
				   : "";
	char bound[CONFIG_DURATION_TEXT_SIZE];

	if (value < min) {
		config_bound_print(key, min, bound);
		return g_strdup_printf("%s is below the minimum of %s%s%s%s%s", text, bound, open,
				       key->bound, close, hint);
	}
	if (value > key->max) {
		config_bound_print(key, key->max, bound);
		return g_strdup_printf("%s is above the maximum of %s%s%s%s", text, bound, open,
				       key->bound, close);
	}
	return NULL;
}

bool config_bool_parse(const char *text, bool *ret)
{
	if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "on") == 0 ||
	    strcmp(text, "1") == 0)
		*ret = true;
	else if (strcmp(text, "no") == 0 || strcmp(text, "false") == 0 ||
		 strcmp(text, "off") == 0 || strcmp(text, "0") == 0)
		*ret = false;
	else
		return false;
	return true;
}

static char *set_bool(const struct config_key *key, const char *text, bool *field)
{
	return config_bool_parse(text, field) ? NULL : not_of_form(key, text);
}

/* Numbers, times and sizes: parsed to 64 bits, checked, then stored in the field's width. */
static char *set_quantity(const struct config_key *key, const char *text,
			  const struct config *config, void *field)
{
	uint64_t value;
	bool parsed;
	char *problem;

	if (key->type == CONFIG_DURATION || key->type == CONFIG_FLUSH)
		parsed = config_duration_parse(text, &value);
	else if (key->type == CONFIG_SECONDS)
		parsed = config_duration_parse(text, &value) && (value /= 1000, true);
	else if (key->type == CONFIG_SIZE)
		parsed = config_size_parse(text, &value);
	else
		parsed = config_number_parse(text, &value);
	if (!parsed)
		return not_of_form(key, text);
	problem = check_bounds(key, text, value, config);
	if (problem != NULL)
		return problem;
	if (key->type == CONFIG_SIZE)
		*(uint64_t *)field = value;
	else if (key->type == CONFIG_BYTE)
		*(uint8_t *)field = (uint8_t)value;
	else
		*(uint32_t *)field = (uint32_t)value;
	return NULL;
}

static char *find_choice(const struct config_key *key, const char *text, uint32_t *ret)
{
	char *all, *problem;

	for (uint32_t i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(key->choices[i], text) == 0) {
			*ret = i;
			return NULL;
		}
	}
	all = g_strjoinv(", ", (char **)key->choices);
	problem = g_strdup_printf("'%s' is none of: %s", text, all);
	g_free(all);
	return problem;
}

/* CONFIG_FILTERING(S): one word for all protocols, and exceptions for one that may be empty. */
static char *set_filtering(const struct config_key *key, const char *text, struct config *config,
			   void *field)
{
	uint32_t choice = 0;
	char *problem;

	if (key->type == CONFIG_FILTERING && *text == '\0')
		return NULL;
	problem = find_choice(key, text, &choice);
	if (problem != NULL)
		return problem;
	if (key->type == CONFIG_FILTERING) {
		*(enum filtering *)field = choice;
		return NULL;
	}
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		config->nat64.filtering[i] = choice;
	return NULL;
}

static char *set_copy(const struct config_key *key, const char *text, int *field)
{
	uint64_t value;

	if (strcmp(text, "copy") == 0)
		*field = XLAT_COPY;
	else if (strcmp(text, "zero") == 0)
		*field = 0;
	else if (config_number_parse(text, &value) && value <= key->max)
		*field = (int)value;
	else
		return not_of_form(key, text);
	return NULL;
}

static char *set_share(const struct config_key *key, const char *text, const struct config *config,
		       struct port_share *field)
{
	g_autofree char *digits = g_strdup(text);
	bool is_percent = g_str_has_suffix(digits, "%");
	uint64_t value;
	char *problem;

	if (is_percent)
		digits[strlen(digits) - 1] = '\0';
	if (!config_number_parse(digits, &value))
		return not_of_form(key, text);
	if (is_percent && value > 100)
		return g_strdup_printf("%s is more than all", text);
	problem = check_bounds(key, text, value, config);
	if (problem != NULL)
		return problem;
	*field = (struct port_share){(uint32_t)value, is_percent};
	return NULL;
}

/* Raise and clear: two shares, the second not above the first. */
static char *set_alarm(const struct config_key *key, const char *text, const struct config *config,
		       struct port_share *field)
{
	g_auto(GStrv) words = config_words(text);
	struct port_share alarm[2];

	if (g_strv_length(words) != 2)
		return not_of_form(key, text);
	for (unsigned i = 0; i < 2; i++) {
		char *problem = set_share(key, words[i], config, &alarm[i]);

		if (problem != NULL)
			return problem;
		if (!alarm[i].is_percent)
			return not_of_form(key, text);
	}
	if (alarm[1].value > alarm[0].value)
		return g_strdup_printf("%s clears the alarm above %s, which raises it", words[1],
				       words[0]);
	memcpy(field, alarm, sizeof(alarm));
	return NULL;
}

static char *set_mark(const struct config_key *key, const char *text, struct config_mark *field)
{
	char *end;
	guint64 value, mask;

	if (!g_ascii_isdigit(*text))
		return not_of_form(key, text);
	value = g_ascii_strtoull(text, &end, 0);
	if (*end != '/' || !g_ascii_isdigit(end[1]))
		return not_of_form(key, text);
	mask = g_ascii_strtoull(end + 1, &end, 0);
	if (*end != '\0' || value > UINT32_MAX || mask > UINT32_MAX)
		return not_of_form(key, text);
	if (value == 0)
		return g_strdup("a mark of 0 can not be told from no mark");
	if ((value & ~mask) != 0)
		return g_strdup_printf("%s has bits of the mark outside its mask", text);
	*field = (struct config_mark){(uint32_t)value, (uint32_t)mask};
	return NULL;
}

/* Absolute, and nothing that a line of the log or a file could not hold. */
static bool is_path(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c))
			return false;
	}
	return *text == '/' && text[1] != '\0' && !g_str_has_suffix(text, "/");
}

static bool is_listen(const char *text)
{
	struct taddr6 taddr6;
	struct taddr4 taddr4;

	return is_path(text) || (taddr4_parse(text, &taddr4) && taddr4.port != 0) ||
	       (taddr6_parse(text, &taddr6) && taddr6.port != 0);
}

static bool is_target(const char *text)
{
	return strcmp(text, "journal") == 0 || strcmp(text, "syslog") == 0 ||
	       (g_str_has_prefix(text, CONFIG_TARGET_FILE) &&
		is_path(text + strlen(CONFIG_TARGET_FILE)));
}

static char *set_text(const char *text, char **field)
{
	g_free(*field);
	*field = *text != '\0' ? g_strdup(text) : NULL;
	return NULL;
}

/* A word that stands for a number of its own, else a quantity. */
static char *set_or_word(const struct config_key *key, const char *text, const char *word,
			 uint32_t meaning, const struct config *config, uint32_t *field)
{
	if (strcmp(text, word) != 0)
		return set_quantity(key, text, config, field);
	*field = meaning;
	return NULL;
}

/* CONFIG_CHOICE and CONFIG_EITHER. */
static char *set_choice(const struct config_key *key, const char *text, void *field)
{
	uint32_t choice = 0;
	char *problem = find_choice(key, text, &choice);

	if (problem != NULL)
		return problem;
	if (key->type == CONFIG_EITHER)
		*(bool *)field = choice == 1;
	else
		*(uint32_t *)field = choice;
	return NULL;
}

char *config_value_set(const struct config_key *key, const char *text, struct config *config,
		       void *base)
{
	void *field = (char *)base + key->offset;

	switch (key->type) {
	case CONFIG_BOOL:
		return set_bool(key, text, field);
	case CONFIG_NUMBER:
	case CONFIG_BYTE:
	case CONFIG_DURATION:
	case CONFIG_SECONDS:
	case CONFIG_SIZE:
		return set_quantity(key, text, config, field);
	case CONFIG_CHOICE:
	case CONFIG_EITHER:
		return set_choice(key, text, field);
	case CONFIG_COPY:
		return set_copy(key, text, field);
	case CONFIG_SHARE:
		return set_share(key, text, config, field);
	case CONFIG_PATH:
		return *text == '\0' || is_path(text) ? set_text(text, field)
						      : not_of_form(key, text);
	case CONFIG_LISTEN:
		return *text == '\0' || is_listen(text) ? set_text(text, field)
							: not_of_form(key, text);
	case CONFIG_TARGET:
		return is_target(text) ? set_text(text, field) : not_of_form(key, text);
	case CONFIG_WORKERS:
		return set_or_word(key, text, "auto", 0, config, field);
	case CONFIG_FLUSH:
		return set_or_word(key, text, "exit", UINT32_MAX, config, field);
	case CONFIG_MARK:
		return set_mark(key, text, field);
	case CONFIG_ALARM:
		return set_alarm(key, text, config, field);
	case CONFIG_FILTERING:
	case CONFIG_FILTERINGS:
		return set_filtering(key, text, config, field);
	case CONFIG_POOL6:
	case CONFIG_NONGLOBAL:
	case CONFIG_CLIENTS:
	case CONFIG_DENY:
	case CONFIG_DENY_SOURCE:
	case CONFIG_EXEMPT:
	case CONFIG_EXEMPT_PORTS:
	case CONFIG_UDP_BY_PORT:
	case CONFIG_ANNOUNCE:
	case CONFIG_INTERFACES:
	case CONFIG_ANSWERING:
		return config_list_set(key, text, config, field);
	case CONFIG_ADDRESSES:
	case CONFIG_PORTS:
	case CONFIG_PROTOCOLS:
	case CONFIG_ENTRY_CLIENTS:
	case CONFIG_ENTRY_PREFIX:
	case CONFIG_COMMENT:
	case CONFIG_ENABLED:
	case CONFIG_INSIDE:
	case CONFIG_OUTSIDE:
		return config_object_set(key, text, config, base);
	case N_CONFIG_TYPES:
		break;
	}
	g_assert_not_reached();
}
