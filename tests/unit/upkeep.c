/*
 * Tests of the upkeep: what is pruned and what stays, free space, checkpoints that come by
 * themselves.
 */
#include "keys_house.h"

/* ---- Pruning -------------------------------------------------------------------------- */

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

	house_new(c, &h, folder);
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

	house_new(c, &h, folder);
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

	house_new(c, &h, folder);
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

MAIN("upkeep", ONE(old_answers_go), ONE(old_jobs_go_with_their_keys), ONE(full_disk_is_told),
    ONE(checkpoints_come_by_themselves))
