/*
 * Requests of customers: each connection is one of them, with a license of its own, and proves with
 * every request that it holds the customer's key. The nonce comes with the answer before; the first
 * request has none and is refused with one. Where the request's body is a file of the customer's
 * own, as a key image is, {file} stands for it, and {length} for its size.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "license.h"
#include "load.h"

struct customer {
	char id[ID_MAX], license[ID_MAX];
	struct ec_key *key;
	struct str file; /* in `kept` */
};
struct load_customers {
	struct arena *mem, *kept;
	struct ctx c;
	struct customer *v;
	size_t n;
};

_Noreturn static void
refuse(const char *why)
{
	fprintf(stderr, "load: the file of customers: %s\n", why);
	exit(2);
}

/* One line: id, private scalar in hex, license, and the path of a file if there is one. */
static void
line_read(struct load_customers *l, const char *line, struct customer *ret)
{
	char hex[65], path[256];
	struct key256 secret;
	struct ctx kept = ctx_real(l->kept, "load");
	int n = sscanf(line, "%47s %64s %47s %255s", ret->id, hex, ret->license, path);

	if (n == 4 && !file_read(&kept, AT_FDCWD, path, LOAD_FILE, &ret->file))
		refuse("a file that it names cannot be read");
	if (n < 3 || !hex_decode(&l->c, str_of(hex), secret.b, sizeof secret.b) ||
	    !ec_key_from_secret(&l->c, &secret, &ret->key))
		refuse("a line is ID SECRET-IN-HEX LICENSE [FILE]");
	key256_done(&secret);
	explicit_bzero(hex, sizeof hex);
}

struct load_customers *
load_customers_read(const char *path)
{
	struct load_customers *l = calloc(1, sizeof *l);
	FILE *f = fopen(path, "re");
	char line[512];

	if (l == NULL || f == NULL)
		refuse("cannot be read");
	l->mem = arena_new(1 << 20);
	l->kept = arena_new(256 << 20);
	l->c = ctx_real(l->mem, "load");
	l->v = calloc(4096, sizeof *l->v);
	if (l->mem == NULL || l->kept == NULL || l->v == NULL || !crypto_start(&l->c))
		refuse("no memory");
	while (l->n < 4096 && fgets(line, sizeof line, f) != NULL)
		line_read(l, line, &l->v[l->n++]);
	fclose(f);
	if (l->n == 0)
		refuse("is empty");
	return l;
}

void
load_customers_free(struct load_customers *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		ec_key_free(&l->v[i].key);
	arena_free(&l->mem);
	arena_free(&l->kept);
	free(l->v);
	free(l);
}

/* The text with the value in the place of each {name}. */
MUST static bool
fill(struct ctx *c, struct str text, const char *name, struct str value, struct str *ret)
{
	struct buf b;
	const char *at;

	if (!take_buf(c, text.n + 8 * value.n, &b))
		return false;
	while ((at = memmem(text.p, text.n, name, strlen(name))) != NULL) {
		size_t before = (size_t)(at - text.p);

		buf_put(&b, (struct str){ text.p, before });
		buf_put(&b, value);
		text.p += before + strlen(name);
		text.n -= before + strlen(name);
	}
	buf_put(&b, text);
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

/* What is proved of a request: its first line and its body. */
MUST static bool
proof_of(struct ctx *c, struct str request, struct proof *ret)
{
	const char *body = memmem(request.p, request.n, "\r\n\r\n", 4);
	struct str rest = request;

	if (body == NULL || !str_cut(&rest, ' ', &ret->method) ||
	    !str_cut(&rest, ' ', &ret->path))
		return fail(c, E_USAGE, "the request's file is no request");
	body += 4;
	return sha256(
	    c, (struct str){ body, request.n - (size_t)(body - request.p) }, &ret->body);
}

size_t
load_customers_request(struct load_customers *l, size_t who, const char *nonce,
    const char *request, size_t n, char *to, size_t max)
{
	const struct customer *me = &l->v[who % l->n];
	struct ctx *c = &l->c;
	struct proof p = { .nonce = str_of(nonce[0] == '\0' ? "none" : nonce) };
	char text[PROOF_MAX], number[24];
	struct buf jws = BUF(text), length = BUF(number);
	struct str mine, whole;

	arena_reset(l->mem);
	buf_number(&length, (int64_t)me->file.n);
	if (!fill(c, (struct str){ request, n }, "{license}", str_of(me->license), &mine) ||
	    !fill(c, mine, "{length}", buf_str(&length), &mine) ||
	    !fill(c, mine, "{file}", me->file, &mine) || !proof_of(c, mine, &p) ||
	    !proof_sign(c, me->key, str_of(me->id), &p, &jws) ||
	    !fill(c, mine, "{proof}", buf_str(&jws), &whole) || whole.n > max) {
		fprintf(stderr, "load: no proof: %s\n", c->err.text);
		exit(2);
	}
	memcpy(to, whole.p, whole.n);
	return whole.n;
}
