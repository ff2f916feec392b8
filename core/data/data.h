/*
 * data: data sets as they come from outside. NPY, NPZ and IDX files, each plain or under gzip,
 * are read front to back in bounded memory; samples become the float arrays that a network
 * takes, in the order of its input; labels become class numbers. Nothing is allocated by a
 * length that was not held against the bytes that are there.
 *
 * Hostile or mistaken bytes end as E_INPUT with a sentence that says what to change; a set
 * larger than allowed as E_LIMIT.
 */
#ifndef DATA_H
#define DATA_H

#include "base.h"

enum { DATA_RANK_MAX = 4 };
#define DATA_ROWS_MAX (INT64_C(1) << 31) /* samples in one set */

/* ---- Where bytes come from --------------------------------------------------------------- */

/*
 * `size` bytes that can be read anywhere. `read` gives exactly n bytes from `at`, and is asked
 * for none beyond the size.
 */
struct data_source {
	uint64_t size;
	bool (*read)(struct ctx *, void *arg, uint64_t at, void *to, size_t n);
	void *arg;
};

/* A file or memory file, read by pread; the descriptor stays the caller's, at that address. */
MUST bool data_source_fd(struct ctx *, int *fd, struct data_source *ret);
/* Bytes in memory, which stay the caller's. */
struct data_source data_source_bytes(struct str *);

/* ---- Reading, row by row ----------------------------------------------------------------- */

/* How the elements of rows are given out. Samples are uint8 or float, labels int64. */
enum data_type { DATA_UINT8, DATA_FLOAT, DATA_INT64 };
enum data_role { DATA_SAMPLES, DATA_LABELS };

/* dim[0] is the number of rows; `row` the elements of one. */
struct data_shape {
	enum data_type type;
	int rank;
	int64_t dim[DATA_RANK_MAX];
	int64_t row;
};

size_t data_type_size(enum data_type); /* bytes of one element */

struct data_reader;
/*
 * Looks at the first bytes for the format and reads the header. `entry` names the array in an
 * NPZ, with or without ".npy"; if it is empty, the usual names of the role are tried, then the
 * only one. Samples are uint8, float32 or float64 (given as float); labels are whole numbers of
 * any width, of shape N or N,1, or, one for each place of a sample, N,L. The source must outlive
 * the reader.
 */
MUST bool data_open(struct ctx *, const struct data_source *, enum data_role, struct str entry,
    struct data_reader **ret);
const struct data_shape *data_shape(const struct data_reader *);
/*
 * The next n rows (no more than are left), dense. With the last row the end is verified:
 * checksums, and that nothing follows. E_INPUT for a float that is not a finite number.
 */
MUST bool data_next(struct ctx *, struct data_reader *, int64_t n, void *to);
void data_close(struct data_reader **);

/* ---- Whole sets in memory ---------------------------------------------------------------- */

struct data_samples {
	struct data_shape shape;
	void *v;
};
/* Reads all rows of a fresh reader; E_LIMIT beyond `max` bytes. */
MUST bool data_samples_load(
    struct ctx *, struct data_reader *, size_t max, struct data_samples *ret);
/* The sample of that number. */
const void *data_sample(const struct data_samples *, int64_t i);
void data_samples_done(struct data_samples *);

struct data_labels {
	int64_t n, classes; /* n: of samples */
	int32_t *v;         /* each 0 … classes - 1 */
	int64_t places; /* of a sample that have a label each: v has n times as many; 0: 1 */
};
int64_t data_places(const struct data_labels *);
/* What sample i is sorted by: its label, or the largest of them. */
int32_t data_label(const struct data_labels *, int64_t i);
/* All of them; E_INPUT names the first label that is not one of the classes. */
MUST bool data_labels_load(
    struct ctx *, struct data_reader *, int64_t classes, struct data_labels *ret);
void data_labels_done(struct data_labels *);

/* ---- Samples as a network's input -------------------------------------------------------- */

/* How the file orders images. Auto: as the network's input says, else 1, 3 or 4 are channels. */
enum data_order { DATA_ORDER_AUTO, DATA_CHANNELS_FIRST, DATA_CHANNELS_LAST };

/* One sample on its way from the file to the network. */
struct data_form {
	enum data_type type;
	int rank; /* of one sample: C,H,W or C,L or F */
	int64_t dim[DATA_RANK_MAX - 1];
	int64_t count;
	bool channels_last; /* in the file; the network has them first */
	float value[256];   /* what a byte becomes */
};
/*
 * Fits samples of this shape to a network's input of `rank` dimensions, whose first is the
 * batch and in which -1 is free: images N,H,W get their one channel, images with channels last
 * are turned, anything is flattened for an input N,F. Bytes become 0 to 1, or 0 to 255 if
 * `raw`. E_INPUT says both shapes if they do not fit.
 */
MUST bool data_fit(struct ctx *, const struct data_shape *, const int64_t want[], int rank,
    enum data_order, bool raw, struct data_form *ret);
/* n rows of the file as n dense samples of the form. */
void data_floats(const struct data_form *, const void *rows, int64_t n, float *to);

#endif
