/*
 * A fuzz target without a fuzzer: gives it every file of the folders and files that are named, and
 * speaks TAP. So the corpus is replayed by every run of the tests, under whichever compiler.
 *
 *	fuzz-onnx FOLDER_OR_FILE…
 */
#include <ftw.h>
#include <stdio.h>

#include "fuzz.h"

static int files;

static int
replay(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	size_t n = (size_t)st->st_size;
	FILE *f;
	uint8_t *p;

	if (kind != FTW_F)
		return 0;
	f = fopen(path, "rb");
	/* Of exactly this size, so that one byte too far is seen. */
	p = malloc(n > 0 ? n : 1);
	if (f == NULL || p == NULL || fread(p, 1, n, f) != n) {
		perror(path);
		exit(2);
	}
	fclose(f);
	fprintf(stderr, "%s\n", path + where->base); /* the last one, if it crashes */
	(void)LLVMFuzzerTestOneInput(p, n);
	free(p);
	printf("ok %d - %s\n", ++files, path + where->base);
	return 0;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
			perror(argv[i]);
			return 2;
		}
	printf("1..%d\n", files);
	return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
