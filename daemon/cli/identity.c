/*
 * Identities: who a customer is to a vendor. Each has a folder with its private key, the server,
 * and the vendor's public keys, taken over at enrolment and believed from then on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "customer.h"

enum { IDENTITY_MAX = 64 << 10 };

/* ---- Folders ------------------------------------------------------------------------------ */

bool
file_if_any(struct ctx *c, const char *path, size_t max, struct str *ret)
{
	*ret = STR("");
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	return file_read(c, AT_FDCWD, path, max, ret);
}

bool
folder_of(struct cli *t, const char *variable, const char *under_home, const char **ret)
{
	const char *given = getenv(variable), *home = getenv("HOME");

	if (given != NULL && given[0] == '/')
		*ret = take_printf(&t->c, "%s/hallmark", given);
	else if (home != NULL && home[0] == '/')
		*ret = take_printf(&t->c, "%s/%s/hallmark", home, under_home);
	else
		*ret = take_printf(&t->c, "%s/%s", t->folder, under_home);
	return *ret != NULL && folder_make(&t->c, *ret);
}

/* ---- The vendor's keys ------------------------------------------------------------------- */

MUST static bool
key_add(struct cli *t, struct str jwk, struct identity *who, size_t *added)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct digest256 d, known;

	if (!ec_key_from_jwk(&t->c, jwk, &key))
		return false;
	d = ec_key_thumbprint(key);
	for (size_t i = 0; i < who->keys; i++) {
		known = ec_key_thumbprint(who->key[i]);
		if (digest256_same(&known, &d))
			return true;
	}
	if (who->keys == VENDOR_KEYS)
		return fail(&t->c, E_LIMIT,
		    "%s/identity.json holds %d of the vendor's keys already: enroll again",
		    who->folder, VENDOR_KEYS);
	who->key[who->keys++] = steal(key);
	++*added;
	return true;
}

bool
identity_trust(struct cli *t, struct str jwks, struct identity *who, size_t *ret_new)
{
	struct json_part *part, *item, keys;
	size_t n, count, added = 0;

	if (!json_split(&t->c, jwks, &part, &n))
		return false;
	if (!json_find(part, n, "keys", &keys) || keys.kind != KIND_LIST ||
	    !json_split(&t->c, keys.value, &item, &count) || count == 0)
		return fail(&t->c, E_PEER, "there are no keys in what should be a set of keys");
	for (size_t i = 0; i < count; i++)
		if (!key_add(t, item[i].value, who, &added))
			return false;
	*ret_new = added;
	return true;
}

static void
trusted_put(struct js *j, const struct identity *who)
{
	js_open(j, "keys", '{');
	js_open(j, "keys", '[');
	for (size_t i = 0; i < who->keys; i++) {
		char text[JWK_MAX] = "";
		struct buf jwk = BUF(text);

		ec_key_to_jwk(&jwk, who->key[i]);
		js_raw(j, NULL, buf_str(&jwk));
	}
	js_close(j, ']');
	js_close(j, '}');
}

/* ---- identity.json ------------------------------------------------------------------------ */

struct stored {
	struct str customer, vendor, vendor_name, server, keys;
};
#define AT(member) offsetof(struct stored, member)
/* clang-format off */
static const struct json_field fields[] = {
	{ "customer",    FIELD_TEXT,   AT(customer),    1, ID_MAX, true },
	{ "vendor",      FIELD_TEXT,   AT(vendor),      1, ID_MAX, true },
	{ "vendor_name", FIELD_TEXT,   AT(vendor_name), 0, 512,    true },
	{ "server",      FIELD_TEXT,   AT(server),      1, 1000,   true },
	{ "keys",        FIELD_OBJECT, AT(keys),        0, 0,      true },
};
/* clang-format on */

void
identity_done(struct identity *who)
{
	for (size_t i = 0; i < who->keys; i++)
		ec_key_free(&who->key[i]);
	who->keys = 0;
}

bool
identity_write(struct cli *t, const struct identity *who)
{
	char *path = take_printf(&t->c, "%s/identity.json", who->folder);
	struct buf b;
	struct js j = { &b };

	if (path == NULL || !take_buf(&t->c, IDENTITY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", str_of(who->customer.s));
	js_text(&j, "vendor", str_of(who->vendor.s));
	js_text(&j, "vendor_name", who->vendor_name);
	js_text(&j, "server", str_of(who->server));
	trusted_put(&j, who);
	js_close(&j, '}');
	buf_char(&b, '\n');
	return buf_ok(&t->c, &b) && file_replace(&t->c, AT_FDCWD, path, 0600, buf_str(&b));
}

MUST static bool
identity_read(struct cli *t, const char *folder, struct identity *ret)
{
	owned(identity_done) struct identity who = { .folder = folder };
	char *path = take_printf(&t->c, "%s/identity.json", folder);
	struct stored s = { 0 };
	struct str text;
	size_t added;

	if (path == NULL || !file_read(&t->c, AT_FDCWD, path, IDENTITY_MAX, &text))
		return false;
	if (!json_decode(&t->c, text, fields, COUNT(fields), &s) ||
	    !id_parse(&t->c, s.customer, "cus", &who.customer) ||
	    !id_parse(&t->c, s.vendor, "ven", &who.vendor) ||
	    !settings_server(&t->c, s.server, &who.server) ||
	    !identity_trust(t, s.keys, &who, &added))
		return fail(
		    &t->c, E_FILE, "%s is not as `enroll` wrote it: enroll again", path);
	who.vendor_name = s.vendor_name;
	*ret = who;
	who.keys = 0;
	return true;
}

/* ---- Which one ---------------------------------------------------------------------------- */

static void
dir_done(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
	*d = NULL;
}

bool
identity_ids(struct cli *t, struct id **ret, size_t *ret_n)
{
	char *all = take_printf(&t->c, "%s/customers", t->folder);
	owned(dir_done) DIR *d = all == NULL ? NULL : opendir(all);
	struct id *id = take(&t->c, IDENTITIES * sizeof *id);
	const struct dirent *e;
	size_t n = 0;

	if (all == NULL || id == NULL)
		return false;
	while (d != NULL && n < IDENTITIES && (e = readdir(d)) != NULL) {
		struct ctx try = t->c;

		n += id_parse(&try, str_of(e->d_name), "cus", &id[n]);
	}
	*ret = id;
	*ret_n = n;
	return true;
}

MUST static bool
the_only_one(struct cli *t, struct id *ret)
{
	struct id *id;
	size_t n;

	if (!identity_ids(t, &id, &n))
		return false;
	if (n == 0)
		return fail(&t->c, E_FILE,
		    "there is no identity in %s: begin with hallmark enroll CODE", t->folder);
	if (n > 1)
		return fail(&t->c, E_USAGE,
		    "there are %zu identities: give --identity, one of `identity list`", n);
	*ret = id[0];
	return true;
}

bool
identity_choose(struct cli *t, const struct id *customer, struct identity *ret)
{
	struct str given;
	struct id id = { "" };
	char *folder;

	if (customer != NULL)
		id = *customer;
	else if (parsed_option(&t->parsed, "--identity", &given)) {
		if (!id_parse(&t->c, given, "cus", &id))
			return false;
	} else if (!the_only_one(t, &id)) {
		return false;
	}
	folder = take_printf(&t->c, "%s/customers/%s", t->folder, id.s);
	if (folder == NULL)
		return false;
	if (access(folder, F_OK) != 0)
		return fail(&t->c, E_ABSENT,
		    "this is %s's, and there is no such identity in %s: enroll first", id.s,
		    t->folder);
	return identity_read(t, folder, ret);
}

bool
identity_enter(struct cli *t, const struct identity *who, struct ec_key **ret)
{
	char *name = take_printf(&t->c, "%s/key", who->folder);
	char *ca = take_printf(&t->c, "%s/ca.pem", who->folder);
	struct signer *s = take(&t->c, sizeof *s);
	owned(ec_key_free) struct ec_key *key = NULL;

	if (name == NULL || ca == NULL || s == NULL || !key_private(t, name, &key))
		return false;
	t->server = who->server;
	t->ca = access(ca, F_OK) == 0 ? ca : NULL;
	s->key = key;
	s->kid = str_of(who->customer.s);
	t->signer = s;
	t->token = STR("");
	*ret = steal(key);
	return true;
}

/* ---- Whom to believe ---------------------------------------------------------------------- */

void
trusted_done(struct trusted *k)
{
	for (size_t i = 0; i < k->n; i++)
		ec_key_free(&k->key[i]);
	k->n = 0;
}

/* They change hands, as many as there is room for. */
static void
keys_move(struct identity *from, struct trusted *to)
{
	for (size_t i = 0; i < from->keys && to->n < TRUSTED_MAX; i++)
		to->key[to->n++] = steal(from->key[i]);
}

bool
trusted_read(struct cli *t, struct str jwks, struct trusted *ret)
{
	owned(identity_done) struct identity one = { .folder = t->folder };
	size_t added;

	if (!identity_trust(t, jwks, &one, &added))
		return false;
	keys_move(&one, ret);
	return true;
}

bool
trusted_here(struct cli *t, struct trusted *ret)
{
	struct str option, text;
	struct id *id;
	char *name;
	size_t n;

	if (parsed_option(&t->parsed, "--keys", &option)) {
		name = take_cstr(&t->c, option);
		return name != NULL && file_read(&t->c, AT_FDCWD, name, IDENTITY_MAX, &text) &&
		    trusted_read(t, text, ret);
	}
	if (!identity_ids(t, &id, &n))
		return false;
	if (n == 0)
		return fail(&t->c, E_USAGE,
		    "no vendor is known here: give his public keys with --keys");
	for (size_t i = 0; i < n; i++) {
		owned(identity_done) struct identity one = { 0 };

		if (!identity_choose(t, &id[i], &one))
			return false;
		keys_move(&one, ret);
	}
	return true;
}
