/*
 * Fetching what is signed: the license file for this machine, the newest list of revocations, and
 * the vendor's keys when others sign than those we know. All of it is checked before it takes the
 * place of what was there.
 */
#include <stdio.h>

#include "customer.h"

enum { BODY_MAX = 2048, KEYS_MAX = 64 << 10 };

/* ---- Asking ---------------------------------------------------------------------------------- */

/* What says nothing about the license: the same may work later. */
static bool
is_outage(const struct err *e)
{
	static const enum err_code codes[] = { E_SLOW, E_RATE, E_SEALED, E_UNINITIALISED,
		E_DRAINING, E_BUSY, E_STORE, E_FULL, E_PEER, E_UNDECIDED, E_INTERNAL };

	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i] == e->code)
			return true;
	return false;
}

bool
ask(struct cli *t, const struct api_request *rq, bool *ret_reached, struct api_answer *ret)
{
	t->silent = false;
	t->outage[0] = '\0';
	*ret_reached = true;
	if (api_call(t, rq, ret))
		return true;
	if (!t->silent && !is_outage(&t->c.err))
		return false;
	snprintf(t->outage, sizeof t->outage, "%s", t->c.err.text);
	t->c.err = (struct err){ 0 };
	*ret_reached = false;
	return true;
}

/* ---- What came ------------------------------------------------------------------------------- */

/* What the file and the list say, without any record: whether they are the vendor's. */
MUST static bool
look(struct cli *t, const struct held *h, const struct identity *who, struct str file,
    struct str list, struct offline_result *ret)
{
	const struct offline in = {
		.license = file,
		.keys = (const struct ec_key *const *)who->key,
		.keys_n = who->keys,
		.vendor = who->vendor,
		.customer = who->customer,
		.list = list,
		.machine = &h->machine,
		.now = seconds_of(t->c.now()),
	};

	return license_check_offline(&t->c, &in, ret);
}

MUST static bool
not_vendors(struct cli *t, const char *what, const struct verdict *v)
{
	return fail_named(&t->c, E_INTEGRITY, verdict_wire(v->code), "%s: %s", what,
	    verdict_sentence(v->code));
}

/* The server's keys beside those that we have; said aloud, for they are what all rests upon. */
MUST static bool
keys_renew(struct cli *t, struct identity *who)
{
	const struct api_request rq = {
		.method = "GET", .path = "/v1/keys", .most = KEYS_MAX, .open = true
	};
	struct api_answer a;
	size_t added;
	char *said;

	if (!api_call(t, &rq, &a) || !identity_trust(t, a.body, who, &added))
		return false;
	if (added == 0)
		return true;
	said = take_printf(
	    &t->c, "the vendor signs with new keys: %zu more are trusted from now on", added);
	if (said == NULL || !identity_write(t, who))
		return false;
	output_say(CLI, str_of(said));
	return true;
}

MUST static bool
file_take(struct cli *t, struct held *h, struct identity *who, struct str file)
{
	struct offline_result r;

	if (!look(t, h, who, file, STR(""), &r) ||
	    (r.verdict.code == V_SIGNER_UNKNOWN &&
		(!keys_renew(t, who) || !look(t, h, who, file, STR(""), &r))))
		return false;
	if (!r.read)
		return not_vendors(t, "the license file that came", &r.verdict);
	if (strcmp(r.claims.license.s, h->license.s) != 0)
		return fail(&t->c, E_PEER, "the server sent another license's file");
	if (!held_put(t, h, "license.jws", file))
		return false;
	h->file = file;
	return true;
}

/* An older list than the one that is here takes nothing's place. */
MUST static bool
list_take(struct cli *t, struct held *h, const struct identity *who, struct str list)
{
	struct offline_result was, is;

	if (!look(t, h, who, h->file, h->list, &was) || !look(t, h, who, h->file, list, &is))
		return false;
	if (is.verdict.code == V_REVOCATIONS_INVALID)
		return not_vendors(t, "the list of revocations that came", &is.verdict);
	if (is.list.number < was.list.number)
		return true;
	if (!held_put(t, h, "revocations.jws", list))
		return false;
	h->list = list;
	return true;
}

/* ---- Fetching -------------------------------------------------------------------------------- */

bool
list_fetch(struct cli *t, struct held *h, const struct identity *who, bool *ret_reached)
{
	struct api_request rq = { .method = "GET", .most = REVOCATIONS_MAX * 2, .open = true };
	struct api_answer a;

	rq.path = take_printf(&t->c, "/v1/vendors/%s/revocations", who->vendor.s);
	return rq.path != NULL && ask(t, &rq, ret_reached, &a) &&
	    (!*ret_reached || list_take(t, h, who, str_trim(a.body)));
}

bool
license_fetch(struct cli *t, struct held *h, struct identity *who, const struct ec_key *private,
    bool *ret_reached)
{
	char body[BODY_MAX];
	struct buf b = BUF(body);
	struct js j = { &b };
	struct api_request rq = { .method = "POST" };
	struct api_answer a;
	struct str file;

	js_open(&j, NULL, '{');
	machine_put(&j, &h->machine);
	js_close(&j, '}');
	rq.path = take_printf(&t->c, "/v1/licenses/%s/file", h->license.s);
	rq.body = buf_str(&b);
	if (rq.path == NULL || !buf_ok(&t->c, &b) || !ask(t, &rq, ret_reached, &a))
		return false;
	if (!*ret_reached)
		return true;
	return cli_text(t, a.body, "license", &file) && file_take(t, h, who, file) &&
	    held_forget_altered(t, h, private) && list_fetch(t, h, who, ret_reached);
}
