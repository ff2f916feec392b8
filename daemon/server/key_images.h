/*
 * key_images: what the files of their routes share. A key image is a row that comes with its
 * license or later; the picture itself is made each time that somebody is to have it, and looks the
 * same each time.
 */
#ifndef KEY_IMAGES_H
#define KEY_IMAGES_H

#include "standing.h"
#include "viewers.h"

enum { KEY_IMAGE_JSON_MAX = 1536 };

/* ---- Rows -------------------------------------------------------------------------------- */

/* As every answer shows one. */
void key_image_json(struct js *, const struct key_image_row *);
/* The answer, with its ETag. */
MUST bool key_image_reply(
    struct ctx *, struct request *, int status, const struct key_image_row *);

/*
 * In an act: the license gets one, of that watermark, under its own term; webhooks are told.
 * E_CONFLICT if it has one.
 */
MUST bool key_image_issue(struct ctx *, struct db *, const struct license_row *,
    const struct id *watermark, int carrier, struct key_image_row *ret);
/* In an act: revoked or replaced, by the vendor's words; webhooks are told. */
MUST bool key_image_over(struct ctx *, struct db *, const struct key_image_row *,
    enum key_image_state, struct str reason, int64_t version);

/*
 * In the act that makes a new license, when its row is there: its image, if the terms ask for one.
 * `st` is what was decided upon.
 */
MUST bool key_image_with_license(struct ctx *, struct db *, const struct standing *st);
/* In the act of a transfer, behind that: the old license's image ends, the new one has its own. */
MUST bool key_image_move(
    struct ctx *, struct db *, const struct license_row *old, const struct license_row *new);
/* In the act of a renewal: an image that says another term is replaced by one that says this. */
MUST bool key_image_renew(struct ctx *, struct db *, const struct license_row *);

/* ---- Pictures ---------------------------------------------------------------------------- */

/*
 * A picture that is being made for a request. The handler fills in the row; in the act, `may` (or
 * NULL) says whether the requester may still have it, and does what that leads to.
 */
struct picture {
	struct viewing view;
	struct key_image_row row;
	bool (*may)(struct ctx *, struct db *, struct request *, struct picture *);
	void *arg; /* the handler's own, for `may` */
};
/*
 * A handler's last step: asks a viewer for the picture and goes on as an act, which answers with
 * it. E_CONFLICT unless the image is active.
 */
MUST bool picture_make(struct ctx *, struct request *, struct db *, struct picture *);

/* What is asked of a viewer about an image: all but what to do. */
MUST bool view_of(struct ctx *, struct db *, const struct key_image_row *, struct viewing *ret);

#endif
