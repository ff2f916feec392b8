/*
 * release: protected models, and the unlock keys that administrators make for single customers.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admin.h"

static const char *const lock_names[] = { "none", "advparams", "sealed", "advparams+sealed" };

MUST static bool
release_row_send(struct ctx *c, struct call *call, const struct release_row *r)
{
	struct js j;

	call_row_open(call, &j);
	js_text(&j, "id", str_of(r->id.s));
	js_text(&j, "vendor", str_of(r->vendor.s));
	js_text(&j, "model", str_of(r->model.s));
	js_number(&j, "number", r->number);
	js_text(&j, "name", r->name);
	js_text(&j, "state", str_of(release_state_names[r->state]));
	js_text(&j, "locks", str_of(lock_names[r->locks & 3]));
	js_time(&j, "created", r->created);
	return call_row_send(c, call, &j);
}

MUST static bool
release_page(struct ctx *c, struct call *call, struct db *db, const struct id *vendor,
    struct id *after, size_t *ret_n)
{
	struct release_row *r;
	size_t n;

	if (!release_list(
		c, db, str_of(vendor->s), STR(""), str_of(after->s), ADMIN_PAGE, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		*after = r[i].id;
		if (!release_row_send(c, call, &r[i]))
			return false;
	}
	*ret_n = n;
	return true;
}

bool
admin_release_list(struct ctx *c, struct call *call)
{
	return call_pages(c, call, release_page);
}

/* {"customer": …, "expires": …}, for the audit. */
MUST static bool
key_detail(struct ctx *c, const struct keys_unlock *u, struct str *ret)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(c, 128, &b))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "customer", u->customer);
	call_time(&j, "expires", u->expires);
	js_close(&j, '}');
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

/* The key is made first, its audit row is durable next, and only then does a byte leave. */
bool
admin_release_key(struct ctx *c, struct call *call)
{
	owned(fd_done) int fd = memfd_create("unlock-key", MFD_CLOEXEC);
	struct keys_unlock u = { .jwk = call->parsed.arg[2], .issued = c->now() };
	struct release_row r;
	struct str expires;
	struct db *db;
	uint64_t bytes;
	int64_t customer, sent;
	struct js j;

	if (fd < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!server_reader(c, call->server, &db) ||
	    !release_by_id(c, db, STR(""), STR(""), call->parsed.arg[0], &r))
		return false;
	call_concerns(call, &r.vendor);
	if (!str_number(call->parsed.arg[1], 1, UINT32_MAX, &customer))
		return fail(c, E_USAGE, "customers are numbered from 1");
	if (call_option(call, "--expires", &expires) && !grammar_time(c, expires, &u.expires))
		return false;
	if (u.expires != 0 && u.expires <= u.issued)
		return fail_at(c, E_INPUT, "--expires", "the key would have ended already");
	u.release = &r;
	u.customer = (uint32_t)customer;
	if (!keys_unlock_key(c, call->server->keys, db, &u, fd, &bytes) ||
	    !key_detail(c, &u, &call->who.detail) || !call_account(c, call))
		return false;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return fail_errno(c, "rewind", "the key");
	if (!call_file(c, call, fd, (int64_t)bytes, &sent))
		return false;
	call_row_open(call, &j);
	js_number(&j, "bytes", sent);
	return call_row_send(c, call, &j);
}
