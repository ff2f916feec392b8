/*
 * What a release is known by as bytes, and back. Questions near a boundary follow from the two ends
 * of their way, so only those are kept.
 *
 *	"HMPS", version, SHA-256 of the model's file, the form of a sample, classes
 *	questions: a sentence why there are none, or ends, turns, mistakes and the owner's answers
 *	maps: a sentence why there are none, or probes and the owner's fingerprint
 *
 * Every count is held against its bound and against what is left before memory is taken for it.
 */
#include "probes_parts.h"

#define MAGIC STR("HMPS")
enum { VERSION = 1, NUMBERS_MAX = 1 << 28, CLASSES_MAX = 1 << 20 };

/* ---- Questions ---------------------------------------------------------------------------- */

static void
questions_put(struct buf *out, const struct probe_set *p)
{
	const struct boundary *b = &p->boundary;
	size_t numbers = (size_t)p->form.count;

	probes_sentence_put(out, p->questions, p->no_questions);
	if (!p->questions)
		return;
	wire_put_u32(out, (uint32_t)b->ways);
	wire_put_u32(out, (uint32_t)b->mistakes);
	probes_numbers_put(out, b->from, (size_t)b->ways * numbers);
	probes_numbers_put(out, b->to, (size_t)b->ways * numbers);
	probes_numbers_put(out, b->wrong, (size_t)b->mistakes * numbers);
	for (int64_t i = 0; i < b->ways; i++)
		wire_put_real(out, b->turn[i]);
	probes_answers_put(out, b->answer, b->near + b->mistakes);
}

MUST static bool
turns_read(struct ctx *c, struct wire *w, int64_t n, const double **ret)
{
	double *turn = take(c, (size_t)n * sizeof *turn);

	if (turn == NULL)
		return false;
	for (int64_t i = 0; i < n; i++) {
		turn[i] = wire_real(w);
		if (w->bad || !(turn[i] >= 0 && turn[i] <= 1))
			return probes_spoilt(c);
	}
	*ret = turn;
	return true;
}

MUST static bool
questions_read(struct ctx *c, struct wire *w, struct probe_set *p)
{
	struct boundary b = { .classes = p->classes };
	size_t numbers = (size_t)p->form.count;
	float *from, *to, *wrong;

	if (!probes_sentence_read(c, w, &p->questions, p->no_questions))
		return false;
	if (!p->questions)
		return true;
	b.ways = wire_u32(w);
	b.mistakes = wire_u32(w);
	if (w->bad || b.ways < 1 || b.ways > BOUNDARY_WAYS || b.mistakes > BOUNDARY_MISTAKES)
		return probes_spoilt(c);
	b.near = b.ways * BOUNDARY_OF_WAY;
	if (!probes_numbers_read(c, w, (size_t)b.ways * numbers, &from) ||
	    !probes_numbers_read(c, w, (size_t)b.ways * numbers, &to) ||
	    !probes_numbers_read(c, w, (size_t)b.mistakes * numbers, &wrong) ||
	    !turns_read(c, w, b.ways, &b.turn) ||
	    !probes_answers_read(c, w, b.near + b.mistakes, -1, p->classes, &b.answer))
		return false;
	b.from = from;
	b.to = to;
	b.wrong = wrong;
	p->boundary = b;
	return boundary_lay(c, p->form.count, &p->boundary);
}

/* ---- Maps --------------------------------------------------------------------------------- */

MUST static bool
maps_put(struct ctx *c, struct buf *out, const struct probe_set *p)
{
	struct str print;

	probes_sentence_put(out, p->printed, p->no_print);
	if (!p->printed)
		return true;
	if (!fingerprint_file_put(c, &p->print, &print))
		return false;
	wire_put_u32(out, probes_bits(p->probes.low));
	wire_put_u32(out, probes_bits(p->probes.high));
	wire_put_real(out, p->blur);
	wire_put_real(out, p->blank);
	wire_put_u8(out, p->copied);
	wire_put_real(out, p->copy.taylor);
	wire_put_real(out, p->copy.epsilon);
	wire_put_str(out, print);
	probes_numbers_put(out, p->probes.samples, (size_t)p->probes.n * (size_t)p->form.count);
	return true;
}

/* What the probes are, out of the form and the fingerprint. */
MUST static bool
probes_shape(struct ctx *c, struct probe_set *p)
{
	const struct data_form *f = &p->form;
	struct fingerprint_probes *q = &p->probes;

	q->n = p->print.probes;
	q->answer = p->print.answer;
	q->channels = f->rank > 1 ? (int)f->dim[0] : 1;
	q->width = (int)f->dim[f->rank - 1];
	q->height = f->rank == 3 ? (int)f->dim[1] : 1;
	if (q->n > VERIFY_PROBES || q->width != p->print.width ||
	    q->height != p->print.height || !(q->low <= q->high))
		return probes_spoilt(c);
	for (int i = 0; i < q->n; i++)
		if (q->answer[i] < 0 || q->answer[i] >= p->classes)
			return probes_spoilt(c);
	return true;
}

/* Likenesses are from -1 to 1, and a little beyond where they are rounded. */
static bool
is_likeness(double v)
{
	return v >= -2 && v <= 2;
}

MUST static bool
print_read(struct ctx *c, struct str bytes, struct fingerprint *ret)
{
	if (fingerprint_file_read(c, bytes, ret))
		return true;
	return c->err.code == E_MEMORY ? false : probes_spoilt(c);
}

MUST static bool
maps_read(struct ctx *c, struct wire *w, struct probe_set *p)
{
	float *samples;
	uint8_t copied;

	if (!probes_sentence_read(c, w, &p->printed, p->no_print))
		return false;
	if (!p->printed)
		return true;
	if (!probes_floats_read(c, w, &p->probes.low, 1) ||
	    !probes_floats_read(c, w, &p->probes.high, 1))
		return false;
	p->blur = wire_real(w);
	p->blank = wire_real(w);
	copied = wire_u8(w);
	p->copied = copied == 1;
	p->copy.taylor = wire_real(w);
	p->copy.epsilon = wire_real(w);
	if (w->bad || copied > 1 || !is_likeness(p->blur) || !is_likeness(p->blank) ||
	    !is_likeness(p->copy.taylor) || !is_likeness(p->copy.epsilon))
		return probes_spoilt(c);
	if (!print_read(c, wire_str(w, PROBE_SET_MAX), &p->print) || !probes_shape(c, p) ||
	    !probes_numbers_read(c, w, (size_t)p->probes.n * (size_t)p->form.count, &samples))
		return false;
	p->probes.samples = samples;
	return true;
}

/* ---- The whole ---------------------------------------------------------------------------- */

bool
probe_set_put(struct ctx *c, const struct probe_set *p, struct str *ret)
{
	const struct boundary *b = &p->boundary;
	size_t samples = (size_t)(2 * b->ways + b->mistakes + p->probes.n);
	size_t maps = p->printed
	    ? (size_t)p->print.probes * (size_t)p->print.width * (size_t)p->print.height
	    : 0;
	size_t most = ((size_t)64 << 10) +
	    (samples * (size_t)p->form.count + 2 * maps) * sizeof(float);
	struct buf out;

	if (!take_buf(c, most < PROBE_SET_MAX ? most : PROBE_SET_MAX, &out))
		return false;
	buf_put(&out, MAGIC);
	wire_put_u32(&out, VERSION);
	buf_put(&out, (struct str){ (const char *)p->model.b, sizeof p->model.b });
	wire_put_u32(&out, (uint32_t)p->form.rank);
	for (int i = 0; i < p->form.rank; i++)
		wire_put_u32(&out, (uint32_t)p->form.dim[i]);
	wire_put_u32(&out, (uint32_t)p->owner_classes);
	wire_put_u32(&out, (uint32_t)p->classes);
	questions_put(&out, p);
	if (!maps_put(c, &out, p) || !buf_ok(c, &out))
		return false;
	*ret = buf_str(&out);
	return true;
}

MUST static bool
form_read(struct ctx *c, struct wire *w, struct data_form *f)
{
	uint32_t rank = wire_u32(w);

	if (w->bad || rank < 1 || rank > COUNT(f->dim))
		return probes_spoilt(c);
	f->type = DATA_FLOAT;
	f->rank = (int)rank;
	f->count = 1;
	for (uint32_t i = 0; i < rank; i++) {
		f->dim[i] = wire_u32(w);
		if (w->bad || f->dim[i] < 1 || f->dim[i] > NUMBERS_MAX / f->count)
			return probes_spoilt(c);
		f->count *= f->dim[i];
	}
	return true;
}

/* Up to the model's digest. */
MUST static bool
head_read(struct ctx *c, struct wire *w, struct digest256 *ret)
{
	if (w->rest.n < MAGIC.n + 4 + sizeof ret->b || !str_starts(w->rest, MAGIC))
		return fail(c, E_INPUT, "the fingerprint is none");
	w->rest = (struct str){ w->rest.p + MAGIC.n, w->rest.n - MAGIC.n };
	if (wire_u32(w) != VERSION)
		return fail(c, E_INPUT, "the fingerprint is of another version");
	memcpy(ret->b, w->rest.p, sizeof ret->b);
	w->rest = (struct str){ w->rest.p + sizeof ret->b, w->rest.n - sizeof ret->b };
	return true;
}

bool
probe_set_read(struct ctx *c, struct str bytes, const struct digest256 *model,
    const struct probe_set **ret)
{
	struct wire w = { bytes, false };
	struct probe_set *p = take(c, sizeof *p);

	if (p == NULL || !head_read(c, &w, &p->model))
		return false;
	if (!digest256_same(&p->model, model))
		return fail(c, E_INTEGRITY, "the fingerprint is of another model");
	if (!form_read(c, &w, &p->form))
		return false;
	p->owner_classes = wire_u32(&w);
	p->classes = wire_u32(&w);
	if (w.bad || p->classes < 2 || p->classes > p->owner_classes ||
	    p->owner_classes > CLASSES_MAX)
		return probes_spoilt(c);
	if (!questions_read(c, &w, p) || !maps_read(c, &w, p))
		return false;
	if (w.rest.n > 0)
		return probes_spoilt(c);
	*ret = p;
	return true;
}
