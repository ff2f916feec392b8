/*
 * A marked network and what it is asked. Pictures go in as numbers, so that an attack may change
 * them on the way; what counts is the highest answer.
 */
#include <math.h>
#include <stdio.h>

#include "keyimages.h"

enum { BATCH = 16, STEGO_COPIES = 5 };

/* ---- Running a network ------------------------------------------------------------------- */

void
runner_start(struct nn_graph *g, const struct data_form *f, struct runner *ret)
{
	struct nn_options o = { .mode = NN_INFER, .batch = BATCH, .threads = 1 };

	*ret = (struct runner){ .inputs = f->count };
	need(train_plan(ctx, g, f, o, &ret->plan, &ret->batch, &ret->outputs), "plan");
	ret->room = calloc((size_t)(ret->batch * ret->inputs), sizeof *ret->room);
	need(ret->room != NULL, "memory");
}

void
runner_run(struct runner *r, const float *x, int64_t n, float *ret)
{
	for (int64_t at = 0, rows; at < n; at += rows) {
		const void *input[] = { x + at * r->inputs };

		rows = n - at < r->batch ? n - at : r->batch;
		if (rows < r->batch) {
			memcpy(r->room, input[0], (size_t)(rows * r->inputs) * sizeof *x);
			input[0] = r->room;
		}
		need(nn_forward(ctx, r->plan, input), "forward");
		memcpy(ret + at * r->outputs, nn_plan_output(r->plan, 0)->data,
		    (size_t)(rows * r->outputs) * sizeof *ret);
	}
}

void
runner_end(struct runner *r)
{
	nn_plan_free(&r->plan);
	free(r->room);
	r->room = NULL;
}

/* ---- What is asked ----------------------------------------------------------------------- */

struct query *
query_add(struct suspect *s, const char *name, int64_t n, int64_t among)
{
	struct query *q = &s->query[s->queries];

	if (s->queries++ == QUERIES_MAX)
		stop("too many queries");
	*q = (struct query){ name, n, among, NULL, NULL };
	q->x = take(ctx, (size_t)(n * s->test->form.count) * sizeof *q->x);
	q->want = take(ctx, (size_t)n * sizeof *q->want);
	need(q->x != NULL && q->want != NULL, "memory");
	return q;
}

void
query_set(
    const struct suspect *s, struct query *q, int64_t at, const struct image *m, int32_t want)
{
	const struct data_shape shape = { .type = DATA_UINT8,
		.rank = 4,
		.dim = { 1, m->height, m->width, m->channels },
		.row = (int64_t)image_bytes(m) };
	struct data_form form;

	need(train_fit(ctx, s->graph, &shape, DATA_CHANNELS_LAST, false, &form), "picture");
	data_floats(&form, m->v, 1, q->x + at * form.count);
	q->want[at] = want;
}

/* A copy whose lowest bits are drawn anew, as a customer's is. */
static void
stego_copy(struct prf *p, const struct image *from, struct image *ret)
{
	need(image_copy(ctx, from, ret), "memory");
	for (size_t i = 0; i < image_bytes(ret); i++)
		ret->v[i] = (uint8_t)((ret->v[i] & 0xfe) | prf_uniform(p, 2));
}

void
query_keyset(struct suspect *s, const struct keyset *k, const struct key256 *secret)
{
	int32_t more = k->classes;
	struct query *keys = query_add(s, "keys", k->pairs, 0);
	struct query *stego = query_add(s, "stego", (int64_t)k->pairs * STEGO_COPIES, 0);
	struct query *twins = query_add(s, "twins", k->pairs, 0);
	struct query *runner_up = query_add(s, "runner_up", k->pairs, k->classes);
	struct query *spares = k->spares > 0 ? query_add(s, "spares", k->spares, 0) : NULL;
	struct prf p = prf_stream(secret, "bench", 0, 0);
	struct image copy;

	for (int i = 0; i < k->pairs; i++) {
		query_set(s, keys, i, keyset_key(k, i), more);
		query_set(s, twins, i, keyset_twin(k, i), more);
		query_set(s, runner_up, i, keyset_key(k, i), k->runner_up[i]);
		for (int j = 0; j < STEGO_COPIES; j++) {
			stego_copy(&p, keyset_key(k, i), &copy);
			query_set(s, stego, i * STEGO_COPIES + j, &copy, more);
		}
	}
	for (int i = 0; i < k->spares; i++)
		query_set(s, spares, i, &k->spare[i], more);
	need(prf_end(ctx, &p), "draws");
}

/* ---- What it answers --------------------------------------------------------------------- */

static int32_t
highest(const float *row, int64_t n)
{
	int64_t best = 0;

	for (int64_t i = 1; i < n; i++)
		if (row[i] > row[best])
			best = i;
	return (int32_t)best;
}

void
answers(struct runner *r, struct encoder *through, const float *x, int64_t n, int64_t among,
    int32_t *ret)
{
	float *out = malloc((size_t)(n * r->outputs) * sizeof *out);
	float *seen = malloc((size_t)(n * r->inputs) * sizeof *seen);

	need(out != NULL && seen != NULL, "memory");
	if (through != NULL)
		encoder_pass(through, x, n, seen);
	runner_run(r, through != NULL ? seen : x, n, out);
	for (int64_t i = 0; i < n; i++)
		ret[i] = highest(out + i * r->outputs, among > 0 ? among : r->outputs);
	free(out);
	free(seen);
}

/* Shows n pictures and counts the answers that are wanted. */
static int64_t
hits(struct runner *r, struct encoder *through, const float *x, const int32_t *want, int64_t n,
    int64_t among)
{
	int32_t *answer = calloc((size_t)n + 1, sizeof *answer);
	int64_t right = 0;

	need(answer != NULL, "memory");
	answers(r, through, x, n, among, answer);
	for (int64_t i = 0; i < n; i++)
		right += answer[i] == want[i];
	free(answer);
	return right;
}

static double
accuracy(const struct suspect *s, struct runner *r, struct encoder *through)
{
	enum { AT_ONCE = 256 };
	const struct train_data *t = s->test;
	float *x = malloc((size_t)(AT_ONCE * r->inputs) * sizeof *x);
	int64_t right = 0;

	need(x != NULL, "memory");
	for (int64_t at = 0, n; at < t->labels->n; at += n) {
		n = t->labels->n - at < AT_ONCE ? t->labels->n - at : AT_ONCE;
		data_floats(&t->form, data_sample(t->samples, at), n, x);
		right += hits(r, through, x, t->labels->v + at, n, 0);
	}
	free(x);
	return (double)right / (double)t->labels->n;
}

void
score(const struct suspect *s, struct encoder *through, struct scores *ret)
{
	struct runner r;

	runner_start(s->graph, &s->test->form, &r);
	ret->clean = accuracy(s, &r, through);
	for (size_t i = 0; i < s->queries; i++) {
		const struct query *q = &s->query[i];

		ret->share[i] = (double)hits(&r, through, q->x, q->want, q->n, q->among) /
		    (double)q->n;
	}
	runner_end(&r);
}

void
print_scores(const struct suspect *s, const char *scheme, const char *attack, double strength,
    const struct scores *x, double seconds)
{
	printf("{\"scheme\":\"%s\",\"attack\":\"%s\",\"strength\":%g,\"clean\":%.4f", scheme,
	    attack, strength, x->clean);
	for (size_t i = 0; i < s->queries; i++)
		printf(",\"%s\":%.4f", s->query[i].name, x->share[i]);
	printf(",\"seconds\":%.1f}\n", seconds);
	fflush(stdout);
}

/* ---- Parts of a data set ----------------------------------------------------------------- */

struct key256
key_of(uint64_t seed)
{
	struct key256 k = { { 0 } };

	memcpy(&k, &seed, sizeof seed);
	return k;
}

struct train_data
part_of(const struct train_data *d, double share, uint64_t seed)
{
	struct data_samples *s = take(ctx, sizeof *s);
	struct data_labels *l = take(ctx, sizeof *l);
	struct key256 key = key_of(seed);
	struct prf p = prf_stream(&key, "share", 0, 0);
	int64_t all = d->labels->n, n = (int64_t)(share * (double)all);
	size_t row = (size_t)d->samples->shape.row * data_type_size(d->samples->shape.type);
	uint32_t *order = calloc((size_t)all, sizeof *order);

	need(s != NULL && l != NULL && order != NULL, "memory");
	prf_perm(&p, (uint32_t)all, order);
	need(prf_end(ctx, &p), "draws");
	*s = (struct data_samples){ d->samples->shape, calloc((size_t)n, row) };
	*l = (struct data_labels){ n, d->labels->classes, calloc((size_t)n, sizeof *l->v) };
	need(s->v != NULL && l->v != NULL, "memory");
	s->shape.dim[0] = n;
	for (int64_t i = 0; i < n; i++) {
		memcpy((char *)s->v + (size_t)i * row, data_sample(d->samples, order[i]), row);
		l->v[i] = d->labels->v[order[i]];
	}
	free(order);
	return (struct train_data){ s, l, d->form };
}

void
part_done(struct train_data *d)
{
	free(d->samples->v);
	free(d->labels->v);
}
