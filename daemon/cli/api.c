/*
 * HTTPS with libcurl: verified TLS always, one connection kept, every answer bounded. What may be
 * repeated is repeated a few times, a POST with the same Idempotency-Key, so that it is done once.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "api.h"
#include "license.h"

enum {
	TRIES = 5,
	WAIT_MAX = 10,
	CONNECT_SECONDS = 10,
};

/* ---- The handle ------------------------------------------------------------------------------ */

bool
api_open(struct cli *t)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail(&t->c, E_CRYPTO, "libcurl does not start");
	t->curl = curl_easy_init();
	return t->curl != NULL ? true : fail(&t->c, E_MEMORY, "no memory for libcurl");
}

void
api_close(struct cli *t)
{
	if (t->curl != NULL)
		curl_easy_cleanup(t->curl);
	t->curl = NULL;
	curl_global_cleanup();
}

void
headers_free(struct curl_slist **h)
{
	for (struct curl_slist *at = *h; at != NULL; at = at->next)
		explicit_bzero(at->data, strlen(at->data)); /* the token is among them */
	curl_slist_free_all(*h);
	*h = NULL;
}

bool
header_add(struct ctx *c, struct curl_slist **h, const char *name, struct str value)
{
	char line[PROOF_MAX + 64];
	struct curl_slist *longer;

	snprintf(line, sizeof line, "%s: %.*s", name, STRF(value));
	longer = curl_slist_append(*h, line);
	explicit_bzero(line, sizeof line);
	if (longer == NULL)
		return fail(c, E_MEMORY, "no memory for a header");
	*h = longer;
	return true;
}

/* Who asks: a customer's proof, a vendor's token, or nobody. */
MUST static bool
credential(struct cli *t, const struct api_request *rq, struct str *ret)
{
	*ret = STR("");
	if (rq->open || (t->signer == NULL && t->token.n == 0))
		return true;
	if (t->signer != NULL)
		return proof_header(t, rq, ret);
	*ret = str_of(take_printf(&t->c, "Bearer %.*s", STRF(t->token)));
	return ret->n > 0;
}

bool
headers(struct cli *t, const struct api_request *rq, const char *key, struct curl_slist **h)
{
	struct str who;

	return credential(t, rq, &who) &&
	    (who.n == 0 || header_add(&t->c, h, "Authorization", who)) &&
	    header_add(&t->c, h, "User-Agent", STR("hallmark/" HALLMARK_VERSION)) &&
	    (rq->body.n == 0 ||
		header_add(&t->c, h, "Content-Type",
		    str_of(rq->media == NULL ? "application/json" : rq->media))) &&
	    (rq->if_match == NULL || header_add(&t->c, h, "If-Match", str_of(rq->if_match))) &&
	    (key == NULL || header_add(&t->c, h, "Idempotency-Key", str_of(key)));
}

bool
prepare(struct cli *t, const char *path, struct curl_slist *h, char error[CURL_ERROR_SIZE])
{
	char *url = take_printf(&t->c, "%s%s", t->server, path);
	CURL *q = t->curl;
	bool ok = url != NULL;

	curl_easy_reset(q);
	ok = ok && curl_easy_setopt(q, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
		CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HTTPHEADER, h) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_ERRORBUFFER, error) == CURLE_OK &&
	    (t->ca == NULL || curl_easy_setopt(q, CURLOPT_CAINFO, t->ca) == CURLE_OK);
	return ok ? true : fail(&t->c, E_MEMORY, "libcurl refuses an option");
}

bool
unreachable(struct cli *t, CURLcode rc, const char *error)
{
	if (rc == CURLE_PEER_FAILED_VERIFICATION)
		return fail(&t->c, E_PEER,
		    "the certificate of %s is not to be trusted: %.80s (hallmark login %s "
		    "--cacert FILE)",
		    t->server, error, t->server);
	if (rc == CURLE_SSL_CACERT_BADFILE)
		return fail(&t->c, E_FILE, "%s holds no certificate in PEM", t->ca);
	if (rc == CURLE_WRITE_ERROR)
		return fail(&t->c, E_LIMIT, "the answer is longer than any should be");
	return fail(&t->c, E_PEER, "cannot reach %s: %.120s", t->server,
	    error[0] == '\0' ? curl_easy_strerror(rc) : error);
}

/* ---- One answer ------------------------------------------------------------------------------ */

size_t
body_take(char *p, size_t one, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_put(b, (struct str){ p, one * n });
	return b->full ? 0 : one * n;
}

/* An answer as it comes: how long it is shows at its end, and it may hold a secret. */
struct coming {
	char *p;
	size_t n, room, most;
};

static void
coming_done(struct coming *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->n);
	free(b->p);
	*b = (struct coming){ 0 };
}

static bool
coming_grow(struct coming *b, size_t need)
{
	struct coming larger = { .n = b->n, .room = 2 * need + 4096, .most = b->most };

	larger.p = malloc(larger.room);
	if (larger.p == NULL)
		return false;
	if (b->n > 0)
		memcpy(larger.p, b->p, b->n);
	coming_done(b);
	*b = larger;
	return true;
}

static size_t
coming_take(char *p, size_t one, size_t n, void *arg)
{
	struct coming *b = arg;
	size_t more = one * n;

	if (more > b->most - b->n || (more > b->room - b->n && !coming_grow(b, b->n + more)))
		return 0;
	if (more > 0)
		memcpy(b->p + b->n, p, more);
	b->n += more;
	return more;
}

void
header_copy(struct cli *t, const char *name, char *to, size_t size)
{
	struct curl_header *h;

	to[0] = '\0';
	if (curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
		snprintf(to, size, "%s", h->value);
}

bool
method_set(struct cli *t, const struct api_request *rq)
{
	bool post = strcmp(rq->method, "POST") == 0;
	CURL *q = t->curl;
	CURLcode rc = CURLE_OK;

	if (post)
		rc = curl_easy_setopt(q, CURLOPT_POST, 1L);
	if (rc == CURLE_OK && (post || rq->body.n > 0))
		rc = curl_easy_setopt(q, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
	if (rc == CURLE_OK && (post || rq->body.n > 0))
		rc = curl_easy_setopt(q, CURLOPT_POSTFIELDS, rq->body.p);
	if (rc == CURLE_OK && !post && strcmp(rq->method, "GET") != 0)
		rc = curl_easy_setopt(q, CURLOPT_CUSTOMREQUEST, rq->method);
	return rc == CURLE_OK ? true : fail(&t->c, E_MEMORY, "libcurl refuses an option");
}

MUST static bool
once(struct cli *t, const struct api_request *rq, const char *key, CURLcode *ret_rc,
    struct api_answer *ret)
{
	owned(headers_free) struct curl_slist *h = NULL;
	owned(
	    coming_done) struct coming body = { .most = rq->most > 0 ? rq->most : ANSWER_MAX };
	char error[CURL_ERROR_SIZE] = "", wait[32];

	if (!headers(t, rq, key, &h) || !prepare(t, rq->path, h, error) || !method_set(t, rq))
		return false;
	curl_easy_setopt(t->curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, coming_take);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, &body);
	*ret_rc = curl_easy_perform(t->curl);
	t->silent = *ret_rc != CURLE_OK;
	if (t->silent)
		return unreachable(t, *ret_rc, error);
	proof_next(t);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	if (!take_copy(&t->c, (struct str){ body.p, body.n }, &ret->body))
		return false;
	header_copy(t, "ETag", ret->etag, sizeof ret->etag);
	header_copy(t, "Retry-After", wait, sizeof wait);
	if (!str_number(str_of(wait), 0, 86400, &ret->retry_after))
		ret->retry_after = -1;
	return true;
}

bool
api_passing(CURLcode rc)
{
	static const CURLcode passing[] = { CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT,
		CURLE_SSL_CONNECT_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR,
		CURLE_PARTIAL_FILE };

	for (size_t i = 0; i < COUNT(passing); i++)
		if (passing[i] == rc)
			return true;
	return false;
}

void
api_wait(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* With a fresh nonce, if the one that was there is of no use any more. */
MUST static bool
once_proved(struct cli *t, const struct api_request *rq, const char *key, CURLcode *ret_rc,
    struct api_answer *ret)
{
	return once(t, rq, key, ret_rc, ret) &&
	    (!api_nonce_wanted(t, ret) || once(t, rq, key, ret_rc, ret));
}

bool
api_any(struct cli *t, const struct api_request *rq, struct api_answer *ret)
{
	bool post = strcmp(rq->method, "POST") == 0;
	bool repeatable = post || strcmp(rq->method, "GET") == 0 ||
	    strcmp(rq->method, "PUT") == 0;
	struct id own = id_new(&t->c, "key");
	const char *key = rq->key != NULL ? rq->key : own.s;
	int tries = t->tries > 0 ? t->tries : TRIES;

	for (int try = 1;; try++) {
		struct api_answer a = { .retry_after = -1 };
		CURLcode rc = CURLE_OK;
		bool ok = once_proved(t, rq, post ? key : NULL, &rc, &a);
		bool again = ok ? (a.status == 503 || a.status == 429) && a.retry_after >= 0
				: api_passing(rc);
		int64_t wait = a.retry_after > 0 ? a.retry_after * 1000 : 200 << try;

		if (!again || !repeatable || try == tries || a.retry_after > WAIT_MAX) {
			if (ok)
				*ret = a;
			return ok;
		}
		output_say(CLI,
		    ok ? STR("the server is busy; trying again")
		       : STR("no answer; trying again"));
		api_wait(wait);
	}
}

/* What a status says whose code we do not know. */
static enum err_code
code_of(long status)
{
	switch (status) {
	case 401:
		return E_AUTH;
	case 403:
		return E_DENIED;
	case 404:
		return E_ABSENT;
	case 503:
		return E_BUSY;
	default:
		return E_INTERNAL;
	}
}

bool
api_refusal(struct cli *t, struct str code, struct str detail)
{
	static char name[64]; /* the error points to it */

	snprintf(name, sizeof name, "%.*s", STRF(code));
	return fail_named(&t->c, E_REFUSED, name, "%.*s", STRF(detail));
}

/* A code is an error's, a verdict's (refused, or not to be decided now), or a finer name. */
MUST static bool
problem_named(struct cli *t, long status, struct str code, struct str detail)
{
	static char name[64]; /* the error points to it */
	enum err_code known = err_from_wire(code);

	for (enum verdict_code v = V_VALID; v < V_COUNT; v++)
		if (str_same(code, str_of(verdict_wire(v))))
			return fail_named(&t->c,
			    verdict_answer(v) == ANSWER_NO ? E_REFUSED : E_UNDECIDED,
			    verdict_wire(v), "%.*s", STRF(detail));
	if (known != E_INTERNAL)
		return fail(&t->c, known, "%.*s", STRF(detail));
	snprintf(name, sizeof name, "%.*s", STRF(code));
	return fail_named(&t->c, code_of(status), name, "%.*s", STRF(detail));
}

bool
api_problem(struct cli *t, const struct api_answer *a)
{
	struct json_part *part, code = { 0 }, detail = { 0 };
	size_t n;

	if (!json_split(&t->c, a->body, &part, &n) || !json_find(part, n, "code", &code) ||
	    code.kind != KIND_TEXT)
		return fail(&t->c, E_PEER, "the server answered with status %ld", a->status);
	if (!json_find(part, n, "detail", &detail) || detail.kind != KIND_TEXT)
		(void)json_find(part, n, "title", &detail);
	return problem_named(t, a->status, code.value, detail.value);
}

bool
api_call(struct cli *t, const struct api_request *rq, struct api_answer *ret)
{
	struct api_answer a;

	if (!api_any(t, rq, &a))
		return false;
	if (a.status < 200 || a.status > 299)
		return api_problem(t, &a);
	*ret = a;
	return true;
}
