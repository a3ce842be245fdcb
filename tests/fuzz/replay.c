/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays every file of a folder to a fuzz target, without libFuzzer: the corpus as an ordinary test.
 */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_SIZE_MAX (1 << 20)

#pragma weak fuzz_finish

static void play(const char *folder, const char *name)
{
	static uint8_t buffer[INPUT_SIZE_MAX];
	char path[4096];
	uint8_t *input;
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	/* On the heap, so that a sanitizer knows where it ends. */
	input = malloc(size + (size == 0));
	if (!input)
		abort();
	for (size_t i = 0; i < size; i++)
		input[i] = buffer[i];
	/* If it crashes, this was it. */
	fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(input, size);
	free(input);
}

int main(int argc, char **argv)
{
	unsigned n = 0;
	struct dirent *entry;
	DIR *folder;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = opendir(argv[1]);
	if (!folder) {
		perror(argv[1]);
		return 1;
	}
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		play(argv[1], entry->d_name);
		n++;
	}
	closedir(folder);
	printf("%u inputs\n", n);
	if (fuzz_finish && !fuzz_finish()) {
		fprintf(stderr, "the corpus does not reach all that it should\n");
		return 1;
	}
	return n == 0;
}
