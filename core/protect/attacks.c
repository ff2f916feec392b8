/*
 * The attacks on a lock as a table, and what runs it. Each row is tried on the locked weights,
 * which stand in the graph again before the next one; whatever a row draws follows from the seed
 * and the row, so that a row finds the same whichever others run.
 */
#include <stdarg.h>
#include <stdio.h>

#include "attack.h"

/* clang-format off */
static const struct attack_row rows[] = {
	{ "L1", "Fine-tuning",
	  "The thief trains the locked file further, with some data of his own.",
	  "share of the data", "training from scratch on the same data with the same budget",
	  SEEN_FLIPPED | SEEN_UNRELATED, EFFORT_QUICK, 8, true, attack_tune },
	{ "L2", "Pruning",
	  "The thief sets the smallest weights of each layer to zero, hoping to lose the lock.",
	  "share of weights set to zero", NULL,
	  SEEN_FLIPPED | SEEN_UNRELATED, EFFORT_QUICK, 10, false, attack_prune },
	{ "L3", "Outlier repair",
	  "The thief takes every value that is far from its layer's others for a locked one.",
	  "distance from the median, in MAD", NULL,
	  SEEN_FLIPPED, EFFORT_QUICK, 4, false, attack_repair },
	{ "L4", "Clipping",
	  "The thief cuts every layer to a plausible range of values.",
	  "share of values kept", NULL,
	  SEEN_FLIPPED, EFFORT_QUICK, 8, true, attack_clip },
	{ "L5", "Gradient-guided repair",
	  "The thief looks for the weights with the largest gradients and trains these alone.",
	  "weights that are trained", NULL,
	  SEEN_FLIPPED, EFFORT_QUICK, 4, true, attack_descend },
	{ "L6", "Rebuilt candidates",
	  "The thief knows the method, looks for the lock's candidates and takes its steps back.",
	  "steps taken back", NULL,
	  SEEN_FLIPPED, EFFORT_QUICK, 8, true, attack_rebuild },
	{ "L7", "Wrong keys",
	  "Somebody forces a damaged key, or another one, upon the file.",
	  "share of the key that is wrong", NULL,
	  SEEN_FLIPPED | SEEN_UNRELATED, EFFORT_QUICK, 8, false, attack_keys },
	{ "L8", "Collusion",
	  "Several customers lay their copies together.",
	  "copies", NULL,
	  SEEN_FLIPPED | SEEN_UNRELATED, EFFORT_QUICK, 16, false, attack_collude },
	{ "L9", "Other number formats, a second lock",
	  "The thief rounds the weights to narrower numbers, or lays a lock of his own over them.",
	  "bits of a number", "the right key, forced upon it",
	  SEEN_FLIPPED | SEEN_UNRELATED, EFFORT_QUICK, 6, false, attack_formats },
};
/* clang-format on */

/* ---- Running ----------------------------------------------------------------------------- */

enum attack_seen
attack_seen(unsigned locks)
{
	return (locks & LOCK_SEALED) != 0 ? SEEN_UNRELATED : SEEN_FLIPPED;
}

/* With fewer samples there is nothing to be learnt. */
enum { LOOT_LEAST = 20 };

static bool
row_fits(const struct attack_row *row, const struct attack_case *on)
{
	if (on->only != NULL && !str_same(str_of(on->only), str_of(row->id)))
		return false;
	return (row->seen & attack_seen(on->locks)) != 0 && on->effort >= row->effort &&
	    on->effort != EFFORT_NONE;
}

struct nn_weight *
attack_weights(const struct attack *a, size_t *ret_n)
{
	return nn_weights(a->on->model.graph, ret_n);
}

static uint32_t
bits_of(float f)
{
	uint32_t b;

	memcpy(&b, &f, sizeof b);
	return b;
}

/* The differences of one weight; counted only, if `to` is NULL. */
static size_t
places_in(const struct attack_case *on, size_t weight, int64_t n, struct attack_place *to)
{
	const float *plain = protect_kept(on->plain, weight);
	const float *locked = protect_kept(on->locked, weight);
	size_t found = 0;

	for (int64_t i = 0; i < n; i++) {
		uint32_t flip = bits_of(plain[i]) ^ bits_of(locked[i]);

		if (flip == 0)
			continue;
		if (to != NULL)
			to[found] = (struct attack_place){ weight, i, flip };
		found++;
	}
	return found;
}

/* The parameter lock's positions, by weight and index. */
MUST static bool
places_find(struct ctx *c, struct attack *a)
{
	struct attack_place *all;
	size_t n, found = 0;
	const struct nn_weight *w = attack_weights(a, &n);

	if (attack_seen(a->on->locks) != SEEN_FLIPPED)
		return true;
	for (size_t i = 0; i < n; i++)
		found += places_in(a->on, i, w[i].count, NULL);
	if (found > UNLOCK_ENTRIES_MAX)
		return fail(c, E_INPUT, "%zu locked parameters; a key holds %d", found,
		    UNLOCK_ENTRIES_MAX);
	all = take(c, (found + 1) * sizeof *all);
	if (all == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		a->places += places_in(a->on, i, w[i].count, all + a->places);
	a->place = all;
	return true;
}

MUST static bool
row_run(struct ctx *c, struct attack *a, const struct attack_row *row, struct attack_result *to)
{
	*to = (struct attack_result){
		.id = row->id,
		.title = row->title,
		.does = row->does,
		.axis = row->axis,
		.against = row->against,
		.point = take(c, row->points * sizeof *to->point),
	};
	if (to->point == NULL)
		return false;
	a->row = row;
	a->result = to;
	attack_reset(a);
	attack_tell(a, 0, "%s", row->title);
	if (row->data && a->on->split->thief.n < LOOT_LEAST) {
		(void)snprintf(to->note, sizeof to->note,
		    "Not measured: the data set leaves no samples that a thief might have.");
		return true;
	}
	return row->run(c, a);
}

bool
protect_attacks(struct ctx *c, const struct attack_case *on, const struct protect_watch *w,
    struct attack_result **ret, size_t *ret_n)
{
	struct attack a = { .on = on, .watch = w };
	struct attack_result *all = take(c, COUNT(rows) * sizeof *all);
	bool ok = true;

	if (all == NULL || !places_find(c, &a))
		return false;
	for (size_t i = 0; i < COUNT(rows); i++)
		a.rows += row_fits(&rows[i], on);
	for (size_t i = 0; ok && i < COUNT(rows); i++) {
		if (!row_fits(&rows[i], on))
			continue;
		ok = row_run(c, &a, &rows[i], &all[a.nth]);
		attack_reset(&a);
		a.nth++;
	}
	if (!ok)
		return false;
	*ret = all;
	*ret_n = a.rows;
	return true;
}

/* ---- Points ------------------------------------------------------------------------------ */

void
attack_reset(struct attack *a)
{
	protect_restore(a->on->model.graph, a->on->locked);
	a->began = clock_monotonic();
}

struct attack_point
attack_point(double x, const char *what, ...)
{
	struct attack_point p = {
		.x = x,
		.accuracy = NAN,
		.against = NAN,
		.recall = NAN,
		.precision = NAN,
		.z = NAN,
	};
	va_list args;

	va_start(args, what);
	(void)vsnprintf(p.what, sizeof p.what, what, args);
	va_end(args);
	return p;
}

bool
attack_add(struct ctx *c, struct attack *a, const struct attack_point *p)
{
	struct attack_result *r = a->result;

	if (r->points == a->row->points)
		return fail(c, E_INTERNAL, "more points than attack %s has", r->id);
	r->point[r->points] = *p;
	r->point[r->points].seconds = (double)(clock_monotonic() - a->began) / 1000;
	r->points++;
	attack_reset(a);
	return true;
}

bool
attack_measure(struct ctx *c, struct attack *a, struct attack_point *p)
{
	nn_graph_changed(a->on->model.graph);
	return protect_accuracy(c, &a->on->model, &a->on->split->validation, &p->accuracy) &&
	    attack_add(c, a, p);
}

void
attack_tell(const struct attack *a, double share, const char *note, ...)
{
	char text[96], whole[112];
	va_list args;

	if (a->watch == NULL || a->watch->progress == NULL)
		return;
	va_start(args, note);
	(void)vsnprintf(text, sizeof text, note, args);
	va_end(args);
	(void)snprintf(whole, sizeof whole, "attack %s: %s", a->row->id, text);
	a->watch->progress(a->watch->arg, (int64_t)(((double)a->nth + share) * 1000),
	    (int64_t)a->rows * 1000, str_of(whole));
}

bool
attack_is_place(const struct attack *a, size_t weight, int64_t index)
{
	size_t low = 0, high = a->places;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct attack_place *p = &a->place[mid];

		if (p->weight < weight || (p->weight == weight && p->index < index))
			low = mid + 1;
		else
			high = mid;
	}
	return low < a->places && a->place[low].weight == weight &&
	    a->place[low].index == index;
}

void
attack_score(const struct attack *a, const struct attack_found *f, struct attack_point *p)
{
	if (a->places > 0)
		p->recall = (double)f->right / (double)a->places;
	if (f->named > 0)
		p->precision = (double)f->right / (double)f->named;
}
