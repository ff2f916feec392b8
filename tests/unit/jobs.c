/*
 * Tests of the scheduler and the upkeep, with real workers: every way for a job to end, what
 * watchers hear, what a stop leaves behind, what is pruned.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

#include "job.h"
#include "keys_house.h"

static void
open_working_house(struct ctx *c, struct house *h, const char *folder)
{
	struct audit_entry who = house_who("keys.init");
	struct shares none = { .n = 0 };

	house_open(c, h, folder, NULL);
	ck_ok(c, keys_init(c, h->server.keys, &who, 0, 0, &none));
	house_vendor(c, h, "Aurora");
	house_work(c, h);
}

static bool
is_running(struct house *h, struct id id)
{
	struct job_progress live;
	bool found;

	jobs_progress(h->server.jobs, str_of(id.s), &found, &live);
	return found && live.done > 0;
}

#define LONG_JOB "{\"text\":\"long\",\"steps\":1000,\"step_ms\":20}"

/* ---- Every end ------------------------------------------------------------------------------ */

START_TEST(job_is_done)
{
	struct ctx *c = test_ctx();
	struct job_row row;
	struct house h;

	open_working_house(c, &h, test_folder());
	row = house_job_end(
	    c, &h, house_job(c, &h, "{\"text\":\"abc\",\"steps\":3,\"step_ms\":1}"));
	ck_assert_int_eq(row.state, JOB_DONE);
	ck_assert_int_eq(row.attempts, 1);
	ck_assert_ptr_nonnull(memmem(row.result.p, row.result.n, "ba7816bf", 8));
	ck_assert_int_gt(row.finished, 0);
	ck_assert_uint_eq(house_audited(c, &h, "job.start"), 1);
	ck_assert_uint_eq(house_audited(c, &h, "job.end"), 1);
	house_close(&h);
}
END_TEST

static const char *const bad_ends[] = {
	"{\"text\":\"x\",\"steps\":4,\"fail\":\"crash\"}",
	"{\"text\":\"x\",\"steps\":4,\"fail\":\"exit\"}",
};

START_TEST(bad_end_is_tried_twice)
{
	struct ctx *c = test_ctx();
	struct job_row row;
	struct house h;

	open_working_house(c, &h, test_folder());
	row = house_job_end(c, &h, house_job(c, &h, bad_ends[_i]));
	ck_assert_int_eq(row.state, JOB_FAILED);
	ck_assert_int_eq(row.attempts, 2);
	ck_assert_ptr_nonnull(memmem(row.error_text.p, row.error_text.n, "2 times", 7));
	ck_str(row.error_code, "UNREACHABLE");
	ck_assert_uint_eq(house_audited(c, &h, "job.start"), 2);
	ck_assert_uint_eq(house_audited(c, &h, "job.end"), 2);
	house_close(&h);
}
END_TEST

START_TEST(greedy_job_fails)
{
	struct ctx *c = test_ctx();
	struct job_row row;
	struct house h;

	open_working_house(c, &h, test_folder());
	row = house_job_end(
	    c, &h, house_job(c, &h, "{\"text\":\"x\",\"steps\":4,\"fail\":\"memory\"}"));
	ck_assert_int_eq(row.state, JOB_FAILED);
	ck_assert_uint_gt(row.error_text.n, 0);
	house_close(&h);
}
END_TEST

START_TEST(killed_worker_costs_nothing)
{
	struct ctx *c = test_ctx();
	struct job_row row;
	struct house h;
	struct id id;

	open_working_house(c, &h, test_folder());
	id = house_job(c, &h, "{\"text\":\"abc\",\"steps\":20,\"step_ms\":20}");
	ck_until(is_running(&h, id), 10);
	kill(house_child("hallmark-worker"), SIGKILL);
	row = house_job_end(c, &h, id);
	ck_assert_int_eq(row.state, JOB_DONE);
	ck_assert_int_eq(row.attempts, 2);
	house_close(&h);
}
END_TEST

/* No file of this process may grow: as on a full disk, every commit fails. */
static void
files_may_grow(bool may)
{
	struct rlimit l;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = may ? l.rlim_max : 1;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

START_TEST(result_waits_for_the_disk)
{
	struct ctx *c = test_ctx();
	struct job_progress live;
	struct job_row row;
	struct house h;
	struct id id;
	bool found;

	open_working_house(c, &h, test_folder());
	id = house_job(c, &h, "{\"text\":\"abc\",\"steps\":20,\"step_ms\":20}");
	ck_until(is_running(&h, id), 10);
	files_may_grow(false);
	ck_until(house_child("hallmark-worker") == 0, 10);
	pause_ms(1500);
	ck_assert_int_eq(house_job_row(c, &h, id).state, JOB_RUNNING);
	ck_assert(!server_storage_ok(c, &h.server));
	jobs_progress(h.server.jobs, str_of(id.s), &found, &live);
	ck_assert(found);
	files_may_grow(true);
	row = house_job_end(c, &h, id);
	ck_assert_int_eq(row.state, JOB_DONE);
	ck_assert_int_eq(row.attempts, 1);
	ck_assert_uint_eq(house_audited(c, &h, "job.end"), 1);
	house_close(&h);
}
END_TEST

/* ---- Cancels -------------------------------------------------------------------------------- */

struct cancel {
	struct act act;
	struct id id;
	enum job_state state;
};

static bool
cancel_run(struct ctx *c, struct db *db, struct act *act)
{
	struct cancel *x = (struct cancel *)(void *)act;

	return job_cancel(c, db, STR(""), str_of(x->id.s), 0, c->now(), &x->state);
}

static enum job_state
cancel(struct ctx *c, struct house *h, struct id id)
{
	struct cancel x = { .act = { .run = cancel_run, .c = c }, .id = id };

	x.act.audit = house_who("job.cancel");
	ck_ok(c, store_do(c, h->server.store, &x.act));
	jobs_cancel(h->server.jobs, str_of(id.s));
	return x.state;
}

START_TEST(cancel_ends_a_hang_now)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id id;
	int64_t began;
	pid_t pid;

	open_working_house(c, &h, test_folder());
	id = house_job(c, &h, "{\"text\":\"x\",\"steps\":9,\"fail\":\"hang\"}");
	ck_until((pid = house_child("hallmark-worker")) != 0, 10);
	ck_assert_int_eq(cancel(c, &h, id), JOB_RUNNING);
	began = clock_monotonic();
	ck_assert_int_eq(house_job_end(c, &h, id).state, JOB_CANCELLED);
	ck_assert_int_lt(clock_monotonic() - began, 1000);
	ck_assert_int_ne(kill(pid, 0), 0);
	house_close(&h);
}
END_TEST

/* The first of these jobs that is in this state. */
static struct id
in_state(struct ctx *c, struct house *h, const struct id id[], size_t n, enum job_state state)
{
	for (size_t i = 0; i < n; i++)
		if (house_job_row(c, h, id[i]).state == state)
			return id[i];
	ck_abort_msg("no job is %s", job_state_names[state]);
	abort();
}

static bool
are(struct ctx *c, struct house *h, int64_t queued, int64_t running)
{
	int64_t n[JOB_CANCELLED + 1];

	ck_ok(c, job_count(c, h->db, n));
	return n[JOB_QUEUED] == queued && n[JOB_RUNNING] == running;
}

START_TEST(queue_waits_its_turn)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id id[4], waits, runs;

	open_working_house(c, &h, test_folder());
	for (size_t i = 0; i < COUNT(id); i++)
		id[i] = house_job(c, &h, LONG_JOB);
	ck_until(are(c, &h, 2, 2), 10);
	waits = in_state(c, &h, id, COUNT(id), JOB_QUEUED);
	runs = in_state(c, &h, id, COUNT(id), JOB_RUNNING);
	ck_assert_int_eq(cancel(c, &h, waits), JOB_CANCELLED);
	ck_assert_int_eq(cancel(c, &h, runs), JOB_RUNNING);
	ck_until(are(c, &h, 0, 2), 10);
	ck_assert_int_eq(house_job_row(c, &h, runs).state, JOB_CANCELLED);
	ck_assert_int_eq(house_job_row(c, &h, waits).attempts, 0);
	house_close(&h);
}
END_TEST

/* ---- Stops and seals ------------------------------------------------------------------------ */

START_TEST(stop_leaves_it_running_and_it_runs_again)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct job_row row;
	struct house h;
	struct id id;
	pid_t pid;

	open_working_house(c, &h, folder);
	id = house_job(c, &h, "{\"text\":\"abc\",\"steps\":50,\"step_ms\":20}");
	ck_until(is_running(&h, id), 10);
	pid = house_child("hallmark-worker");
	house_close(&h);
	ck_assert_int_ne(kill(pid, 0), 0);
	house_open(c, &h, folder, NULL);
	ck_assert_int_eq(house_job_row(c, &h, id).state, JOB_RUNNING);
	house_work(c, &h);
	row = house_job_end(c, &h, id);
	ck_assert_int_eq(row.state, JOB_DONE);
	ck_assert_int_eq(row.attempts, 1);
	ck_assert_uint_eq(house_audited(c, &h, "job.requeue"), 1);
	house_close(&h);
}
END_TEST

START_TEST(sealed_house_claims_nothing)
{
	struct ctx *c = test_ctx();
	struct audit_entry seal = house_who("keys.seal"), unseal = house_who("keys.unseal");
	struct house h;
	struct id first, id[3];

	open_working_house(c, &h, test_folder());
	/* Both runs are taken, so that these wait until after the seal. */
	first = house_job(c, &h, "{\"text\":\"x\",\"steps\":50,\"step_ms\":10}");
	(void)house_job(c, &h, "{\"text\":\"x\",\"steps\":50,\"step_ms\":10}");
	ck_until(is_running(&h, first), 10);
	for (size_t i = 0; i < COUNT(id); i++)
		id[i] = house_job(c, &h, "{\"text\":\"abc\",\"steps\":1}");
	ck_ok(c, keys_seal(c, h.server.keys, &seal));
	ck_assert_int_eq(house_job_end(c, &h, first).state, JOB_DONE);
	pause_ms(600);
	for (size_t i = 0; i < COUNT(id); i++)
		ck_assert_int_eq(house_job_row(c, &h, id[i]).state, JOB_QUEUED);
	ck_assert_uint_eq(house_audited(c, &h, "job.start"), 2);
	ck_ok(c, keys_unseal(c, h.server.keys, &unseal, STR("")));
	for (size_t i = 0; i < COUNT(id); i++) {
		ck_assert_int_eq(house_job_end(c, &h, id[i]).state, JOB_DONE);
		ck_assert_int_eq(house_job_row(c, &h, id[i]).attempts, 1);
	}
	house_close(&h);
}
END_TEST

/* ---- Watching ------------------------------------------------------------------------------- */

static void
count(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(watchers_are_told_once)
{
	struct ctx *c = test_ctx();
	atomic_int start = 0, change = 0, end = 0, late = 0, gone = 0;
	struct job_progress live;
	struct house h;
	struct id id;
	uint64_t handle;
	bool found;

	open_working_house(c, &h, test_folder());
	id = house_job(c, &h, "{\"text\":\"x\",\"steps\":20,\"step_ms\":50}");
	ck_assert_uint_ne(jobs_watch(h.server.jobs, str_of(id.s), 0, count, &start), 0);
	ck_until(atomic_load(&start) == 1, 10);
	ck_until(is_running(&h, id), 10);
	jobs_progress(h.server.jobs, str_of(id.s), &found, &live);
	ck_assert(found);
	(void)jobs_watch(h.server.jobs, str_of(id.s), live.serial, count, &change);
	handle = jobs_watch(h.server.jobs, str_of(id.s), live.serial, count, &gone);
	jobs_unwatch(h.server.jobs, handle);
	ck_until(atomic_load(&change) == 1, 10);
	ck_assert_int_eq(house_job_end(c, &h, id).state, JOB_DONE);
	(void)jobs_watch(h.server.jobs, str_of(id.s), live.serial, count, &end);
	(void)jobs_watch(h.server.jobs, str_of(id.s), 0, count, &late);
	ck_until(atomic_load(&end) == 1 && atomic_load(&late) == 1, 5);
	ck_assert_int_eq(start, 1);
	ck_assert_int_eq(change, 1);
	ck_assert_int_le(gone, 1);
	house_close(&h);
}
END_TEST

START_TEST(watchers_are_bounded)
{
	struct ctx *c = test_ctx();
	atomic_int told = 0;
	uint64_t first = 0;
	struct house h;

	open_working_house(c, &h, test_folder());
	for (int i = 0; i < WATCHERS_MAX; i++) {
		uint64_t handle = jobs_watch(h.server.jobs, STR("job_x"), 0, count, &told);

		ck_assert_uint_ne(handle, 0);
		if (i == 0)
			first = handle;
	}
	ck_assert_uint_eq(jobs_watch(h.server.jobs, STR("job_x"), 0, count, &told), 0);
	jobs_unwatch(h.server.jobs, first);
	ck_assert_uint_ne(jobs_watch(h.server.jobs, STR("job_x"), 0, count, &told), 0);
	jobs_cancel(h.server.jobs, STR("job_x"));
	ck_until(atomic_load(&told) == WATCHERS_MAX, 5);
	house_close(&h);
}
END_TEST

/* ---- Upkeep --------------------------------------------------------------------------------- */

struct old {
	struct act act;
	int n;
	int64_t at;
};

static bool
old_answers(struct ctx *c, struct db *db, struct act *act)
{
	struct old *o = (struct old *)(void *)act;
	struct answer a = { .status = 200, .sealed = STR("x"), .at = o->at };
	struct digest256 key;

	for (int i = 0; i < o->n; i++) {
		c->random(&key, sizeof key);
		if (!answer_insert(c, db, &key, &a))
			return false;
	}
	return true;
}

struct pruned {
	struct act act;
	int64_t before;
	size_t n;
};

/* Counts by pruning and taking it back. */
static bool
count_answers(struct ctx *c, struct db *db, struct act *act)
{
	struct pruned *p = (struct pruned *)(void *)act;

	return answer_prune(c, db, p->before, 1000000, &p->n) && fail(c, E_DENIED, "undone");
}

static size_t
answers_before(struct ctx *c, struct house *h, int64_t before)
{
	struct pruned p = { .act = { .run = count_answers, .c = c, .unaudited = true },
		.before = before };

	ck_fails(c, E_DENIED, store_do(c, h->server.store, &p.act));
	return p.n;
}

START_TEST(old_answers_go)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct audit_entry who = house_who("keys.init");
	struct shares none = { .n = 0 };
	int64_t now = clock_now(), day = INT64_C(86400000);
	struct old old = { .n = 20000, .at = now - 2 * day }, new = { .n = 100, .at = now };
	struct house h;

	house_open(c, &h, folder, NULL);
	ck_ok(c, keys_init(c, h.server.keys, &who, 0, 0, &none));
	old.act = (struct act){ .run = old_answers, .c = c, .unaudited = true };
	new.act = old.act;
	ck_ok(c, store_do(c, h.server.store, &old.act));
	ck_ok(c, store_do(c, h.server.store, &new.act));
	ck_assert_uint_eq(answers_before(c, &h, now - day), 20000);
	house_work(c, &h);
	ck_until(answers_before(c, &h, now - day) == 0, 30);
	ck_assert_uint_eq(answers_before(c, &h, now + day), 100);
	house_close(&h);
}
END_TEST

START_TEST(old_jobs_go_with_their_keys)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct job_row row;
	struct data_key_row key;
	struct house h;
	struct id id;

	open_working_house(c, &h, folder);
	row = house_job_end(c, &h, id = house_job(c, &h, "{\"text\":\"x\",\"steps\":1}"));
	ck_ok(c, data_key_by_id(c, h.db, str_of(row.data_key.s), &key));
	house_close(&h);
	house_open(c, &h, folder, NULL);
	h.server.conf.job_days = 0; /* no configuration allows that; a test may */
	house_work(c, &h);
	ck_until(!job_by_id(c, h.db, STR(""), str_of(id.s), &row), 10);
	ck_err(c, E_ABSENT);
	ck_fails(c, E_ABSENT, data_key_by_id(c, h.db, str_of(key.id.s), &key));
	house_close(&h);
}
END_TEST

START_TEST(full_disk_is_told)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct house h;

	open_working_house(c, &h, folder);
	ck_ok(c, server_storage_ok(c, &h.server));
	house_close(&h);
	house_open(c, &h, folder, NULL);
	h.server.conf.disk_reserve_mb = INT64_C(1) << 40;
	house_work(c, &h);
	ck_fails(c, E_FULL, server_storage_ok(c, &h.server));
	house_close(&h);
}
END_TEST

START_TEST(checkpoints_come_by_themselves)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct checkpoint point, last;
	struct digest256 hash;
	struct house h;
	bool found;
	int64_t seq;

	open_working_house(c, &h, folder);
	for (int i = 0; i < 6; i++)
		(void)house_job_end(c, &h, house_job(c, &h, "{\"text\":\"x\",\"steps\":1}"));
	ck_until(checkpoint_last(c, h.db, &found, &point) && found && point.seq >= 5, 5);
	(void)house_job_end(c, &h, house_job(c, &h, "{\"text\":\"x\",\"steps\":1}"));
	house_close(&h);
	/* At the stop one more, over the last row. */
	house_open(c, &h, folder, NULL);
	ck_ok(c, checkpoint_last(c, h.db, &found, &last));
	ck_ok(c, audit_head(c, h.db, &seq, &hash));
	ck_assert_int_gt(last.seq, point.seq);
	ck_assert_int_ge(last.seq, seq - 1); /* this opening has a row of its own */
	house_close(&h);
}
END_TEST

MAIN("jobs", ONE(job_is_done), EACH(bad_end_is_tried_twice, bad_ends), ONE(greedy_job_fails),
    ONE(killed_worker_costs_nothing), ONE(result_waits_for_the_disk),
    ONE(cancel_ends_a_hang_now), ONE(queue_waits_its_turn),
    ONE(stop_leaves_it_running_and_it_runs_again), ONE(sealed_house_claims_nothing),
    ONE(watchers_are_told_once), ONE(watchers_are_bounded), ONE(old_answers_go),
    ONE(old_jobs_go_with_their_keys), ONE(full_disk_is_told),
    ONE(checkpoints_come_by_themselves))
