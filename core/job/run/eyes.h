/*
 * eyes: what the worker that stays makes and sees with: a marked network, its watermark's key set,
 * and the keys of what is hidden in pictures. Nothing here remembers a question.
 */
#ifndef EYES_H
#define EYES_H

#include "network.h"
#include "view.h"
#include "watermark.h"

#include "stego.h"

/* What decoding and searching one picture takes at most. */
#define EYES_MEMORY ((size_t)192 << 20)

struct eyes {
	struct network network;
	struct arena *mem; /* of the key set */
	struct keyset keys;
	struct stego_keys stego;
	struct asker *several, *single; /* pictures in a batch; one alone */
};
MUST bool eyes_open(struct ctx *, const struct job_run *, struct eyes *ret);
void eyes_done(struct eyes *);

/* The key image with this identity. Fills in its PNG and digest. */
MUST bool eyes_make(
    struct ctx *, const struct eyes *, const struct view_question *, struct view_answer *);
/*
 * What is in the picture that is shown: all of the answer but what the network says. *ret is the
 * picture where the answer is VIEW_FOUND.
 */
MUST bool eyes_look(struct ctx *, const struct eyes *, const struct view_question *,
    struct view_answer *, struct image *ret);
/* What the network says of n pictures, at most VIEW_AT_ONCE. */
MUST bool eyes_ask(
    struct ctx *, struct eyes *, const struct image pictures[], size_t n, struct view_answer[]);

#endif
