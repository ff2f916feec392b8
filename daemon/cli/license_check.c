/*
 * license fetch, check and explain, as a customer's machine answers them. The check needs nobody
 * but the vendor's public key; what it found is said in a verdict, which the exit status follows.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "customer.h"

enum { ROW_MAX = 16 << 10, REFUSED = 3, ALTERED = 5, UNKNOWN = 2 };

/* ---- Verdicts -------------------------------------------------------------------------------- */

/* What was altered is another matter than what has run out. */
static int
status_of(enum verdict_code code)
{
	static const enum verdict_code altered[] = { V_LICENSE_MALFORMED, V_SIGNATURE_INVALID,
		V_ARTIFACT_MISMATCH, V_REVOCATIONS_INVALID, V_LAST_SEEN_TAMPERED,
		V_LAST_SEEN_FOREIGN, V_LAST_SEEN_REPLAYED };

	for (size_t i = 0; i < COUNT(altered); i++)
		if (altered[i] == code)
			return ALTERED;
	switch (verdict_answer(code)) {
	case ANSWER_YES:
		return 0;
	case ANSWER_UNDECIDED:
		return UNKNOWN;
	case ANSWER_NO:
		return REFUSED;
	}
	abort(); /* the compiler has seen every case */
}

static void
moment_put(struct js *j, const char *name, int64_t seconds)
{
	if (seconds > 0)
		js_time(j, name, seconds * 1000);
}

static void
claims_put(struct js *j, const struct offline_result *r)
{
	const struct license_claims *k = &r->claims;

	js_text(j, "license", str_of(k->license.s));
	js_text(j, "vendor", str_of(k->vendor.s));
	js_text(j, "customer", str_of(k->customer.s));
	js_text(j, "release", str_of(k->release.s));
	moment_put(j, "issued", k->issued);
	moment_put(j, "not_before", k->not_before);
	moment_put(j, "expires", k->expires);
	js_number(j, "seats", k->seats);
	if (k->image != IMAGE_NONE)
		js_text(j, "image", str_of(image_term_name(k->image)));
	js_number(j, "offline", k->offline);
	js_number(j, "list", r->list.number);
	moment_put(j, "list_until", r->list.next_update);
	moment_put(j, "last_seen", r->last_seen);
}

/* The verdict as a row, and as the exit status. */
MUST static bool
verdict_show(struct cli *t, const struct offline_result *r)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, ROW_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_bool(&j, "valid", verdict_answer(r->verdict.code) == ANSWER_YES);
	js_text(&j, "code", str_of(verdict_wire(r->verdict.code)));
	js_text(&j, "detail", str_of(verdict_sentence(r->verdict.code)));
	if (r->verdict.rule[0] != '\0')
		js_text(&j, "rule", str_of(r->verdict.rule));
	moment_put(&j, "until", r->verdict.until);
	if (r->verdict.clock_back)
		js_bool(&j, "clock_back", true);
	if (r->read)
		claims_put(&j, r);
	js_close(&j, '}');
	t->ends = status_of(r->verdict.code);
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

/* ---- Of a license that is held ----------------------------------------------------------- */

/* Everything that lies here for it, looked at; its traces are written. */
MUST static bool
check_held(struct cli *t, struct held *h, struct identity *who, struct offline *ret_in,
    struct offline_result *ret)
{
	owned(ec_key_free) struct ec_key *key = NULL;

	if (h->file.n == 0)
		return fail(&t->c, E_ABSENT,
		    "%s was not fetched yet: begin with hallmark license fetch", h->license.s);
	return held_identity(t, h, who) && identity_enter(t, who, &key) &&
	    held_check(t, h, who, key, false, ret_in, ret);
}

/* The artifact of --artifact must be the licensed one. */
MUST static bool
artifact_look(struct cli *t, struct digest256 *ret, bool *ret_given)
{
	owned(fd_done) int fd = -1;
	struct str option;
	int64_t size;
	char *name;

	*ret_given = parsed_option(&t->parsed, "--artifact", &option);
	if (!*ret_given)
		return true;
	name = take_cstr(&t->c, option);
	if (name == NULL)
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail_errno(&t->c, "open", name);
	return sha256_file(&t->c, fd, &size, ret);
}

MUST static bool
verdict_with_artifact(struct cli *t, struct offline_result *r)
{
	struct digest256 d;
	bool given;

	if (!artifact_look(t, &d, &given))
		return false;
	if (given && r->read && verdict_answer(r->verdict.code) == ANSWER_YES &&
	    !digest256_same(&d, &r->claims.artifact))
		r->verdict = (struct verdict){ .code = V_ARTIFACT_MISMATCH,
			.rule = "artifact" };
	return verdict_show(t, r);
}

/* ---- Of a file that lies anywhere ---------------------------------------------------------- */

MUST static bool
check_file(struct cli *t, const char *name)
{
	owned(trusted_done) struct trusted all = { .n = 0 };
	struct offline in = { .image = t->shown == NULL ? NULL : &t->shown->pixels,
		.now = seconds_of(t->c.now()) };
	struct offline_result r;
	struct fingerprint here;
	struct ctx try = t->c;
	struct str option;
	struct id id;

	if (!file_read(&t->c, AT_FDCWD, name, 2 * LICENSE_MAX, &in.license) ||
	    !trusted_here(t, &all))
		return false;
	in.license = str_trim(in.license);
	while (in.license.n > 0 && in.license.p[in.license.n - 1] == '\n')
		in.license.n--;
	in.keys = (const struct ec_key *const *)all.key;
	in.keys_n = all.n;
	if (parsed_option(&t->parsed, "--revocations", &option) &&
	    !file_read(
		&t->c, AT_FDCWD, take_cstr(&t->c, option), 2 * REVOCATIONS_MAX, &in.list))
		return false;
	if (license_peek(&try, in.license, &id)) {
		if (!machine_collect(&t->c, "/", &id, &here))
			return false;
		in.machine = &here;
	}
	return license_check_offline(&t->c, &in, &r) && verdict_with_artifact(t, &r);
}

/* ---- Commands -------------------------------------------------------------------------------- */

bool
license_check_run(struct cli *t)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	char *name = take_cstr(&t->c, t->parsed.arg[0]);
	struct ctx try = t->c;
	struct offline_result r;
	struct offline in;
	struct id id;

	if (name == NULL || !image_ready(t))
		return false;
	if (!id_parse(&try, t->parsed.arg[0], "lic", &id))
		return check_file(t, name);
	return held_open(t, t->parsed.arg[0], false, &h) && check_held(t, &h, &who, &in, &r) &&
	    verdict_with_artifact(t, &r);
}

bool
license_fetch_run(struct cli *t)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	owned(ec_key_free) struct ec_key *key = NULL;
	struct offline_result r;
	struct offline in;
	bool reached;

	if (!held_open(t, t->parsed.arg[0], true, &h) || !held_identity(t, &h, &who) ||
	    !identity_enter(t, &who, &key) || !license_fetch(t, &h, &who, key, &reached))
		return false;
	if (!reached)
		return fail(&t->c, E_PEER, "%s", t->outage);
	return held_check(t, &h, &who, key, true, &in, &r) && verdict_show(t, &r);
}

/* ---- explain --------------------------------------------------------------------------------- */

MUST static bool
rule_show(struct cli *t, const struct rule_seen *seen)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, ROW_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "rule", str_of(seen->rule));
	js_text(&j, "code", str_of(verdict_wire(seen->code)));
	js_bool(&j, "decided", seen->decided);
	js_text(&j, "saw", str_of(seen->saw));
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

MUST static bool
explain_held(struct cli *t)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	struct rule_seen seen[RULES_MAX];
	struct offline_result r;
	struct offline in;
	char *said;
	size_t n;

	if (!held_open(t, t->parsed.arg[0], false, &h) || !check_held(t, &h, &who, &in, &r))
		return false;
	t->ends = status_of(r.verdict.code);
	if (!r.read)
		return verdict_ok(&t->c, &r.verdict);
	if (!license_explain_offline(&t->c, &in, &r, seen, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!rule_show(t, &seen[i]))
			return false;
	said = take_printf(
	    &t->c, "%s: %s", verdict_wire(r.verdict.code), verdict_sentence(r.verdict.code));
	if (said == NULL || !output_flush(&t->c, t->out))
		return false;
	output_say(CLI, str_of(said));
	return true;
}

/* A license that is held is explained by what lies here; any other question is the server's. */
bool
license_explain_any_run(struct cli *t)
{
	bool asked = parsed_option(&t->parsed, "--action", NULL) ||
	    parsed_option(&t->parsed, "--machine", NULL);
	char *folder = take_printf(
	    &t->c, "%s/licenses/%.*s", t->folder, STRF(t->parsed.arg[0]));
	struct ctx try = t->c;
	struct id id;

	if (folder == NULL)
		return false;
	if (!asked && id_parse(&try, t->parsed.arg[0], "lic", &id) && access(folder, F_OK) == 0)
		return explain_held(t);
	return settings_read(t) && license_explain_run(t);
}
