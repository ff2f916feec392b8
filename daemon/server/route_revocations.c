/*
 * A vendor's list of revocations: public, signed, numbered, good for a day. It is made when
 * somebody asks for it and the one there is is too old: since then something was revoked, suspended
 * or reinstated, or half of its life has passed. There are at most as many lists as seconds. A list
 * may have megabytes, so it travels in memory of its own, not in the request's.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ranges.h"
#include "license.h"
#include "lists.h"
#include "request.h"

enum {
	LIST_MEMORY =
	    96 << 20,       /* ids as text, as bytes, the payload, and the token made of it */
	FRESH_SECONDS = 60, /* how long a cache may keep it unasked */
};

/* One list is made at a time; others get the one before meanwhile. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* ---- Serving ------------------------------------------------------------------------------- */

static bool
serve(struct ctx *c, struct request *rq, struct db *db, const struct revocation_list *l)
{
	struct str known = request_header(rq, "If-None-Match");
	int64_t left = (l->next_update - c->now()) / 1000;

	reply_etag(rq, l->number, 0);
	rq->reply.type = "application/jose";
	rq->reply.cache = take_printf(&rq->c, "public, max-age=%d, stale-if-error=%lld",
	    left < FRESH_SECONDS ? (int)(left > 0 ? left : 0) : FRESH_SECONDS,
	    (long long)(left > 0 ? left : 0));
	if (rq->reply.cache == NULL)
		return fail(c, E_MEMORY, "no memory for an answer");
	rq->reply.status = 200;
	fd_done(&rq->reply.file);
	if (known.n > 0 && etag_listed(known, str_of(rq->reply.etag))) {
		rq->reply.status = 304;
		return true;
	}
	return list_open(c, db, &l->vendor, l->number, &rq->reply.file);
}

/* ---- Making -------------------------------------------------------------------------------- */

/* Whether the last one will do; if keys are away it does longer, as long as nothing has changed. */
static bool
will_do(struct request *rq, const struct revocation_list *l, int64_t changes)
{
	int64_t now = rq->c.now(),
		half = l->this_update + (l->next_update - l->this_update) / 2;

	if (l->next_update <= now)
		return false;
	if (seconds_of(l->this_update) >= seconds_of(now))
		return true;
	return l->changes == changes &&
	    (now < half || keys_state(rq->server->keys) != KEYS_OPEN);
}

/* Those in either state; `other` may be the same. */
MUST static bool
uuids_of(struct ctx *c, struct db *db, struct str vendor, enum license_state state,
    enum license_state other, int64_t since, const struct uuid **ret, size_t *ret_n)
{
	const enum license_state states[] = { state, other };
	struct id *id[COUNT(states)];
	size_t n[COUNT(states)] = { 0 }, of = state == other ? 1 : COUNT(states), all = 0;
	struct uuid *v;

	for (size_t i = 0; i < of; all += n[i++])
		if (!revocation_ids(c, db, vendor, (int)states[i], since,
			REVOCATIONS_ENTRIES + 1, &id[i], &n[i]))
			return false;
	if (all > REVOCATIONS_ENTRIES)
		return fail(c, E_CONFLICT, "more licenses are revoked than a list can hold");
	v = take(c, all * sizeof *v + 1);
	if (v == NULL)
		return false;
	*ret = v;
	for (size_t i = 0; i < of; i++)
		for (size_t k = 0; k < n[i]; k++)
			if (!uuid_of(c, &id[i][k], v++))
				return false;
	*ret_n = uuids_sort(v - all, all);
	return true;
}

/*
 * What has expired, with the longest grace that there is, needs no entry. What was transferred is
 * another customer's: its old file is as good as revoked.
 */
MUST static bool
payload_make(struct ctx *c, struct request *rq, struct db *db, struct revocation_list *l,
    struct str *ret)
{
	struct str vendor = str_of(l->vendor.s);
	int64_t since = c->now() - GRACE_EXPIRED_MAX * 1000;
	struct revocations r = { .vendor = l->vendor, .number = l->number };
	struct buf out;

	r.this_update = seconds_of(c->now());
	r.next_update = r.this_update + rq->server->conf.revocation_hours * 3600;
	l->this_update = r.this_update * 1000;
	l->next_update = r.next_update * 1000;
	if (!uuids_of(c, db, vendor, LICENSE_REVOKED, LICENSE_TRANSFERRED, since, &r.revoked,
		&r.revoked_n) ||
	    !uuids_of(c, db, vendor, LICENSE_SUSPENDED, LICENSE_SUSPENDED, since, &r.suspended,
		&r.suspended_n) ||
	    !take_buf(c, revocations_size(&r), &out) || !revocations_put(c, &r, &out))
		return false;
	*ret = buf_str(&out);
	return true;
}

/* A new list is stored in an act; its token waits in the reply's file. */
static bool
list_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct revocation_list *l = rq->arg;
	void *at = mmap(NULL, l->token.n, PROT_READ, MAP_SHARED, rq->reply.file, 0);
	bool ok;

	if (at == MAP_FAILED)
		return fail_errno(c, "read", "a list of revocations");
	l->token.p = at;
	ok = revocation_list_put(c, db, l);
	munmap(at, l->token.n);
	l->token.p = NULL;
	if (ok || c->err.code != E_CONFLICT)
		return ok;
	c->err = (struct err){ 0 }; /* another request was first: its list is served */
	return true;
}

/* A copy of `last`'s numbers, one later, signed. */
MUST static bool
list_make(struct ctx *c, struct request *rq, struct db *db, const struct revocation_list *last,
    int64_t changes)
{
	struct revocation_list *l = take(&rq->c, sizeof *l);
	struct str payload, token;

	if (l == NULL)
		return false;
	l->vendor = last->vendor;
	l->number = last->number + 1;
	l->changes = changes;
	if (!payload_make(c, rq, db, l, &payload) ||
	    !keys_sign_revocations(c, rq->server->keys, payload, &token) ||
	    !list_file(c, token, &rq->reply.file))
		return false;
	l->token = (struct str){ NULL, token.n };
	rq->arg = l;
	rq->write = list_write;
	return true;
}

/* ---- The route ----------------------------------------------------------------------------- */

/* The vendor's newest list and its changes since; of number 0, if there is none yet. */
MUST static bool
list_last(struct ctx *c, struct request *rq, struct db *db, struct revocation_list *ret,
    int64_t *ret_changes)
{
	struct vendor vendor;
	bool found;

	if (!vendor_by_id(c, db, rq->param[0], &vendor))
		return false;
	*ret = (struct revocation_list){ 0 };
	if (!revocation_list_head(c, db, rq->param[0], &found, ret, ret_changes))
		return false;
	ret->vendor = vendor.id;
	return true;
}

/* In memory of its own; what goes wrong there is the request's failure. */
MUST static bool
make_apart(struct ctx *c, struct request *rq, struct db *db, const struct revocation_list *last,
    int64_t changes)
{
	owned(arena_free) struct arena *mem = arena_new(LIST_MEMORY);
	struct ctx apart = ctx_real(mem, c->tag);

	if (list_make(&apart, rq, db, last, changes))
		return true;
	c->err = apart.err;
	return false;
}

/* Serves the last one, or has a new one made if `make` says so. */
static bool
list_answer(struct ctx *c, struct request *rq, bool make)
{
	struct revocation_list last;
	struct db *db;
	int64_t changes;
	bool ok;

	if (!server_reader(c, rq->server, &db) || !list_last(c, rq, db, &last, &changes))
		return false;
	if (will_do(rq, &last, changes))
		return serve(c, rq, db, &last);
	if (make && !keys_open(c, rq->server->keys))
		return false;
	if (make && pthread_mutex_trylock(&making) == 0) {
		ok = make_apart(c, rq, db, &last, changes);
		pthread_mutex_unlock(&making);
		return ok;
	}
	if (last.next_update > c->now())
		return serve(c, rq, db, &last);
	return fail(c, E_BUSY, "the list is being made: try again");
}

static bool
list_late(struct ctx *c, struct request *rq)
{
	return list_answer(c, rq, false);
}

bool
revocations_get(struct ctx *c, struct request *rq)
{
	struct id vendor;

	rq->late = list_late;
	return id_parse(c, rq->param[0], "ven", &vendor) && list_answer(c, rq, true);
}
