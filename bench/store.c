/*
 * What the store costs: durable acts (a token, the answer to its request, an audit row) in groups
 * of 64, audit rows of reads, and the verification of the audit; beside it what SQLite alone takes
 * for the same rows in the same groups. All CPU time of the process is counted, the asking side's
 * and the kernel's too. Prints a line for each: name, how many a second, microseconds of CPU each.
 *
 *	store FOLDER ACTS NOTES
 */
#include <stdio.h>
#include <unistd.h>

#include <sqlite3.h>

#include "bench.h"
#include "store.h"

enum { FLIGHT = 64, BODY = 400, LOG_PAGES = 4000 };

struct load {
	struct act act[FLIGHT];
	struct ctx c[FLIGHT];
	struct id made[FLIGHT];
	struct store *s;
	struct id vendor;
	_Atomic int64_t left, over;
	char body[BODY];
};
static struct load load;

static _Noreturn void
give_up(const char *what, const char *why)
{
	fprintf(stderr, "store: %s: %s\n", what, why);
	exit(1);
}

/* The keys stand for digests: any well spread bytes will do, and cost nothing here. */
static void
cheap_random(void *to, size_t n)
{
	static uint64_t state;

	for (uint8_t *p = to, *end = p + n; p < end; p++) {
		uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		*p = (uint8_t)(z ^ (z >> 27));
	}
}

/* ---- The store ------------------------------------------------------------------------------ */

static bool
token_and_answer(struct ctx *c, struct db *db, struct act *a)
{
	struct token t = {
		.id = id_new(c, "tok"),
		.vendor = load.vendor,
		.name = STR("continuous integration"),
		.roles = ROLE_ISSUER,
		.created = c->now(),
	};
	struct answer answer = {
		.status = 201, .sealed = { load.body, BODY }, .at = t.created
	};
	struct digest256 key;

	c->random(&t.digest, sizeof t.digest);
	c->random(&key, sizeof key);
	c->random(&answer.request, sizeof answer.request);
	load.made[a - load.act] = t.id;
	a->audit.object = str_of(load.made[a - load.act].s);
	return token_insert(c, db, &t) && answer_insert(c, db, &key, &answer);
}

static struct audit_entry
entry(const char *action)
{
	return (struct audit_entry){
		.vendor = str_of(load.vendor.s),
		.actor = STR("tok_019c18a1-8a00-7d1e-a3f0-0c9ed1c2b3a4"),
		.action = str_of(action),
		.request = STR("req_019c18a1-8a00-7d1e-a3f0-0c9ed1c2b3a4"),
		.address = STR("192.0.2.17"),
	};
}

/* A client of a closed loop: asks again as soon as it is answered. */
static void
again(struct act *a)
{
	size_t i = (size_t)(a - load.act);

	if (!a->ok)
		give_up("act", a->c->err.text);
	arena_reset(load.c[i].mem);
	load.over++;
	if (load.left-- <= 0)
		return;
	a->audit = entry("token.create");
	if (!store_submit(a->c, load.s, a))
		give_up("submit", a->c->err.text);
}

static int64_t
acts(int64_t n)
{
	load.left = n - FLIGHT;
	load.over = 0;
	for (size_t i = 0; i < FLIGHT; i++) {
		load.c[i] = ctx_real(arena_new(1 << 16), "bench");
		load.c[i].random = cheap_random;
		load.act[i] = (struct act){ .run = token_and_answer, .done = again };
		load.act[i].c = &load.c[i];
		load.act[i].audit = entry("token.create");
		if (!store_submit(&load.c[i], load.s, &load.act[i]))
			give_up("submit", load.c[i].err.text);
	}
	while (load.over < n)
		usleep(1000);
	for (size_t i = 0; i < FLIGHT; i++)
		arena_free(&load.c[i].mem);
	return n;
}

static int64_t
notes(int64_t n)
{
	struct arena *mem = arena_new(1 << 16);
	struct ctx c = ctx_real(mem, "bench");
	struct audit_entry e = entry("token.list");
	uint64_t before = store_counts(load.s).notes;

	for (int64_t i = 0; i < n; i++)
		while (!store_note(&c, load.s, &e)) {
			if (c.err.code != E_BUSY)
				give_up("note", c.err.text);
			usleep(2000);
		}
	while (store_counts(load.s).notes < before + (uint64_t)n)
		usleep(1000);
	arena_free(&mem);
	return n;
}

static int64_t
verify(int64_t n)
{
	const struct audit_check check = { 0 };
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "bench");
	struct db *db = NULL;
	int64_t rows = n, bad;

	if (!reader_open(&c, load.s, &db) || !audit_verify(&c, db, &check, &rows, &bad))
		give_up("verify", c.err.text);
	reader_close(&db);
	arena_free(&mem);
	return rows;
}

/* ---- SQLite alone --------------------------------------------------------------------------- */

static sqlite3 *alone;

static void
sql(const char *text)
{
	if (sqlite3_exec(alone, text, NULL, NULL, NULL) != SQLITE_OK)
		give_up(text, sqlite3_errmsg(alone));
}

static sqlite3_stmt *
prepared(const char *text)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v3(alone, text, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) !=
	    SQLITE_OK)
		give_up(text, sqlite3_errmsg(alone));
	return st;
}

static void
step(sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE)
		give_up("step", sqlite3_errmsg(alone));
	(void)sqlite3_reset(st);
}

static int64_t
rows_alone(int64_t n)
{
	sqlite3_stmt *token = prepared(
	    "INSERT INTO token SELECT vendor, ?1, randomblob(32), name,"
	    " roles, created, expires, revoked, version FROM token"
	    " WHERE rowid = 1");
	sqlite3_stmt *answer = prepared("INSERT INTO answer (key, request, status, sealed, at)"
					" SELECT randomblob(32), request, status, sealed, at"
					" FROM answer WHERE seq = 1");
	sqlite3_stmt *audit = prepared("INSERT INTO audit SELECT ?1, at, vendor, actor, action,"
				       " object, outcome, request, address, detail, hash"
				       " FROM audit WHERE seq = 2");
	int64_t seq = 10;

	for (int64_t i = 0; i < n; i += FLIGHT) {
		sql("BEGIN IMMEDIATE");
		for (int j = 0; j < FLIGHT; j++, seq++) {
			char id[48];

			snprintf(id, sizeof id, "tok_ffffffff-ffff-7fff-ffff-%012llx",
			    (unsigned long long)seq);
			sqlite3_bind_text(token, 1, id, 40, SQLITE_STATIC);
			sqlite3_bind_int64(audit, 1, seq);
			step(token);
			step(answer);
			step(audit);
		}
		sql("COMMIT");
	}
	sqlite3_finalize(token);
	sqlite3_finalize(answer);
	sqlite3_finalize(audit);
	return n;
}

static int
log_move(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)arg;
	if (pages >= LOG_PAGES)
		(void)sqlite3_wal_checkpoint_v2(
		    db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

/* ---- Measuring ------------------------------------------------------------------------------ */

static void
measure(const char *what, int64_t (*run)(int64_t), int64_t n)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	double done = (double)run(n);

	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	printf("%s %.0f %.3f\n", what, done / wall, cpu / done * 1e6);
}

static bool
add_vendor(struct ctx *c, struct db *db, struct act *a)
{
	struct vendor v = { .id = load.vendor, .name = STR("Bench"), .created = c->now() };

	(void)a;
	return vendor_insert(c, db, &v);
}

static void
begin(struct ctx *c, const char *dir)
{
	struct store_conf conf = { dir, FLIGHT, 4096, 50, 0 };
	struct act first = { .run = add_vendor, .c = c, .audit.actor = STR("system") };

	if (!store_open(c, &conf, &load.s))
		give_up(dir, c->err.text);
	load.vendor = id_new(c, "ven");
	if (!store_do(c, load.s, &first))
		give_up("vendor", c->err.text);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new(1 << 20), "bench");
	int64_t n, more;
	char path[512];

	if (argc != 4 || !str_number(str_of(argv[2]), FLIGHT, INT32_MAX, &n) ||
	    !str_number(str_of(argv[3]), 1, INT32_MAX, &more))
		give_up("usage", "store FOLDER ACTS NOTES");
	begin(&c, argv[1]);
	measure("act", acts, n);
	measure("note", notes, more);
	measure("verify", verify, 0);
	store_close(&load.s);
	snprintf(path, sizeof path, "%s/hallmark.db", argv[1]);
	if (sqlite3_open(path, &alone) != SQLITE_OK)
		give_up(path, sqlite3_errmsg(alone));
	sql("DELETE FROM audit WHERE seq > 2; DELETE FROM token WHERE rowid > 1;"
	    "DELETE FROM answer WHERE seq > 1; VACUUM;"
	    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536");
	(void)sqlite3_wal_hook(alone, log_move, NULL);
	measure("alone", rows_alone, n);
	(void)sqlite3_close(alone);
	arena_free(&c.mem);
	return 0;
}
