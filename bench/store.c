/*
 * What the store costs: durable acts (a token, the answer to its request, an audit row) in groups
 * of 64, audit rows of reads, and the verification of the audit. All CPU time of the process is
 * counted, the asking side's and the kernel's too.
 *
 *	store [--quick] [--json]
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "store.h"

enum { FLIGHT = 64, BODY = 400 };

struct result {
	const char *name, *unit;
	double value, bar; /* bar 0: none */
	bool most;         /* the bar is the most it may be; else the least */
};

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

static double
seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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

static _Noreturn void
give_up(const struct ctx *c, const char *what)
{
	fprintf(stderr, "store: %s: %s (%s)\n", what, c->err.text, c->err.detail);
	exit(1);
}

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
		give_up(a->c, "an act failed");
	arena_reset(load.c[i].mem);
	load.over++;
	if (load.left-- <= 0)
		return;
	a->audit = entry("token.create");
	if (!store_submit(a->c, load.s, a))
		give_up(a->c, "submit");
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
			give_up(&load.c[i], "submit");
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
				give_up(&c, "note");
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
	int64_t rows, bad;

	(void)n;
	if (!reader_open(&c, load.s, &db) || !audit_verify(&c, db, &check, &rows, &bad))
		give_up(&c, "verify");
	reader_close(&db);
	arena_free(&mem);
	return rows;
}

/* Adds two rows: how many a second, and the CPU time of one. */
static void
measure(const char *what, int64_t (*run)(int64_t), int64_t n, double bar, struct result *ret)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	int64_t done = run(n);
	double each = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)done * 1e6;

	wall = seconds(CLOCK_MONOTONIC) - wall;
	ret[0] = (struct result){ what, "1/s", (double)done / wall, 0, false };
	ret[1] = (struct result){ what, "us CPU each", each, bar, true };
}

static bool
holds(const struct result *r)
{
	return r->bar == 0 || (r->most ? r->value <= r->bar : r->value >= r->bar);
}

static void
print_table(const struct result *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		printf("%-44s %12.2f %-12s", r[i].name, r[i].value, r[i].unit);
		if (r[i].bar != 0)
			printf(" %s %g: %s", r[i].most ? "at most" : "at least", r[i].bar,
			    holds(&r[i]) ? "holds" : "DOES NOT HOLD");
		putchar('\n');
	}
}

static void
print_json(const struct result *r, size_t n)
{
	char text[8192];
	struct buf out = BUF(text);
	struct js j = { .out = &out };
	struct utsname machine;

	(void)uname(&machine);
	js_open(&j, NULL, '{');
	js_text(&j, "bench", STR("store"));
	js_text(&j, "machine", str_of(machine.machine));
	js_open(&j, "rows", '[');
	for (size_t i = 0; i < n; i++) {
		js_open(&j, NULL, '{');
		js_text(&j, "name", str_of(r[i].name));
		js_real(&j, "value", r[i].value);
		js_text(&j, "unit", str_of(r[i].unit));
		js_null(&j, "peer");
		if (r[i].bar != 0)
			js_real(&j, "bar", r[i].bar);
		else
			js_null(&j, "bar");
		js_bool(&j, "holds", holds(&r[i]));
		js_close(&j, '}');
	}
	js_close(&j, ']');
	js_close(&j, '}');
	printf("%.*s\n", STRF(buf_str(&out)));
}

static bool
add_vendor(struct ctx *c, struct db *db, struct act *a)
{
	struct vendor v = { .id = load.vendor, .name = STR("Bench"), .created = c->now() };

	(void)a;
	return vendor_insert(c, db, &v);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

int
main(int argc, char **argv)
{
	char dir[] = "/var/tmp/hallmark-bench-XXXXXX";
	struct store_conf conf = { dir, FLIGHT, 4096, 50, 0 };
	struct ctx c = ctx_real(arena_new(1 << 20), "bench");
	struct act first = { .run = add_vendor, .c = &c, .audit.actor = STR("system") };
	struct result r[6];
	bool quick = false, json = false, ok = true;

	for (int i = 1; i < argc; i++) {
		quick = quick || strcmp(argv[i], "--quick") == 0;
		json = json || strcmp(argv[i], "--json") == 0;
	}
	if (mkdtemp(dir) == NULL || !store_open(&c, &conf, &load.s))
		give_up(&c, dir);
	load.vendor = id_new(&c, "ven");
	if (!store_do(&c, load.s, &first))
		give_up(&c, "vendor");
	measure("act: token, answer, audit row; durable", acts, quick ? 60000 : 300000, 16, r);
	measure("note: audit row of a read", notes, quick ? 200000 : 1000000, 3, r + 2);
	measure("verification of one audit row", verify, 0, 0, r + 4);
	store_close(&load.s);
	arena_free(&c.mem);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (json)
		print_json(r, COUNT(r));
	else
		print_table(r, COUNT(r));
	for (size_t i = 0; i < COUNT(r); i++)
		ok = ok && holds(&r[i]);
	return ok ? 0 : 1;
}
