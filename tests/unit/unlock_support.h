/*
 * Artifacts and unlock keys for the tests: a model of initializers of several types, locked with
 * the writer of the module, and the keys that open it.
 */
#ifndef UNLOCK_SUPPORT_H
#define UNLOCK_SUPPORT_H

#include "test.h"

#include "onnx_support.h"
#include "unlock.h"

enum { PARTS_MAX = 16 };
/* One initializer; `form` is used by the sealed lock, -1: it is left alone. */
struct part {
	enum onnx_type type;
	int64_t count;
	int form;
	double sigma;
	char *raw; /* set by story_new */
};

/* A release: the plain model, what locks it, and its files. */
struct story {
	struct part part[PARTS_MAX];
	size_t parts;
	struct str plain; /* the file */
	struct key256 release;
	struct id id;
	struct mark_terms terms; /* log_l 0: nothing is marked */
	unsigned locks;
	const struct unlock_entry *entry;
	uint32_t entries;
	uint32_t *master;
	int artifact; /* a memory file; -1 before story_lock */
};
/* A model of all types, one tensor longer than a piece of a patch; `small`: without that. */
struct story story_new(struct ctx *, unsigned locks, bool small);
/* The story of a model with these initializers. */
struct story story_of(struct ctx *, unsigned locks, const struct part[], size_t n);
/* Which locks, and whether weights are marked; and a story of that kind, locked. */
enum { STORY_KINDS = 5 };
extern const struct story_kind {
	unsigned locks;
	bool marked;
} story_kinds[STORY_KINDS];
struct story story_of_kind(struct ctx *, int kind, bool small);
/* Makes the artifact. */
void story_lock(struct ctx *, struct story *);
/* The key of a customer for the artifact as it lies there now. */
struct unlock_key story_key(struct ctx *, const struct story *, uint32_t customer);
struct digest256 file_digest(struct ctx *, int fd);
/* The raw bytes of a part in a file made from the plain one. */
const char *part_in(const struct story *, struct str file, size_t part);

#endif
