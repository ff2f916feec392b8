/*
 * Jobs on a network and a data set, by real workers behind their walls: a model is trained, what
 * comes out of the output descriptor is a model, and it is counted as right as the training said.
 */
#include <stdio.h>

#include "blob.h"
#include "data_files.h"
#include "onnx_tar.h"
#include "train_support.h"
#include "worker_story.h"

enum { INPUTS = 5 };

/* What a job gets; empty for what is left out. */
struct given {
	struct str params;
	struct str input[INPUTS];
};

/* ---- Orders ------------------------------------------------------------------------------ */

/* The plain bytes of the job's only output, out of the sealed file. */
static struct str
opened(struct ctx *c, int fd, const struct job_blob *b)
{
	owned(sealed_file_free) struct sealed_file *f = NULL;
	struct key256 key;
	struct str plain;
	char *bytes;

	memcpy(key.b, b->key, sizeof key.b);
	ck_ok(c, sealed_file_open(c, fd, &key, b->aad, &f));
	plain = (struct str){ NULL, (size_t)sealed_file_size(f) };
	bytes = take(c, plain.n + 1);
	ck_ok(c, sealed_file_read(c, f, 0, bytes, plain.n));
	plain.p = bytes;
	return plain;
}

/* `ret_model` gets what the job wrote; it is empty unless it ended well. */
static struct story
run(struct ctx *c, enum job_type kind, const struct given *g, struct str *ret_model)
{
	const struct worker_conf conf = { .programs = test_programs() };
	struct job_message m = { .kind = kind,
		.id = STR("job_test"),
		.limits = { .memory = INT64_C(1) << 30, .cpu = 60, .wall = 60 },
		.params = g->params,
		.blobs = job_kinds[kind].inputs };
	struct worker w = { 0 };
	int fd[INPUTS], out[JOB_OUTPUTS_MAX] = { memory_file(STR("")) };
	struct story s;

	m.limits.output = kind == JOB_TRAIN ? 1 << 20 : 0;
	for (size_t i = 0; i < m.blobs; i++) {
		struct key256 key;

		key256_random(c, &key);
		m.blob[i] = (struct job_blob){ .name = str_of(job_kinds[kind].input[i].name),
			.size = (int64_t)g->input[i].n,
			.aad = STR("job_test/input") };
		memcpy(m.blob[i].key, key.b, sizeof key.b);
		ck_ok(c, blob_new(c, &key, m.blob[i].aad, g->input[i], &fd[i]));
	}
	m.outs = job_kinds[kind].outputs;
	for (size_t i = 0; i < m.outs; i++) {
		m.out[i] = (struct job_blob){ .name = str_of(job_kinds[kind].output[i].name),
			.size = 1 << 20,
			.aad = STR("job_test/output") };
		c->random(m.out[i].key, sizeof m.out[i].key);
		if (i > 0)
			out[i] = memory_file(STR(""));
	}
	ck_ok(c, worker_start(c, &conf, &m, fd, out, &w));
	for (size_t i = 0; i < m.blobs; i++)
		fd_done(&fd[i]);
	s = story_of(c, &w);
	if (ret_model != NULL)
		*ret_model = s.last.type == JOB_RESULT ? opened(c, out[0], &m.out[0])
						       : memory_bytes(c, out[0]);
	for (size_t i = 0; i < m.outs || i == 0; i++)
		fd_done(&out[i]);
	return s;
}

/* The toys as files. */
static struct str
samples_file(struct ctx *c, const struct toys *t)
{
	const uint32_t dim[] = { (uint32_t)t->samples.shape.dim[0], 2, 6, 6 };

	return gzipped(c, idx(c, 8, dim, 4, (struct str){ t->samples.v, (size_t)dim[0] * 72 }));
}

static struct str
labels_file(struct ctx *c, const struct toys *t)
{
	return npy(c, "<i4", take_printf(c, "(%lld,)", (long long)t->labels.n),
	    (struct str){ (char *)t->labels.v, (size_t)t->labels.n * sizeof *t->labels.v });
}

static struct given
toys_given(struct ctx *c, const char *params)
{
	owned(toys_done) struct toys toys = toys_new(320, 4), test = toys_new(70, 4);

	return (struct given){ str_of(params),
		{ net_bytes(c, 4), samples_file(c, &toys), labels_file(c, &toys),
		    samples_file(c, &test), labels_file(c, &test) } };
}

/* The whole number behind "NAME": in a result, its first. */
static int64_t
number_of(struct story *s, const char *name)
{
	char quoted[64], text[4096];
	const char *at;

	ck_assert(s->said);
	ck_assert_msg(s->last.type == JOB_RESULT, "%.*s", STRF(s->last.text));
	snprintf(quoted, sizeof quoted, "\"%s\":", name);
	snprintf(text, sizeof text, "%.*s", STRF(s->last.result));
	at = strstr(text, quoted);
	ck_assert_msg(at != NULL, "no %s in %s", name, text);
	return strtoll(at + strlen(quoted), NULL, 10);
}

#define TRAIN "{\"initial\":\"he\",\"epochs\":8,\"batch\":16,\"threads\":2,\"seed\":3}"

/* ---- Tests ------------------------------------------------------------------------------- */

START_TEST(trained_and_evaluated)
{
	struct ctx *c = test_ctx();
	struct given g = toys_given(c, TRAIN);
	struct str model;
	struct story s = run(c, JOB_TRAIN, &g, &model);
	struct digest256 digest;
	int64_t correct;

	ck_assert_int_gt(s.progress, 0);
	ck_assert_int_eq(number_of(&s, "steps"), 160);
	correct = number_of(&s, "correct");
	ck_assert_int_ge(correct, 66);
	ck_assert_int_eq((int64_t)model.n, number_of(&s, "bytes"));
	ck_assert_uint_eq(s.last.mades, job_kinds[JOB_TRAIN].outputs);
	ck_assert_int_eq(s.last.made[0].size, (int64_t)model.n);
	ck_ok(c, sha256(c, model, &digest));
	ck_assert_mem_eq(s.last.made[0].sha256, digest.b, sizeof digest.b);

	g.params = STR("{\"batch\":16}");
	g.input[0] = model;
	g.input[1] = g.input[3];
	g.input[2] = g.input[4];
	s = run(c, JOB_EVALUATE, &g, NULL);
	ck_assert_int_eq(number_of(&s, "samples"), 70);
	ck_assert_int_eq(number_of(&s, "correct"), correct);
}
END_TEST

START_TEST(same_job_same_model)
{
	struct ctx *c = test_ctx();
	struct given g = toys_given(c, TRAIN);
	struct str model[2], result[2];

	/* Without a test set. */
	g.input[3] = g.input[4] = STR("");
	for (int k = 0; k < 2; k++) {
		struct story s = run(c, JOB_TRAIN, &g, &model[k]);

		ck_assert_int_eq(number_of(&s, "steps"), 160);
		result[k] = s.last.result;
	}
	ck_assert(str_same(model[0], model[1]));
	ck_assert(str_same(result[0], result[1]));
}
END_TEST

/* The weights are inside; that they may be beside it is for the tests of core/onnx. */
START_TEST(a_model_in_a_bundle)
{
	struct ctx *c = test_ctx();
	struct given g = toys_given(c, "{}");
	struct str model = g.input[0];
	struct buf tar;
	struct story s;

	ck_ok(c, take_buf(c, model.n + 32 * TAR_BLOCK, &tar));
	(void)tar_put(&tar, '0', "net/model.onnx", model);
	g.input[0] = tar_finished(&tar);
	s = run(c, JOB_EVALUATE, &g, NULL);
	ck_assert_int_eq(number_of(&s, "samples"), 320);
}
END_TEST

START_TEST(labels_in_the_samples_archive)
{
	struct ctx *c = test_ctx();
	owned(toys_done) struct toys toys = toys_new(50, 4);
	struct zip_part part[2] = { { "y.npy", labels_file(c, &toys) },
		{ "x.npy", { "", 0 } } };
	struct given g = { STR("{}"), { net_bytes(c, 4) } };
	struct story s;

	part[1].bytes = npy(
	    c, "|u1", "(50, 2, 6, 6)", (struct str){ toys.samples.v, (size_t)50 * 72 });
	g.input[1] = zipped(c, part, 2, true);
	g.input[2] = STR("");
	s = run(c, JOB_EVALUATE, &g, NULL);
	ck_assert_int_eq(number_of(&s, "samples"), 50);
}
END_TEST

static const struct {
	enum job_type kind;
	int input; /* replaced by these bytes; -1: none */
	const char *bytes, *params;
	enum err_code want;
} bad_cases[] = {
	{ JOB_EVALUATE, 0, "no model", "{}", E_INPUT },
	{ JOB_EVALUATE, 0, "", "{}", E_INPUT },
	{ JOB_EVALUATE, 1, "no samples", "{}", E_INPUT },
	{ JOB_EVALUATE, 1, "\x93NUMPY\x02", "{}", E_INPUT },
	{ JOB_EVALUATE, 1, "PK\x03\x04", "{}", E_INPUT },
	{ JOB_EVALUATE, 2, "no labels", "{}", E_INPUT },
	{ JOB_EVALUATE, 2, "", "{}", E_INPUT },
	{ JOB_TRAIN, 3, "no test samples", "{}", E_INPUT },
	{ JOB_TRAIN, -1, "", "{\"batch\":400}", E_NONE },
	{ JOB_TRAIN, -1, "",
	    "{\"rate\":1000,\"schedule\":\"constant\",\"loss\":\"squared-error\"}", E_INPUT },
	{ JOB_TRAIN, -1, "", "{\"crop\":6}", E_INPUT },
};

START_TEST(inputs_that_are_none)
{
	struct ctx *c = test_ctx();
	struct given g = toys_given(c, bad_cases[_i].params);
	struct str model;
	struct story s;

	if (bad_cases[_i].input >= 0)
		g.input[bad_cases[_i].input] = str_of(bad_cases[_i].bytes);
	s = run(c, bad_cases[_i].kind, &g, &model);
	ck_assert(s.said);
	if (bad_cases[_i].want == E_NONE) {
		ck_assert_int_eq(s.last.type, JOB_RESULT);
		return;
	}
	ck_assert_int_eq(s.last.type, JOB_FAILURE);
	ck_assert_int_eq(s.last.code, bad_cases[_i].want);
	ck_assert_uint_gt(s.last.text.n, 0);
	ck_assert_uint_eq(model.n, 0);
}
END_TEST

MAIN("worker_network", ONE(trained_and_evaluated), ONE(same_job_same_model),
    ONE(a_model_in_a_bundle), ONE(labels_in_the_samples_archive),
    EACH(inputs_that_are_none, bad_cases))
