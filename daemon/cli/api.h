/*
 * api, inside: what api.c (requests), api_events.c (streams of events) and api_files.c (files) make
 * a libcurl transfer of.
 */
#ifndef API_H
#define API_H

#include "cli.h"

enum { ANSWER_SECONDS = 60 }; /* for a whole answer; of a stream: for the next byte */

/*
 * The headers of every request, the token or the proof among them (which may ask for a nonce
 * first); freeing wipes them.
 */
MUST bool headers(
    struct cli *, const struct api_request *, const char *key, struct curl_slist **);
MUST bool header_add(struct ctx *, struct curl_slist **, const char *name, struct str value);
void headers_free(struct curl_slist **);
/* Readies the handle for a path: https, verified. */
MUST bool prepare(
    struct cli *, const char *path, struct curl_slist *, char error[CURL_ERROR_SIZE]);
/* Method and body. */
MUST bool method_set(struct cli *, const struct api_request *);
/* What libcurl calls with the bytes of an answer; `arg`: a struct buf. */
size_t body_take(char *, size_t one, size_t n, void *arg);
/* Why nothing came, in words that help. */
MUST bool unreachable(struct cli *, CURLcode, const char *error);
/* A header of the answer; empty if it is not there. */
void header_copy(struct cli *, const char *name, char *to, size_t size);

/* ---- Proofs: see proof.c --------------------------------------------------------------------- */

/* The value of Authorization for a request of t->signer. */
MUST bool proof_header(struct cli *, const struct api_request *, struct str *ret);
/* After an answer: the nonce that came with it is the next one. */
void proof_next(struct cli *);

#endif
