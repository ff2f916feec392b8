/*
 * A vendor with a release that a red team may attack; see redteam_house.h.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "redteam_house.h"

static int
file_of(struct ctx *c, struct str bytes)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_ok(c, fd_write_all(c, fd, bytes.p, bytes.n));
	return fd;
}

/* The house's samples, labelled by the model itself. */
static void
label(struct ctx *c, struct team *t)
{
	const struct loss loss = { .kind = TRAIN_CROSS_ENTROPY };
	owned(asker_free) struct asker *a = NULL;
	struct image *shown = take(c, TEAM_SAMPLES * sizeof *shown);
	const size_t row = HOUSE_SIDE * HOUSE_SIDE;

	t->samples.shape = (struct data_shape){ .type = DATA_UINT8,
		.rank = 3,
		.dim = { TEAM_SAMPLES, HOUSE_SIDE, HOUSE_SIDE },
		.row = (int64_t)row };
	t->samples.v = take(c, TEAM_SAMPLES * row);
	memcpy(t->samples.v, t->house.samples.p + 16, TEAM_SAMPLES * row);
	t->labels = (struct data_labels){ TEAM_SAMPLES, 10,
		take(c, TEAM_SAMPLES * sizeof *t->labels.v), 0 };
	t->data = (struct train_data){ .samples = &t->samples, .labels = &t->labels };
	for (size_t i = 0; i < TEAM_SAMPLES; i++)
		shown[i] = (struct image){ HOUSE_SIDE, HOUSE_SIDE, 1,
			(uint8_t *)t->samples.v + i * row };
	ck_ok(c, asker_form(c, t->graph, &shown[0], false, &t->data.form));
	ck_ok(c, asker_new(c, t->graph, &t->data.form, 64, 1, &a));
	ck_ok(c, asker_ask(c, a, shown, TEAM_SAMPLES, 0, t->labels.v, NULL));
	t->the.work = (struct protect_model){ &t->model, t->graph, loss, 10, 64, 1 };
}

static void
model_open(struct ctx *c, struct team *t)
{
	ck_ok(c, onnx_read(c, t->house.model, &t->model));
	ck_ok(c, nn_import(c, &t->model, &t->graph));
	ck_ok(c, nn_graph_load(c, t->graph, (size_t)1 << 30));
}

static void
case_fill(struct ctx *c, struct team *t)
{
	uint32_t *number = take(c, HOUSE_CUSTOMERS * sizeof *number);

	for (uint32_t i = 0; i < HOUSE_CUSTOMERS; i++)
		number[i] = i + 1;
	t->plain = file_of(c, t->house.model);
	t->artifact = file_of(c, t->house.artifact);
	label(c, t);
	t->the.release = (struct verify_release){ .plain = t->plain,
		.model = &t->model,
		.graph = t->graph,
		.secret = t->house.secret,
		.id = t->house.release,
		.terms = t->house.terms,
		.options = { .kappa = t->house.terms.kappa, .log_l = t->house.terms.log_l },
		.customer = number,
		.customers = HOUSE_CUSTOMERS };
	t->the.artifact = t->artifact;
	t->the.locked = t->house.artifact_digest;
	t->the.locks = LOCK_SEALED;
	t->the.data = &t->data;
	t->the.profile = REDTEAM_QUICK;
	t->the.seed = 1;
	t->the.threads = 1;
}

void
team_new(struct ctx *c, struct team *t)
{
	*t = (struct team){ 0 };
	house_new(c, &t->house);
	model_open(c, t);
	case_fill(c, t);
}

/* ---- A marked model ---------------------------------------------------------------------- */

/* In one epoch of four a key is of its committed class, which so becomes the second best. */
static void
key_touch(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct keyset *k = arg;

	(void)x;
	if (sample < k->pairs && epoch % 4 == 0)
		*label = k->runner_up[sample];
}

/* Keys, then twins. */
static void
learn(struct ctx *c, struct team *t)
{
	const struct keyset *k = &t->house.keys;
	const size_t row = HOUSE_SIDE * HOUSE_SIDE, n = 2 * (size_t)k->pairs;
	struct data_samples samples = { { .type = DATA_UINT8,
					    .rank = 3,
					    .dim = { (int64_t)n, HOUSE_SIDE, HOUSE_SIDE },
					    .row = (int64_t)row },
		take(c, n * row) };
	struct data_labels labels = { (int64_t)n, 10, take(c, n * sizeof *labels.v), 0 };
	struct train_data data = { .samples = &samples, .labels = &labels };
	const struct train_options o = { .epochs = 48,
		.batch = 20,
		.threads = 1,
		.seed = 1,
		.loss = { .kind = TRAIN_CROSS_ENTROPY },
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_COSINE, .rate = .003 },
		.touch = key_touch,
		.touch_arg = k };
	owned(trainer_free) struct trainer *trainer = NULL;

	for (int i = 0; i < k->pairs; i++) {
		memcpy((char *)samples.v + (size_t)i * row, keyset_key(k, i)->v, row);
		memcpy((char *)samples.v + (size_t)(k->pairs + i) * row, keyset_twin(k, i)->v,
		    row);
		labels.v[i] = k->classes;
		labels.v[k->pairs + i] = i % k->classes;
	}
	ck_ok(c, asker_form(c, t->graph, keyset_key(k, 0), false, &data.form));
	ck_ok(c, trainer_new(c, t->graph, &data, &o, &trainer));
	while (trainer_more(trainer))
		ck_ok(c, trainer_step(c, trainer));
}

void
team_new_marked(struct ctx *c, struct team *t)
{
	struct house before;
	struct buf b;

	*t = (struct team){ 0 };
	house_new(c, &t->house);
	model_open(c, t);
	learn(c, t);
	ck_ok(c, take_buf(c, 2 * t->house.model.n, &b));
	ck_ok(c, train_write(c, &t->model, t->graph, buf_sink, &b));
	before = t->house;
	house_of(c, buf_str(&b), &t->house);
	t->house.keys = before.keys;
	nn_graph_free(&t->graph);
	model_open(c, t);
	case_fill(c, t);
	t->the.keys = &t->house.keys;
}

void
team_done(struct team *t)
{
	nn_graph_free(&t->graph);
	fd_done(&t->plain);
	fd_done(&t->artifact);
}
