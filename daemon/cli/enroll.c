/*
 * enroll: makes a key pair and shows the server that we hold it, with a code from the vendor. The
 * pair is there before anything is asked, and used again if the answer was lost: the same code and
 * the same key give the same answer, however often. `identity rotate` puts another in its place.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "customer.h"

enum { CODE_MAX = 256, BODY_MAX = 4096 };

/* ---- Before: server, authority, key ---------------------------------------------------------- */

/* --server and --ca, or those of `login`. */
MUST static bool
server_of(struct cli *t)
{
	struct str url, ca;

	if (!parsed_option(&t->parsed, "--server", &url))
		return parsed_option(&t->parsed, "--ca", NULL)
		    ? fail(&t->c, E_USAGE, "--ca is of the server that --server names")
		    : settings_server_read(t);
	if (!settings_server(&t->c, url, &t->server))
		return false;
	t->ca = NULL;
	if (!parsed_option(&t->parsed, "--ca", &ca))
		return true;
	t->ca = take_cstr(&t->c, ca);
	return t->ca != NULL;
}

/* Where an enrolment under way is kept: named by its code's digest, which tells nothing of it. */
MUST static bool
place_of(struct cli *t, struct str code, char **ret)
{
	struct digest256 d;
	char text[2 * sizeof d.b];
	struct buf hex = BUF(text);

	if (!sha256(&t->c, code, &d))
		return false;
	hex_put(&hex, d.b, 16);
	*ret = take_printf(&t->c, "%s/customers/new-%.*s", t->folder, STRF(buf_str(&hex)));
	return *ret != NULL && folder_make(&t->c, *ret);
}

MUST static bool
key_ready(struct cli *t, const char *name, struct ec_key **ret)
{
	return access(name, F_OK) == 0 ? key_private(t, name, ret) : key_create(t, name, ret);
}

/* The signer of one request, before there is a name for us: the key's thumbprint is it. */
MUST static bool
sign_as_key(struct cli *t, const struct ec_key *key)
{
	struct digest256 d = ec_key_thumbprint(key);
	struct signer *s = take(&t->c, sizeof *s);
	struct buf kid;

	if (s == NULL || !take_buf(&t->c, 64, &kid))
		return false;
	base64url_put(&kid, d.b, sizeof d.b);
	s->key = key;
	s->kid = buf_str(&kid);
	t->signer = s;
	return true;
}

MUST static bool
ask_to_enroll(struct cli *t, struct str code, const struct ec_key *key, struct str *ret)
{
	char body[BODY_MAX], text[JWK_MAX];
	struct buf b = BUF(body), jwk = BUF(text);
	struct js j = { &b };
	struct api_answer a;
	bool ok;

	ec_key_to_jwk(&jwk, key);
	js_open(&j, NULL, '{');
	js_text(&j, "code", code);
	js_raw(&j, "jwk", buf_str(&jwk));
	js_close(&j, '}');
	ok = sign_as_key(t, key) && cli_post(t, "/v1/enrolments", &b, &a);
	explicit_bzero(body, sizeof body);
	if (ok)
		*ret = a.body;
	return ok;
}

/* ---- After: who we are ----------------------------------------------------------------------- */

/* The answer: {customer, vendor: {id, name}, keys: {…}}. */
MUST static bool
answer_read(struct cli *t, struct str body, const char *folder, struct identity *ret)
{
	owned(identity_done) struct identity who = { .folder = folder, .server = t->server };
	struct json_part *part, vendor, keys;
	struct str customer, id;
	size_t n, added;

	if (!cli_text(t, body, "customer", &customer) || !json_split(&t->c, body, &part, &n))
		return false;
	if (!json_find(part, n, "vendor", &vendor) || !json_find(part, n, "keys", &keys))
		return fail(&t->c, E_PEER, "the server's answer names no vendor or no keys");
	if (!cli_text(t, vendor.value, "id", &id) ||
	    !cli_text(t, vendor.value, "name", &who.vendor_name) ||
	    !id_parse(&t->c, customer, "cus", &who.customer) ||
	    !id_parse(&t->c, id, "ven", &who.vendor) ||
	    !identity_trust(t, keys.value, &who, &added))
		return false;
	*ret = who;
	who.keys = 0;
	return true;
}

MUST static bool
ca_keep(struct cli *t, const char *folder)
{
	char *to = take_printf(&t->c, "%s/ca.pem", folder);
	struct str ca;

	return t->ca == NULL ||
	    (to != NULL && file_read(&t->c, AT_FDCWD, t->ca, CA_MAX, &ca) &&
		file_replace(&t->c, AT_FDCWD, to, 0600, ca));
}

/* Deletes the folder of an identity whose key no server knows any more. */
static void
folder_drop(struct cli *t, const char *folder)
{
	static const char *const names[] = { "key", "identity.json", "ca.pem" };

	for (size_t i = 0; i < COUNT(names); i++) {
		char *path = take_printf(&t->c, "%s/%s", folder, names[i]);

		if (path != NULL)
			(void)unlink(path);
	}
	(void)rmdir(folder);
}

/*
 * Gives the folder its lasting name. If there is one already, of a key that was lost or is to be
 * replaced, the two change places and the old one goes.
 */
MUST static bool
settle(struct cli *t, const struct identity *who)
{
	char *to = take_printf(&t->c, "%s/customers/%s", t->folder, who->customer.s);

	if (to == NULL)
		return false;
	if (renameat2(AT_FDCWD, who->folder, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EEXIST ||
	    renameat2(AT_FDCWD, who->folder, AT_FDCWD, to, RENAME_EXCHANGE) != 0)
		return fail_errno(&t->c, "name the folder", to);
	folder_drop(t, who->folder);
	return true;
}

MUST static bool
show(struct cli *t, const struct identity *who)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, 4096, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", str_of(who->customer.s));
	js_text(&j, "vendor", str_of(who->vendor.s));
	js_text(&j, "vendor_name", who->vendor_name);
	js_text(&j, "server", str_of(who->server));
	js_number(&j, "keys", (int64_t)who->keys);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

bool
enroll_run(struct cli *t)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	owned(identity_done) struct identity who = { 0 };
	struct str code, answer;
	char *folder, *name;

	if (!server_of(t) ||
	    !output_secret(&t->c, t->parsed.arg[0], "enrolment code", CODE_MAX, &code))
		return false;
	if (!str_starts(code, STR("hmc_")))
		return fail(&t->c, E_USAGE, "an enrolment code begins with hmc_");
	if (!place_of(t, code, &folder))
		return false;
	name = take_printf(&t->c, "%s/key", folder);
	return name != NULL && key_ready(t, name, &key) &&
	    ask_to_enroll(t, code, key, &answer) && answer_read(t, answer, folder, &who) &&
	    ca_keep(t, folder) && identity_write(t, &who) && settle(t, &who) && show(t, &who);
}

/* ---- identity list ----------------------------------------------------------------------- */

bool
identity_list_run(struct cli *t)
{
	struct id *id;
	size_t n;

	if (!identity_ids(t, &id, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		owned(identity_done) struct identity who = { 0 };

		if (!identity_choose(t, &id[i], &who) || !show(t, &who))
			return false;
	}
	return true;
}

bool
identity_licenses_run(struct cli *t)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	owned(identity_done) struct identity who = { 0 };

	return identity_choose(t, NULL, &who) && identity_enter(t, &who, &key) &&
	    cli_list(t, "/v1/licenses", "cursor", "", INT64_MAX);
}

/* ---- identity rotate --------------------------------------------------------------------- */

/* Which of two keys the server knows: asked with the one, and refused. */
MUST static bool
is_known(struct cli *t, const struct ec_key *key, bool *ret)
{
	const struct api_request rq = { .method = "GET", .path = "/v1/licenses?limit=1" };
	struct api_answer a;

	t->signer->key = key;
	if (!api_any(t, &rq, &a))
		return false;
	*ret = a.status != 401;
	return true;
}

/* The request, signed with the old key, carries a proof by the new one under the same nonce. */
MUST static bool
replace(struct cli *t, const struct identity *who, const struct ec_key *old,
    const struct ec_key *new)
{
	char *path = take_printf(&t->c, "/v1/customers/%s/key", who->customer.s);
	char body[BODY_MAX], text[JWK_MAX], signature[PROOF_MAX];
	struct buf b = BUF(body), jwk = BUF(text), jws = BUF(signature);
	struct proof p = { .method = STR("PUT") };
	struct js j = { &b };
	struct api_answer a;
	bool known;

	if (path == NULL || !is_known(t, old, &known)) /* which also gives us a nonce */
		return false;
	p.path = str_of(path);
	p.nonce = str_of(t->signer->nonce);
	ec_key_to_jwk(&jwk, new);
	if (!sha256(&t->c, STR(""), &p.body) ||
	    !proof_sign(&t->c, new, t->signer->kid, &p, &jws))
		return false;
	js_open(&j, NULL, '{');
	js_raw(&j, "jwk", buf_str(&jwk));
	js_text(&j, "proof", buf_str(&jws));
	js_close(&j, '}');
	t->signer->key = old;
	return buf_ok(&t->c, &b) &&
	    api_call(t, &(struct api_request){ "PUT", path, buf_str(&b) }, &a);
}

/* Records were written under the old key: they are written anew, so that nothing is forgotten. */
MUST static bool
records_move(struct cli *t, const struct identity *who, const struct ec_key *old,
    const struct ec_key *new)
{
	struct id *id;
	size_t n;

	if (!held_ids(t, &id, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!held_rekey(t, &id[i], &who->customer, old, new))
			return false;
	return true;
}

MUST static bool
rotate(struct cli *t, const struct identity *who, const char *name, const char *next,
    const struct ec_key *old)
{
	owned(ec_key_free) struct ec_key *new = NULL;
	bool known = false;

	if (access(next, F_OK) == 0) { /* an earlier attempt: how far did it come? */
		if (!key_private(t, next, &new) || !is_known(t, new, &known))
			return false;
	} else if (!key_create_like(t, next, name, &new)) {
		return false;
	}
	if (!known && !replace(t, who, old, new))
		return false;
	if (!records_move(t, who, old, new))
		return false;
	if (rename(next, name) != 0)
		return fail_errno(&t->c, "replace", name);
	return show(t, who);
}

bool
identity_rotate_run(struct cli *t)
{
	owned(ec_key_free) struct ec_key *old = NULL;
	owned(identity_done) struct identity who = { 0 };
	char *name, *next;
	bool lost;

	if (!identity_choose(t, NULL, &who))
		return false;
	name = take_printf(&t->c, "%s/key", who.folder);
	next = take_printf(&t->c, "%s/key.next", who.folder);
	return name != NULL && next != NULL && key_passphrase_lost(t, name, &lost) &&
	    (!lost || key_passphrase_keep(t, name)) && identity_enter(t, &who, &old) &&
	    rotate(t, &who, name, next, old);
}
