/*
 * hallmark as a process, for tests of what it does with files: how it ends, and what it says.
 */
#ifndef CLI_SUPPORT_H
#define CLI_SUPPORT_H

#include "test.h"

struct said {
	int status;
	struct str out, err;
};
/* The program in $PROGRAMS with these words, which end with NULL; nothing comes from its input. */
struct said hallmark(struct ctx *, const char *const words[]);
#define RUN(c, ...) hallmark(c, (const char *const[]){ __VA_ARGS__, NULL })

bool says(struct str text, const char *what);
struct str file_bytes(struct ctx *, const char *path);

/* It ended so, with that in what it said. */
#define ck_says(said, code, what)                                          \
	ck_assert_msg((said).status == (code) && says((said).err, (what)), \
	    "status %d, not %d: %.*s", (said).status, (code), STRF((said).err))

#endif
