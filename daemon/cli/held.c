/*
 * A license as it lies on this machine: its files, the lock that one process at a time has, the
 * check that needs nobody, and the record of the time last seen that each check leaves, in two
 * places.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "customer.h"

/* ---- Its files --------------------------------------------------------------------------- */

void
held_done(struct held *h)
{
	fd_done(&h->lock);
}

MUST static bool
part(struct cli *t, const struct held *h, const char *name, size_t max, struct str *ret)
{
	char *path = take_printf(&t->c, "%s/%s", h->folder, name);

	return path != NULL && file_if_any(&t->c, path, max, ret);
}

MUST static bool
lock(struct cli *t, struct held *h)
{
	char *path = take_printf(&t->c, "%s/lock", h->folder);

	if (path == NULL)
		return false;
	h->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (h->lock < 0 || flock(h->lock, LOCK_EX) != 0)
		return fail_errno(&t->c, "lock", path);
	return true;
}

MUST static bool
parts_read(struct cli *t, struct held *h)
{
	const char *state;

	if (!folder_of(t, "XDG_STATE_HOME", ".local/state", &state))
		return false;
	h->witness_path = take_printf(&t->c, "%s/%s", state, h->license.s);
	return h->witness_path != NULL &&
	    part(t, h, "license.jws", 2 * LICENSE_MAX, &h->file) &&
	    part(t, h, "revocations.jws", 2 * REVOCATIONS_MAX, &h->list) &&
	    part(t, h, "unlock.jwe", JOSE_MAX, &h->unlock) &&
	    part(t, h, "unlock.sealed", JOSE_MAX + SEAL_OVERHEAD, &h->sealed) &&
	    part(t, h, "record", 2 * LAST_SEEN_SIZE, &h->record) &&
	    file_if_any(&t->c, h->witness_path, 2 * LAST_SEEN_SIZE, &h->witness);
}

bool
held_open(struct cli *t, struct str license, bool make, struct held *ret)
{
	owned(held_done) struct held h = { .lock = -1 };

	if (!id_parse(&t->c, license, "lic", &h.license))
		return fail(&t->c, E_USAGE, "a license is named by its id, lic_…");
	h.folder = take_printf(&t->c, "%s/licenses/%s", t->folder, h.license.s);
	if (h.folder == NULL)
		return false;
	if (!make && access(h.folder, F_OK) != 0)
		return fail(&t->c, E_ABSENT,
		    "%s is not on this machine: begin with hallmark license fetch",
		    h.license.s);
	if (!folder_make(&t->c, h.folder) || !lock(t, &h) || !parts_read(t, &h) ||
	    !machine_collect(&t->c, "/", &h.license, &h.machine))
		return false;
	*ret = h;
	h.lock = -1;
	return true;
}

bool
held_put(struct cli *t, const struct held *h, const char *name, struct str bytes)
{
	char *path = take_printf(&t->c, "%s/%s", h->folder, name);

	return path != NULL && file_replace(&t->c, AT_FDCWD, path, 0600, bytes);
}

static void
dir_done(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
	*d = NULL;
}

bool
held_ids(struct cli *t, struct id **ret, size_t *ret_n)
{
	char *all = take_printf(&t->c, "%s/licenses", t->folder);
	owned(dir_done) DIR *d = all == NULL ? NULL : opendir(all);
	struct id *id = take(&t->c, HELD * sizeof *id);
	const struct dirent *e;
	size_t n = 0;

	if (all == NULL || id == NULL)
		return false;
	while (d != NULL && n < HELD && (e = readdir(d)) != NULL) {
		struct ctx try = t->c;

		n += id_parse(&try, str_of(e->d_name), "lic", &id[n]);
	}
	*ret = id;
	*ret_n = n;
	return true;
}

/* ---- The record -------------------------------------------------------------------------- */

/* Record first, then witness: see license.h. */
MUST static bool
remember(struct cli *t, struct held *h, const struct key256 *key, const struct last_seen *seen)
{
	struct buf b;

	if (!take_buf(&t->c, LAST_SEEN_SIZE, &b) || !last_seen_put(&t->c, key, seen, &b) ||
	    !held_put(t, h, "record", buf_str(&b)) ||
	    !file_replace(&t->c, AT_FDCWD, h->witness_path, 0600, buf_str(&b)))
		return false;
	h->record = h->witness = buf_str(&b);
	return true;
}

/* What a license file says, before its signature was looked at. */
MUST static bool
claims_peek(struct ctx *c, struct str file, struct license_claims *ret)
{
	struct str head, payload, bytes;

	(void)str_cut(&file, '.', &head);
	(void)str_cut(&file, '.', &payload);
	return base64url_decode(c, payload, &bytes) && license_claims_read(c, bytes, ret);
}

/* One of the two copies, written under the old key, or by an earlier attempt under the new one. */
MUST static bool
copy_read(struct ctx *c, const struct key256 key[2], struct str bytes, struct last_seen *ret)
{
	return last_seen_read(c, &key[0], bytes, ret) || last_seen_read(c, &key[1], bytes, ret);
}

bool
held_rekey(struct cli *t, const struct id *license, const struct id *customer,
    const struct ec_key *old, const struct ec_key *new)
{
	owned(held_done) struct held h = { .lock = -1 };
	struct last_seen record, witness;
	struct license_claims claims;
	struct ctx try = t->c;
	struct key256 key[2];
	bool ok = held_open(t, str_of(license->s), false, &h) &&
	    last_seen_key(&t->c, old, license, &key[0]) &&
	    last_seen_key(&t->c, new, license, &key[1]);

	/* What was altered, or put back, stays so: the check has to see it. */
	if (ok && claims_peek(&try, h.file, &claims) &&
	    strcmp(claims.customer.s, customer->s) == 0 &&
	    copy_read(&try, key, h.record, &record) &&
	    copy_read(&try, key, h.witness, &witness) && record.uses >= witness.uses)
		ok = remember(t, &h, &key[1], &record);
	explicit_bzero(key, sizeof key);
	return ok;
}

bool
held_forget_altered(struct cli *t, struct held *h, const struct ec_key *private)
{
	owned(key256_done) struct key256 key = { 0 };
	char *path = take_printf(&t->c, "%s/record", h->folder);
	struct ctx try = t->c;
	struct last_seen s;

	if (path == NULL || !last_seen_key(&t->c, private, &h->license, &key))
		return false;
	if ((h->record.n == 0 || last_seen_read(&try, &key, h->record, &s)) &&
	    (h->witness.n == 0 || last_seen_read(&try, &key, h->witness, &s)))
		return true;
	output_say(CLI,
	    STR("the record of the time last seen was altered; it begins anew, with the "
		"license that was just fetched"));
	if ((unlink(path) != 0 && errno != ENOENT) ||
	    (unlink(h->witness_path) != 0 && errno != ENOENT))
		return fail_errno(&t->c, "remove", path);
	h->record = h->witness = STR("");
	return true;
}

/* ---- The check --------------------------------------------------------------------------- */

bool
verdict_ok(struct ctx *c, const struct verdict *v)
{
	switch (verdict_answer(v->code)) {
	case ANSWER_YES:
		return true;
	case ANSWER_UNDECIDED:
		return fail_named(
		    c, E_UNDECIDED, verdict_wire(v->code), "%s", verdict_sentence(v->code));
	case ANSWER_NO:
		return fail_named(
		    c, E_REFUSED, verdict_wire(v->code), "%s", verdict_sentence(v->code));
	}
	abort(); /* the compiler has seen every case */
}

bool
held_check(struct cli *t, struct held *h, const struct identity *who,
    const struct ec_key *private, bool running, struct offline *ret_in,
    struct offline_result *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	struct offline in = {
		.license = h->file,
		.keys = (const struct ec_key *const *)who->key,
		.keys_n = who->keys,
		.vendor = who->vendor,
		.customer = who->customer,
		.list = h->list,
		.key = &key,
		.record = h->record,
		.witness = h->witness,
		.machine = &h->machine,
		.image = t->shown == NULL ? NULL : &t->shown->pixels,
		.running = running,
		.now = seconds_of(t->c.now()),
	};
	struct offline_result r;

	if (!last_seen_key(&t->c, private, &h->license, &key) ||
	    !license_check_offline(&t->c, &in, &r) ||
	    (r.next.uses > 0 && !remember(t, h, &key, &r.next)))
		return false;
	in.key = NULL;
	*ret_in = in;
	*ret = r;
	return true;
}

bool
held_identity(struct cli *t, const struct held *h, struct identity *ret)
{
	struct license_claims claims;

	if (h->file.n == 0)
		return identity_choose(t, NULL, ret);
	if (!claims_peek(&t->c, h->file, &claims))
		return fail_named(&t->c, E_INTEGRITY, verdict_wire(V_LICENSE_MALFORMED), "%s",
		    verdict_sentence(V_LICENSE_MALFORMED));
	return identity_choose(t, &claims.customer, ret);
}

/* ---- This machine ------------------------------------------------------------------------ */

/* The first that is there names it: what every user may read comes first. */
static const enum component naming[] = { MACHINE_ID, MACHINE_PRODUCT, MACHINE_TPM, MACHINE_DISK,
	MACHINE_CONTAINER };

static const struct digest256 *
component_of(const struct fingerprint *f, enum component what)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->part[i].component == what)
			return &f->part[i].digest;
	return NULL;
}

bool
machine_name(struct cli *t, const struct fingerprint *f, unsigned components, char ret[40])
{
	const struct digest256 *by = NULL, *in = component_of(f, MACHINE_CONTAINER);
	struct digest256 d;
	struct str part[3] = { STR("hallmark machine 1"), STR(""), STR("") };
	struct buf b = { ret, 0, 39, false };

	for (size_t i = 0; i < COUNT(naming) && by == NULL; i++)
		by = component_of(f, naming[i]);
	if (by == NULL)
		return fail(&t->c, E_FILE,
		    "nothing tells this machine from others: give it an /etc/machine-id");
	part[1] = (struct str){ (const char *)by->b, sizeof by->b };
	if (in != NULL && (components & 1u << MACHINE_CONTAINER) != 0)
		part[2] = (struct str){ (const char *)in->b, sizeof in->b };
	if (!sha256_parts(&t->c, part, COUNT(part), &d))
		return false;
	buf_put(&b, STR("m-"));
	base64url_put(&b, d.b, 16);
	ret[b.n] = '\0';
	return true;
}

void
machine_put(struct js *j, const struct fingerprint *f)
{
	char bytes[FINGERPRINT_MAX];
	struct buf b = BUF(bytes);

	if (f->n == 0)
		return;
	fingerprint_put(&b, f);
	js_bytes(j, "fingerprint", b.p, b.n);
}
