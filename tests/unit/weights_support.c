/*
 * A release whose copy has leaked, for the tests of who leaked it: the LeNet is sealed, opened with
 * one customer's key, and what a verification says of the copy is held against what it must say.
 */
#include <math.h>
#include <unistd.h>

#include "weights_support.h"

#define EPS1 1e-6

const struct unlock_entry story_locked[2] = { { 2, 3, 0x00400000 }, { 6, 100, 0x80000000 } };

void
story_begin_with(
    struct ctx *c, struct story *s, const struct sealed_options *o, uint32_t entries)
{
	struct house *h = &s->house;

	house_open(c, model_file(c, "fashion-lenet.onnx"), h);
	ck_ok(c, seal_with(c, h, o, story_locked, entries));
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		s->customer[i] = i + 1;
	s->release = (struct verify_release){ .plain = h->plain,
		.model = &h->model,
		.graph = h->graph,
		.secret = h->release,
		.id = h->id,
		.terms = h->made.terms,
		.options = *o,
		.entry = story_locked,
		.entries = entries,
		.customer = s->customer,
		.customers = CUSTOMERS };
	s->copy = open_with(c, h, LEAKER, story_locked, entries);
	s->leaked = read_ok(c, memory_bytes(c, s->copy));
	lenet(c, &s->leaked, s->part);
}

void
story_begin(struct ctx *c, struct story *s)
{
	story_begin_with(c, s, &sealed_marked, 0);
}

void
story_end(struct story *s)
{
	close(s->copy);
	house_done(&s->house);
}

struct evidence *
verified(struct ctx *c, struct story *s, const struct onnx_model *suspect, int threads)
{
	struct evidence *e = take(c, sizeof *e);

	ck_assert_ptr_nonnull(e);
	ck_ok(c, verify_weights(c, &s->release, suspect, threads, NULL, e));
	ck_assert(e->test[TEST_WEIGHTS].planned);
	return e;
}

void
check_named(const struct evidence *e, double z)
{
	const struct evidence_test *t = &e->test[TEST_WEIGHTS];
	const struct evidence_trace *r = &e->trace;
	double limit = log10(EPS1 / CUSTOMERS);
	int64_t all = 0;

	ck_assert_msg(t->ran && r->ran, "%s", t->why);
	ck_assert_uint_eq(r->best[0].number, LEAKER);
	ck_assert_double_ge(r->best[0].z, z);
	ck_assert_double_le(r->best[0].bound_log10, limit);
	ck_assert_double_eq(t->bound_log10, r->best[0].bound_log10);
	ck_assert_double_eq(t->score, r->best[0].z);
	ck_assert_int_eq(t->trials, CUSTOMERS);
	ck_assert_int_eq(r->customers, CUSTOMERS);
	ck_assert_uint_eq(r->n, EVIDENCE_CUSTOMERS_MAX);
	ck_assert_double_gt(r->best[1].bound_log10, limit);
	for (size_t i = 1; i < r->n; i++)
		ck_assert_double_le(r->best[i].z, r->best[i - 1].z);
	for (size_t i = 0; i < EVIDENCE_BINS; i++)
		all += r->bin[i];
	ck_assert_int_eq(all, CUSTOMERS);
	ck_assert_double_eq(r->high, r->best[0].z);
	ck_assert(r->threshold_z > 5.5 && r->threshold_z < 7);
	ck_assert_uint_eq(e->controls, 1);
	ck_assert_int_eq(e->control[0].trials, 1000);
	ck_assert(e->control[0].low >= 20 && e->control[0].low <= 71);
}

void
check_not(const struct evidence *e, const char *says)
{
	const struct evidence_test *t = &e->test[TEST_WEIGHTS];

	ck_assert(!t->ran && !e->trace.ran);
	ck_assert_msg(strstr(t->why, says) != NULL, "%s", t->why);
	ck_assert_str_eq(t->why, e->trace.why);
	ck_assert_uint_eq(e->controls, 0);
}

void
check_nobody(const struct evidence *e)
{
	ck_assert(e->test[TEST_WEIGHTS].ran);
	ck_assert_double_gt(e->test[TEST_WEIGHTS].bound_log10, -6);
	ck_assert_double_lt(e->trace.best[0].z, 5);
	ck_assert_int_le(e->control[0].low, 71);
}
