/*
 * What the tests of the viewers share: watermarks in a real store, and questions as requests ask
 * them.
 */
#ifndef VIEWERS_HOUSE_H
#define VIEWERS_HOUSE_H

#include "vault_house.h"
#include "view_support.h"
#include "viewers_parts.h"

/* A house with so many viewers at most; and its end, with nothing left behind. */
void scene_new(struct ctx *, struct house *, int viewers);
void scene_end(struct house *);
/* A model with a key set beside it, as the job leaves them: the watermark's id. */
struct id watermark_put(struct ctx *, struct house *, const char *name);

/* As a request holds it. */
struct asked {
	struct viewing view;
	struct ctx c;
	_Atomic int done;
};

/* A picture is to be made; or, `looks`, is shown, and that is asked at once. */
struct asked *asked_new(struct ctx *, struct house *, const struct id *watermark);
struct asked *looks(
    struct ctx *, struct house *, const struct id *watermark, struct str picture);
void asks(struct ctx *, struct house *, struct asked *);
/* Within so many seconds, and once. */
void answered(struct asked *, int seconds);
void refused(struct asked *, enum err_code want, int seconds);
/* The picture of a watermark. */
struct str made(struct ctx *, struct house *, const struct id *watermark);
/* The oldest worker that runs; 0: none. */
pid_t viewer_pid(void);

#endif
