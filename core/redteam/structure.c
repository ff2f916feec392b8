/*
 * Changes of a network's shape that leave its answers as they are, or nearly so, and hide what its
 * weights say: channels in another order and at another scale, channels that do nothing, a class
 * cut off, channels that react too strongly taken out.
 */
#include <math.h>

#include "structure.h"

#define ROOM (1 << 16)

static float *
array_of(const struct redteam_suspect *s, struct str name, int64_t *ret_n)
{
	struct nn_weight *w = nn_weight_by_name(s->graph, name);

	*ret_n = w->count;
	return w->data;
}

/* ---- W5: order and scale ------------------------------------------------------------------- */

/* Rows of an array in another order, each times its scale (NULL: as they are). */
static void
rows_turn(float *v, float *room, int64_t rows, int64_t row, const int64_t order[],
    const float scale[])
{
	memcpy(room, v, (size_t)(rows * row) * sizeof *v);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t k = 0; k < row; k++)
			v[i * row + k] = room[order[i] * row + k] *
			    (scale == NULL ? 1 : scale[i]);
}

MUST static bool
layer_turn(struct ctx *c, struct redteam_suspect *s, const struct hidden *h, double decades,
    struct chance *chance)
{
	int64_t n = h->channels, count, *order = take(c, (size_t)n * sizeof *order);
	float *scale = take(c, (size_t)n * sizeof *scale), *room, *v;
	int64_t outer, inner;

	v = array_of(s, h->reader->input[1], &count);
	room = take(c, (size_t)(count + h->most) * sizeof *room);
	if (order == NULL || scale == NULL || room == NULL)
		return false;
	chance_order(chance, order, n);
	for (int64_t i = 0; i < n; i++)
		scale[i] = (float)pow(10, chance_between(chance, -decades, decades));
	outer = h->outputs;
	inner = count / (outer * n);
	memcpy(room, v, (size_t)count * sizeof *v);
	for (int64_t o = 0; o < outer; o++)
		for (int64_t i = 0; i < n; i++)
			for (int64_t k = 0; k < inner; k++)
				v[(o * n + i) * inner + k] =
				    room[(o * n + order[i]) * inner + k] / scale[i];
	for (size_t p = 0; p < h->pieces; p++) {
		v = array_of(s, h->piece[p], &count);
		rows_turn(v, room, n, count / n, order, h->scales[p] ? scale : NULL);
	}
	return true;
}

bool
redteam_try_permute(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct chance chance = redteam_chance(r, 0);
	struct hidden *h = NULL;
	size_t n = 0;

	if (x > 0)
		redteam_say(s, "another order, scales of 10^-%g to 10^%g", x, x);
	else
		redteam_say(s, "another order");
	if (!redteam_hidden_find(c, s, &h, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!layer_turn(c, s, &h[i], x, &chance))
			return false;
	return true;
}

/* ---- W6: channels that do nothing ---------------------------------------------------------- */

/* Of four channels more: one that nobody reads, two that cancel each other, half of another one. */
enum dummy { ZERO, PLUS, MINUS, HALF, DUMMIES };

struct widening {
	const struct hidden *h;
	int64_t more, *like; /* the channel that each new one is like */
	struct onnx_new_tensor tensor[HIDDEN_PIECES + 1];
	struct onnx_edit edit;
};

/* The array with other channels' rows appended. */
MUST static bool
rows_append(struct ctx *c, const struct redteam_suspect *s, struct str name, struct widening *w)
{
	struct onnx_new_tensor *t = &w->tensor[w->edit.tensors++];
	const struct nn_weight *from = nn_weight_by_name(s->graph, name);
	int64_t n = w->h->channels, row = from->count / n;
	float *v = take(c, (size_t)((n + w->more) * row) * sizeof *v);

	if (v == NULL)
		return false;
	memcpy(v, from->data, (size_t)from->count * sizeof *v);
	for (int64_t i = 0; i < w->more; i++)
		memcpy(
		    v + (n + i) * row, from->data + w->like[i] * row, (size_t)row * sizeof *v);
	*t = (struct onnx_new_tensor){ .name = from->name, .rank = from->rank, .f = v };
	memcpy(t->dim, from->dim, sizeof from->dim);
	t->dim[0] = n + w->more;
	return true;
}

/* What the reader makes of the new channels, of one output: inner numbers each. */
static void
columns_fill(
    const struct widening *w, float *to, int64_t inner, double size, struct chance *chance)
{
	int64_t n = w->h->channels;

	for (int64_t i = 0; i < w->more; i++)
		for (int64_t k = 0; k < inner; k++) {
			float *new = &to[(n + i) * inner + k];
			float *old = &to[w->like[i] * inner + k];

			switch ((enum dummy)(i % DUMMIES)) {
			case ZERO:
				*new = 0;
				break;
			case PLUS:
				*new = (float)(size * chance_normal(chance));
				break;
			case MINUS:
				*new = -new[-inner];
				break;
			case HALF:
				*new = *old / 2;
				*old -= *new;
				break;
			case DUMMIES:
				abort();
			}
		}
}

MUST static bool
columns_append(
    struct ctx *c, const struct redteam_suspect *s, struct chance *chance, struct widening *w)
{
	struct onnx_new_tensor *t = &w->tensor[w->edit.tensors++];
	const struct nn_weight *from = nn_weight_by_name(s->graph, w->h->reader->input[1]);
	int64_t n = w->h->channels, outer = w->h->outputs, inner = from->count / (outer * n);
	float *v = take(c, (size_t)(outer * (n + w->more) * inner) * sizeof *v);
	double squares = 0;

	if (v == NULL)
		return false;
	for (int64_t i = 0; i < from->count; i++)
		squares += (double)from->data[i] * (double)from->data[i];
	for (int64_t o = 0; o < outer; o++) {
		float *to = v + o * (n + w->more) * inner;

		memcpy(to, from->data + o * n * inner, (size_t)(n * inner) * sizeof *v);
		columns_fill(w, to, inner, sqrt(squares / (double)from->count), chance);
	}
	*t = (struct onnx_new_tensor){ .name = from->name, .rank = from->rank, .f = v };
	memcpy(t->dim, from->dim, sizeof from->dim);
	t->dim[1] = from->rank > 2 ? n + w->more : (n + w->more) * inner;
	return true;
}

/* The suspect with so many channels more in one hidden layer. */
MUST static bool
layer_widen(struct ctx *c, struct redteam_suspect *s, const struct hidden *h, double share,
    struct chance *chance)
{
	struct widening w = { .h = h };
	struct buf b;

	w.edit.tensor = w.tensor;
	w.more = DUMMIES * (int64_t)ceil(share * (double)h->channels / DUMMIES);
	w.like = take(c, (size_t)w.more * sizeof *w.like);
	if (w.like == NULL)
		return false;
	for (int64_t i = 0; i < w.more; i++)
		w.like[i] = i % DUMMIES == MINUS ? w.like[i - 1]
						 : chance_below(chance, h->channels);
	for (size_t p = 0; p < h->pieces; p++)
		if (!rows_append(c, s, h->piece[p], &w))
			return false;
	if (!columns_append(c, s, chance, &w) ||
	    !take_buf(c, 4 * s->model.bytes.n + ROOM, &b) ||
	    !onnx_write(c, &s->model, &w.edit, buf_sink, &b) || !buf_ok(c, &b))
		return false;
	return redteam_suspect_replace(c, s, buf_str(&b));
}

bool
redteam_try_dummies(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct chance chance = redteam_chance(r, 0);
	size_t n = 1;

	redteam_say(s, "%g %% of channels more", 100 * x);
	for (size_t i = 0; i < n; i++) {
		struct hidden *h = NULL;

		if (!redteam_hidden_find(c, s, &h, &n))
			return false;
		if (i < n && !layer_widen(c, s, &h[i], x, &chance))
			return false;
	}
	return true;
}

/* ---- W7: the additional class --------------------------------------------------------------- */

struct mask {
	int64_t class;
};

static bool
mask_behind(struct ctx *c, void *arg, const float *x, float *out, int64_t n, int64_t classes)
{
	const struct mask *m = arg;

	(void)c;
	(void)x;
	for (int64_t i = 0; i < n && m->class < classes; i++)
		out[i * classes + m->class] = -1e30F;
	return true;
}

/* x: 0 its row is cut off, 1 its answer is never given. */
bool
redteam_try_behead(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct mask *m = take(c, sizeof *m);
	struct buf b;

	if (m == NULL)
		return false;
	m->class = r->the.keys->classes;
	redteam_say(s, "%s", x < .5 ? "its row is cut off" : "its answer is never given");
	if (x > .5) {
		s->filter = (struct redteam_filter){ NULL, mask_behind, NULL, m };
		return true;
	}
	return take_buf(c, s->model.bytes.n + ROOM, &b) &&
	    head_narrow(c, &s->model, buf_sink, &b) && buf_ok(c, &b) &&
	    redteam_suspect_replace(c, s, buf_str(&b));
}
