/*
 * The end of a run. How it ended is put into its row and kept here until the store has taken it,
 * in one act with the audit row. A worker that ended by itself without a word is given a second
 * chance, for the machine may have been short of something; a third it is not: what takes all
 * memory until the kernel ends it would do so again.
 */
#include "blobs.h"
#include "job.h"
#include "jobs.h"

enum {
	ATTEMPTS_MAX = 2,
	KEEP_MEMORY = 64 << 10,
	STORE_MS = 1000, /* between two tries to store how a job ended */
	RETRY_MS = 500,  /* before a job is claimed that could not run */
};

/* ---- How it ended --------------------------------------------------------------------- */

void
run_ended(struct run *r, enum job_state state, const char *code, const char *text)
{
	r->state = RUN_ENDED;
	r->until = 0;
	r->row.state = state;
	r->row.error_code = str_of(code);
	r->row.error_text = str_of(text);
}

void
run_failed(struct run *r, const struct err *why)
{
	char *text = take_printf(&r->c, "%s", why->text);

	run_ended(r, JOB_FAILED, err_wire(why->code), text != NULL ? text : "");
}

void
run_postponed(struct jobs *j, struct run *r)
{
	r->row.attempts--;
	j->claim_at = clock_monotonic() + RETRY_MS;
	run_ended(r, JOB_QUEUED, "", "");
}

void
run_died(struct jobs *j, struct run *r, const char *how)
{
	char *text;

	log_event(LOG_LEVEL_WARNING, r->row.id.s, "worker-died", "attempt=%lld how=%s",
	    (long long)r->row.attempts, log_quote(str_of(how)));
	if (r->row.attempts < ATTEMPTS_MAX) {
		text = take_printf(&r->c, "the worker %s; once more", how);
		j->claim_at = clock_monotonic() + RETRY_MS;
		run_ended(r, JOB_QUEUED, "", "");
		r->row.done = 0;
		r->row.note = str_of(text);
		return;
	}
	text = take_printf(&r->c, "the worker %s, %lld times", how, (long long)r->row.attempts);
	run_ended(r, JOB_FAILED, err_wire(E_PEER), text != NULL ? text : "");
}

/* ---- Storing -------------------------------------------------------------------------- */

struct keep {
	struct act act;
	struct run *run;
	struct blob_row *gone; /* files to be removed after the commit */
	size_t n;
	char detail[384];
};

static bool
keep_progress(struct ctx *c, struct db *db, struct act *act)
{
	const struct job_row *row = &((struct keep *)(void *)act)->run->row;

	return job_progress(c, db, str_of(row->id.s), row->done, row->total, row->note);
}

void
run_keep(struct jobs *j, struct run *r)
{
	owned(arena_free) struct arena *mem = arena_new(KEEP_MEMORY);
	struct ctx c = ctx_real(mem, r->row.id.s);
	struct keep k = { .act = { .run = keep_progress, .c = &c, .unaudited = true },
		.run = r };

	r->row.note = str_of(r->live.note);
	if (!store_do(&c, j->server->store, &k.act))
		log_failure(&c, "progress-not-stored");
	r->kept_at = clock_monotonic();
	r->moved = false;
}

static bool
keep_end(struct ctx *c, struct db *db, struct act *act)
{
	struct keep *k = (struct keep *)(void *)act;

	return job_finish(c, db, &k->run->row) && effect_done(c, db, k->run, &k->gone, &k->n);
}

static void
hex_put_as(struct buf *b, const char *name, const struct digest256 *d)
{
	buf_printf(b, ",\"%s\":\"", name);
	hex_put(b, d->b, sizeof d->b);
	buf_char(b, '"');
}

static void
release_account(const struct run *r, struct buf *b)
{
	const struct job_made *print = &r->made[RELEASE_FINGERPRINT];
	struct digest256 digest;

	hex_put_as(b, "commitment", &r->release->artifact);
	if (print->size == 0)
		return;
	memcpy(digest.b, print->sha256, sizeof digest.b);
	hex_put_as(b, "fingerprint", &digest);
}

static void
red_team_account(const struct red_team_row *t, struct buf *b)
{
	buf_printf(b,
	    ",\"red_team\":\"%s\",\"attacks\":%lld,\"wins\":%lld,\"false_accusations\":%lld",
	    t->id.s, (long long)t->attacks, (long long)t->wins, (long long)t->accusations);
	hex_put_as(b, "report", &t->report);
}

/* To what the audit is committed from here on, and what was found. */
static void
account_done(const struct run *r, struct buf *b)
{
	const struct verification_row *v = r->verification;

	if (r->watermark != NULL)
		hex_put_as(b, "commitment", &r->watermark->commitment);
	if (r->slots != NULL)
		hex_put_as(b, "commitment", &r->slots->commitment);
	if (r->challenge != NULL)
		hex_put_as(b, "commitment", &r->challenge->commitment);
	if (r->release != NULL)
		release_account(r, b);
	if (r->red_team != NULL)
		red_team_account(r->red_team, b);
	if (v == NULL)
		return;
	buf_printf(b, ",\"verification\":\"%s\",\"verdict\":\"%s\",\"accused\":%lld", v->id.s,
	    verification_verdict_names[v->verdict], (long long)v->accused);
	hex_put_as(b, "report", &v->report);
}

/* What the audit is told of the end. */
static void
account(const struct run *r, struct buf *b)
{
	const struct job_row *row = &r->row;

	buf_printf(b, "{\"kind\":\"%.*s\",\"state\":\"%s\",\"attempt\":%lld", STRF(row->kind),
	    job_state_names[row->state], (long long)row->attempts);
	if (row->state == JOB_FAILED)
		buf_printf(b, ",\"code\":\"%.*s\"", STRF(row->error_code));
	if (row->state == JOB_DONE)
		account_done(r, b);
	buf_char(b, '}');
}

/* The act: the row, what its end means, and the audit row. */
MUST static bool
end_store(struct jobs *j, struct run *r, struct keep *k)
{
	struct job_row *row = &r->row;
	struct buf b = BUF(k->detail);

	row->finished = r->c.now();
	if (row->state != JOB_QUEUED)
		row->note = str_of(r->live.note);
	account(r, &b);
	k->act.audit = (struct audit_entry){ .vendor = str_of(row->vendor.s),
		.actor = STR("system"),
		.action = STR("job.end"),
		.object = str_of(row->id.s),
		.detail = buf_str(&b) };
	r->c.err = (struct err){ 0 };
	if (store_do(&r->c, j->server->store, &k->act))
		return true;
	k->n = 0;
	return r->c.err.code == E_CONFLICT || r->c.err.code == E_ABSENT;
}

/* Tried again until the store has taken it. */
void
run_store(struct jobs *j, struct run *r)
{
	struct job_row *row = &r->row;
	struct keep k = { .act = { .run = keep_end, .c = &r->c }, .run = r };

	if (!effect_prepare(j, r) || !end_store(j, r, &k)) {
		log_failure(&r->c, "job-end-not-stored");
		r->until = clock_monotonic() + STORE_MS;
		return;
	}
	for (size_t i = 0; i < k.n; i++)
		blob_file_remove(&k.gone[i].id);
	if (r->told)
		hooks_wake(j->server->hooks);
	log_event(LOG_LEVEL_INFO, row->id.s, "job-ended", "state=%s attempt=%lld",
	    job_state_names[row->state], (long long)row->attempts);
	run_hidden(j, r, row->state != JOB_QUEUED);
	j->wanted = true;
	arena_free(&r->mem);
	run_put(j, r, &(struct run){ .state = RUN_FREE });
}
