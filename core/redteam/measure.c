/*
 * What is left of a model and of what it says about its origin. Every suspect is measured alike:
 * right answers to the vendor's test samples, then the tests of a verification, of answers that
 * come through all that its thief has put around it, and of weights if anybody can see them. What
 * follows is the verification's own arithmetic, once for each test alone and once for all.
 */
#include <math.h>
#include <stdio.h>

#include "parts.h"

/* Commitments stand before any suspect: here as two moments, one after the other. */
enum { COMMITTED = 1, APPEARED = 2 };
#define EPS1 1e-6
enum { CHUNK = 256 }; /* samples that are asked at a time */

struct measuring {
	struct redteam *r;
	struct redteam_suspect *s;
	struct redteam_asker *asker;
	/* Of answers, of weights; and of both. */
	struct evidence *answers, *weights, *all;
	struct redteam_point point;
};

static void
measuring_done(struct measuring *m)
{
	redteam_asker_free(&m->asker);
	free(m->answers);
	free(m->weights);
	free(m->all);
}

/* Is what went wrong the suspect's, and no fault of ours? */
static bool
is_suspects(const struct ctx *c)
{
	return c->err.code == E_INPUT || c->err.code == E_CONFLICT || c->err.code == E_LIMIT ||
	    c->err.code == E_ABSENT;
}

/* Then it is a sentence; the first one stays. */
MUST static bool
excused(struct ctx *c, struct redteam_point *p)
{
	if (!is_suspects(c))
		return false;
	if (p->why[0] == '\0')
		(void)snprintf(p->why, sizeof p->why, "%s", c->err.text);
	c->err = (struct err){ 0 };
	return true;
}

/* ---- Right answers ----------------------------------------------------------------------- */

static void
floats_free(float **v)
{
	free(*v);
	*v = NULL;
}

/* Rows of samples or pictures, as asked, and room for the answers. */
struct rows {
	float *x, *out;
};

static void
rows_done(struct rows *r)
{
	floats_free(&r->x);
	floats_free(&r->out);
}

MUST static bool
rows_new(struct ctx *c, const struct measuring *m, int64_t n, struct rows *ret)
{
	int64_t classes = redteam_asker_classes(m->asker);

	ret->x = calloc((size_t)(n * m->r->form.count + 1), sizeof *ret->x);
	ret->out = calloc((size_t)(n * classes + 1), sizeof *ret->out);
	if (ret->x == NULL || ret->out == NULL)
		return fail(c, E_MEMORY, "no memory for %lld answers", (long long)n);
	return true;
}

MUST static bool
count_right(struct ctx *c, struct measuring *m)
{
	const struct redteam_half *j = &m->r->judges;
	const struct loss *loss = &m->r->the.work.loss;
	int64_t n = j->labels.n, classes = redteam_asker_classes(m->asker), right = 0;
	int64_t places = data_places(&j->labels);
	owned(rows_done) struct rows rows = { 0 };

	m->point.accuracy = -1;
	if (n < 1)
		return true;
	if (loss_places(loss, classes) != places)
		return fail(c, E_INPUT,
		    "the suspect answers with %lld numbers, not as many as "
		    "there are labels",
		    (long long)classes);
	if (!rows_new(c, m, CHUNK, &rows))
		return false;
	for (int64_t at = 0, some; at < n; at += some) {
		some = n - at < CHUNK ? n - at : CHUNK;
		data_floats(&j->data.form, data_sample(&j->samples, at), some, rows.x);
		if (!redteam_asker_ask(c, m->asker, rows.x, some, rows.out))
			return false;
		for (int64_t i = 0; i < some; i++) {
			const float *out = rows.out + i * classes;

			right += verify_highest(out, classes) >= 0 &&
			    loss_right(loss, out, j->labels.v + (at + i) * places, classes);
		}
	}
	m->point.accuracy = (double)right / (double)n;
	return true;
}

/* ---- Keys -------------------------------------------------------------------------------- */

MUST static bool
ask_side(struct ctx *c, struct measuring *m, const struct data_form *form,
    const struct image *picture(const struct keyset *, int), struct verify_answer ret[])
{
	const struct keyset *k = m->r->the.keys;
	int64_t classes = redteam_asker_classes(m->asker), count = m->r->form.count;
	owned(rows_done) struct rows rows = { 0 };

	if (!rows_new(c, m, k->pairs, &rows))
		return false;
	for (int i = 0; i < k->pairs; i++)
		data_floats(form, picture(k, i)->v, 1, rows.x + i * count);
	if (!redteam_asker_ask(c, m->asker, rows.x, k->pairs, rows.out))
		return false;
	for (int i = 0; i < k->pairs; i++) {
		ret[i].answer = verify_highest(rows.out + i * classes, classes);
		ret[i].ordinary = verify_highest(rows.out + i * classes, k->classes);
	}
	return true;
}

static double
share_of(const struct verify_answer v[], int n, int32_t answer)
{
	int hits = 0;

	for (int i = 0; i < n; i++)
		hits += v[i].answer == answer;
	return (double)hits / n;
}

MUST static bool
ask_keys(struct ctx *c, struct measuring *m)
{
	const struct keyset *k = m->r->the.keys;
	int64_t classes = redteam_asker_classes(m->asker);
	struct verify_answer *key = take(c, 2 * (size_t)k->pairs * sizeof *key);
	struct verify_answers said = { .keys = k, .n = k->pairs, .key = key };
	struct data_form form;

	if (key == NULL)
		return false;
	said.twin = key + k->pairs;
	said.widened = classes > k->classes;
	if (classes < k->classes)
		return fail(c, E_INPUT, "the suspect tells %lld classes apart, the original %d",
		    (long long)classes, k->classes);
	if (!asker_form(c, m->r->the.work.graph, keyset_key(k, 0), m->r->the.raw, &form) ||
	    !ask_side(c, m, &form, keyset_key, key) ||
	    !ask_side(c, m, &form, keyset_twin, key + k->pairs) ||
	    !verify_answers(c, &said, m->r->the.seed, m->answers))
		return false;
	m->point.keys = share_of(key, k->pairs, k->classes);
	m->point.twins = share_of(said.twin, k->pairs, k->classes);
	m->point.labels = 0;
	for (int i = 0; i < k->pairs; i++)
		m->point.labels += key[i].ordinary == k->runner_up[i];
	m->point.labels /= k->pairs;
	return true;
}

/* All that asking tells. */
MUST static bool
ask(struct ctx *c, struct measuring *m)
{
	return redteam_asker_new(c, m->r, m->s, &m->asker) && count_right(c, m) &&
	    (m->r->the.keys == NULL || ask_keys(c, m));
}

/* ---- Weights ----------------------------------------------------------------------------- */

MUST static bool
look(struct ctx *c, struct measuring *m)
{
	struct onnx_model model;
	struct str file;

	if (!redteam_suspect_file(c, m->s, &file) || !onnx_read(c, file, &model))
		return false;
	return verify_weights(c, &m->r->release, &model, m->r->the.threads, NULL, m->weights);
}

/* ---- What follows ------------------------------------------------------------------------ */

static void
commit(struct evidence *e)
{
	e->appeared = APPEARED;
	e->commitments = 1;
	e->commitment[0] = (struct evidence_commitment){ .what = "release", .at = COMMITTED };
	e->trace.eps1 = EPS1;
}

/* What one test decides, as if no other had been planned. */
MUST static bool
decide_alone(
    struct ctx *c, const struct evidence *of, enum evidence_test_id id, struct redteam_point *p)
{
	struct evidence *e;

	if (!of->test[id].planned)
		return true;
	p->alone[id] = VERDICT_NO_EVIDENCE;
	if (!of->test[id].ran)
		return true;
	e = take(c, sizeof *e);
	if (e == NULL)
		return false;
	*e = *of;
	for (size_t i = 0; i < TEST_COUNT; i++)
		e->test[i].planned = i == (size_t)id;
	evidence_conclude(e);
	p->alone[id] = e->verdict;
	return true;
}

static void
join(struct measuring *m)
{
	struct evidence *e = m->all;
	const struct evidence *w = m->weights;

	*e = *m->answers;
	e->test[TEST_WEIGHTS] = w->test[TEST_WEIGHTS];
	e->trace = w->trace;
	for (size_t i = 0; i < w->controls && e->controls < EVIDENCE_CONTROLS_MAX; i++)
		e->control[e->controls++] = w->control[i];
	evidence_conclude(e);
}

MUST static bool
conclude(struct ctx *c, struct measuring *m)
{
	struct redteam_point *p = &m->point;
	const struct evidence_test *w = &m->weights->test[TEST_WEIGHTS];

	if (!decide_alone(c, m->answers, TEST_WATERMARK, p) ||
	    !decide_alone(c, m->answers, TEST_LABELS, p) ||
	    !decide_alone(c, m->weights, TEST_WEIGHTS, p))
		return false;
	join(m);
	p->verdict = m->all->verdict;
	p->weights_z = w->ran ? w->score : NAN;
	for (size_t i = 0; i < TEST_COUNT; i++)
		p->log10_p[i] = m->all->test[i].ran ? m->all->test[i].adjusted : 0;
	for (size_t i = 0; i < m->all->trace.n; i++) {
		const struct evidence_customer *k = &m->all->trace.best[i];
		bool in = k->number >= 1 && k->number <= (uint32_t)m->s->colluders;

		p->named = p->named || (k->accused && in);
		p->innocents += k->accused && !in;
	}
	if (p->why[0] == '\0' && w->planned && !w->ran)
		(void)snprintf(p->why, sizeof p->why, "%s", w->why);
	return true;
}

/* ---- One suspect ------------------------------------------------------------------------- */

MUST static bool
measuring_new(struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct measuring *m)
{
	m->r = r;
	m->s = s;
	m->answers = calloc(1, sizeof *m->answers);
	m->weights = calloc(1, sizeof *m->weights);
	m->all = calloc(1, sizeof *m->all);
	if (m->answers == NULL || m->weights == NULL || m->all == NULL)
		return fail(c, E_MEMORY, "no memory for evidence");
	commit(m->answers);
	commit(m->weights);
	m->answers->test[TEST_WATERMARK].planned = r->the.keys != NULL;
	m->answers->test[TEST_LABELS].planned = r->the.keys != NULL;
	m->weights->test[TEST_WEIGHTS].planned = r->release.terms.log_l != 0 && !s->asked_only;
	return true;
}

MUST static bool
measure(struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct redteam_point *ret)
{
	owned(measuring_done) struct measuring m = { .point = *ret };

	if (s->claim != NULL)
		return redteam_claim_measure(c, r, s, ret);
	if (!measuring_new(c, r, s, &m))
		return false;
	if (!ask(c, &m) && !excused(c, &m.point))
		return false;
	if (m.weights->test[TEST_WEIGHTS].planned && !look(c, &m) && !excused(c, &m.point))
		return false;
	if (!conclude(c, &m))
		return false;
	*ret = m.point;
	return true;
}

struct redteam_point
redteam_nothing(double x)
{
	struct redteam_point p = { .x = x,
		.accuracy = -1,
		.keys = -1,
		.twins = -1,
		.labels = -1,
		.weights_z = NAN,
		.verdict = VERDICT_CANNOT_DECIDE };

	for (size_t i = 0; i < TEST_COUNT; i++)
		p.alone[i] = VERDICT_CANNOT_DECIDE;
	return p;
}

/* The context of a suspect: its memory, and an error of its own. */
static struct ctx
ctx_of(const struct ctx *c, const struct redteam_suspect *s)
{
	struct ctx own = *c;

	own.mem = s->mem;
	own.err = (struct err){ 0 };
	return own;
}

bool
redteam_base(struct ctx *c, struct redteam *r, struct redteam_point *ret)
{
	return redteam_other(c, r, (struct str){ 0 }, ret);
}

bool
redteam_other(struct ctx *c, struct redteam *r, struct str file, struct redteam_point *ret)
{
	owned(redteam_suspect_done) struct redteam_suspect s = { 0 };
	struct redteam_point p = redteam_nothing(0);
	struct ctx own;

	r->row = "";
	if (!redteam_suspect_new(c, r, 1, &s))
		return false;
	own = ctx_of(c, &s);
	if ((file.p != NULL && !redteam_suspect_replace(&own, &s, file) &&
		!excused(&own, &p)) ||
	    (p.why[0] == '\0' && !measure(&own, r, &s, &p))) {
		c->err = own.err;
		return false;
	}
	(void)snprintf(p.what, sizeof p.what, "%s", file.p == NULL ? "untouched" : "a file");
	*ret = p;
	return true;
}

/* ---- One point --------------------------------------------------------------------------- */

bool
redteam_point(struct ctx *c, struct redteam *r, const struct redteam_row *row, size_t point,
    const struct redteam_watch *watch, struct redteam_point *ret)
{
	owned(redteam_suspect_done) struct redteam_suspect s = { 0 };
	struct redteam_point p;
	int64_t began;
	struct ctx own;
	bool ok;

	if (point >= row->points[REDTEAM_FULL])
		return fail(c, E_INTERNAL, "%s has no point %zu", row->id, point);
	p = redteam_nothing(row->x[point]);
	r->row = row->id;
	r->watch = watch != NULL ? *watch : (struct redteam_watch){ 0 };
	if (!redteam_suspect_new(c, r, 1, &s))
		return false;
	own = ctx_of(c, &s);
	redteam_tell(r, 0, "%s", row->title);
	began = clock_monotonic();
	ok = row->run(&own, r, p.x, &s) || excused(&own, &p);
	p.seconds = (double)(clock_monotonic() - began) / 1000;
	(void)snprintf(p.what, sizeof p.what, "%s", s.what);
	if (ok && p.why[0] == '\0')
		ok = measure(&own, r, &s, &p);
	if (!ok) {
		c->err = own.err;
		return false;
	}
	*ret = p;
	return true;
}
