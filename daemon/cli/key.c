/*
 * A customer's key pair, in a file of its own: a JSON Web Key (RFC 7517). Either with the private
 * member `d`, or with that member sealed under a passphrase: then `scrypt` says how the passphrase
 * becomes a key, and `sealed` is what that key opens. The public half can be read without it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

enum { FILE_MAX = 4096, PASSPHRASE_MAX = 1024 };
#define DOMAIN "hallmark private key 1 "

/* ---- The file ---------------------------------------------------------------------------- */

struct key_file {
	struct str kty, crv, x, y, d, scrypt, sealed;
};

#define AT(member) offsetof(struct key_file, member)
/* clang-format off */
static const struct json_field fields[] = {
	{ "kty",    FIELD_TEXT,  AT(kty),    1, 8,   true,  NULL },
	{ "crv",    FIELD_TEXT,  AT(crv),    1, 16,  true,  NULL },
	{ "x",      FIELD_TEXT,  AT(x),      1, 64,  true,  NULL },
	{ "y",      FIELD_TEXT,  AT(y),      1, 64,  true,  NULL },
	{ "d",      FIELD_BYTES, AT(d),      0, 32,  false, NULL },
	{ "scrypt", FIELD_TEXT,  AT(scrypt), 1, 128, false, NULL },
	{ "sealed", FIELD_BYTES, AT(sealed), 0, 128, false, NULL },
};
/* clang-format on */

/* What was wrong is a matter of the file. */
MUST static bool
no_key(struct ctx *c, const char *name)
{
	if (c->err.code == E_MEMORY || c->err.code == E_CRYPTO)
		return false;
	return fail(c, E_FILE, "%s holds no key of `hallmark key new`", name);
}

/* The file's content, and its public half. */
MUST static bool
file_open(struct ctx *c, const char *name, struct key_file *ret, struct ec_key **ret_public)
{
	struct key_file f = { 0 };
	char text[2 * JWK_MAX];
	struct buf b = BUF(text);
	struct js j = { .out = &b };
	struct str bytes;

	if (!file_read(c, AT_FDCWD, name, FILE_MAX, &bytes))
		return false;
	if (!json_decode(c, bytes, fields, COUNT(fields), &f))
		return no_key(c, name);
	js_open(&j, NULL, '{');
	js_text(&j, "crv", f.crv);
	js_text(&j, "kty", f.kty);
	js_text(&j, "x", f.x);
	js_text(&j, "y", f.y);
	js_close(&j, '}');
	if (!buf_ok(c, &b) || !ec_key_from_jwk(c, buf_str(&b), ret_public))
		return no_key(c, name);
	*ret = f;
	return true;
}

/* The secret half is sealed for this public one. */
MUST static bool
seal_domain(struct ctx *c, const struct ec_key *public, struct str *ret)
{
	struct buf b;

	if (!take_buf(c, sizeof DOMAIN + JWK_MAX, &b))
		return false;
	buf_put(&b, STR(DOMAIN));
	ec_key_to_jwk(&b, public);
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

/* ---- Passphrases ------------------------------------------------------------------------- */

MUST static bool
ask_twice(struct cli *t, struct str *ret)
{
	struct str again;

	if (!output_secret(&t->c, STR("-"), "passphrase", PASSPHRASE_MAX, ret) ||
	    !output_secret(&t->c, STR("-"), "the same again", PASSPHRASE_MAX, &again))
		return false;
	if (!secret_same(*ret, again))
		return fail(&t->c, E_USAGE, "these were two passphrases: nothing was done");
	return true;
}

/* The passphrase for a new file; .p is NULL for none. */
MUST static bool
passphrase_new(struct cli *t, struct str *ret)
{
	bool without = parsed_option(&t->parsed, "--no-passphrase", NULL), ok;
	struct str from;

	*ret = (struct str){ NULL, 0 };
	if (parsed_option(&t->parsed, "--passphrase", &from))
		ok = without ? fail(&t->c, E_USAGE, "either --passphrase or --no-passphrase")
			     : output_secret(&t->c, from, "passphrase", PASSPHRASE_MAX, ret);
	else if (without)
		return true;
	else
		ok = isatty(STDIN_FILENO) == 1
		    ? ask_twice(t, ret)
		    : fail(&t->c, E_USAGE,
			  "give --passphrase @FILE or --no-passphrase, or run it at a terminal");
	if (ok && ret->n == 0)
		return fail(&t->c, E_USAGE,
		    "the passphrase is empty; --no-passphrase makes a file without one");
	return ok;
}

/* The passphrase of a file that has one. */
MUST static bool
passphrase_known(struct cli *t, const char *name, struct str *ret)
{
	struct str from = STR("-");

	*ret = t->passphrase;
	if (ret->p != NULL)
		return true;
	if (!parsed_option(&t->parsed, "--passphrase", &from) && isatty(STDIN_FILENO) != 1)
		return fail(&t->c, E_USAGE,
		    "%s has a passphrase: give --passphrase @FILE, or run it at a terminal",
		    name);
	return output_secret(&t->c, from, "passphrase", PASSPHRASE_MAX, ret);
}

/* ---- The private half -------------------------------------------------------------------- */

/* A secret that anybody on the machine may read is none. */
MUST static bool
mode_check(struct ctx *c, const char *name)
{
	struct stat st;

	if (stat(name, &st) != 0)
		return fail_errno(c, "examine", name);
	if ((st.st_mode & 077) != 0)
		return fail(c, E_FILE,
		    "%s can be read by others than its user: chmod 600 it, or make a new key",
		    name);
	return true;
}

MUST static bool
secret_unseal(struct cli *t, const char *name, const struct key_file *f,
    const struct ec_key *public, struct key256 *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	struct str passphrase, domain;
	struct scrypt with;

	if (!scrypt_parse(&t->c, f->scrypt, &with))
		return no_key(&t->c, name);
	if (!passphrase_known(t, name, &passphrase) ||
	    !scrypt_key(&t->c, &with, passphrase, &key) || !seal_domain(&t->c, public, &domain))
		return false;
	if (!key256_unseal(&t->c, &key, domain, f->sealed, ret))
		return t->c.err.code != E_INTEGRITY
		    ? false
		    : fail(&t->c, E_INTEGRITY,
			  "that is not the passphrase of %s, or the file was altered", name);
	return true;
}

bool
key_private(struct cli *t, const char *name, struct ec_key **ret)
{
	owned(ec_key_free) struct ec_key *public = NULL, *key = NULL;
	owned(key256_done) struct key256 secret = { 0 };
	struct digest256 a, b;
	struct key_file f;

	if (!file_open(&t->c, name, &f, &public))
		return false;
	if (f.d.n == sizeof secret.b && f.scrypt.p == NULL && f.sealed.p == NULL) {
		if (!mode_check(&t->c, name))
			return false;
		memcpy(secret.b, f.d.p, sizeof secret.b);
	} else if (f.d.p == NULL && f.scrypt.p != NULL && f.sealed.p != NULL) {
		if (!secret_unseal(t, name, &f, public, &secret))
			return false;
	} else {
		return no_key(&t->c, name);
	}
	if (!ec_key_from_secret(&t->c, &secret, &key))
		return no_key(&t->c, name);
	a = ec_key_thumbprint(public);
	b = ec_key_thumbprint(key);
	if (!digest256_same(&a, &b))
		return fail(
		    &t->c, E_INTEGRITY, "the halves of %s do not belong together", name);
	*ret = steal(key);
	return true;
}

/* ---- Commands ---------------------------------------------------------------------------- */

/* The public JWK with the private half added to it, open or sealed. */
MUST static bool
file_put(struct cli *t, const struct ec_key *key, struct str passphrase, struct buf *out)
{
	owned(key256_done) struct key256 secret = { 0 }, under = { 0 };
	struct scrypt with = scrypt_new(&t->c);
	char room[SEAL_OVERHEAD + sizeof secret.b];
	struct buf sealed = BUF(room);
	struct js j = { .out = out, .comma = true };
	struct str domain;

	if (!ec_key_to_secret(&t->c, key, &secret))
		return false;
	ec_key_to_jwk(out, key);
	out->n--; /* its closing bracket */
	if (passphrase.p == NULL) {
		js_bytes(&j, "d", secret.b, sizeof secret.b);
	} else {
		if (!scrypt_key(&t->c, &with, passphrase, &under) ||
		    !seal_domain(&t->c, key, &domain) ||
		    !key256_seal(&t->c, &under, domain, &secret, &sealed))
			return false;
		buf_put(out, STR(",\"scrypt\":\""));
		scrypt_put(out, &with);
		buf_char(out, '"');
		js_bytes(&j, "sealed", sealed.p, sealed.n);
	}
	buf_put(out, STR("}\n"));
	return buf_ok(&t->c, out);
}

/* A new pair in a new file. */
MUST static bool
create(struct cli *t, const char *name, struct str passphrase, struct ec_key **ret)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	char text[1024];
	struct buf b = BUF(text);
	bool ok = ec_key_generate(&t->c, &key) && file_put(t, key, passphrase, &b) &&
	    file_create(&t->c, AT_FDCWD, name, 0600, buf_str(&b));

	explicit_bzero(text, sizeof text);
	if (ok)
		*ret = steal(key);
	return ok;
}

bool
key_create(struct cli *t, const char *name, struct ec_key **ret)
{
	struct str passphrase;

	return passphrase_new(t, &passphrase) && create(t, name, passphrase, ret);
}

/* Whether the private half in it is sealed. */
MUST static bool
is_sealed(struct cli *t, const char *name, bool *ret)
{
	owned(ec_key_free) struct ec_key *public = NULL;
	struct key_file f;

	if (!file_open(&t->c, name, &f, &public))
		return false;
	*ret = f.sealed.p != NULL;
	return true;
}

bool
key_create_like(struct cli *t, const char *name, const char *other, struct ec_key **ret)
{
	struct str passphrase = { NULL, 0 };
	bool sealed;

	return is_sealed(t, other, &sealed) &&
	    (!sealed || passphrase_known(t, other, &passphrase)) &&
	    create(t, name, passphrase, ret);
}

/* A secret from a file that is there the next time, too. */
static bool
readable_again(struct str from)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof path, "%.*s", (int)from.n - 1, from.p + 1);
	return from.p[0] == '@' && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool
key_passphrase_lost(struct cli *t, const char *name, bool *ret)
{
	struct str from;

	if (!is_sealed(t, name, ret))
		return false;
	if (parsed_option(&t->parsed, "--passphrase", &from) && readable_again(from))
		*ret = false;
	return true;
}

bool
key_passphrase_keep(struct cli *t, const char *name)
{
	return passphrase_known(t, name, &t->passphrase);
}

bool
key_new_run(struct cli *t)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	char *name = take_cstr(&t->c, t->parsed.arg[0]);
	char row[FILE_MAX + 1024], public[JWK_MAX];
	struct buf r = BUF(row), jwk = BUF(public);
	struct js j = { .out = &r };

	if (name == NULL)
		return false;
	if (!key_create(t, name, &key))
		return t->c.err.code != E_CONFLICT
		    ? false
		    : fail(&t->c, E_FILE, "%s exists already: it stays as it is", name);
	ec_key_to_jwk(&jwk, key);
	js_open(&j, NULL, '{');
	js_text(&j, "file", t->parsed.arg[0]);
	js_raw(&j, "public", buf_str(&jwk));
	js_close(&j, '}');
	return buf_ok(&t->c, &r) && output_row(&t->c, t->out, buf_str(&r));
}

/* Printed as it is, whatever the format: it is JSON already, and is handed on. */
bool
key_show_run(struct cli *t)
{
	owned(ec_key_free) struct ec_key *public = NULL;
	char *name = take_cstr(&t->c, t->parsed.arg[0]);
	char text[JWK_MAX];
	struct buf b = BUF(text);
	struct key_file f;

	if (name == NULL || !file_open(&t->c, name, &f, &public))
		return false;
	ec_key_to_jwk(&b, public);
	if (!buf_ok(&t->c, &b))
		return false;
	printf("%.*s\n", STRF(buf_str(&b)));
	return true;
}
