/*
 * Parcels under way: one transfer of libcurl each, all in this thread. Every socket is looked at
 * when it is made, with the very address that it is about to be connected to, so that no name that
 * changes its mind gets past. What comes back is counted and dropped; the status is all that is
 * kept. Nothing is followed, and nothing of the environment is believed.
 */
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "courier.h"
#include "target.h"

enum {
	TRANSFER_MEMORY = 256 << 10,
	ANSWER_MAX = 64 << 10, /* of which nothing is kept */
	REST_MS = 60000,
};

struct transfer {
	CURL *curl; /* NULL: free */
	struct sending *all;
	struct curl_slist *headers;
	struct arena *mem;
	uint64_t serial;
	int64_t got;
	bool forbidden; /* an address was; of a host with several, others may do */
	bool answered;  /* the answer's head is whole */
};

struct sending {
	const struct courier_conf *conf;
	X509_STORE *authorities;
	CURLM *multi;
	struct transfer transfer[COURIER_SLOTS];
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
	    !address_allowed(&a, &t->all->conf->allowed)) {
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
body_drop(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)p;
	t->got += (int64_t)(one * n);
	return t->got > ANSWER_MAX ? 0 : one * n;
}

static CURLcode
authorities_use(CURL *curl, void *tls, void *arg)
{
	struct transfer *t = arg;

	(void)curl;
	SSL_CTX_set1_cert_store(tls, t->all->authorities);
	return CURLE_OK;
}

/* ---- One parcel ----------------------------------------------------------------------------- */

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

/* Without a value: libcurl leaves out what it would send by itself. */
MUST static bool
header_add(struct ctx *c, struct transfer *t, const char *name, struct str value)
{
	char line[256];
	struct curl_slist *longer;
	int n = snprintf(
	    line, sizeof line, "%s:%s%.*s", name, value.n > 0 ? " " : "", STRF(value));

	longer = n < (int)sizeof line ? curl_slist_append(t->headers, line) : NULL;
	if (longer == NULL)
		return fail(c, E_MEMORY, "no memory for a header");
	t->headers = longer;
	return true;
}

MUST static bool
headers_add(struct ctx *c, struct transfer *t, const struct parcel *p)
{
	char seconds[24];
	struct buf at = BUF(seconds);

	buf_number(&at, p->at);
	return header_add(c, t, "Content-Type", STR("application/json")) &&
	    header_add(c, t, "User-Agent", STR("Hallmark/" HALLMARK_VERSION)) &&
	    header_add(c, t, "Accept", STR("")) && header_add(c, t, "Expect", STR("")) &&
	    header_add(c, t, "webhook-id", p->id) &&
	    header_add(c, t, "webhook-timestamp", buf_str(&at)) &&
	    header_add(c, t, "webhook-signature", p->signature);
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
options_message(struct transfer *t, const struct parcel *p, struct str body)
{
	CURL *q = t->curl;

	return curl_easy_setopt(q, CURLOPT_PRIVATE, t) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_TIMEOUT_MS, (long)p->limit_ms) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_CONNECTTIMEOUT_MS, (long)p->limit_ms) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_POST, 1L) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_POSTFIELDS, body.p) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HEADERFUNCTION, head_take) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_HEADERDATA, t) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_WRITEFUNCTION, body_drop) == CURLE_OK &&
	    curl_easy_setopt(q, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

MUST static bool
transfer_begin(struct ctx *c, struct transfer *t, const struct parcel *p)
{
	struct ctx mine;
	struct str body;
	char *url;

	t->mem = arena_new(TRANSFER_MEMORY);
	t->curl = curl_easy_init();
	if (t->mem == NULL || t->curl == NULL)
		return fail(c, E_MEMORY, "no memory for a transfer");
	mine = ctx_real(t->mem, c->tag);
	url = take_cstr(&mine, p->url);
	if (url == NULL || !take_copy(&mine, p->body, &body) || !headers_add(&mine, t, p) ||
	    !options_place(t, url) || !options_message(t, p, body) ||
	    curl_multi_add_handle(t->all->multi, t->curl) != CURLM_OK)
		return fail(c, E_MEMORY, "libcurl refuses an option");
	return true;
}

bool
sending_begin(struct ctx *c, struct sending *s, const struct parcel *p, enum parcel_end *ret)
{
	struct transfer *t = s->transfer;

	*ret = PARCEL_BAD_URL;
	if (!target_check(c, p->url, s->conf->plain, &s->conf->allowed)) {
		struct target target;

		if (target_parse(c, p->url, s->conf->plain, &target))
			*ret = PARCEL_FORBIDDEN;
		return false;
	}
	*ret = PARCEL_LOST;
	while (t < s->transfer + COUNT(s->transfer) && t->curl != NULL)
		t++;
	if (t == s->transfer + COUNT(s->transfer))
		return fail(c, E_BUSY, "too many parcels");
	t->all = s;
	t->serial = p->serial;
	if (transfer_begin(c, t, p))
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
	/* A body that is too long, too slow or cut off says nothing more. */
	if (t->answered)
		return PARCEL_ANSWERED;
	if (rc == CURLE_COULDNT_CONNECT && t->forbidden)
		return PARCEL_FORBIDDEN;
	for (size_t i = 0; i < COUNT(ends); i++)
		if (ends[i].rc == rc)
			return ends[i].end;
	return PARCEL_BROKEN;
}

static struct parcel_report
report_of(struct transfer *t, CURLcode rc)
{
	struct parcel_report r = { t->serial, end_of(t, rc), 0 };
	long status = 0;

	if (r.end != PARCEL_ANSWERED)
		return r;
	if (curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
	    status < 200 || status > 999)
		r.end = PARCEL_BROKEN;
	else
		r.status = (int)status;
	return r;
}

bool
sending_step(struct sending *s, struct parcel_report *ret)
{
	int n;
	const CURLMsg *m;

	(void)curl_multi_perform(s->multi, &n);
	while ((m = curl_multi_info_read(s->multi, &n)) != NULL) {
		char *private = NULL;
		struct transfer *t;

		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			continue;
		t = (struct transfer *)(void *)private;
		*ret = report_of(t, m->data.result);
		transfer_end(t);
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
