/*
 * pages: writes the manual pages and completion scripts while the project is built; not installed.
 *
 *	pages man hallmarkctl     pages bash hallmark
 */
#include <stdio.h>

#include "manual.h"

static const struct program *const programs[] = { &ctl_program, &vendor_program,
	&daemon_program };

int
main(int argc, char **argv)
{
	static char text[MANUAL_MAX];
	struct buf b = BUF(text);

	for (size_t i = 0; i < COUNT(programs) && argc == 3; i++) {
		if (strcmp(programs[i]->name, argv[2]) != 0)
			continue;
		if (strcmp(argv[1], "man") == 0)
			manual_page(programs[i], &b);
		else if (strcmp(argv[1], "bash") == 0)
			completion_bash(programs[i], &b);
	}
	if (b.n == 0 || b.full || fwrite(text, 1, b.n, stdout) != b.n || fflush(stdout) != 0)
		return 1;
	return 0;
}
