/*
 * The head of a request, before anything is decided on it. The library reads addresses as C strings
 * and takes the first of two headers: both are how requests are smuggled past a proxy, so both end
 * here.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "head.h"

/* ---- Nothing said twice -------------------------------------------------------------------- */

void *
head_address(void *cls, const char *uri, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct peer *p = info == NULL ? NULL : info->socket_context;

	(void)cls;
	if (p == NULL)
		return NULL;
	p->address_end = uri + strlen(uri);
	snprintf(p->query, sizeof p->query, "%s", strchrnul(uri, '?'));
	return NULL;
}

static const char *const single[] = { "Content-Length", "Transfer-Encoding", "Host",
	"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Expect",
	"Content-Range", "Repr-Digest", "Range", "If-Range", "If-None-Match" };
enum { AT_LENGTH, AT_ENCODING, AT_HOST };

struct seen {
	unsigned once, twice; /* bits: places in `single` */
	bool odd;             /* an encoding that is not "chunked" */
	bool blurred;         /* a name that is no token, or a value that is not plain */
};

static bool
is_token(char ch)
{
	if (((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '-')
		return true;
	return ch > ' ' && ch < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", ch) == NULL;
}

/* A field's name and value as RFC 9110 section 5 has them: "Content-Length :" is no length. */
static bool
field_plain(const char *name, size_t name_n, const char *value, size_t value_n)
{
	bool ok = name_n > 0;

	for (size_t i = 0; i < name_n; i++)
		ok &= is_token(name[i]);
	for (size_t i = 0; i < value_n; i++)
		ok &= ((unsigned char)value[i] >= ' ' || value[i] == '\t') && value[i] != 0x7f;
	return ok;
}

static enum MHD_Result
look_at(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
    size_t value_n)
{
	struct seen *s = arg;

	(void)kind;
	s->blurred |= !field_plain(name, name_n, value, value_n);
	for (size_t i = 0; i < COUNT(single); i++) {
		if (strlen(single[i]) != name_n || strncasecmp(single[i], name, name_n) != 0)
			continue;
		s->twice |= s->once & 1u << i;
		s->once |= 1u << i;
		if (i == AT_ENCODING && (value_n != 7 || strncasecmp(value, "chunked", 7) != 0))
			s->odd = true;
	}
	return MHD_YES;
}

bool
head_plain(
    struct ctx *c, struct MHD_Connection *connection, const struct peer *p, const char *version)
{
	struct seen s = { 0 };

	if (p->address_end == NULL || version != p->address_end + 1)
		return fail(c, E_USAGE, "the address is not plain text");
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at, &s);
	if (s.blurred)
		return fail(c, E_USAGE, "a header whose name or value is not plain text");
	if (!(s.once & 1u << AT_HOST) && strcmp(version, "HTTP/1.1") == 0)
		return fail_at(c, E_USAGE, single[AT_HOST], "a Host header is wanted");
	for (size_t i = 0; i < COUNT(single); i++)
		if (s.twice & 1u << i)
			return fail_at(c, E_USAGE, single[i], "%s is there twice", single[i]);
	if (s.odd)
		return fail_at(c, E_USAGE, single[AT_ENCODING], "an unknown Transfer-Encoding");
	if (s.once & 1u << AT_LENGTH && s.once & 1u << AT_ENCODING)
		return fail_at(c, E_USAGE, single[AT_LENGTH],
		    "either Content-Length or Transfer-Encoding, not both");
	return true;
}

/* ---- Who and which ------------------------------------------------------------------------- */

static bool
id_acceptable(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if ((id.p[i] | 0x20) < 'a' || (id.p[i] | 0x20) > 'z')
			if ((id.p[i] < '0' || id.p[i] > '9') &&
			    memchr("-_.", id.p[i], 3) == NULL)
				return false;
	return id.n > 0 && id.n <= 64;
}

/* Randomness for names, not for secrets: taken from the system a page at a time. */
static void
name_random(void *to, size_t n)
{
	static _Thread_local char pool[4096];
	static _Thread_local size_t left;

	if (left < n) {
		os_random(pool, sizeof pool);
		left = sizeof pool;
	}
	left -= n;
	memcpy(to, pool + left, n);
}

void
head_request_id(struct request *rq)
{
	struct str given = request_header(rq, "X-Request-Id");
	struct ctx names = { .now = rq->c.now, .random = name_random };
	struct id id;

	if (id_acceptable(given)) {
		memcpy(rq->id, given.p, given.n);
		return;
	}
	id = id_new(&names, "req");
	memcpy(rq->id, id.s, sizeof id.s);
}

void
head_peer_address(struct MHD_Connection *connection, char *to, size_t n)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *any = info == NULL ? NULL : info->client_addr;

	to[0] = '\0';
	if (any != NULL && any->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)any)->sin_addr,
		    to, (socklen_t)n);
	else if (any != NULL && any->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
		    &((const struct sockaddr_in6 *)(const void *)any)->sin6_addr, to,
		    (socklen_t)n);
}
