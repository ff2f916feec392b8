/*
 * The job that trains a model: reads all samples, takes step after step, looks at the test set
 * after each epoch, and writes the model with its new weights. Every few minutes it saves where it
 * is, and begins there if an earlier attempt was killed.
 */
#include <stdio.h>

#include "kinds.h"
#include "saves.h"
#include "set.h"

enum { MODEL, SAMPLES, LABELS, TEST_SAMPLES };
enum { SAVE = 1, CURVE_MAX = 60 }; /* SAVE: the first of two outputs */

_Static_assert((int)JOB_ORDER_LAST == (int)DATA_CHANNELS_LAST &&
	(int)JOB_ADAMW == (int)TRAIN_ADAMW && (int)JOB_ONE_CYCLE == (int)TRAIN_ONE_CYCLE &&
	(int)JOB_XAVIER == (int)TRAIN_XAVIER,
    "the parameters' words are in the order of the enums");

struct training {
	const struct job_run *run;
	const struct train *params;
	struct network network;
	struct loss loss;
	struct job_set set, test;
	struct trainer *trainer;
	struct evaluator *evaluator; /* NULL: no test set */
	struct saves saves;
	struct buf curve;
	struct js js; /* into the curve */
};

static void
training_done(struct training *t)
{
	evaluator_free(&t->evaluator);
	trainer_free(&t->trainer);
	job_set_done(&t->set);
	job_set_done(&t->test);
	network_done(&t->network);
	saves_done(&t->saves);
}

/* ---- Beginning --------------------------------------------------------------------------- */

MUST static bool
set_open(struct ctx *c, struct training *t, size_t i, struct job_set *ret)
{
	size_t limit = (size_t)t->run->message->limits.memory / 4;

	return job_set_open(
	    c, t->run, &t->network, &t->params->network, &t->loss, i, limit, ret);
}

static struct train_options
options_of(const struct training *t)
{
	const struct train *p = t->params;
	double usual = p->optimiser == JOB_SGD ? 0.05 : 0.001;

	return (struct train_options){
		.epochs = p->epochs,
		.batch = p->network.batch,
		.threads = network_threads(&p->network),
		.seed = (uint64_t)p->seed,
		.loss = t->loss,
		.optimiser = { (enum train_optimiser)p->optimiser, p->momentum, p->beta2,
		    p->epsilon, p->decay, p->nesterov },
		.schedule = { (enum train_schedule)p->schedule, p->rate > 0 ? p->rate : usual,
		    p->warmup, p->every, p->factor, p->start, p->end, p->momentum_low },
		.clip = p->clip,
		.crop = p->crop,
		.flip = p->flip,
		.memory_max = (size_t)t->run->message->limits.memory / 2,
	};
}

MUST static bool
test_open(struct ctx *c, struct training *t)
{
	const struct job_network *p = &t->params->network;

	return set_open(c, t, TEST_SAMPLES, &t->test) &&
	    evaluator_new(c, t->network.graph, &t->test.data.form, &t->loss, p->batch,
		network_threads(p), &t->evaluator);
}

MUST static bool
training_open(struct ctx *c, struct training *t)
{
	const struct train *p = t->params;
	struct train_options o;

	if (!network_open(c, t->run, MODEL, &t->network) ||
	    !network_loss(c, &t->network, &p->network, &t->loss) ||
	    !train_initialise(c, &t->network.model, t->network.graph,
		(enum train_initial)p->initial, (uint64_t)p->seed) ||
	    !set_open(c, t, SAMPLES, &t->set))
		return false;
	if (job_has_input(t->run, TEST_SAMPLES) && !test_open(c, t))
		return false;
	o = options_of(t);
	return trainer_new(c, t->network.graph, &t->set.data, &o, &t->trainer);
}

/* From where an earlier attempt was, if it has left that behind; else from the beginning. */
MUST static bool
training_begin(struct ctx *c, struct training *t)
{
	struct str curve, state;
	bool found;

	if (!take_buf(c, SAVES_CURVE, &t->curve) ||
	    !saves_open(c, t->run, SAVE, t->params->save_seconds, &t->saves, &found) ||
	    !training_open(c, t))
		return false;
	t->js = (struct js){ .out = &t->curve };
	if (!found) {
		js_open(&t->js, NULL, '[');
		return true;
	}
	saves_last(&t->saves, &curve, &state);
	buf_put(&t->curve, curve);
	t->js.comma = curve.n > 1;
	if (!trainer_load(c, t->trainer, state))
		return false;
	saves_done(&t->saves);
	return true;
}

/* ---- Going on ---------------------------------------------------------------------------- */

static void
tell(const struct training *t, const struct train_progress *p)
{
	char note[JOB_NOTE_MAX];

	snprintf(note, sizeof note,
	    "epoch %lld of %lld, loss %.4f, %.0f samples/s, %.0f s left",
	    (long long)(p->epoch < p->epochs ? p->epoch + 1 : p->epochs), (long long)p->epochs,
	    p->epoch_loss, p->speed, p->left);
	t->run->progress(t->run->arg, p->step, p->steps, str_of(note));
}

MUST static bool
test(struct ctx *c, struct training *t)
{
	evaluator_clear(t->evaluator);
	return evaluator_add(
	    c, t->evaluator, t->test.samples.v, t->test.labels.v, t->test.labels.n);
}

/* A point of the curve; of very many epochs, some. */
MUST static bool
epoch_end(struct ctx *c, struct training *t, const struct train_progress *p)
{
	int64_t each = (p->epochs + CURVE_MAX - 1) / CURVE_MAX;
	const struct train_score *s;

	if (p->epoch % each != 0 && p->epoch != p->epochs)
		return true;
	if (t->evaluator != NULL && !test(c, t))
		return false;
	js_open(&t->js, NULL, '{');
	js_number(&t->js, "epoch", p->epoch);
	js_real(&t->js, "loss", p->epoch_loss);
	js_real(&t->js, "rate", p->rate);
	if (t->evaluator != NULL) {
		s = evaluator_score(t->evaluator);
		js_real(&t->js, "test_accuracy", (double)s->correct / (double)s->samples);
		js_real(&t->js, "test_loss", s->loss);
	}
	js_close(&t->js, '}');
	return true;
}

MUST static bool
all_steps(struct ctx *c, struct training *t)
{
	while (trainer_more(t->trainer)) {
		struct train_progress p;

		if (!trainer_step(c, t->trainer))
			return false;
		p = trainer_progress(t->trainer);
		tell(t, &p);
		if (p.step % (p.steps / p.epochs) == 0 && !epoch_end(c, t, &p))
			return false;
		if (saves_due(&t->saves) &&
		    !saves_put(c, &t->saves, buf_str(&t->curve), t->trainer))
			return false;
	}
	return true;
}

/* ---- Ending ------------------------------------------------------------------------------ */

MUST static bool
write_model(struct ctx *c, struct training *t, struct js *j)
{
	owned(job_output_free) struct job_sink *sink = NULL;
	const struct job_made *made = &t->run->made[0];
	char text[2 * sizeof made->sha256];
	struct buf hex = BUF(text);

	if (!job_output_open(c, t->run, 0, &sink) ||
	    !train_write(c, &t->network.model, t->network.graph, job_output_write, sink) ||
	    !job_output_end(c, sink))
		return false;
	hex_put(&hex, made->sha256, sizeof made->sha256);
	js_number(j, "bytes", made->size);
	js_text(j, "sha256", buf_str(&hex));
	return true;
}

MUST static bool
result_put(struct ctx *c, struct training *t, struct str *ret)
{
	struct train_progress p = trainer_progress(t->trainer);
	struct buf out;
	struct js j = { .out = &out };

	if (!take_buf(c, JOB_RESULT_MAX, &out) || !buf_ok(c, &t->curve))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "steps", p.steps);
	js_raw(&j, "epochs", buf_str(&t->curve));
	js_number(&j, "memory", (int64_t)trainer_memory(t->trainer));
	if (!write_model(c, t, &j))
		return false;
	if (t->evaluator != NULL) {
		js_open(&j, "test", '{');
		score_put(&j, evaluator_score(t->evaluator));
		js_close(&j, '}');
	}
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

bool
train_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(training_done) struct training t = { .run = r, .params = r->params };

	if (!training_begin(c, &t) || !all_steps(c, &t))
		return false;
	js_close(&t.js, ']');
	return result_put(c, &t, ret_json);
}
