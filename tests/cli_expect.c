/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See cli_expect.h. */
#include "tests/cli_expect.h"

char *cli_normalise(const char *text)
{
	static const char *const patterns[][2] = {
		{"/tmp/nat64d-bus-\\w+", "DIRECTORY"},
		{"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z", "TIME"},
		{"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ(?= and | \\(UTC\\)|  )", "TIME"},
		{" of \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ", " of TIME"},
		{"\\b\\d+(min|s)(\\d+s)?\\b *", "TIME "},
		/* Headings are as wide as the times below them. */
		{"\\b(AGE|EXPIRES) +", "\\1  "},
		{"^nat64d [\\d.]+", "nat64d VERSION"},
		{"\"version\": \"[\\d.]+\"", "\"version\": VERSION"},
		{"\"(uptime_usec|memory_bytes)\": \\d+", "\"\\1\": N"},
		{"uptime_usec +\\d+", "uptime_usec N"},
		{"(\"(?:uptime_usec|memory_bytes)\",\"value\":)\\d+", "\\1N"},
		/* Ten seconds have a digit more than nine, and make this column wider. */
		{"(?m)^([a-z0-9_]+) +(\\d+|N) +", "\\1 \\2 "},
		{"(memory_bytes|Memory) +[\\d.]+", "\\1 N"},
		{" +\\n", "\n"},
	};
	char *result = g_strdup(text);

	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
		g_autoptr(GRegex) regex = g_regex_new(patterns[i][0], 0, 0, NULL);
		char *next = g_regex_replace(regex, result, -1, 0, patterns[i][1], 0, NULL);

		g_free(result);
		result = next;
	}
	return result;
}

void cli_expect_text(const char *file, const char *text)
{
	g_autofree char *path = g_build_filename(EXPECTED, file, NULL);
	g_autofree char *expected = NULL;

	if (g_getenv("NAT64D_WRITE_EXPECTED") != NULL)
		g_file_set_contents(path, text, -1, NULL);
	g_file_get_contents(path, &expected, NULL, NULL);
	g_assert_cmpstr(text, ==, expected);
}

void cli_keep_document(const char *documents, const char *arguments, json_t *document)
{
	json_t *entry = json_pack("{s:s, s:O}", "arguments", arguments, "document", document);
	g_autofree char *text = json_dumps(entry, JSON_COMPACT);
	FILE *file = fopen(documents, "a");

	g_assert_nonnull(file);
	fprintf(file, "%s\n", text);
	g_assert_cmpint(fclose(file), ==, 0);
	json_decref(entry);
}

void cli_expect(const struct test_service *of, const struct cli_case *c, bool to_socket,
		const char *documents)
{
	g_autofree char *out = NULL, *message = NULL, *got = NULL;
	int status = cli_run(of, c->arguments, to_socket, &out, &message);

	got = cli_normalise(out);
	g_assert_cmpstr(message, ==, c->message);
	g_assert_cmpint(status, ==, c->status);
	if (c->file != NULL)
		cli_expect_text(c->file, got);
	else
		g_assert_cmpstr(got, ==, "");
	if (g_str_has_suffix(c->arguments, "--json")) {
		json_t *document = json_loads(out, 0, NULL);

		g_assert_nonnull(document);
		cli_keep_document(documents, c->arguments, document);
		json_decref(document);
	}
}
