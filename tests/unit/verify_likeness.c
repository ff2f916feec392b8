/*
 * Likeness: a copy ranks before all strangers, by maps and by answers; a suspect that cannot be
 * asked or explained is a sentence and never a rank; and the same secret gives the same findings.
 */
#include <math.h>
#include <stdio.h>

#include "likeness_support.h"

/* ---- One case ---------------------------------------------------------------------------- */

/*
 * x -> Mod -> GlobalAveragePool -> Flatten -> Gemm: takes the toys, and nobody knows what its
 * inputs stand for.
 */
static struct net
unexplained(struct ctx *c)
{
	static const char *const mod[] = { "x", "k", NULL };
	static const char *const pool[] = { "a", NULL }, *const flat[] = { "p", NULL };
	static const char *const gemm[] = { "b", "w", NULL };
	struct buf g = pb_new(), m = pb_new(), opset = pb_new(), attr = pb_new();
	struct buf node = pb_node("Mod", mod, "a"),
		   pooled = pb_node("GlobalAveragePool", pool, "p"),
		   flatten = pb_node("Flatten", flat, "b"), last = pb_node("Gemm", gemm, "y");
	struct str bytes;

	pb_text(&attr, 1, "fmod");
	pb_int(&attr, 3, 1);
	pb_int(&attr, 20, 2);
	pb_message(&node, 5, &attr);
	pb_message(&g, 1, &node);
	pb_message(&g, 1, &pooled);
	pb_message(&g, 1, &flatten);
	pb_message(&g, 1, &last);
	pb_text(&g, 2, "net");
	pb_floats(&g, 5, "k", (const int64_t[]){ 1 }, 1);
	pb_floats(&g, 5, "w", (const int64_t[]){ 2, CLASSES }, 2);
	pb_value(&g, 11, "x", (const int64_t[]){ -1, 2, 6, 6 }, 4);
	pb_value(&g, 12, "y", (const int64_t[]){ -1, CLASSES }, 2);
	pb_int(&m, 1, 7);
	pb_message(&m, 7, &g);
	pb_int(&opset, 2, 13);
	pb_message(&m, 8, &opset);
	ck_ok(c, take_copy(c, buf_str(&m), &bytes));
	return net_open(c, bytes);
}

static struct evidence *
likened(struct house *h, struct net *suspect)
{
	return likened_by(h, house_probes(h), suspect);
}

static const struct evidence_test *
print_of(const struct evidence *e)
{
	return &e->test[TEST_FINGERPRINT];
}

static const struct evidence_test *
boundary_of(const struct evidence *e)
{
	return &e->test[TEST_BOUNDARY];
}

/* Neither test ran, and both say why in these words. */
static void
gave_up(const struct evidence *e, const char *words)
{
	ck_assert(!print_of(e)->ran && !boundary_of(e)->ran);
	ck_assert_msg(
	    strstr(print_of(e)->why, words) != NULL, "not '%s': %s", words, print_of(e)->why);
	ck_assert_str_eq(print_of(e)->why, boundary_of(e)->why);
	ck_assert_uint_eq(e->pictures, 0);
}

/* ---- Ranks ------------------------------------------------------------------------------- */

static const float moves[] = { 0, .02F, .1F };

START_TEST(copies_rank_first)
{
	owned(house_done) struct house h;
	struct net copy;
	const struct evidence *e;
	struct str before;

	house_open(&h);
	before = net_weights(h.c, &h.owner);
	copy = copy_of(h.c, &h.owner, moves[_i]);
	e = likened(&h, &copy);
	ck_assert(print_of(e)->planned && print_of(e)->ran);
	ck_assert(boundary_of(e)->planned && boundary_of(e)->ran);
	ck_assert_int_eq(print_of(e)->trials, NULLS);
	ck_assert_int_eq(boundary_of(e)->trials, NULLS);
	ck_assert_int_eq(print_of(e)->hits, 0);
	ck_assert_int_eq(boundary_of(e)->hits, 0);
	ck_assert_uint_eq(e->pictures, EVIDENCE_PICTURES_MAX);
	ck_assert_int_eq(e->picture[0].width, 6);
	ck_assert_int_eq(e->picture[0].height, 6);
	if (moves[_i] == 0) {
		ck_assert_double_eq_tol(print_of(e)->score, 1, 1e-6);
		ck_assert_double_eq_tol(boundary_of(e)->score, 1, 1e-12);
		ck_assert_mem_eq(e->picture[0].owner, e->picture[0].suspect, 36);
	}
	ck_assert(str_same(before, net_weights(h.c, &h.owner)));
	net_done(&copy);
}
END_TEST

START_TEST(strangers_are_less_alike)
{
	owned(house_done) struct house h;
	struct net other, copy;
	const struct evidence *e, *of_copy;

	house_open(&h);
	other = taught(h.c, &h.toys, CLASSES, 99);
	copy = copy_of(h.c, &h.owner, .02F);
	e = likened(&h, &other);
	of_copy = likened(&h, &copy);
	ck_assert(print_of(e)->ran && boundary_of(e)->ran);
	ck_assert_double_lt(print_of(e)->score, print_of(of_copy)->score - .2);
	ck_assert_double_lt(boundary_of(e)->score, boundary_of(of_copy)->score - .05);
	net_done(&other);
	net_done(&copy);
}
END_TEST

START_TEST(findings_follow_from_the_secret)
{
	owned(house_done) struct house h;
	struct net copy;
	const struct evidence *a, *b, *other;

	house_open(&h);
	copy = copy_of(h.c, &h.owner, .1F);
	a = likened(&h, &copy);
	b = likened(&h, &copy);
	ck_assert_mem_eq(a->test, b->test, sizeof a->test);
	ck_assert_mem_eq(a->fact, b->fact, sizeof a->fact);
	ck_assert_mem_eq(a->picture[5].suspect, b->picture[5].suspect, 36);
	h.secret.b[0] = 8;
	other = likened(&h, &copy);
	ck_assert_mem_ne(a->picture[0].owner, other->picture[0].owner, 36);
	net_done(&copy);
}
END_TEST

/* ---- What cannot be ranked --------------------------------------------------------------- */

START_TEST(without_nulls_nothing_is_planned)
{
	owned(house_done) struct house h;
	const struct evidence *e;

	house_open(&h);
	h.nulls.n = 0;
	e = likened(&h, &h.owner);
	ck_assert(!print_of(e)->planned && !print_of(e)->ran);
	ck_assert(!boundary_of(e)->planned && !boundary_of(e)->ran);
	ck_assert_ptr_nonnull(strstr(print_of(e)->why, "independent"));
	ck_assert_ptr_nonnull(strstr(boundary_of(e)->why, "independent"));
	ck_assert_uint_eq(e->pictures, EVIDENCE_PICTURES_MAX);
}
END_TEST

START_TEST(nulls_that_do_not_fit_are_left_out)
{
	owned(house_done) struct house h;
	struct sample odd = sample_new();
	struct net copy;
	const struct evidence *e;

	house_open(&h);
	ck_ok(h.c, onnx_read(h.c, sample_bytes(&odd), &h.model[NULLS]));
	h.nulls.n = NULLS + 1;
	copy = copy_of(h.c, &h.owner, .02F);
	e = likened(&h, &copy);
	ck_assert_int_eq(print_of(e)->trials, NULLS);
	ck_assert_int_eq(boundary_of(e)->trials, NULLS);
	ck_assert_str_eq(e->fact[e->facts - 1].label, "Null models left out");
	ck_assert_ptr_nonnull(strstr(e->fact[e->facts - 1].value, "1 of 6"));
	net_done(&copy);
}
END_TEST

static const struct {
	int64_t outputs;
	const char *says;
} widths[] = { { CLASSES + 1, NULL }, { CLASSES - 1, NULL }, { CLASSES + 2, "another task" },
	{ CLASSES - 2, "another task" } };

START_TEST(one_class_more_or_less_is_usual)
{
	owned(house_done) struct house h;
	struct net suspect;
	const struct evidence *e;

	house_open(&h);
	suspect = net_fresh(h.c, widths[_i].outputs, 5);
	e = likened(&h, &suspect);
	if (widths[_i].says != NULL)
		gave_up(e, widths[_i].says);
	else
		ck_assert(print_of(e)->ran && boundary_of(e)->ran);
	net_done(&suspect);
}
END_TEST

static void
spoil(struct net *n, struct str weight)
{
	struct nn_weight *w = nn_weight_by_name(n->graph, weight);

	ck_assert_ptr_nonnull(w);
	for (int64_t i = 0; i < w->count; i++)
		w->data[i] = NAN;
	nn_graph_changed(n->graph);
}

/* A Relu may hide them from the answers, but not from the maps. */
START_TEST(numbers_that_are_none_are_said)
{
	owned(house_done) struct house h;
	struct net suspect;
	const struct evidence *e;

	house_open(&h);
	suspect = copy_of(h.c, &h.owner, 0);
	spoil(&suspect, STR("conv.w"));
	e = likened(&h, &suspect);
	ck_assert(!print_of(e)->ran);
	ck_assert_ptr_nonnull(strstr(print_of(e)->why, "not finite"));
	spoil(&suspect, STR("gemm.w"));
	gave_up(likened(&h, &suspect), "not finite");
	net_done(&suspect);
}
END_TEST

START_TEST(another_input_is_said)
{
	owned(house_done) struct house h;
	struct sample odd = sample_new();
	struct net suspect;

	house_open(&h);
	suspect = net_open(h.c, sample_bytes(&odd));
	gave_up(likened(&h, &suspect), "cannot be asked");
	net_done(&suspect);
}
END_TEST

/* Answers can be compared where decisions cannot be explained. */
START_TEST(operators_without_a_rule_are_named)
{
	owned(house_done) struct house h;
	struct net suspect;
	const struct evidence *e;

	house_open(&h);
	suspect = unexplained(h.c);
	e = likened(&h, &suspect);
	ck_assert(!print_of(e)->ran && boundary_of(e)->ran);
	ck_assert_msg(strstr(print_of(e)->why, "Mod") != NULL, "%s", print_of(e)->why);
	net_done(&h.owner);
	h.owner = suspect;
	e = likened(&h, &h.null[0]);
	ck_assert(!print_of(e)->ran && !boundary_of(e)->ran);
	ck_assert_ptr_nonnull(strstr(boundary_of(e)->why, "alike"));
	ck_assert_msg(strstr(print_of(e)->why, "Mod") != NULL, "%s", print_of(e)->why);
}
END_TEST

MAIN("verify_likeness", EACH(copies_rank_first, moves), ONE(strangers_are_less_alike),
    ONE(findings_follow_from_the_secret), ONE(without_nulls_nothing_is_planned),
    ONE(nulls_that_do_not_fit_are_left_out), EACH(one_class_more_or_less_is_usual, widths),
    ONE(numbers_that_are_none_are_said), ONE(another_input_is_said),
    ONE(operators_without_a_rule_are_named))
