/*
 * onnx: ONNX files as data. A bounded walk over the bytes gives views of nodes, attributes and
 * tensors without copying a weight; a writer puts changed parts among the untouched bytes; a patch
 * changes weights in place without looking at the graph. What the operators mean is not known here.
 *
 * Hostile bytes end as E_INPUT (malformed, by name), E_LIMIT (larger than allowed) or E_INTEGRITY
 * (a patch that does not fit its file). Nothing is allocated by a length that was not checked
 * against the bytes that are there.
 */
#ifndef ONNX_H
#define ONNX_H

#include "base.h"

/* ---- What a model may be ----------------------------------------------------------------- */

enum {
	ONNX_IR_MIN = 3,
	ONNX_IR_MAX = 9,
	ONNX_OPSET_MIN = 6, /* ONNX's own test data are that old */
	ONNX_OPSET_MAX = 18,
	ONNX_RANK_MAX = 8,
	ONNX_DIM_MAX = INT32_MAX,
	ONNX_NAME_MAX = 1024,
	ONNX_NODES_MAX = 100000,
	ONNX_TENSORS_MAX = 200000,
	ONNX_EDGES_MAX = 1 << 20,  /* inputs and outputs of all nodes together */
	ONNX_ATTRS_MAX = 400000,   /* attributes of all nodes together */
	ONNX_NODE_ATTRS_MAX = 128, /* attributes of one node */
	ONNX_LISTED_MAX = 1 << 22, /* numbers and texts in all their lists together */
	ONNX_VALUES_MAX = 4096,    /* graph inputs that are not initializers; graph outputs */
	ONNX_METADATA_MAX = 4096,
	ONNX_SIDES_MAX = 4096, /* files beside the model in a bundle */
};
#define ONNX_BYTES_MAX (INT64_C(8) << 30)

/* Element types, with ONNX's own numbers. */
enum onnx_type {
	ONNX_FLOAT = 1,
	ONNX_UINT8 = 2,
	ONNX_INT8 = 3,
	ONNX_INT32 = 6,
	ONNX_INT64 = 7,
	ONNX_BOOL = 9,
	ONNX_FLOAT16 = 10,
	ONNX_DOUBLE = 11,
	ONNX_BFLOAT16 = 16,
};
/* Bytes of an element in raw data; 0 for a type that is not in the list. */
size_t onnx_type_size(enum onnx_type);
/* ONNX's own word for it, also for types that are not in the list; "unknown" for the others. */
const char *onnx_type_name(int64_t type);

/* ---- What a model is --------------------------------------------------------------------- */

/*
 * A tensor's elements lie in raw_data or in a file that came with the model, little-endian and not
 * aligned (`raw`), or are listed in one of the typed fields, whose number is `typed_field`. Neither
 * is there when it has no elements. Either way there are exactly `count`: reading has made sure.
 */
struct onnx_tensor {
	struct str name;
	enum onnx_type type;
	int rank; /* 0 for a scalar */
	int64_t dim[ONNX_RANK_MAX];
	int64_t count;
	struct str raw;
	uint32_t typed_field; /* 0 if there is none */
	uint64_t raw_at;      /* where raw begins in the model's file; 0 if it is not there */
	bool external;        /* raw lies in another file */
	struct str message;   /* the whole TensorProto */
};

enum onnx_attr_type {
	ONNX_ATTR_FLOAT = 1,
	ONNX_ATTR_INT = 2,
	ONNX_ATTR_STRING = 3,
	ONNX_ATTR_TENSOR = 4,
	ONNX_ATTR_FLOATS = 6,
	ONNX_ATTR_INTS = 7,
	ONNX_ATTR_STRINGS = 8,
};
struct onnx_attr {
	struct str name;
	enum onnx_attr_type type;
	float f;
	int64_t i;
	struct str s; /* any bytes */
	const struct onnx_tensor *tensor;
	const float *floats;
	const int64_t *ints;
	const struct str *strings;
	size_t n; /* of floats, ints, strings */
};

struct onnx_node {
	struct str name, op, domain;
	const struct str *input, *output; /* empty for an optional one that is not given */
	size_t inputs, outputs;
	const struct onnx_attr *attr;
	size_t attrs;
	struct str message; /* the whole NodeProto */
	size_t place;       /* which of the file's nodes it is */
};

/* A graph input or output. A dimension is fixed (>= 0) or a symbol (-1, with its name if any). */
struct onnx_value {
	struct str name;
	enum onnx_type type;
	int rank; /* -1: not said */
	int64_t dim[ONNX_RANK_MAX];
	struct str symbol[ONNX_RANK_MAX];
};

struct onnx_names; /* who defines which name */

struct onnx_model {
	struct str bytes; /* the file */
	int64_t ir, opset;
	struct str producer, graph_name; /* any bytes: escape them where they are shown */
	const struct onnx_node *node;    /* sorted: each after what it needs */
	size_t nodes;
	const struct onnx_tensor *tensor; /* initializers */
	size_t tensors;
	const struct onnx_value *input, *output; /* inputs without the initializers */
	size_t inputs, outputs;
	const struct str (*metadata)[2]; /* metadata_props: key, value; any bytes */
	size_t metadatas;
	struct str attachment; /* see below; .p is NULL if there is none */
	bool external;         /* a tensor's elements lie in another file */
	const struct onnx_names *names;
};

/* ---- Reading ----------------------------------------------------------------------------- */

/*
 * Reads a model; all views point into `bytes`, all arrays lie in c->mem. Refuses by name: cycles,
 * duplicate names, inputs that nobody produces, opsets and versions out of range, external data
 * (see below), sparse initializers, functions, attributes that hold graphs, operator domains other
 * than ONNX's own. Nodes keep the order of the file where that order is valid. Names are printable
 * UTF-8.
 */
MUST bool onnx_read(struct ctx *, struct str bytes, struct onnx_model *ret);
/* A TensorProto alone, as in ONNX's test data. Its name may be empty. */
MUST bool onnx_tensor_read(struct ctx *, struct str message, struct onnx_tensor *ret);

/*
 * Large models keep weights in files of their own, "external data". Such a model comes as a bundle:
 * an uncompressed tar that holds one file named *.onnx and the files that its initializers name, in
 * the same folder or below it. A bundle is known by its first header; whether the rest of it is
 * sound, onnx_bundle says: E_INPUT for links and devices, absolute paths and detours, a missing or
 * a second model, anything cut short or appended. The files' bytes are views into the bundle, their
 * names are relative to the model's folder.
 */
struct onnx_side {
	struct str name, bytes;
};
bool onnx_is_bundle(struct str bytes);
MUST bool onnx_bundle(struct ctx *, struct str bytes, struct str *ret_model,
    const struct onnx_side **ret, size_t *ret_n);
/*
 * Reads a model whose initializers may have their elements in these files, which have to live as
 * long as the model. Several tensors may share a file, and the same bytes of it. E_INPUT if two
 * files have one name, or if no initializer names a file.
 */
MUST bool onnx_read_with(
    struct ctx *, struct str bytes, const struct onnx_side[], size_t n, struct onnx_model *ret);
/* Reads whichever it is, a model or a bundle. */
MUST bool onnx_read_any(struct ctx *, struct str bytes, struct onnx_model *ret);

/* A file, mapped read-only for as long as this lives. Nobody may shorten it meanwhile. */
struct onnx_file;
MUST bool onnx_file_open(struct ctx *, int fd, struct onnx_file **ret);
struct str onnx_file_bytes(const struct onnx_file *);
void onnx_file_close(struct onnx_file **);

/* The initializer of this name; NULL if there is none. */
const struct onnx_tensor *onnx_tensor_by_name(const struct onnx_model *, struct str name);
/* The attribute of this name; NULL if there is none. */
const struct onnx_attr *onnx_attr_by_name(const struct onnx_node *, const char *name);
/* The attribute's value, or `otherwise` when it is absent; E_INPUT when its type is another. */
MUST bool onnx_attr_int(
    struct ctx *, const struct onnx_node *, const char *name, int64_t otherwise, int64_t *ret);
MUST bool onnx_attr_float(
    struct ctx *, const struct onnx_node *, const char *name, float otherwise, float *ret);
MUST bool onnx_attr_string(struct ctx *, const struct onnx_node *, const char *name,
    struct str otherwise, struct str *ret);
/* *ret is NULL and *ret_n 0 when it is absent. */
MUST bool onnx_attr_ints(struct ctx *, const struct onnx_node *, const char *name,
    const int64_t **ret, size_t *ret_n);

/*
 * All elements as float32 (from any type), or as int64 (from any integer or bool; E_INPUT from a
 * float type). `to` has room for t->count of them.
 */
MUST bool onnx_tensor_floats(struct ctx *, const struct onnx_tensor *, float *to);
MUST bool onnx_tensor_ints(struct ctx *, const struct onnx_tensor *, int64_t *to);

/*
 * Raw data of a float type (ONNX_FLOAT, _FLOAT16, _BFLOAT16, _DOUBLE), not aligned, as float32; and
 * float32 rounded, to nearest even, to such a type.
 */
void onnx_floats_get(enum onnx_type, const void *raw, size_t n, float to[]);
void onnx_floats_put(enum onnx_type, const float from[], size_t n, void *raw);

/* ---- Writing ----------------------------------------------------------------------------- */

/*
 * A changed model: everything of `from` byte for byte, except what is listed here. Replaced tensors
 * keep name, type, documentation and place in the file; numbers are converted to the type that was
 * there (E_INPUT if an integer does not fit it). Added nodes go before the first node that needs
 * them. Hints about inner shapes (value_info) are left out as soon as a shape or a node changes,
 * since they may have become wrong.
 */
struct onnx_new_tensor {
	struct str name;
	int rank;
	int64_t dim[ONNX_RANK_MAX];
	const float *f; /* exactly one of f and i is set; an added one is float or int64 */
	const int64_t *i;
};
struct onnx_new_node {
	struct str name, op;
	const struct str *input, *output;
	size_t inputs, outputs;
	const struct onnx_attr *attr; /* a tensor in it is one that was read */
	size_t attrs;
};
struct onnx_edit {
	const struct onnx_new_tensor
	    *tensor; /* replaces the initializer of that name, or adds one */
	size_t tensors;
	const struct onnx_new_node
	    *node; /* replaces the node with the same first output, or adds one */
	size_t nodes;
	const struct str *remove_tensor, *remove_node; /* a node by its first output */
	size_t remove_tensors, remove_nodes;
	const struct onnx_value *output; /* replaces the graph output of that name, or adds */
	size_t outputs;
	const struct str (*metadata)[2]; /* sets these metadata_props */
	size_t metadatas;
	struct str attachment;  /* attaches these bytes, unless .p is NULL */
	bool remove_attachment; /* what `from` had attached goes */
};
/* Where written bytes go. */
typedef byte_sink onnx_sink;
/*
 * Checks what the edit makes of the graph as onnx_read would (names, cycles, missing inputs)
 * before the first byte is written. E_ABSENT if the edit removes what is not there. External data
 * are written into the model, so that it is one file; E_LIMIT if that would exceed 2 GB.
 */
MUST bool onnx_write(struct ctx *, const struct onnx_model *from, const struct onnx_edit *,
    onnx_sink *, void *arg);
/*
 * What sets these metadata_props when it is appended to a model's file, in which their keys must
 * not be yet.
 */
MUST bool onnx_append_metadata(
    struct ctx *, const struct str (*pairs)[2], size_t n, onnx_sink *, void *arg);
/* A sink into a descriptor; `arg` points to the int. */
onnx_sink onnx_sink_fd;

/* ---- Attachments ------------------------------------------------------------------------- */

/*
 * One block of opaque bytes in a field that ONNX does not define and that every reader skips.
 * Finds it in a file without reading the model: *ret_n is 0 if there is none.
 */
MUST bool onnx_attachment_find(struct ctx *, int fd, uint64_t *ret_at, uint64_t *ret_n);
/* The number of that field: bytes that are appended to a file in such a field are attached. */
enum { ONNX_ATTACHMENT = 1000 };

/* ---- Patching in place ------------------------------------------------------------------- */

/*
 * For files of any size, in bounded memory and without reading the graph: finds the initializers
 * that have raw_data, in the order of the file, and lets `change` rewrite their bytes piece by
 * piece (pieces of at most ONNX_PIECE bytes, each a whole number of elements). Initializers of
 * types that are not in enum onnx_type, or without raw_data, are left alone but counted in
 * `index`; among the latter are those with external data, whose files are never touched.
 */
enum { ONNX_PIECE = 1 << 18 };
struct onnx_place {
	struct str name; /* valid during the call */
	enum onnx_type type;
	int64_t count;  /* elements of the whole tensor */
	int64_t first;  /* element with which this piece begins */
	uint64_t index; /* of the initializer */
};
typedef bool onnx_change(
    struct ctx *, void *arg, const struct onnx_place *, void *bytes, size_t elements);
enum onnx_patch_flag {
	ONNX_PATCH_DETACH = 1, /* the attachment is left out */
	ONNX_PATCH_FLUSH = 2,  /* the disk begins to write at once: for who calls fsync after */
};
/*
 * From a file or memory file to another descriptor, where the whole patched file is written, or to
 * the same file, which is changed in place. The structure of the whole file is checked before the
 * first call of `change`; if a later step fails, `out` holds a part of the result. In place,
 * an attachment can be left out only if it is the last thing in the file.
 */
MUST bool onnx_patch(struct ctx *, int in, int out, unsigned flags, onnx_change *, void *arg);

/* Shows the same pieces, in the same order, without writing anything. */
typedef bool onnx_see(
    struct ctx *, void *arg, const struct onnx_place *, const void *bytes, size_t elements);
MUST bool onnx_look(struct ctx *, int fd, onnx_see *, void *arg);

#endif
