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
enum { LOCK_SET = 512, VALIDATION = 10000 }; /* usual sizes of a lock's sets */

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
has_slots(const struct verification *v)
{
	return v->vendor.has_slots;
}

static bool
has_questions(const struct verification *v)
{
	return asks_keys(&v->vendor) || asks_slots(&v->vendor);
}

static bool
has_data(const struct verification *v)
{
	return v->vendor.has_data;
}

static bool
has_probes(const struct verification *v)
{
	return (v->vendor.probes != NULL || v->vendor.has_data) &&
	    v->vendor.loss.kind != TRAIN_MASK;
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
	    100 * s->accuracy, (long long)asked);
	return true;
}

/* As the release's job has told; where that told nothing, as is usual. */
static struct advparams_options
options_told(const struct job_lock_options *l)
{
	static const enum advparams_mode modes[] = {
		[JOB_POOLED] = ADVPARAMS_POOLED,
		[JOB_GREEDY] = ADVPARAMS_GREEDY,
		[JOB_SIGNED_GREEDY] = ADVPARAMS_SIGNED_GREEDY,
	};
	struct advparams_options o = advparams_standard(modes[l->mode]);

	if (l->lock_set == 0)
		return o;
	o.alpha = l->alpha;
	o.beta = l->beta;
	o.cap = l->cap;
	o.phi = l->phi;
	o.rounds = l->rounds;
	o.count = l->count;
	o.extremes = l->extremes;
	return o;
}

/*
 * Drawn again as the release's job has done it. Once it is known how large the lock set was, it
 * must not become smaller so that something is left to validate with: that is the same data again.
 */
MUST static bool
step_lock(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct job_lock_options *l = &v->params->lock;
	const struct advparams_options options = options_told(l);
	const bool told = l->lock_set > 0;
	struct vendor *w = &v->vendor;
	struct protect_model work = w->work;
	struct protect_split split;

	if (l->lock_batch > 0)
		work.batch = l->lock_batch;
	if (l->lock_threads > 0)
		work.threads = (int)l->lock_threads;
	return protect_divide(c, &w->release.secret, &w->set.data, told ? &w->set.data : NULL,
		   told ? l->lock_set : LOCK_SET, told ? l->validation : VALIDATION, &split) &&
	    verify_lock(c, &w->release, &work, &split, &options, &v->suspect.model,
		(uint64_t)v->params->seed, e);
}

/* What the release is known by, where its job has left nothing: out of the vendor's data. */
MUST static bool
probes_make(struct ctx *c, struct verification *v, const struct probe_set **ret)
{
	struct vendor *w = &v->vendor;
	const struct probe_source s = { .owner = w->network.graph,
		.model = w->digest,
		.data = &w->set.data,
		.secret = &w->release.secret,
		.threads = network_threads(&v->params->network) };

	progress_pass(v, 0, 0, STR("explaining the release"));
	return probe_set_make(c, &s, ret);
}

MUST static bool
step_likeness(struct ctx *c, struct verification *v, struct evidence *e)
{
	struct verify_watch watch = { progress_pass, v };
	struct vendor *w = &v->vendor;
	const struct probe_set *probes = w->probes;

	return (probes != NULL || probes_make(c, v, &probes)) &&
	    verify_likeness(c, probes, v->suspect.graph, &w->nulls,
		network_threads(&v->params->network), &watch, e);
}

/* clang-format off */
static const struct step steps[] = {
	{ "comparing weights", BIT(TEST_WEIGHTS), BIT(SUSPECT_MODEL), OWNERS, 40 * MINUTE,
	    has_marks, step_weights },
	{ "reading the unlock key", BIT(TEST_WEIGHTS), BIT(SUSPECT_UNLOCK_KEY), OWNERS,
	    10 * MINUTE, has_marks, step_unlock_key },
	{ "showing key images to the suspect", BIT(TEST_WATERMARK) | BIT(TEST_LABELS),
	    BIT(SUSPECT_MODEL), SUSPECTS, 10 * MINUTE, has_keys, asked_keys },
	{ "showing the slots to the suspect", BIT(TEST_SLOTS), BIT(SUSPECT_MODEL), SUSPECTS,
	    10 * MINUTE, has_slots, asked_slots },
	{ "reading the answers", BIT(TEST_WATERMARK) | BIT(TEST_LABELS) | BIT(TEST_SLOTS),
	    BIT(SUSPECT_TRANSCRIPT), 0, 5 * MINUTE, has_questions, asked_transcript },
	{ "asking the service",
	    BIT(TEST_LABELS_IN_TURN) | BIT(TEST_PAIRS_IN_TURN) | BIT(TEST_SLOTS),
	    BIT(SUSPECT_ENDPOINT), 0, 120 * MINUTE, has_questions, suspect_ask },
	{ "looking at the picture", BIT(TEST_IMAGE), BIT(SUSPECT_KEY_IMAGE), 0, 30 * MINUTE,
	    has_secret, suspect_look },
	{ "counting right answers", 0, BIT(SUSPECT_MODEL), SUSPECTS, 5 * MINUTE, has_data,
	    step_accuracy },
	{ "drawing locked positions again", BIT(TEST_LOCK_KEY), BIT(SUSPECT_MODEL), OWNERS,
	    30 * MINUTE, has_lock, step_lock },
	{ "comparing how it decides", BIT(TEST_FINGERPRINT) | BIT(TEST_BOUNDARY),
	    BIT(SUSPECT_MODEL), OWNERS | SUSPECTS, 60 * MINUTE, has_probes, step_likeness },
};
/* clang-format on */

/* ---- What is planned --------------------------------------------------------------------- */

static bool
fits(const struct step *s, const struct verification *v)
{
	return (s->kinds & BIT(v->suspect.kind)) != 0 && s->wanted(v);
}

/* What there is nothing for, whoever the suspect is. */
static unsigned
impossible(const struct verification *v)
{
	const struct vendor *w = &v->vendor;
	unsigned tests = 0;

	if (w->nulls.n == 0)
		tests |= BIT(TEST_FINGERPRINT) | BIT(TEST_BOUNDARY);
	if (v->suspect.kind == SUSPECT_MODEL)
		return tests;
	if (!asks_keys(w))
		tests |= BIT(TEST_WATERMARK) | BIT(TEST_LABELS) | BIT(TEST_LABELS_IN_TURN) |
		    BIT(TEST_PAIRS_IN_TURN);
	if (!asks_slots(w))
		tests |= BIT(TEST_SLOTS);
	return tests;
}

/*
 * Before anything is known of the suspect but its kind. Where both weights and slots could name
 * somebody, each of them may use half of what may go wrong.
 */
static void
plan(struct verification *v)
{
	struct evidence *e = &v->evidence;

	for (size_t i = 0; i < COUNT(steps); i++) {
		unsigned tests = fits(&steps[i], v) ? steps[i].tests & ~impossible(v) : 0;

		for (size_t k = 0; k < TEST_COUNT; k++)
			if ((tests & BIT(k)) != 0)
				e->test[k].planned = true;
	}
	if (e->test[TEST_WEIGHTS].planned && e->test[TEST_SLOTS].planned)
		e->trace.eps1 /= 2;
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
