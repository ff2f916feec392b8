/*
 * verify, the part about services that are asked while somebody waits. Included by verify.h, never
 * alone.
 */
#ifndef VERIFY_LIVE_H
#define VERIFY_LIVE_H

#include "verify.h"

/* ---- What a service is (endpoint.c) ------------------------------------------------------ */

/*
 * A service as its vendor's opponent runs it, described by who suspects it: a JSON object
 *	{"endpoint": URL, "answer": where the label or the scores stand, a JSON Pointer,
 *	 "method": "POST", "content_type": "image/png", "headers": {…}, "body": "{{png}}",
 *	 "rate": 5, "budget": 400}
 * of which all but the first two may be left out. The body is the picture itself, {{png}}, or a
 * text with {{png_base64}} in it, once.
 */
#define ENDPOINT_MAX (32 << 10)
struct endpoint {
	struct str url, type, headers; /* as struct live_question has them */
	int method;                    /* enum live_method */
	struct str before, after;      /* of the picture, in the body */
	bool raw;                      /* the body is the picture */
	struct str answer;             /* JSON Pointer */
	int64_t rate, budget;          /* a second; in all */
};
/* Does it look like one? */
bool endpoint_is(struct ctx *, struct str bytes);
/* E_INPUT, with a sentence, for what is none. */
MUST bool endpoint_read(struct ctx *, struct str bytes, struct endpoint *ret);
/* Its host, for people. */
struct str endpoint_host(const struct endpoint *);
/* The body of the question with this picture, a PNG. */
MUST bool endpoint_body(struct ctx *, const struct endpoint *, struct str png, struct str *ret);

/* What all answers of one service have in common; zero to begin with, but for `ordinary`. */
struct endpoint_form {
	int32_t ordinary; /* classes of the original */
	int form;
	int64_t scores;
};
/*
 * An answer's body as an answer. E_INPUT for what is none, or is of another form than those before
 * it; a null is none, and no failure.
 */
MUST bool endpoint_answer(struct ctx *, const struct endpoint *, struct endpoint_form *,
    struct str body, struct verify_answer *ret);

/* ---- Asking it (turns.c) ----------------------------------------------------------------- */

/*
 * The pictures of a challenge, PNGs by their place, out of its tar: views. E_INTEGRITY if that is
 * not the tar of this challenge.
 */
MUST bool challenge_pictures(
    struct ctx *, struct str tar, const struct challenge *, struct str **ret);

/* Gives *ret, or says in `why` that there was no answer to be had. */
typedef bool verify_turn(struct ctx *, void *arg, int32_t place, struct verify_answer *ret,
    bool *ret_failed, char why[160]);
struct verify_turns {
	const struct keyset *keys; /* NULL: none of the pairs is asked */
	const struct challenge *of;
	int32_t *slot;  /* where answers to slots go, slot by slot; NULL: none is asked */
	int64_t budget; /* questions, at most */
	int64_t until;  /* clock_monotonic: the last one may begin; 0: whenever */
	verify_turn *ask;
	void *arg;
	struct verify_watch watch;
};
/*
 * Shows the challenge's pictures one after the other, until the answers are proof enough, whatever
 * else may come, or there are no more, or the service fails many times in a row; then those of as
 * many slots as the budget still allows. Fills in TEST_LABELS_IN_TURN and TEST_PAIRS_IN_TURN, with
 * controls, if there are keys; what the slots are answered is left to verify_slots. E_INPUT if not
 * one answer came.
 */
MUST bool verify_in_turn(
    struct ctx *, const struct verify_turns *, uint64_t seed, struct evidence *);

#endif
