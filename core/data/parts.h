/*
 * What the files of this module share: a stream of plain bytes, whatever wraps them, and the
 * description of an array that the readers of the formats make from its header.
 */
#ifndef DATA_PARTS_H
#define DATA_PARTS_H

#include "data.h"

/* ---- Streams ----------------------------------------------------------------------------- */

/*
 * Plain bytes in order. `left` bounds what can still come, judged by the compressed size: no
 * claim in a header is believed beyond it. `read` gives up to n bytes, 0 only at the verified
 * end.
 */
struct stream {
	bool (*read)(struct ctx *, struct stream *, void *to, size_t n, size_t *ret_n);
	void (*free)(struct stream *);
	uint64_t left;
};

/* deflate cannot do better than 1032 to 1 (a byte of its output costs at least 2 bits a 258). */
enum { DEFLATE_MOST = 1032 };

MUST bool stream_plain(struct ctx *, const struct data_source *, struct stream **ret);
MUST bool stream_gzip(struct ctx *, const struct data_source *, struct stream **ret);
/* An array of an NPZ; `source` must outlive it. */
MUST bool stream_npz(struct ctx *, const struct data_source *, enum data_role, struct str entry,
    struct stream **ret);
void stream_free(struct stream **);

/* Exactly n bytes, or E_INPUT. */
MUST bool stream_take(struct ctx *, struct stream *, void *to, size_t n);
/* E_INPUT if anything follows, or what wraps the bytes finds them damaged. */
MUST bool stream_end(struct ctx *, struct stream *);

/* ---- Arrays ------------------------------------------------------------------------------ */

enum element {
	ELEMENT_BOOL,
	ELEMENT_UINT8,
	ELEMENT_INT8,
	ELEMENT_UINT16,
	ELEMENT_INT16,
	ELEMENT_UINT32,
	ELEMENT_INT32,
	ELEMENT_UINT64,
	ELEMENT_INT64,
	ELEMENT_FLOAT32,
	ELEMENT_FLOAT64,
	ELEMENT_COUNT
};
size_t element_size(enum element);
const char *element_name(enum element);

/* What a header says. The dimensions are not negative; nothing else is checked yet. */
struct array {
	enum element element;
	bool big_endian;
	int rank;
	int64_t dim[DATA_RANK_MAX];
};

/* The header, without the magic bytes, which were read already. */
enum { NPY_MAGIC = 6, IDX_MAGIC = 4 };
MUST bool npy_header(struct ctx *, struct stream *, struct array *ret);
MUST bool idx_header(
    struct ctx *, struct stream *, const uint8_t magic[IDX_MAGIC], struct array *ret);

/* n elements as they stand in a file, converted to the type that is given out. */
MUST bool elements_convert(struct ctx *, const struct array *, enum data_type,
    const uint8_t *from, size_t n, void *to);
/* True if the file's bytes are what is given out. */
bool elements_same(const struct array *, enum data_type);
/* E_INPUT if one of the numbers is not finite. */
MUST bool elements_finite(struct ctx *, const float *, size_t n);

#endif
