/*
 * Errands under way: one transfer of libcurl each, all in this thread. Every socket is looked at
 * when it is made, with the very address that it is about to be connected to, so that no name that
 * changes its mind gets past. Of what comes back to a parcel the status is all that is kept; to a
 * question the body is, within its bound, and nobody looks at it here. Nothing is followed, and
 * nothing of the environment is believed.
 */
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "courier.h"

enum {
	TRANSFER_MEMORY = 512 << 10,
	ANSWER_MAX = LIVE_ANSWER_MAX,
	REST_MS = 60000,
};

struct transfer {
	CURL *curl; /* NULL: free */
	struct sending *all;
	struct curl_slist *headers;
	struct arena *mem;
	uint64_t serial;
	int64_t got;
	bool keeps; /* what was got, in `body` */
	struct buf body;
	bool forbidden; /* an address was; of a host with several, others may do */
	bool answered;  /* the answer's head is whole */
};

struct sending {
	const struct courier_conf *conf;
	X509_STORE *authorities;
	CURLM *multi;
	struct transfer transfer[COURIER_SLOTS];
	struct transfer *ended; /* whose body is still looked at; NULL: none */
};

bool
sending_new(struct ctx *c, const struct courier_conf *conf, X509_STORE *authorities,
    struct sending **ret)
{
	struct sending *s = calloc(1, sizeof *s);

	if (s == NULL)
		return fail(c, E_MEMORY, "no memory for the courier");
	s->conf = conf;
	s->authorities = authorities;
	s->multi = curl_multi_init();
	if (s->multi == NULL ||
	    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)COURIER_SLOTS) !=
		CURLM_OK) {
		free(s);
		return fail(c, E_MEMORY, "no memory for libcurl");
	}
	*ret = s;
	return true;
}

bool
sending_has_room(const struct sending *s)
{
	for (size_t i = 0; i < COUNT(s->transfer); i++)
		if (s->transfer[i].curl == NULL)
			return true;
	return false;
}

/* ---- What libcurl asks ---------------------------------------------------------------------- */

static curl_socket_t
socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = arg;
	struct address a;

	if (purpose != CURLSOCKTYPE_IPCXN || !address_of(&to->addr, to->addrlen, &a) ||
	    !address_allowed(&a, &t->all->conf->hosts.networks)) {
		t->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* An empty line ends a head, which is the answer's unless it is one of those that come before. */
static size_t
head_take(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	long status = 0;

	if (str_trim((struct str){ p, one * n }).n <= 1 && p[0] != ' ' &&
	    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		t->answered = status >= 200;
	return one * n;
}

static size_t
body_take(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	t->got += (int64_t)(one * n);
	if (t->got > ANSWER_MAX)
		return 0;
	if (t->keeps)
		buf_put(&t->body, (struct str){ p, one * n });
	return one * n;
}

static CURLcode
authorities_use(CURL *curl, void *tls, void *arg)
{
	struct transfer *t = arg;

	(void)curl;
	SSL_CTX_set1_cert_store(tls, t->all->authorities);
	return CURLE_OK;
}

/* ---- One errand ----------------------------------------------------------------------------- */

static void
transfer_end(struct transfer *t)
{
	if (t->curl != NULL) {
		(void)curl_multi_remove_handle(t->all->multi, t->curl);
		curl_easy_cleanup(t->curl);
	}
	curl_slist_free_all(t->headers);
	arena_free(&t->mem);
	*t = (struct transfer){ .curl = NULL };
}

MUST static bool
header_add(struct ctx *c, struct transfer *t, struct str line)
{
	char *text = take_cstr(c, line);
	struct curl_slist *longer = text == NULL ? NULL : curl_slist_append(t->headers, text);

	if (longer == NULL)
		return fail(c, E_MEMORY, "no memory for a header");
	t->headers = longer;
	return true;
}

/* A name without a value: libcurl leaves out what it would send by itself. */
MUST static bool
headers_add(struct ctx *c, struct transfer *t, const struct errand *e)
{
	for (size_t i = 0; i < e->lines; i++)
		if (!header_add(c, t, e->line[i]))
			return false;
	return header_add(c, t, STR("Accept:")) && header_add(c, t, STR("Expect:"));
}

/* Where to, and whom to believe. */
static bool
options_place(struct transfer *t, const char *url)
{
	CURL *q = t->curl;

	return curl_easy_setopt(q, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_PROTOCOLS_STR,
		t->all->conf->plain ? "https,http" : "https") == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
	    CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_OPENSOCKETFUNCTION, socket_open) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
	    CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_SSL_CTX_FUNCTION, authorities_use) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_SSL_CTX_DATA, t) == CURLE_OK;
}

/* What is sent, how long it may take, what becomes of the answer. */
static bool
options_message(struct transfer *t, const struct errand *e, struct str body)
{
	CURL *q = t->curl;

	return curl_easy_setopt(q, CURLOPT_PRIVATE, t) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_TIMEOUT_MS, (long)e->limit_ms) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_CONNECTTIMEOUT_MS, (long)e->limit_ms) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_USERAGENT, "Hallmark/" HALLMARK_VERSION) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_POST, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_CUSTOMREQUEST, e->method) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_POSTFIELDS, body.p) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HEADERFUNCTION, head_take) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HEADERDATA, t) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_WRITEFUNCTION, body_take) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

MUST static bool
transfer_begin(struct ctx *c, struct transfer *t, const struct errand *e)
{
	struct ctx mine;
	struct str body;
	char *url;

	t->serial = e->serial;
	t->keeps = e->keeps;
	t->mem = arena_new(TRANSFER_MEMORY);
	t->curl = curl_easy_init();
	if (t->mem == NULL || t->curl == NULL)
		return fail(c, E_MEMORY, "no memory for a transfer");
	mine = ctx_real(t->mem, c->tag);
	url = take_cstr(&mine, e->url);
	if (url == NULL || !take_copy(&mine, e->body, &body) || !headers_add(&mine, t, e) ||
	    (e->keeps && !take_buf(&mine, ANSWER_MAX, &t->body)) || !options_place(t, url) ||
	    !options_message(t, e, body) ||
	    curl_multi_add_handle(t->all->multi, t->curl) != CURLM_OK)
		return fail(c, E_MEMORY, "libcurl refuses an option");
	return true;
}

bool
sending_begin(struct ctx *c, struct sending *s, const struct errand *e)
{
	struct transfer *t = s->transfer;

	while (t < s->transfer + COUNT(s->transfer) && t->curl != NULL)
		t++;
	if (t == s->transfer + COUNT(s->transfer))
		return fail(c, E_BUSY, "too many errands");
	t->all = s;
	if (transfer_begin(c, t, e))
		return true;
	transfer_end(t);
	return false;
}

/* ---- All of them ---------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	CURLcode rc;
	enum parcel_end end;
} ends[] = {
	{ CURLE_OK,                       PARCEL_ANSWERED },
	{ CURLE_COULDNT_RESOLVE_HOST,     PARCEL_NO_NAME },
	{ CURLE_COULDNT_CONNECT,          PARCEL_UNREACHABLE },
	{ CURLE_PEER_FAILED_VERIFICATION, PARCEL_UNTRUSTED },
	{ CURLE_SSL_CONNECT_ERROR,        PARCEL_NO_TLS },
	{ CURLE_SSL_CIPHER,               PARCEL_NO_TLS },
	{ CURLE_OPERATION_TIMEDOUT,       PARCEL_SLOW },
	{ CURLE_URL_MALFORMAT,            PARCEL_BAD_URL },
};
/* clang-format on */

static enum parcel_end
end_of(const struct transfer *t, CURLcode rc)
{
	/* To a parcel, a body that is too long, too slow or cut off says nothing more. */
	if (t->answered && !t->keeps)
		return PARCEL_ANSWERED;
	if (t->got > ANSWER_MAX)
		return PARCEL_LARGE;
	if (rc == CURLE_COULDNT_CONNECT && t->forbidden)
		return PARCEL_FORBIDDEN;
	for (size_t i = 0; i < COUNT(ends); i++)
		if (ends[i].rc == rc)
			return ends[i].end;
	return PARCEL_BROKEN;
}

static struct errand_end
end_put(const struct transfer *t, CURLcode rc)
{
	struct errand_end e = { .serial = t->serial, .end = end_of(t, rc) };
	long status = 0;

	if (e.end != PARCEL_ANSWERED)
		return e;
	if (curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
	    status < 200 || status > 999) {
		e.end = PARCEL_BROKEN;
		return e;
	}
	e.status = (int)status;
	e.body = buf_str(&t->body);
	return e;
}

bool
sending_step(struct sending *s, struct errand_end *ret)
{
	int n;
	const CURLMsg *m;

	if (s->ended != NULL)
		transfer_end(s->ended);
	s->ended = NULL;
	(void)curl_multi_perform(s->multi, &n);
	while ((m = curl_multi_info_read(s->multi, &n)) != NULL) {
		char *private = NULL;

		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			continue;
		s->ended = (struct transfer *)(void *)private;
		*ret = end_put(s->ended, m->data.result);
		return true;
	}
	return false;
}

void
sending_rest(struct sending *s, int fd, bool *ret_readable)
{
	struct curl_waitfd server = { .fd = fd, .events = CURL_WAIT_POLLIN };
	int n;

	(void)curl_multi_poll(s->multi, &server, fd >= 0 ? 1 : 0, REST_MS, &n);
	*ret_readable = fd >= 0 && server.revents != 0;
}
