/*
 * store, the part about pictures: watermarks, and the key images that stand on them. Included by
 * store.h, never alone.
 */
#ifndef STORE_IMAGES_H
#define STORE_IMAGES_H

#include "store.h"

/* ---- Watermarks -------------------------------------------------------------------------- */

enum watermark_state { WATERMARK_MAKING, WATERMARK_READY, WATERMARK_FAILED };
extern const char *const watermark_state_names[]; /* "making" …, NULL at the end */
struct watermark_row {
	struct id id, vendor, source, model; /* source: the model it was made out of */
	struct str name;                     /* the model's; filled in by the store */
	enum watermark_state state;
	struct id job;         /* that makes it */
	struct id key;         /* the data key that is its secret */
	int64_t keys, classes; /* once ready: pairs of its key set; ordinary classes */
	int64_t asked; /* how many of the pairs were shown to anybody, from the first on */
	struct digest256 commitment; /* to the key set; once ready */
	struct str facts;            /* compact JSON, once ready */
	struct str error_code, error_text;
	int64_t created, version;
};
/*
 * Fills `version`. Its model and its data key have to be there, or are inserted in the same act.
 * The model's blobs "keys", "report" and "page" are the watermark's files.
 */
MUST bool watermark_insert(struct ctx *, struct db *, struct watermark_row *);
MUST bool watermark_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct watermark_row *ret);
/* Of any state. */
MUST bool watermark_by_model(struct ctx *, struct db *, struct str vendor, struct str model,
    bool *ret_found, struct watermark_row *ret);
/* The one that the release's network has; always a ready one. */
MUST bool watermark_of_release(struct ctx *, struct db *, struct str vendor, struct str release,
    bool *ret_found, struct watermark_row *ret);
MUST bool watermark_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct watermark_row **ret, size_t *ret_n);
/* From making to ready (keys, classes, commitment, facts), or, by its model, to failed. */
MUST bool watermark_ready(struct ctx *, struct db *, const struct watermark_row *);
MUST bool watermark_fail(
    struct ctx *, struct db *, struct str model, struct str code, struct str text);

/* ---- Key images -------------------------------------------------------------------------- */

enum key_image_state { KEY_IMAGE_ACTIVE, KEY_IMAGE_REVOKED, KEY_IMAGE_REPLACED };
extern const char *const key_image_state_names[]; /* "active" …, NULL at the end */
struct key_image_row {
	struct id id, vendor, license, customer, release, watermark;
	int64_t serial; /* of the vendor: 1, 2, …; given by the insertion */
	int64_t base;   /* which picture of the key set; given by the insertion */
	int carrier;    /* how the identity is hidden: 0 lsb, 1 dct */
	enum key_image_state state;
	struct str reason; /* of the last change, in the vendor's words */
	int64_t changed;
	int64_t issued, expires; /* of whole seconds; expires 0: never */
	struct digest256 pixels; /* of what it looks like; all zero until it was first made */
	int64_t version;
};
/* It was made once. */
bool key_image_made(const struct key_image_row *);
/*
 * Fills serial, base and version. E_CONFLICT if the license has an active one, or the watermark is
 * not ready.
 */
MUST bool key_image_insert(struct ctx *, struct db *, struct key_image_row *);
MUST bool key_image_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct key_image_row *ret);
MUST bool key_image_by_serial(struct ctx *, struct db *, struct str vendor, int64_t serial,
    bool *ret_found, struct key_image_row *ret);
/* The one that looks like this; none that was never made. */
MUST bool key_image_by_pixels(struct ctx *, struct db *, struct str vendor,
    const struct digest256 *pixels, bool *ret_found, struct key_image_row *ret);
/*
 * All of the release whose pictures only confirm what is claimed of them (carrier 1), of whatever
 * state: what they claim. A walk ends by the failure of `each`.
 */
struct key_image_claim {
	uint32_t customer, base, serial; /* the customer's number */
	int64_t issued, expires;
};
typedef bool key_image_each(struct ctx *, void *arg, const struct key_image_claim *);
MUST bool key_image_confirming(
    struct ctx *, struct db *, struct str release, key_image_each *, void *arg);
/* The license's active one. */
MUST bool key_image_of(
    struct ctx *, struct db *, struct str license, bool *ret_found, struct key_image_row *ret);
/* The active one, or, if there is none, the newest. */
MUST bool key_image_last(
    struct ctx *, struct db *, struct str license, bool *ret_found, struct key_image_row *ret);
/* `license` empty: of any. In the order of ids. */
MUST bool key_image_list(struct ctx *, struct db *, struct str vendor, struct str license,
    struct str after, size_t max, struct key_image_row **ret, size_t *ret_n);
/*
 * From active to revoked or replaced. E_STALE unless `version` is current (0: any); E_CONFLICT if
 * it is over already.
 */
MUST bool key_image_end(struct ctx *, struct db *, const struct key_image_row *,
    enum key_image_state, struct str reason, int64_t at, int64_t version);
/*
 * What it looks like, found the first time it was made: no change, the version stays. E_INTEGRITY
 * if it looked otherwise before, or if another one looks the same.
 */
MUST bool key_image_pixels_put(
    struct ctx *, struct db *, struct str id, const struct digest256 *pixels);
/* The id of the watermark that the release's network has; empty: it has none. */
MUST bool release_watermark(
    struct ctx *, struct db *, struct str vendor, struct str release, struct id *ret);

/* ---- Secrets that are good once ---------------------------------------------------------- */

/* A link that gives out a key image. */
struct image_link_row {
	struct digest256 digest; /* of the secret */
	struct id vendor;        /* the key image's; filled in by the store */
	struct id key_image;
	int64_t expires, spent; /* spent 0: not yet */
};
MUST bool image_link_insert(struct ctx *, struct db *, const struct image_link_row *);
/* Spent and expired ones too; so below. */
MUST bool image_link_by_digest(struct ctx *, struct db *, const struct digest256 *,
    bool *ret_found, struct image_link_row *ret);
/* E_CONFLICT if it was spent already; so below. */
MUST bool image_link_spend(struct ctx *, struct db *, const struct digest256 *, int64_t at);

/* That a license's image was shown and the network has answered: good for one unlock. */
struct authentication_row {
	struct digest256 digest; /* of the secret */
	struct id license, key_image;
	int64_t expires, spent; /* spent 0: not yet */
};
MUST bool authentication_insert(struct ctx *, struct db *, const struct authentication_row *);
MUST bool authentication_by_digest(struct ctx *, struct db *, const struct digest256 *,
    bool *ret_found, struct authentication_row *ret);
MUST bool authentication_spend(struct ctx *, struct db *, const struct digest256 *, int64_t at);

/* At most `max` of each that expired before `before`; how many, of the kind with more. */
MUST bool image_secret_prune(
    struct ctx *, struct db *, int64_t before, size_t max, size_t *ret_n);

#endif
