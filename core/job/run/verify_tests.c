/*
 * The tests, in their order. Each works on a copy of the evidence, which counts if the test came to
 * its end. One that takes too long is given up; what it still has in its hands is not given to
 * another, and whatever does not need that goes on: a thief gains nothing by making a model slow.
 */
#include <stdio.h>

#include "patience.h"
#include "verification.h"

#define BIT(test) (1u << (test))
enum { MINUTE = 60 * 1000 };

/* What a step changes or runs, and no other may meanwhile. */
enum { OWNERS = 1, SUSPECTS = 2 };

typedef bool step_function(struct ctx *, struct verification *, struct evidence *);
struct step {
	const char *note;
	unsigned tests; /* that it runs; 0: it is for people alone */
	unsigned kinds; /* of suspects that it is for */
	unsigned hands; /* what it has in its hands */
	int64_t patience;
	bool (*wanted)(const struct verification *);
	step_function *run;
};

/* ---- What a release has ------------------------------------------------------------------ */

static bool
has_marks(const struct verification *v)
{
	return v->vendor.release.terms.log_l != 0;
}

static bool
has_keys(const struct verification *v)
{
	return v->vendor.has_keys;
}

static bool
has_data(const struct verification *v)
{
	return v->vendor.has_data;
}

static bool
has_lock(const struct verification *v)
{
	return v->vendor.has_data && v->vendor.release.entries > 0;
}

static bool
has_secret(const struct verification *v)
{
	return v->vendor.has_keys && job_has_input(v->run, IN_MARKS);
}

/* ---- The steps --------------------------------------------------------------------------- */

/* What a test says of its progress is not heard any more once it was given up. */
static void
progress_pass(void *arg, int64_t done, int64_t total, struct str note)
{
	const struct verification *v = arg;

	if (v->busy == 0)
		v->run->progress(v->run->arg, done, total, note);
}

MUST static bool
step_weights(struct ctx *c, struct verification *v, struct evidence *e)
{
	struct verify_watch watch = { progress_pass, v };

	return verify_weights(c, &v->vendor.release, &v->suspect.model,
	    network_threads(&v->params->network), &watch, e);
}

MUST static bool
step_unlock_key(struct ctx *c, struct verification *v, struct evidence *e)
{
	return verify_unlock_key(c, &v->vendor.release, onnx_file_bytes(v->suspect.file), e);
}

MUST static bool
step_ask(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct job_network *n = &v->params->network;

	return verify_ask(c, v->suspect.graph, &v->vendor.keys, n->raw_bytes,
	    network_threads(n), (uint64_t)v->params->seed, e);
}

MUST static bool
step_transcript(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct keyset *k = &v->vendor.keys;
	struct verify_answer *key, *twin;
	struct verify_answers said = { .keys = k };
	struct challenge asked;

	if (!challenge_read(c, v->vendor.list, &asked) ||
	    !transcript_read(c, onnx_file_bytes(v->suspect.file), &asked, k->classes, &key,
		&twin, &said.widened))
		return false;
	said.key = key;
	said.twin = twin;
	said.first = asked.first;
	said.n = asked.pairs;
	return verify_answers(c, &said, (uint64_t)v->params->seed, e);
}

/* For people: what the suspect is worth, on the vendor's data. */
MUST static bool
step_accuracy(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct job_network *n = &v->params->network;
	const struct train_data *d = &v->vendor.set.data;
	const int64_t most = 2000, asked = d->labels->n < most ? d->labels->n : most;
	struct network theirs = { .model = v->suspect.model, .graph = v->suspect.graph };
	owned(evaluator_free) struct evaluator *asker = NULL;
	const struct train_score *s;
	struct data_form form;
	struct loss loss;

	if (!network_loss(c, &theirs, n, &loss) ||
	    !train_fit(c, theirs.graph, &d->samples->shape, (enum data_order)n->order,
		n->raw_bytes, &form) ||
	    !evaluator_new(c, theirs.graph, &form, &loss, network_batch(&theirs, n),
		network_threads(n), &asker))
		return false;
	for (int64_t i = 0; i < asked; i++)
		if (d->labels->v[i] >= evaluator_classes(asker))
			return fail(c, E_INPUT, "the suspect tells %lld classes apart",
			    (long long)evaluator_classes(asker));
	if (!evaluator_add(c, asker, d->samples->v, d->labels->v, asked))
		return false;
	s = evaluator_score(asker);
	evidence_fact(e, "accuracy on the vendor's data", "%.2f %% of %lld samples",
	    100 * (double)s->correct / (double)asked, (long long)asked);
	return true;
}

/* Drawn again as the release's job has done it. */
MUST static bool
step_lock(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct advparams_options options = advparams_standard(ADVPARAMS_POOLED);
	const int64_t lock_set = 512, validation = 10000;
	struct vendor *w = &v->vendor;
	struct protect_split split;

	return protect_divide(
		   c, &w->release.secret, &w->set.data, NULL, lock_set, validation, &split) &&
	    verify_lock(c, &w->release, &w->work, &split, &options, &v->suspect.model,
		(uint64_t)v->params->seed, e);
}

MUST static bool
step_likeness(struct ctx *c, struct verification *v, struct evidence *e)
{
	struct verify_watch watch = { progress_pass, v };
	struct vendor *w = &v->vendor;

	return verify_likeness(c, w->network.graph, v->suspect.graph, &w->set.data, &w->nulls,
	    &w->release.secret, network_threads(&v->params->network), &watch, e);
}

/* clang-format off */
static const struct step steps[] = {
	{ "comparing weights", BIT(TEST_WEIGHTS), BIT(SUSPECT_MODEL), OWNERS, 40 * MINUTE,
	    has_marks, step_weights },
	{ "reading the unlock key", BIT(TEST_WEIGHTS), BIT(SUSPECT_UNLOCK_KEY), OWNERS,
	    10 * MINUTE, has_marks, step_unlock_key },
	{ "showing key images to the suspect", BIT(TEST_WATERMARK) | BIT(TEST_LABELS),
	    BIT(SUSPECT_MODEL), SUSPECTS, 10 * MINUTE, has_keys, step_ask },
	{ "reading the answers", BIT(TEST_WATERMARK) | BIT(TEST_LABELS),
	    BIT(SUSPECT_TRANSCRIPT), 0, 2 * MINUTE, has_keys, step_transcript },
	{ "asking the service", BIT(TEST_LABELS_IN_TURN) | BIT(TEST_PAIRS_IN_TURN),
	    BIT(SUSPECT_ENDPOINT), 0, 120 * MINUTE, has_keys, suspect_ask },
	{ "looking at the picture", BIT(TEST_IMAGE), BIT(SUSPECT_KEY_IMAGE), 0, 30 * MINUTE,
	    has_secret, suspect_look },
	{ "counting right answers", 0, BIT(SUSPECT_MODEL), SUSPECTS, 5 * MINUTE, has_data,
	    step_accuracy },
	{ "drawing locked positions again", BIT(TEST_LOCK_KEY), BIT(SUSPECT_MODEL), OWNERS,
	    30 * MINUTE, has_lock, step_lock },
	{ "comparing how it decides", BIT(TEST_FINGERPRINT) | BIT(TEST_BOUNDARY),
	    BIT(SUSPECT_MODEL), OWNERS | SUSPECTS, 60 * MINUTE, has_data, step_likeness },
};
/* clang-format on */

/* ---- What is planned --------------------------------------------------------------------- */

static bool
fits(const struct step *s, const struct verification *v)
{
	return (s->kinds & BIT(v->suspect.kind)) != 0 && s->wanted(v);
}

/* Before anything is known of the suspect but its kind. */
static void
plan(struct verification *v)
{
	for (size_t i = 0; i < COUNT(steps); i++) {
		unsigned tests = fits(&steps[i], v) ? steps[i].tests : 0;

		if (v->vendor.nulls.n == 0)
			tests &= ~(BIT(TEST_FINGERPRINT) | BIT(TEST_BOUNDARY));
		for (size_t k = 0; k < TEST_COUNT; k++)
			if ((tests & BIT(k)) != 0)
				v->evidence.test[k].planned = true;
	}
}

/* Why these tests were not run, unless they say so themselves. */
static void
explain(struct evidence *e, unsigned tests, const char *why)
{
	for (size_t i = 0; i < TEST_COUNT; i++) {
		struct evidence_test *t = &e->test[i];

		if ((tests & BIT(i)) != 0 && t->planned && !t->ran && t->why[0] == '\0')
			snprintf(t->why, sizeof t->why, "%s", why);
	}
}

/* ---- Running them ------------------------------------------------------------------------ */

struct attempt {
	struct verification *v;
	step_function *run;
	struct evidence evidence;
};

MUST static bool
attempt_run(struct ctx *c, void *arg)
{
	struct attempt *a = arg;

	return a->run(c, a->v, &a->evidence);
}

/* What a test that is given up works on is left to it, its memory too. */
MUST static bool
attempt(
    struct ctx *c, struct verification *v, step_function *run, int64_t patience, unsigned hands)
{
	struct attempt *a = take(c, sizeof *a);
	bool abandoned = false;

	if (a == NULL)
		return false;
	*a = (struct attempt){ v, run, v->evidence };
	if (patience_run(c, v->suspect.mem, patience, attempt_run, a, &abandoned)) {
		v->evidence = a->evidence;
		return true;
	}
	if (abandoned) {
		v->busy |= hands;
		v->slow = true;
		return suspect_memory(c, v)
		    ? fail(c, E_SLOW, "the suspect was given up after %lld minutes",
			  (long long)(patience / MINUTE))
		    : false;
	}
	return false;
}

MUST static bool
step_run(struct ctx *c, struct verification *v, const struct step *s)
{
	struct evidence *e = &v->evidence;

	if ((v->busy & s->hands) != 0) {
		explain(e, s->tests, "an earlier test of the suspect had to be given up");
		return true;
	}
	v->run->progress(v->run->arg, 0, 0, str_of(s->note));
	if (attempt(
		c, v, s->run, v->patience < s->patience ? v->patience : s->patience, s->hands))
		return true;
	if (!suspect_fault(c))
		return false;
	explain(e, s->tests, c->err.text);
	c->err = (struct err){ 0 };
	return true;
}

/* ---- Reading it first -------------------------------------------------------------------- */

MUST static bool
step_read(struct ctx *c, struct verification *v, struct evidence *e)
{
	if (!suspect_read(c, v))
		return false;
	suspect_attached(c, v, e);
	return true;
}

MUST static bool
step_question(struct ctx *c, struct verification *v, struct evidence *e)
{
	(void)e;
	return suspect_question(c, v);
}

MUST static bool
model_read(struct ctx *c, struct verification *v)
{
	const int64_t most = 5 * MINUTE;
	const int64_t patience = v->patience < most ? v->patience : most;

	return attempt(c, v, step_read, patience, SUSPECTS | OWNERS) &&
	    (attempt(c, v, step_question, patience, SUSPECTS) || v->slow);
}

bool
suspect_test(struct ctx *c, struct verification *v)
{
	plan(v);
	if (v->suspect.kind == SUSPECT_MODEL && !model_read(c, v)) {
		explain(&v->evidence, ~0u, "the suspect could not be read");
		return false;
	}
	c->err = (struct err){ 0 };
	for (size_t i = 0; i < COUNT(steps); i++)
		if (fits(&steps[i], v) && !step_run(c, v, &steps[i]))
			return false;
	return true;
}
