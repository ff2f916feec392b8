/*
 * How a customer shows who he is: each request is signed with his key, over what is asked and a
 * nonce of the server's. A nonce is good for one request, and each answer brings the next; the
 * first one is asked for.
 */
#include <stdio.h>

#include "api.h"
#include "customer.h"

MUST static bool
nonce_first(struct cli *t)
{
	const struct api_request rq = { .method = "GET", .path = "/v1/nonce", .open = true };
	struct api_answer a;
	struct str nonce;

	if (!api_call(t, &rq, &a) || !cli_text(t, a.body, "nonce", &nonce))
		return false;
	if (nonce.n == 0 || nonce.n > NONCE_MAX)
		return fail(&t->c, E_PEER, "the server's nonce is none");
	snprintf(t->signer->nonce, sizeof t->signer->nonce, "%.*s", STRF(nonce));
	return true;
}

bool
proof_header(struct cli *t, const struct api_request *rq, struct str *ret)
{
	struct signer *s = t->signer;
	struct proof p = { .method = str_of(rq->method), .path = str_of(rq->path) };
	struct buf b;

	if (s->nonce[0] == '\0' && !nonce_first(t))
		return false;
	p.nonce = str_of(s->nonce);
	if (!sha256(&t->c, rq->body, &p.body) || !take_buf(&t->c, PROOF_MAX + 16, &b))
		return false;
	buf_put(&b, STR(PROOF_SCHEME " "));
	if (!proof_sign(&t->c, s->key, s->kid, &p, &b))
		return false;
	s->nonce[0] = '\0';
	*ret = buf_str(&b);
	return true;
}

void
proof_next(struct cli *t)
{
	if (t->signer != NULL)
		header_copy(t, NONCE_HEADER, t->signer->nonce, sizeof t->signer->nonce);
}

bool
api_nonce_wanted(const struct cli *t, const struct api_answer *a)
{
	static const char wanted[] = "\"NONCE_WANTED\"";

	return t->signer != NULL && a->status == 401 && t->signer->nonce[0] != '\0' &&
	    memmem(a->body.p, a->body.n, wanted, sizeof wanted - 1) != NULL;
}
