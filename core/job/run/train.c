/*
 * The job that trains a model: reads all samples, takes step after step, looks at the test set
 * after each epoch, and writes the model with its new weights.
 */
#include <stdio.h>

#include "kinds.h"
#include "network.h"

enum { MODEL, SAMPLES, LABELS, TEST_SAMPLES };
enum { CURVE_MAX = 60, CURVE_BYTES = 7 << 10 };

_Static_assert((int)JOB_ORDER_LAST == (int)DATA_CHANNELS_LAST &&
	(int)JOB_ADAMW == (int)TRAIN_ADAMW && (int)JOB_ONE_CYCLE == (int)TRAIN_ONE_CYCLE &&
	(int)JOB_XAVIER == (int)TRAIN_XAVIER,
    "the parameters' words are in the order of the enums");

/* One set in memory. */
struct set {
	struct data_samples samples;
	struct data_labels labels;
	struct data_form form;
};

static void
set_done(struct set *s)
{
	data_samples_done(&s->samples);
	data_labels_done(&s->labels);
}

struct training {
	const struct job_run *run;
	const struct train *params;
	struct network network;
	struct loss loss;
	struct set set, test;
	struct trainer *trainer;
	struct evaluator *evaluator; /* NULL: no test set */
	struct buf curve;
	struct js js; /* into the curve */
};

static void
training_done(struct training *t)
{
	evaluator_free(&t->evaluator);
	trainer_free(&t->trainer);
	set_done(&t->set);
	set_done(&t->test);
	network_done(&t->network);
}

/* ---- Beginning --------------------------------------------------------------------------- */

MUST static bool
set_open(struct ctx *c, struct training *t, size_t i, struct set *ret)
{
	const struct job_network *p = &t->params->network;
	owned(job_data_done) struct job_data d = { 0 };
	size_t limit = (size_t)t->run->message->limits.memory / 4;

	return job_data_open(c, t->run, i, DATA_SAMPLES, p->samples_entry, &d) &&
	    train_fit(c, t->network.graph, data_shape(d.reader), (enum data_order)p->order,
		p->raw_bytes, &ret->form) &&
	    data_samples_load(c, d.reader, limit, &ret->samples);
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
	    evaluator_new(c, t->network.graph, &t->test.form, &t->loss, p->batch,
		network_threads(p), &t->evaluator) &&
	    job_labels(c, t->run, TEST_SAMPLES, p, t->test.samples.shape.dim[0],
		evaluator_classes(t->evaluator), &t->test.labels);
}

/* The classes are known once the model was planned; an evaluator does that for one batch. */
MUST static bool
labels_open(struct ctx *c, struct training *t)
{
	const struct job_network *p = &t->params->network;
	owned(evaluator_free) struct evaluator *e = NULL;

	return evaluator_new(c, t->network.graph, &t->set.form, &t->loss, 1, 1, &e) &&
	    job_labels(c, t->run, SAMPLES, p, t->set.samples.shape.dim[0], evaluator_classes(e),
		&t->set.labels);
}

MUST static bool
training_open(struct ctx *c, struct training *t)
{
	const struct train *p = t->params;
	struct train_options o;
	struct train_data d;

	if (!network_open(c, t->run, MODEL, &t->network) ||
	    !network_loss(c, &t->network, &p->network, &t->loss) ||
	    !train_initialise(c, &t->network.model, t->network.graph,
		(enum train_initial)p->initial, (uint64_t)p->seed) ||
	    !set_open(c, t, SAMPLES, &t->set) || !labels_open(c, t))
		return false;
	if (job_has_input(t->run, TEST_SAMPLES) && !test_open(c, t))
		return false;
	o = options_of(t);
	d = (struct train_data){ &t->set.samples, &t->set.labels, t->set.form };
	return trainer_new(c, t->network.graph, &d, &o, &t->trainer) &&
	    take_buf(c, CURVE_BYTES, &t->curve);
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
	}
	return true;
}

/* ---- Ending ------------------------------------------------------------------------------ */

/* The written model goes by here. */
struct written {
	int fd;
	struct sha256 hash;
	int64_t bytes;
};

static bool
write_hashed(struct ctx *c, void *arg, struct str bytes)
{
	struct written *w = arg;

	sha256_add(&w->hash, bytes);
	w->bytes += (int64_t)bytes.n;
	return w->fd < 0 || fd_write_all(c, w->fd, bytes.p, bytes.n);
}

MUST static bool
write_model(struct ctx *c, struct training *t, struct js *j)
{
	struct written w = { .fd = t->run->out };
	char text[2 * sizeof(struct digest256)];
	struct buf hex = BUF(text);
	struct digest256 digest;
	bool ok = sha256_init(c, &w.hash) &&
	    train_write(c, &t->network.model, t->network.graph, write_hashed, &w) &&
	    sha256_end(c, &w.hash, &digest);

	sha256_done(&w.hash);
	if (!ok)
		return false;
	hex_put(&hex, digest.b, sizeof digest.b);
	js_number(j, "bytes", w.bytes);
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

	if (!training_open(c, &t))
		return false;
	t.js.out = &t.curve;
	js_open(&t.js, NULL, '[');
	if (!all_steps(c, &t))
		return false;
	js_close(&t.js, ']');
	return result_put(c, &t, ret_json);
}
