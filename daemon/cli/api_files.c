/*
 * Files as bodies, in both directions: streamed, so that no size is too large, without a limit on
 * the whole time but with one on standing still.
 */
#include <stdio.h>

#include "api.h"

enum { STALL_SECONDS = 60, STALL_BYTES = 64, PROBLEM_MAX = 64 << 10 };

static size_t
text_take(char *p, size_t one, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_put(b, (struct str){ p, one * n });
	return b->full ? 0 : one * n;
}

MUST static bool
perform(struct cli *t, CURLcode *ret_rc, const char *error, struct api_answer *ret)
{
	struct api_answer a = { .retry_after = -1 };

	curl_easy_setopt(t->curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
	curl_easy_setopt(t->curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	*ret_rc = curl_easy_perform(t->curl);
	/* An answer that came before everything was sent is an answer. */
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &a.status);
	if (*ret_rc != CURLE_OK && (a.status < 400 || a.status > 599))
		return unreachable(t, *ret_rc, error);
	proof_next(t);
	header_copy(t, "ETag", a.etag, sizeof a.etag);
	*ret = a;
	return true;
}

bool
api_put(struct cli *t, const struct api_transfer *x, CURLcode *ret_rc, struct api_answer *ret)
{
	const struct api_request rq = { .method = "PUT", .path = x->path };
	owned(headers_free) struct curl_slist *h = NULL;
	char error[CURL_ERROR_SIZE] = "";
	struct buf body;

	if (!headers(t, &rq, NULL, &h) ||
	    !header_add(&t->c, &h, "Content-Type", STR("application/octet-stream")) ||
	    !header_add(&t->c, &h, "Repr-Digest", x->digest) ||
	    (x->range != NULL && !header_add(&t->c, &h, "Content-Range", str_of(x->range))) ||
	    !prepare(t, x->path, h, error) || !take_buf(&t->c, PROBLEM_MAX, &body))
		return false;
	curl_easy_setopt(t->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->size);
	curl_easy_setopt(t->curl, CURLOPT_READFUNCTION, x->read);
	curl_easy_setopt(t->curl, CURLOPT_READDATA, x->arg);
	curl_easy_setopt(t->curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, text_take);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, &body);
	if (!perform(t, ret_rc, error, ret))
		return false;
	ret->body = buf_str(&body);
	return true;
}

bool
api_fetch(struct cli *t, const struct api_transfer *x, CURLcode *ret_rc, struct api_answer *ret)
{
	const struct api_request rq = { .method = "GET", .path = x->path };
	owned(headers_free) struct curl_slist *h = NULL;
	char error[CURL_ERROR_SIZE] = "";

	if (!headers(t, &rq, NULL, &h) ||
	    (x->etag != NULL && !header_add(&t->c, &h, "If-Range", str_of(x->etag))) ||
	    !prepare(t, x->path, h, error))
		return false;
	if (x->range != NULL)
		curl_easy_setopt(t->curl, CURLOPT_RANGE, x->range);
	curl_easy_setopt(t->curl, CURLOPT_BUFFERSIZE, 512L << 10);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, x->write);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, x->arg);
	return perform(t, ret_rc, error, ret);
}
