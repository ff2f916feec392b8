/*
 * What Check lacks for us: a context whose clock stands still and whose randomness repeats, a
 * folder that vanishes afterwards, assertions that show the error, and a main that speaks TAP.
 *
 *	START_TEST(ids_sort_by_birth)
 *	{
 *		struct ctx *c = test_ctx();
 *		…
 *		ck_ok(c, id_parse(c, STR("job_…"), "job", &id));
 *		ck_fails(c, E_ABSENT, id_parse(c, STR("x"), "job", &id));
 *	}
 *	END_TEST
 *
 *	MAIN("base", ONE(ids_sort_by_birth), EACH(times_parse, time_cases))
 */
#ifndef TEST_H
#define TEST_H

#include <check.h>
#undef fail /* an old name of ck_abort, and ours */

#include "base.h"

/* 2026-02-01T12:00:00.000Z, where the clock of test_ctx stands at first. */
#define TEST_NOW INT64_C(1769947200000)

/* A context of this test's own, with an arena of 64 MiB; it lives until the process ends. */
struct ctx *test_ctx(void);
/* Moves the clock of every test_ctx. */
void test_clock_set(int64_t ms);
/* Starts the randomness of every test_ctx anew: same seed, same bytes. */
void test_seed(uint64_t);
/* A fresh, empty folder, 0700; removed with all that it holds when the program ends. */
const char *test_folder(void);
/* "FOLDER/NAME", in memory that lives until the process ends. */
const char *test_path(const char *folder, const char *name);

/* The call is done; if not, shows why. */
#define ck_ok(c, call)                                                               \
	do {                                                                         \
		if (!(call))                                                         \
			ck_abort_msg("%s: %s: %s [%s] at '%s'", #call,               \
			    err_wire((c)->err.code), (c)->err.text, (c)->err.detail, \
			    (c)->err.at);                                            \
	} while (0)
/* The last call failed so; clears the error for the next one. */
#define ck_err(c, want) test_err((c), (want), __FILE__, __LINE__)
/* The call fails, and so. */
#define ck_fails(c, want, call)                                  \
	do {                                                     \
		if (call)                                        \
			ck_abort_msg("%s: did not fail", #call); \
		ck_err((c), (want));                             \
	} while (0)
/* The view holds exactly this literal. */
#define ck_str(view, want) test_str((view), STR(want), __FILE__, __LINE__)

void test_err(struct ctx *, enum err_code want, const char *file, int line);
void test_str(struct str, struct str want, const char *file, int line);

/* One row per test: the test, and how many times it runs with _i = 0, 1, … */
struct test_row {
	const TTest *test;
	size_t times;
};
#define ONE(test)       \
	{               \
		test, 1 \
	}
#define EACH(test, table)          \
	{                          \
		test, COUNT(table) \
	}

/* Runs the rows, prints TAP, returns the exit status of the program. */
int test_main(const char *suite, const struct test_row *, size_t rows);

#define MAIN(suite, ...)                                        \
	int main(void)                                          \
	{                                                       \
		const struct test_row rows[] = { __VA_ARGS__ }; \
                                                                \
		return test_main(suite, rows, COUNT(rows));     \
	}

#endif
