/*
 * HTTPS with libcurl: verified TLS always, one connection kept, every answer bounded. What may be
 * repeated is repeated a few times, a POST with the same Idempotency-Key, so that it is done once.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "api.h"

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
	char line[TOKEN_MAX + 64];
	struct curl_slist *longer;

	snprintf(line, sizeof line, "%s: %.*s", name, STRF(value));
	longer = curl_slist_append(*h, line);
	explicit_bzero(line, sizeof line);
	if (longer == NULL)
		return fail(c, E_MEMORY, "no memory for a header");
	*h = longer;
	return true;
}

bool
headers(struct cli *t, const struct api_request *rq, const char *key, struct curl_slist **h)
{
	char *bearer = take_printf(&t->c, "Bearer %.*s", STRF(t->token));

	return bearer != NULL &&
	    (t->token.n == 0 || header_add(&t->c, h, "Authorization", str_of(bearer))) &&
	    header_add(&t->c, h, "User-Agent", STR("hallmark/" HALLMARK_VERSION)) &&
	    (rq->body.p == NULL ||
		header_add(&t->c, h, "Content-Type", STR("application/json"))) &&
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
		return fail(&t->c, E_LIMIT, "the answer has more than %d bytes", ANSWER_MAX);
	return fail(&t->c, E_PEER, "cannot reach %s: %.120s", t->server,
	    error[0] == '\0' ? curl_easy_strerror(rc) : error);
}

/* ---- One answer ------------------------------------------------------------------------------ */

static size_t
body_take(char *p, size_t one, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_put(b, (struct str){ p, one * n });
	return b->full ? 0 : one * n;
}

void
header_copy(struct cli *t, const char *name, char *to, size_t size)
{
	struct curl_header *h;

	to[0] = '\0';
	if (curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
		snprintf(to, size, "%s", h->value);
}

MUST static bool
method_set(struct cli *t, const struct api_request *rq)
{
	CURL *q = t->curl;
	CURLcode rc = CURLE_OK;

	if (strcmp(rq->method, "POST") == 0) {
		rc = curl_easy_setopt(q, CURLOPT_POST, 1L);
		if (rc == CURLE_OK)
			rc = curl_easy_setopt(
			    q, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
		if (rc == CURLE_OK)
			rc = curl_easy_setopt(q, CURLOPT_POSTFIELDS, rq->body.p);
	} else if (strcmp(rq->method, "GET") != 0) {
		rc = curl_easy_setopt(q, CURLOPT_CUSTOMREQUEST, rq->method);
	}
	return rc == CURLE_OK ? true : fail(&t->c, E_MEMORY, "libcurl refuses an option");
}

MUST static bool
once(struct cli *t, const struct api_request *rq, const char *key, CURLcode *ret_rc,
    struct api_answer *ret)
{
	owned(headers_free) struct curl_slist *h = NULL;
	char error[CURL_ERROR_SIZE] = "", wait[32];
	struct buf body;

	if (!headers(t, rq, key, &h) || !prepare(t, rq->path, h, error) || !method_set(t, rq) ||
	    !take_buf(&t->c, ANSWER_MAX, &body))
		return false;
	curl_easy_setopt(t->curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, &body);
	*ret_rc = curl_easy_perform(t->curl);
	if (*ret_rc != CURLE_OK)
		return unreachable(t, *ret_rc, error);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	ret->body = buf_str(&body);
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

bool
api_any(struct cli *t, const struct api_request *rq, struct api_answer *ret)
{
	bool post = strcmp(rq->method, "POST") == 0;
	bool repeatable = post || strcmp(rq->method, "GET") == 0;
	struct id key = id_new(&t->c, "key");

	for (int try = 1;; try++) {
		struct api_answer a = { .retry_after = -1 };
		CURLcode rc = CURLE_OK;
		bool ok = once(t, rq, post ? key.s : NULL, &rc, &a);
		bool again = ok ? (a.status == 503 || a.status == 429) && a.retry_after >= 0
				: api_passing(rc);
		int64_t wait = a.retry_after > 0 ? a.retry_after * 1000 : 200 << try;

		if (!again || !repeatable || try == TRIES || a.retry_after > WAIT_MAX) {
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
	return fail(&t->c, err_from_wire(code.value), "%.*s", STRF(detail.value));
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
