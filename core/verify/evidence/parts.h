/*
 * Between the files of this module: the members of a report, as tables that say how each is read,
 * written and put in order.
 */
#ifndef PARTS_H
#define PARTS_H

#include "evidence.h"

enum member_kind {
	MEMBER_TEXT,   /* char[size] */
	MEMBER_WORD,   /* an enum: a row of `words` */
	MEMBER_INT,    /* int, not below 0 */
	MEMBER_U32,    /* uint32_t */
	MEMBER_COUNT,  /* int64_t, not below 0 */
	MEMBER_COUNTS, /* an array of those, of `size` bytes */
	MEMBER_REAL,   /* double; null: not known */
	MEMBER_LOG10,  /* double: of a probability */
	MEMBER_BOOL,
	MEMBER_TIME,   /* int64_t, milliseconds; null: 0 */
	MEMBER_DIGEST, /* struct digest256, in hex */
	MEMBER_MAP,    /* a map of an evidence_picture, in base64url */
	MEMBER_ROW,    /* what the test's row says: written, and not read */
	MEMBER_OBJECT, /* by the table `of` */
	MEMBER_LIST,   /* of `most` such objects, of `size` bytes each */
};
struct member {
	const char *name;
	enum member_kind kind;
	size_t at, size;
	const char *const *words;
	const struct member *of;
	size_t members, most;
	size_t count_at; /* of a list's size_t; 0: always `most` */
	void (*row)(struct js *, const char *name, const struct evidence_row *);
};

enum { EVIDENCE_MEMBERS = 17 };
extern const struct member evidence_members[EVIDENCE_MEMBERS];

/* The whole, as it is. */
void members_put(struct js *, const struct member[], size_t n, const void *from, size_t index);
MUST bool members_read(struct ctx *, struct str, const struct member[], size_t n, void *ret);
/* Texts become text, and numbers what the report can hold of them. */
void members_clean(const struct member[], size_t n, void *);

/* Maps that are larger than a report has them, made smaller; in the arena. */
MUST bool evidence_maps_reduce(struct ctx *, struct evidence *);

#endif
