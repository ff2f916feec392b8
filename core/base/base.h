/*
 * base: what every other module stands on. A call context that carries memory, error, clock and
 * randomness; views and bounded buffers; strict JSON into structs; ids, times, atomic files; and
 * the fields in which the processes speak to each other. No socket, no process, no log.
 */
#ifndef BASE_H
#define BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST __attribute__((warn_unused_result))
#define PRINTF(a, b) __attribute__((format(printf, a, b)))
#define owned(fn) __attribute__((cleanup(fn)))
#define steal(p)                        \
	__extension__({                 \
		__typeof__(p) p_ = (p); \
		(p) = NULL;             \
		p_;                     \
	})
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HALLMARK_VERSION "0.1.0"

/* ---- Bytes ------------------------------------------------------------------------------- */

/* A view of bytes that somebody else owns. Not terminated. */
struct str {
	const char *p;
	size_t n;
};
#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STRF(s) (int)(s).n, (s).p /* for "%.*s" */

/* The view of a terminated string; NULL gives the empty view. */
struct str str_of(const char *);
bool str_same(struct str, struct str);
bool str_starts(struct str, struct str prefix);
/*
 * Cuts `ret_head` off the front of `*rest`, up to the first `sep` (or all of it); drops `sep`.
 */
bool str_cut(struct str *rest, char sep, struct str *ret_head);
/* Without the blanks, tabs and carriage returns at both ends. */
struct str str_trim(struct str);
/* A whole decimal number without sign, blanks or leading zeros, within [min, max]. */
bool str_number(struct str, int64_t min, int64_t max, int64_t *ret);

/* A walk over lines `key = value`, from { .rest = text } on. */
struct pairs {
	struct str rest;
	int line; /* its number, from 1 on */
	struct str key, value;
};
/*
 * The next line that is neither empty nor a comment (#), both sides trimmed; false after the last.
 * The value of a line without '=' is NULL.
 */
bool pairs_next(struct pairs *);

/* A writer into memory of fixed size; remembers its first overflow and then stays as it is. */
struct buf {
	char *p;
	size_t n, max;
	bool full;
};
#define BUF(array) ((struct buf){ (array), 0, sizeof(array), false })

/* Each appends, or does nothing once the buffer has overflowed. */
void buf_put(struct buf *, struct str);
void buf_char(struct buf *, char);
void buf_number(struct buf *, int64_t);
PRINTF(2, 3) void buf_printf(struct buf *, const char *fmt, ...);
struct str buf_str(const struct buf *);

/* Where bytes go, in order, piece by piece; `arg` is the sink's own. */
struct ctx;
typedef bool byte_sink(struct ctx *, void *arg, struct str bytes);

/* ---- Errors: one table, one translation -------------------------------------------------- */

enum err_code {
	E_NONE,
	E_USAGE,      /* the request's form is wrong: method line, query, header, arguments */
	E_JSON,       /* not JSON, or JSON beyond the strict rules */
	E_INPUT,      /* a value out of its range */
	E_FIELD,      /* a field that nobody asked for */
	E_AUTH,       /* no valid credential */
	E_DENIED,     /* valid credential, not allowed */
	E_ABSENT,     /* no such thing, or somebody else's */
	E_METHOD,     /* the path exists, not with this method */
	E_CONFLICT,   /* the thing's state forbids it */
	E_STALE,      /* If-Match does not match */
	E_NEED_MATCH, /* If-Match is missing */
	E_NEED_KEY,   /* Idempotency-Key is missing or malformed */
	E_KEY_REUSED, /* same Idempotency-Key, other request */
	E_LIMIT,      /* larger than allowed */
	E_LENGTH,     /* Content-Length is missing */
	E_RANGE,      /* a range that the thing does not have */
	E_MEDIA,      /* a content type that is not understood */
	E_DIGEST,     /* what came is not what was announced */
	E_SLOW,       /* a deadline passed */
	E_RATE,       /* too many requests */
	E_SEALED,     /* the root key is not here */
	E_UNINITIALISED, /* `init` was never done */
	E_DRAINING,      /* shutting down */
	E_BUSY,          /* a queue is full: try again */
	E_MEMORY,
	E_STORE,     /* the database refused */
	E_FULL,      /* no space left */
	E_PEER,      /* another process of ours, or the daemon, does not answer */
	E_FILE,      /* a local file */
	E_INTEGRITY, /* a digest, tag or signature does not match */
	E_CRYPTO,    /* the cryptographic library failed */
	E_REFUSED,   /* a license's terms say no; err.name says which */
	E_UNDECIDED, /* it cannot be decided now; err.name says why */
	E_INTERNAL,  /* our own bug */
	E_COUNT
};

struct err {
	enum err_code code;
	char text[192];   /* may be shown to the client */
	char detail[160]; /* log only */
	char at[64];      /* JSON Pointer, parameter or header at fault; empty if none */
	const char *name; /* a finer name than its code's, static; NULL: none */
};

/* What it is called outside: its own name, or its code's. */
const char *err_name(const struct err *);

/* The columns of the error table. */
const char *err_wire(enum err_code);  /* stable SCREAMING_SNAKE name */
const char *err_title(enum err_code); /* a short English title */
int err_http(enum err_code);
int err_exit(enum err_code);
/* The code with this wire name, or E_INTERNAL. */
enum err_code err_from_wire(struct str);

/* ---- The call context -------------------------------------------------------------------- */

struct arena;

struct ctx {
	struct arena *mem;              /* lives as long as the request or job */
	struct err err;                 /* set exactly when a call returned false */
	int64_t (*now)(void);           /* milliseconds since the epoch, UTC */
	void (*random)(void *, size_t); /* unpredictable bytes; ends the process if it cannot */
	const char *tag;                /* request or job id, for the log */
};

/* Records why and returns false, so that a failure is one line: return fail(c, …). */
MUST PRINTF(3, 4) bool fail(struct ctx *, enum err_code, const char *fmt, ...);
/* The same with the place at fault, a JSON Pointer such as "/seats". */
MUST PRINTF(4, 5) bool fail_at(
    struct ctx *, enum err_code, const char *at, const char *fmt, ...);
/* The same under a finer name than the code's, static. */
MUST PRINTF(4, 5) bool fail_named(
    struct ctx *, enum err_code, const char *name, const char *fmt, ...);
/* The same with a detail for the log: strerror(errno), a library's message. */
MUST PRINTF(4, 5) bool fail_log(
    struct ctx *, enum err_code, const char *detail, const char *fmt, ...);

int64_t clock_now(void);        /* the real clock, for ctx.now */
int64_t clock_monotonic(void);  /* milliseconds that never step */
void os_random(void *, size_t); /* getrandom, for ctx.random */
/* A context on the real clock and randomness. */
struct ctx ctx_real(struct arena *, const char *tag);

/* ---- Memory: the arena ------------------------------------------------------------------- */

/* Memory that is freed all at once. `max` bounds the sum; blocks are taken as needed. */
struct arena *arena_new(size_t max);
void arena_free(struct arena **);
/* Empties it, keeps its first block for the next use. */
void arena_reset(struct arena *);
size_t arena_used(const struct arena *);
/* `size` zeroed bytes, aligned for any type; NULL, with c->err set, when there is no more. */
void *take(struct ctx *, size_t size);
MUST bool take_copy(struct ctx *, struct str, struct str *ret);
/* A terminated copy; NULL with c->err set when there is no more memory. */
char *take_cstr(struct ctx *, struct str);
PRINTF(2, 3) char *take_printf(struct ctx *, const char *fmt, ...);
/* A buffer of `max` bytes in the arena. */
MUST bool take_buf(struct ctx *, size_t max, struct buf *ret);
/* A sink into a buffer, `arg`: E_LIMIT when it overflows. */
byte_sink buf_sink;
/* E_LIMIT if the buffer overflowed. */
MUST bool buf_ok(struct ctx *, const struct buf *);

/* ---- Text forms -------------------------------------------------------------------------- */

/* base64url without padding (RFC 4648 section 5); decoding accepts the canonical form only. */
void base64url_put(struct buf *, const void *, size_t n);
MUST bool base64url_decode(struct ctx *, struct str, struct str *ret);
void hex_put(struct buf *, const void *, size_t n);
MUST bool hex_decode(struct ctx *, struct str, void *ret, size_t n);

/* Valid UTF-8 (no surrogates, no overlong forms) and no C0 or C1 control character. */
bool text_valid(struct str);
/*
 * NFKC and case folding: two spellings of one name give the same bytes, FOLDED_MAX at most; E_INPUT
 * for a text that would give more.
 */
enum { FOLDED_MAX = 512 };
MUST bool text_fold(struct ctx *, struct str, struct str *ret);
/* Untrusted text for a log or a terminal: controls, quotes and non-UTF-8 escaped. */
void text_escape(struct buf *, struct str);

/* RFC 3339 UTC with milliseconds, e.g. 2026-02-01T12:00:00.000Z. */
void time_put(struct buf *, int64_t ms);
MUST bool time_parse(struct ctx *, struct str, int64_t *ret_ms);

/* ---- Identifiers ------------------------------------------------------------------------- */

#define ID_MAX 48
/*
 * A type of two to four letters, '_', a UUIDv7 (RFC 9562): sorts by time of birth. Terminated.
 */
struct id {
	char s[ID_MAX];
};
struct id id_new(struct ctx *, const char *type);
MUST bool id_parse(struct ctx *, struct str, const char *type, struct id *ret);

/* ---- JSON in: strict, into structs ------------------------------------------------------- */

enum field_type {
	FIELD_TEXT,   /* struct str, at most `max` bytes, text_valid */
	FIELD_WORD,   /* int: index of the text in `words` (NULL ends the list) */
	FIELD_NUMBER, /* int64_t within [min, max] */
	FIELD_REAL,   /* double */
	FIELD_BOOL,   /* bool */
	FIELD_TIME,   /* int64_t, milliseconds */
	FIELD_BYTES,  /* struct str, from base64url, at most `max` bytes */
	FIELD_LIST,   /* struct str_list of texts, each at most `max` bytes */
	FIELD_OBJECT, /* struct str: the object's own JSON text, compact, for a second decoding */
};
struct str_list {
	struct str *v;
	size_t n;
};
struct json_field {
	const char *name;
	enum field_type type;
	size_t at; /* offsetof in the target */
	int64_t min, max;
	bool required;
	const char *const *words;
};
#define JSON_DEPTH_MAX 16
#define JSON_STRINGS_MAX 1000

/*
 * Decodes one JSON object into `ret`, which keeps its values where a field is absent. Refuses
 * duplicate keys, unknown fields (by name), wrong types, depth and string count beyond the limits
 * and trailing bytes. Strings live in the context's arena.
 */
MUST bool json_decode(
    struct ctx *, struct str text, const struct json_field *, size_t fields, void *ret);

/* ---- JSON in: of a shape that only its sender knows -------------------------------------- */

enum json_kind { KIND_TEXT, KIND_NUMBER, KIND_BOOL, KIND_NULL, KIND_LIST, KIND_OBJECT };
struct json_part {
	struct str key; /* empty in a list */
	enum json_kind kind;
	struct str value; /* a text itself; of anything else its compact JSON */
};
/* The members of an object, or the values of a list, in their order, in the arena. */
MUST bool json_split(struct ctx *, struct str text, struct json_part **ret, size_t *ret_n);
/* The member of that name; false if there is none. */
bool json_find(const struct json_part[], size_t n, const char *key, struct json_part *ret);

/* ---- JSON out ---------------------------------------------------------------------------- */

/* Writes compact JSON into a buf; commas are its business. A NULL key inside arrays. */
struct js {
	struct buf *out;
	bool comma;
};
void js_open(struct js *, const char *key, char bracket); /* '{' or '[' */
void js_close(struct js *, char bracket);                 /* '}' or ']' */
void js_text(struct js *, const char *key, struct str);
void js_number(struct js *, const char *key, int64_t);
void js_real(struct js *, const char *key, double);
void js_bool(struct js *, const char *key, bool);
void js_null(struct js *, const char *key);
void js_time(struct js *, const char *key, int64_t ms);
/* null for 0, and for the empty text */
void js_time_or_null(struct js *, const char *key, int64_t ms);
void js_text_or_null(struct js *, const char *key, struct str);
void js_bytes(struct js *, const char *key, const void *, size_t n); /* as base64url */
void js_raw(struct js *, const char *key, struct str value);         /* JSON already */

/* ---- Wire: typed fields between our own processes ---------------------------------------- */

/* Little-endian fields and length-prefixed bytes, in a buf; reading is sticky like writing. */
struct wire {
	struct str rest;
	bool bad;
};
void wire_put_u8(struct buf *, uint8_t);
void wire_put_u32(struct buf *, uint32_t);
void wire_put_u64(struct buf *, uint64_t);
void wire_put_real(struct buf *, double); /* its 64 bits */
void wire_put_str(struct buf *, struct str);
/* An id in a place of ID_MAX bytes, padded with zeros. */
void wire_put_id(struct buf *, const struct id *);
uint8_t wire_u8(struct wire *);
uint32_t wire_u32(struct wire *);
uint64_t wire_u64(struct wire *);
double wire_real(struct wire *);
struct str wire_str(struct wire *, size_t max);
/* E_INPUT unless it is an id of this type. */
MUST bool wire_id(struct ctx *, struct wire *, const char *type, struct id *ret);
/* E_PEER unless everything was read and nothing was missing. */
MUST bool wire_end(struct ctx *, const struct wire *);

/* ---- Files ------------------------------------------------------------------------------- */

void fd_done(int *); /* closes, sets -1; for owned() */
MUST bool fd_read_all(struct ctx *, int fd, void *, size_t n); /* exactly n bytes */
MUST bool fd_write_all(struct ctx *, int fd, const void *, size_t n);
/* A whole file into the arena, refused beyond `max`. `dir` may be AT_FDCWD. */
MUST bool file_read(struct ctx *, int dir, const char *name, size_t max, struct str *ret);
/* Creates with O_EXCL and `mode`, writes, syncs file and folder. E_CONFLICT if it exists. */
MUST bool file_create(struct ctx *, int dir, const char *name, unsigned mode, struct str);
/* Replaces atomically: temporary file, sync, rename, sync of the folder. */
MUST bool file_replace(struct ctx *, int dir, const char *name, unsigned mode, struct str);
/* E_FULL for ENOSPC and EDQUOT, else E_FILE; names what was wanted. */
MUST bool fail_errno(struct ctx *, const char *what, const char *name);

#endif
