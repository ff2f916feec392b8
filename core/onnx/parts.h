/*
 * What the files of this module share: the walk over protobuf's wire format, the tables that say
 * what a message holds, the pieces that a model is read from, and the pieces it is written in.
 */
#ifndef ONNX_PARTS_H
#define ONNX_PARTS_H

#include "onnx.h"

/* ---- Errors ------------------------------------------------------------------------------ */

/* A name from outside, short and harmless, for a message. */
enum { SHOWN_MAX = 48 };
struct shown {
	char s[4 * SHOWN_MAX + sizeof "..."];
};
struct shown shown(struct str);
/* Puts the place before the error's text, "node 3: …", and returns false. */
MUST PRINTF(2, 3) bool within(struct ctx *, const char *fmt, ...);

/* ---- Protobuf, field by field ------------------------------------------------------------ */

/* How a value is encoded; the numbers are protobuf's. Groups (3, 4) are refused. */
enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

/* A message being walked. */
struct pb {
	const char *begin, *at, *end;
};
struct pb_field {
	uint32_t number;
	enum pb_wire wire;
	uint64_t value;   /* of PB_BYTES, the length */
	struct str bytes; /* if it is PB_BYTES */
	struct str whole; /* the field with its tag */
};

struct pb pb_of(struct str message);
/*
 * Only the tag and the number or length after it, PB_HEAD bytes at most; does not ask whether the
 * bytes are there. NULL, or what is wrong.
 */
enum { PB_HEAD = 20 };
const char *pb_head(struct pb *, struct pb_field *ret);
bool pb_more(const struct pb *);
/* The next field, whatever it is. */
MUST bool pb_next(struct ctx *, struct pb *, struct pb_field *ret);
/* The next field of this number, in a message that was walked before; false if there is none. */
bool pb_find(struct pb *, uint32_t number, struct pb_field *ret);

/* A repeated field of numbers: packed or not, in any number of pieces. */
struct pb_numbers {
	struct pb message, piece;
	uint32_t number;
	enum pb_wire wire;
};
/* How many numbers this one field adds; E_INPUT if they are not encoded so. */
MUST bool pb_count(struct ctx *, const struct pb_field *, enum pb_wire, size_t *ret);
struct pb_numbers pb_numbers_of(struct str message, uint32_t number, enum pb_wire);
/* The next one, in a message in which pb_count was satisfied; false if there is none. */
bool pb_number(struct pb_numbers *, uint64_t *ret);

/* ---- Protobuf, by tables ----------------------------------------------------------------- */

enum pb_kind {
	PB_INT,      /* int64_t, once */
	PB_REAL,     /* float, once */
	PB_RAW,      /* struct str, once: bytes or a message */
	PB_NAME,     /* struct str, once: printable UTF-8 of at most ONNX_NAME_MAX bytes */
	PB_LIST,     /* size_t: how many messages or texts */
	PB_VARINTS,  /* size_t: how many numbers, packed or not */
	PB_FIXED32S, /* the same */
	PB_FIXED64S, /* the same */
	PB_REFUSED,  /* not supported: must not be there */
};
struct pb_rule {
	uint32_t number;
	enum pb_kind kind;
	size_t at; /* offsetof in the target */
	const char *name;
};
/*
 * Walks a message once, fills `ret`, which keeps its values where a field is absent; skips unknown
 * fields. *ret_seen has a bit for each rule that was met.
 */
MUST bool pb_decode(struct ctx *, struct str message, const struct pb_rule *, size_t rules,
    void *ret, uint32_t *ret_seen);
/* E_INPUT unless it is a name as PB_NAME wants it. */
MUST bool name_check(struct ctx *, struct str);

/* A StringStringEntryProto: key and value, any bytes. */
MUST bool pair_read(struct ctx *, struct str message, struct str ret[2]);

/* Numbers of fields, as onnx.proto gives them. */
enum {
	MODEL_GRAPH = 7,
	MODEL_OPSET = 8,
	MODEL_METADATA = 14,
	MODEL_ATTACHMENT = ONNX_ATTACHMENT,
	GRAPH_NODE = 1,
	GRAPH_TENSOR = 5,
	GRAPH_INPUT = 11,
	GRAPH_OUTPUT = 12,
	GRAPH_VALUE_INFO = 13,
	NODE_INPUT = 1,
	NODE_OUTPUT = 2,
	NODE_NAME = 3,
	NODE_OP = 4,
	NODE_ATTR = 5,
	ATTR_NAME = 1,
	ATTR_FLOAT = 2,
	ATTR_INT = 3,
	ATTR_STRING = 4,
	ATTR_TENSOR = 5,
	ATTR_FLOATS = 7,
	ATTR_INTS = 8,
	ATTR_STRINGS = 9,
	ATTR_TYPE = 20,
	TENSOR_DIMS = 1,
	TENSOR_TYPE = 2,
	TENSOR_FLOATS = 4,
	TENSOR_INT32S = 5,
	TENSOR_STRINGS = 6,
	TENSOR_INT64S = 7,
	TENSOR_NAME = 8,
	TENSOR_RAW = 9,
	TENSOR_DOUBLES = 10,
	TENSOR_UINT64S = 11,
	TENSOR_EXTERNAL = 13,
	TENSOR_LOCATION = 14,
	VALUE_NAME = 1,
	VALUE_TYPE = 2,
	PAIR_KEY = 1,
	PAIR_VALUE = 2,
};

/* ---- Types ------------------------------------------------------------------------------- */

/* Is the type one of enum onnx_type? type_check refuses it if not. */
bool type_known(int64_t type, enum onnx_type *ret);
MUST bool type_check(struct ctx *, int64_t type, enum onnx_type *ret);
/* The field of a TensorProto that lists elements of this type, and how they are encoded there. */
uint32_t type_field(enum onnx_type, enum pb_wire *ret);

/* IEEE 754 binary16, and the upper half of binary32, to and from binary32; to nearest even. */
float half_to_float(uint16_t);
uint16_t half_of_float(float);
float bfloat_to_float(uint16_t);
uint16_t bfloat_of_float(float);

/* ---- Files that came with a model -------------------------------------------------------- */

/* Sorted by name, each with a mark that a tensor named it. */
struct sides {
	struct onnx_side *side;
	bool *used;
	size_t n;
};
MUST bool sides_gather(struct ctx *, const struct onnx_side[], size_t n, struct sides *ret);
/* E_INPUT if there is one that no tensor named. */
MUST bool sides_used(struct ctx *, const struct sides *);
/* For qsort and bsearch. */
int side_order(const void *, const void *);
/* A path less the "./" before it. */
struct str without_dot(struct str path);
/* The `due` bytes that the external_data of a TensorProto point to; marks their file. */
MUST bool external_find(
    struct ctx *, struct str message, const struct sides *, size_t due, struct str *ret);

/* ---- Parts of a model -------------------------------------------------------------------- */

/* Without sides (NULL) external data are refused. */
MUST bool tensor_decode(
    struct ctx *, struct str message, const struct sides *, struct onnx_tensor *ret);
/* The number of elements; E_INPUT for a negative dimension, E_LIMIT beyond what is allowed. */
MUST bool shape_count(struct ctx *, const int64_t dim[], int rank, int64_t *ret);
MUST bool value_read(struct ctx *, struct str message, struct onnx_value *ret);
/* `listed` counts the values in lists, for the limit of the whole model. */
MUST bool attr_read(struct ctx *, struct str message, size_t *listed, struct onnx_attr *ret);
/* All nodes of a graph, in the order of the file. */
MUST bool nodes_read(struct ctx *, struct str graph, size_t n, const struct onnx_node **ret);

/* Who defines a name. */
enum definer { BY_TENSOR, BY_INPUT, BY_NODE };
/* Gathers the names that a model defines, sorted. Refuses two of the same. */
MUST bool names_gather(struct ctx *, const struct onnx_model *, const struct onnx_names **ret);
bool names_find(
    const struct onnx_names *, struct str name, enum definer *ret_by, uint32_t *ret_index);
/*
 * The nodes' indices in an order in which each comes after what it needs: the given one where that
 * is possible. Refuses cycles, inputs and graph outputs that nobody defines.
 */
MUST bool nodes_sort(struct ctx *, const struct onnx_model *, uint32_t **ret);

/* ---- What is written --------------------------------------------------------------------- */

/* A stretch of output: bytes as they are, or numbers that are converted when it is their turn. */
struct piece {
	struct str bytes;
	const struct onnx_new_tensor *numbers; /* NULL: bytes */
	enum onnx_type type;
	size_t count; /* of numbers */
	struct piece *next;
};
/* A list of them; stretches that adjoin in memory become one. */
struct pieces {
	struct piece *first, *last;
	uint64_t n; /* bytes of output */
};
MUST bool pieces_add(struct ctx *, struct pieces *, struct str bytes);
/* The numbers as raw data of this type. E_INPUT if one does not fit it. */
MUST bool pieces_add_numbers(
    struct ctx *, struct pieces *, const struct onnx_new_tensor *, enum onnx_type);
/* A whole field of this number around what `inside` holds, which belongs to it from now on. */
MUST bool pieces_add_field(
    struct ctx *, struct pieces *, uint32_t number, const struct pieces *inside);
MUST bool pieces_send(struct ctx *, const struct pieces *, onnx_sink *, void *arg);

/* Protobuf into a buffer. */
void pb_put_int(struct buf *, uint32_t number, int64_t);
void pb_put_float(struct buf *, uint32_t number, float);
void pb_put_bytes(struct buf *, uint32_t number, struct str);
/* The beginning of a PB_BYTES field, of which n bytes follow. */
void pb_put_head(struct buf *, uint32_t number, uint64_t n);
enum { PB_ROOM = 20 }; /* the most that any of these adds to the bytes themselves */

/* Elements [from, from + n) of the numbers, as raw data of `type`. */
void numbers_raw(
    const struct onnx_new_tensor *, enum onnx_type, size_t from, size_t n, char *to);
/* E_INPUT unless all of them fit the type. */
MUST bool numbers_fit(struct ctx *, const struct onnx_new_tensor *, size_t n, enum onnx_type);
bool int_fits(enum onnx_type, int64_t);

/* Messages, each as a whole field, appended to a list. */
bool same_shape(const struct onnx_tensor *, const struct onnx_new_tensor *);
MUST bool tensor_put(struct ctx *, struct pieces *, const struct onnx_new_tensor *);
/*
 * The original message with other numbers, and perhaps another shape; with NULL with its own, which
 * were in another file.
 */
MUST bool tensor_replace(struct ctx *, struct pieces *, const struct onnx_tensor *was,
    const struct onnx_new_tensor *);
MUST bool node_put(struct ctx *, struct pieces *, const struct onnx_new_node *);
/* `number` says whether it is an input or an output. */
MUST bool value_put(struct ctx *, struct pieces *, uint32_t number, const struct onnx_value *);
/* The value that an initializer has among the inputs of an old file. */
struct onnx_value value_of_tensor(const struct onnx_new_tensor *, enum onnx_type);
MUST bool metadata_put(struct ctx *, struct pieces *, const struct str pair[2]);

/* ---- What an edit does to a model -------------------------------------------------------- */

/* What becomes of each thing of a model: NULL: it stays; `plan_gone`; else what replaces it. */
extern const char plan_gone;

struct plan {
	const struct onnx_model *from;
	const struct onnx_edit *edit;
	const void **tensor, **node, **output, **metadata; /* nodes by their place */
	/* What is in the edit and not in the model, and so comes in addition. */
	const struct onnx_new_tensor **new_tensor;
	const struct onnx_new_node **new_node;
	const struct onnx_value **new_output;
	const struct str **new_metadata; /* pairs */
	size_t new_tensors, new_nodes, new_outputs, new_metadatas;
	bool graph_changes, shapes_change, nodes_change;
	/* The nodes of the result, in order: those that stay, by place, or new ones. */
	struct plan_node {
		const struct onnx_new_node *new; /* NULL: it stays */
		size_t place;                    /* in the file; SIZE_MAX: it had none */
	} * sorted;
	size_t nodes;
};
/* Matches an edit with a model, and checks the graph that will come of it. */
MUST bool plan_make(
    struct ctx *, const struct onnx_model *, const struct onnx_edit *, struct plan *ret);

/* ---- Files that are not mapped ----------------------------------------------------------- */

/* A walk over the fields of a file of any size, which looks at their heads only. */
struct scan {
	int fd;
	uint64_t at, size;  /* of the file */
	uint64_t window_at; /* where in the file `window` begins */
	struct buf window;
};
struct scan_field {
	uint32_t number;
	enum pb_wire wire;
	uint64_t value;     /* unless it is PB_BYTES */
	uint64_t begin, at; /* where the field begins, and its value */
	uint64_t end;
};
/* An initializer as far as a patch is concerned. */
struct scan_tensor {
	char name[ONNX_NAME_MAX];
	size_t name_n;
	int64_t type;
	uint64_t index, raw_at, raw_n; /* raw_at: 0 if it has no raw data */
};
/* What a file holds at its top level. */
struct scan_model {
	struct scan_field graph, attachment; /* `end` is 0 if it is not there */
};
MUST bool scan_begin(struct ctx *, int fd, struct scan *ret);
MUST bool scan_top(struct ctx *, struct scan *, struct scan_model *ret);
/*
 * The next initializer of the graph, from s->at on; *ret_found is false if there is no other.
 * `index` counts on from `ret->index`.
 */
MUST bool scan_next_tensor(struct ctx *, struct scan *, const struct scan_field *graph,
    struct scan_tensor *ret, bool *ret_found);
/* Bytes from anywhere in the file. */
MUST bool scan_read(struct ctx *, const struct scan *, uint64_t at, void *to, size_t n);

#endif
