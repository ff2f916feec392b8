/*
 * records: a text file as records, one after the other and in bounded memory: lines of CSV (RFC
 * 4180) cut into cells, or lines of JSON as they are. A record that is broken is told as such and
 * costs nothing but itself.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <sys/types.h>

#include "base.h"

enum { RECORD_MAX = 64 << 10, RECORD_CELLS = 32 };

struct records {
	/* Bytes into the buffer, as read(2): 0 at the end, -1 and errno if it fails. */
	ssize_t (*read)(void *arg, char *to, size_t n);
	void *arg;
	bool csv;
	/* The reader's own. */
	char *p;
	size_t at, end;
	int64_t line; /* of p[at], from 1 on */
	bool ended;
};
struct record {
	int64_t line; /* in which it begins */
	struct str cell[RECORD_CELLS];
	size_t cells;    /* of JSON one: the whole line */
	const char *why; /* what is wrong with it, a sentence; NULL: nothing */
};

/*
 * Begins: skips a byte order mark, and says whether it is CSV (it does not begin with a brace).
 * The buffer is the arena's.
 */
MUST bool records_begin(struct ctx *, struct records *);
/*
 * The next record, with views that live until the one after; *ret_any is false at the end. Empty
 * lines are none. Fails if the file cannot be read, and with E_INPUT at a quote that is never
 * closed, behind which nobody knows what is a record.
 */
MUST bool records_next(struct ctx *, struct records *, bool *ret_any, struct record *ret);

#endif
