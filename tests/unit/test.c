/*
 * The few things that every unit test needs and Check does not have. Check runs each test in a
 * process of its own, so what is static here belongs to one test; the folder for temporary files
 * is made by the first process and removed by it when all tests are over, crashed ones too.
 */
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define TEST_ARENA_MAX ((size_t)64 << 20)

static int64_t clock_ms = TEST_NOW;
static uint64_t random_state = 1;
static char root[] = "/tmp/hallmark-test-XXXXXX";
static struct arena *arenas[64]; /* still reachable at exit, hence no leaks */
static struct ctx contexts[COUNT(arenas)];
static size_t contexts_used;

static int64_t
fixed_now(void)
{
	return clock_ms;
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do, zero too. */
static uint64_t
next_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
seeded_random(void *to, size_t n)
{
	uint8_t *p = to;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)next_random();
}

struct ctx *
test_ctx(void)
{
	size_t i = contexts_used++;

	ck_assert_msg(i < COUNT(arenas), "a test takes at most %zu contexts", COUNT(arenas));
	arenas[i] = arena_new(TEST_ARENA_MAX);
	ck_assert_ptr_nonnull(arenas[i]);
	contexts[i] = (struct ctx){
		.mem = arenas[i],
		.now = fixed_now,
		.random = seeded_random,
		.tag = "test",
	};
	return &contexts[i];
}

void
test_clock_set(int64_t ms)
{
	clock_ms = ms;
}

void
test_seed(uint64_t seed)
{
	random_state = seed;
}

/* Names that live until the program ends: kept in sight, so that no leak check sees them lost. */
static char *
kept_name(const char *folder, const char *name)
{
	static char *kept[4096];
	static size_t n;
	char *path = NULL;

	ck_assert_uint_lt(n, COUNT(kept));
	ck_assert_int_gt(asprintf(&path, "%s/%s", folder, name), 0);
	return kept[n++] = path;
}

const char *
test_folder(void)
{
	char *name = kept_name(root, "XXXXXX");

	ck_assert_msg(mkdtemp(name) != NULL, "cannot make %s", name);
	return name;
}

const char *
test_path(const char *folder, const char *name)
{
	return kept_name(folder, name);
}

void
test_err(struct ctx *c, enum err_code want, const char *file, int line)
{
	if (c->err.code != want)
		ck_abort_msg("%s:%d: wanted %s, not %s: %s [%s] at '%s'", file, line,
		    err_wire(want), err_wire(c->err.code), c->err.text, c->err.detail,
		    c->err.at);
	c->err = (struct err){ 0 };
}

void
test_str(struct str got, struct str want, const char *file, int line)
{
	if (!str_same(got, want))
		ck_abort_msg(
		    "%s:%d: wanted \"%.*s\", not \"%.*s\"", file, line, STRF(want), STRF(got));
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	(void)remove(path);
	return 0;
}

int
test_main(const char *name, const struct test_row *rows, size_t n)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	if (mkdtemp(root) == NULL) {
		perror(root);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < n; i++) {
		TCase *one = tcase_create(name);

		tcase_add_loop_test(one, rows[i].test, 0, (int)rows[i].times);
		suite_add_tcase(suite, one);
	}
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
