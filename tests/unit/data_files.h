/*
 * Data files for tests, built byte by byte, in the arena.
 */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include "data.h"
#include "test.h"

/* A view of a literal, in tables too. */
#define BYTES(lit)                     \
	{                              \
		(lit), sizeof(lit) - 1 \
	}

/* The parts one after the other. */
struct str joined(struct ctx *, const struct str part[], size_t n);
/* An NPY file of version 1.0 with this text as its header. */
struct str npy_with(struct ctx *, const char *header, struct str payload);
/* An NPY file as numpy writes it. */
struct str npy(struct ctx *, const char *descr, const char *shape, struct str payload);
/* An IDX file: type code, dimensions. */
struct str idx(struct ctx *, int type, const uint32_t dim[], int rank, struct str payload);
struct str gzipped(struct ctx *, struct str);

/* An archive of these entries, deflated or stored. */
struct zip_part {
	const char *name;
	struct str bytes;
};
struct str zipped(struct ctx *, const struct zip_part[], size_t n, bool deflated);

/* Opens and loads in one go, from bytes; what was read lives until the test ends. */
MUST bool samples_of(struct ctx *, struct str file, struct data_samples *ret);
MUST bool labels_of(struct ctx *, struct str file, int64_t classes, struct data_labels *ret);

#endif
