/*
 * Tests of the scheduler, with real workers: every way for a job to end, what watchers hear, what a
 * stop leaves behind.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

#include "job.h"
#include "keys_house.h"

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

	house_new(c, &h, test_folder());
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

	house_new(c, &h, test_folder());
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

	house_new(c, &h, test_folder());
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

	house_new(c, &h, test_folder());
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

	house_new(c, &h, test_folder());
	id = house_job(c, &h, "{\"text\":\"abc\",\"steps\":75,\"step_ms\":20}");
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

	return job_cancel(c, db, STR(""), str_of(x->id.s), 0, clock_now(), &x->state);
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

	house_new(c, &h, test_folder());
	id = house_job(c, &h, "{\"text\":\"x\",\"steps\":9,\"fail\":\"hang\"}");
	ck_until((pid = house_child("hallmark-worker")) != 0, 10);
	ck_assert_int_eq(cancel(c, &h, id), JOB_RUNNING);
	began = clock_monotonic();
	ck_assert_int_eq(house_job_end(c, &h, id).state, JOB_CANCELLED);
	ck_assert_int_lt(clock_monotonic() - began, 5000);
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

	house_new(c, &h, test_folder());
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

	house_new(c, &h, folder);
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

	house_new(c, &h, test_folder());
	/* Both runs are taken, so that these wait until after the seal. */
	first = house_job(c, &h, "{\"text\":\"x\",\"steps\":150,\"step_ms\":10}");
	(void)house_job(c, &h, "{\"text\":\"x\",\"steps\":150,\"step_ms\":10}");
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

	house_new(c, &h, test_folder());
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

	house_new(c, &h, test_folder());
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

MAIN("jobs", ONE(job_is_done), EACH(bad_end_is_tried_twice, bad_ends), ONE(greedy_job_fails),
    ONE(killed_worker_costs_nothing), ONE(result_waits_for_the_disk),
    ONE(cancel_ends_a_hang_now), ONE(queue_waits_its_turn),
    ONE(stop_leaves_it_running_and_it_runs_again), ONE(sealed_house_claims_nothing),
    ONE(watchers_are_told_once), ONE(watchers_are_bounded))
