/*
 * The contract between server and worker: the table of kinds, and job messages that come back as
 * they were sent or not at all. Reports are in job_reports.c.
 */
#include <signal.h>

#include "job.h"
#include "test.h"

/* ---- The table --------------------------------------------------------------------------- */

START_TEST(every_kind_is_whole)
{
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < JOB_COUNT; i++) {
		const struct job_kind *k = &job_kinds[i];
		enum job_type found;

		ck_assert_ptr_nonnull(k->name);
		ck_assert_uint_lt(strlen(k->name), JOB_NAME_MAX);
		ck_assert_uint_gt(strlen(k->help), 0);
		ck_assert_uint_le(k->may, 15);
		/* What the server alone makes is about what was uploaded. */
		ck_assert(k->may != 0 || k->stays || i == JOB_DESCRIBE || i == JOB_PROTECT ||
		    i == JOB_CHALLENGE || i == JOB_REDTEAM || i == JOB_VERIFY ||
		    i == JOB_SLOTS || i == JOB_PERSONALISE);
		ck_assert_ptr_nonnull(k->defaults);
		ck_assert_int_gt(k->limits.memory, 0);
		ck_assert_int_gt(k->limits.cpu, 0);
		ck_assert_int_gt(k->limits.wall, 0);
		ck_assert_int_ge(k->limits.output, 0);
		ck_assert_uint_le(k->inputs, JOB_INPUTS_MAX);
		for (size_t f = 0; f < k->fields; f++)
			ck_assert_uint_lt(k->field[f].at, k->size);
		for (size_t n = 0; n < k->inputs; n++) {
			ck_assert_uint_lt(strlen(k->input[n].name), JOB_NAME_MAX);
			ck_assert_uint_le(k->input[n].at + sizeof(struct str), k->size);
			ck_assert_int_gt(k->input[n].max, 0);
			ck_assert((k->input[n].source == JOB_FROM_PARAMETER ||
				      k->input[n].source == JOB_FROM_SECRET ||
				      k->input[n].source == JOB_FROM_CUSTOMERS ||
				      k->input[n].source == JOB_FROM_COPIES ||
				      k->input[n].source == JOB_FROM_IMAGES) ==
			    (k->input[n].part == NULL));
		}
		ck_assert_uint_le(k->outputs, JOB_OUTPUTS_MAX);
		for (size_t n = 0; n < k->outputs; n++) {
			ck_assert_uint_lt(strlen(k->output[n].name), JOB_NAME_MAX);
			ck_assert_int_gt(k->output[n].max, 0);
			/* And what sealing adds. */
			ck_assert_int_gt(k->limits.output,
			    k->output[n].max + k->output[n].max / 4096 + 4096);
		}
		ck_ok(c, job_kind_by_name(c, str_of(k->name), &found));
		ck_assert_uint_eq(found, i);
	}
}
END_TEST

START_TEST(no_such_kind)
{
	struct ctx *c = test_ctx();
	enum job_type type = JOB_COUNT;

	ck_fails(c, E_INPUT, job_kind_by_name(c, STR(""), &type));
	ck_fails(c, E_INPUT, job_kind_by_name(c, STR("selftes"), &type));
	ck_fails(c, E_INPUT, job_kind_by_name(c, STR("selftest "), &type));
	ck_assert_int_eq(type, JOB_COUNT);
}
END_TEST

static const struct {
	const char *json;
	enum err_code want;
} params_cases[] = {
	{ "{\"text\":\"x\"}", E_NONE },
	{ "{\"text\":\"\"}", E_NONE },
	{ "{\"text\":\"x\",\"steps\":1,\"step_ms\":5000,\"fail\":\"memory\"}", E_NONE },
	{ "{\"text\":\"x\",\"steps\":1000,\"step_ms\":300}", E_NONE },
	{ "{\"text\":\"x\",\"steps\":1000,\"step_ms\":301}", E_INPUT },
	{ "{\"text\":\"x\",\"steps\":0}", E_INPUT },
	{ "{\"text\":\"x\",\"steps\":1001}", E_INPUT },
	{ "{\"text\":\"x\",\"step_ms\":5001}", E_INPUT },
	{ "{\"text\":\"x\",\"step_ms\":-1}", E_INPUT },
	{ "{\"text\":\"x\",\"fail\":\"politely\"}", E_INPUT },
	{ "{\"text\":\"x\",\"extra\":1}", E_FIELD },
	{ "{\"text\":1}", E_INPUT },
	{ "{}", E_INPUT },
	{ "[]", E_JSON },
	{ "", E_JSON },
};

START_TEST(params_are_checked)
{
	struct ctx *c = test_ctx();
	struct str json = str_of(params_cases[_i].json);
	void *params = NULL;

	if (params_cases[_i].want == E_NONE) {
		ck_ok(c, job_params(c, JOB_SELFTEST, json, &params));
		ck_assert_ptr_nonnull(params);
	} else {
		ck_fails(c, params_cases[_i].want, job_params(c, JOB_SELFTEST, json, &params));
		ck_assert_ptr_null(params);
	}
}
END_TEST

static const struct {
	enum job_type kind;
	const char *json;
	const char *at; /* of the fault; NULL: none */
} network_cases[] = {
	{ JOB_EVALUATE, "{}", NULL },
	{ JOB_EVALUATE, "{\"batch\":1,\"threads\":64,\"order\":\"channels-last\"}", NULL },
	{ JOB_EVALUATE, "{\"loss\":\"squared-error\",\"output\":\"log-probabilities\"}", NULL },
	{ JOB_EVALUATE, "{\"batch\":0}", "/batch" },
	{ JOB_EVALUATE, "{\"threads\":65}", "/threads" },
	{ JOB_EVALUATE, "{\"order\":\"last\"}", "/order" },
	{ JOB_EVALUATE, "{\"positive_weight\":0}", "/positive_weight" },
	{ JOB_EVALUATE, "{\"epochs\":1}", "/epochs" },
	{ JOB_TRAIN, "{}", NULL },
	{ JOB_TRAIN, "{\"optimiser\":\"adamw\",\"rate\":0.001,\"clip\":1}", NULL },
	{ JOB_TRAIN, "{\"initial\":\"he\",\"seed\":0,\"crop\":4,\"flip\":true}", NULL },
	{ JOB_TRAIN, "{\"epochs\":0}", "/epochs" },
	{ JOB_TRAIN, "{\"rate\":-1}", "/rate" },
	{ JOB_TRAIN, "{\"rate\":1001}", "/rate" },
	{ JOB_TRAIN, "{\"momentum\":1}", "/momentum" },
	{ JOB_TRAIN, "{\"beta2\":1}", "/beta2" },
	{ JOB_TRAIN, "{\"epsilon\":0}", "/epsilon" },
	{ JOB_TRAIN, "{\"warmup\":1}", "/warmup" },
	{ JOB_TRAIN, "{\"start\":0}", "/start" },
	{ JOB_TRAIN, "{\"seed\":-1}", "/seed" },
	{ JOB_TRAIN, "{\"schedule\":\"linear\"}", "/schedule" },
	{ JOB_TRAIN, "{\"positive_weight\":1e7}", "/positive_weight" },
	{ JOB_DESCRIBE, "{\"model\":\"mod_1\"}", NULL },
	{ JOB_DESCRIBE, "{\"model\":\"mod_1\",\"dataset\":\"dat_1\"}", "/dataset" },
	{ JOB_PROTECT, "{}", NULL },
	{ JOB_PROTECT, "{\"lock\":\"auto\",\"mode\":\"signed-greedy\",\"effort\":\"full\"}",
	    NULL },
	{ JOB_PROTECT, "{\"lock\":\"strong\"}", "/lock" },
	{ JOB_PROTECT, "{\"kappa\":0.6}", "/kappa" },
	{ JOB_PROTECT, "{\"log_l\":13}", "/log_l" },
	{ JOB_PROTECT, "{\"log_l\":23}", "/log_l" },
	{ JOB_PROTECT, "{\"alpha\":1}", "/alpha" },
	{ JOB_PROTECT, "{\"count\":65536}", "/count" },
	{ JOB_WATERMARK, "{}", NULL },
	{ JOB_WATERMARK, "{\"name\":\"a\",\"compression\":true,\"mu\":0,\"drop_max\":0}",
	    NULL },
	{ JOB_WATERMARK, "{\"pairs\":3}", "/pairs" },
	{ JOB_WATERMARK, "{\"pairs\":1025}", "/pairs" },
	{ JOB_WATERMARK, "{\"spares\":257}", "/spares" },
	{ JOB_WATERMARK, "{\"epochs\":201}", "/epochs" },
	{ JOB_WATERMARK, "{\"rate\":1.5}", "/rate" },
	{ JOB_WATERMARK, "{\"mu\":10.5}", "/mu" },
	{ JOB_WATERMARK, "{\"mu\":-0.5}", "/mu" },
	{ JOB_WATERMARK, "{\"drop_max\":0.6}", "/drop_max" },
	{ JOB_WATERMARK, "{\"positive_weight\":0}", "/positive_weight" },
	{ JOB_WATERMARK, "{\"physical\":1}", "/physical" },
	{ JOB_CHALLENGE, "{\"pairs\":0,\"slots\":\"slo_1\"}", NULL },
	{ JOB_CHALLENGE, "{\"pairs\":-1}", "/pairs" },
	{ JOB_SLOTS, "{}", NULL },
	{ JOB_SLOTS, "{\"customers\":1,\"colluders\":10,\"eps1\":1e-9,\"flips\":0}", NULL },
	{ JOB_SLOTS, "{\"customers\":0}", "/customers" },
	{ JOB_SLOTS, "{\"customers\":4294967296}", "/customers" },
	{ JOB_SLOTS, "{\"colluders\":0}", "/colluders" },
	{ JOB_SLOTS, "{\"colluders\":11}", "/colluders" },
	{ JOB_SLOTS, "{\"eps1\":0}", "/eps1" },
	{ JOB_SLOTS, "{\"eps2\":1}", "/eps2" },
	{ JOB_SLOTS, "{\"flips\":0.4}", "/flips" },
	{ JOB_SLOTS, "{\"positive_weight\":0}", "/positive_weight" },
	{ JOB_PERSONALISE, "{\"number\":1}", NULL },
	{ JOB_PERSONALISE, "{\"number\":4294967295,\"drop_max\":0,\"samples\":0}", NULL },
	{ JOB_PERSONALISE, "{}", "/number" },
	{ JOB_PERSONALISE, "{\"number\":0}", "/number" },
	{ JOB_PERSONALISE, "{\"number\":1,\"epochs\":201}", "/epochs" },
	{ JOB_PERSONALISE, "{\"number\":1,\"boost\":101}", "/boost" },
	{ JOB_PERSONALISE, "{\"number\":1,\"rate\":2}", "/rate" },
	{ JOB_PERSONALISE, "{\"number\":1,\"drop_max\":0.6}", "/drop_max" },
	{ JOB_PERSONALISE, "{\"number\":1,\"positive_weight\":0}", "/positive_weight" },
};

START_TEST(network_params_are_checked)
{
	struct ctx *c = test_ctx();
	struct str json = str_of(network_cases[_i].json);
	void *params = NULL;

	if (network_cases[_i].at == NULL) {
		ck_ok(c, job_params(c, network_cases[_i].kind, json, &params));
		return;
	}
	ck_assert(!job_params(c, network_cases[_i].kind, json, &params));
	ck_assert_str_eq(c->err.at, network_cases[_i].at);
}
END_TEST

START_TEST(files_are_no_parameters)
{
	struct ctx *c = test_ctx();
	void *params;

	ck_ok(c, job_params(c, JOB_TRAIN, STR("{}"), &params));
	for (size_t i = 0; i < job_kinds[JOB_TRAIN].inputs; i++)
		ck_assert_uint_eq(job_input_bytes(JOB_TRAIN, params, i).n, 0);
}
END_TEST

/* Whose the inputs are: of `marked`, the set of slots for three of them, of nobody. */
START_TEST(ids_lead_to_inputs)
{
	static const char *const from[] = { "mod_1", "slo_1", "slo_1", "slo_1", "dat_1",
		"dat_1", "dat_2", "dat_2", "mod_2" };
	struct ctx *c = test_ctx();
	void *params;

	ck_ok(c,
	    job_params(c, JOB_PERSONALISE,
		STR("{\"number\":1,\"model\":\"mod_1\",\"marked\":\"mod_2\","
		    "\"slots\":\"slo_1\",\"dataset\":\"dat_1\",\"test\":\"dat_2\"}"),
		&params));
	ck_assert_uint_eq(job_kinds[JOB_PERSONALISE].inputs, COUNT(from));
	for (size_t i = 0; i < COUNT(from); i++)
		ck_assert(str_same(job_input_id(JOB_PERSONALISE, params, i), str_of(from[i])));
	ck_ok(c, job_params(c, JOB_SLOTS, STR("{\"model\":\"mod_1\"}"), &params));
	ck_str(job_input_id(JOB_SLOTS, params, 0), "mod_1");
	ck_str(job_input_id(JOB_SLOTS, params, 3), "");
}
END_TEST

START_TEST(params_have_defaults_and_inputs)
{
	struct ctx *c = test_ctx();
	const struct selftest *p;
	void *params;

	ck_ok(c, job_params(c, JOB_SELFTEST, STR("{\"text\":\"abc\"}"), &params));
	p = params;
	ck_assert_int_eq(p->steps, 10);
	ck_assert_int_eq(p->step_ms, 0);
	ck_assert_int_eq(p->fail, SELFTEST_NONE);
	ck_str(job_input_bytes(JOB_SELFTEST, params, 0), "abc");
}
END_TEST

START_TEST(params_text_has_its_bound)
{
	struct ctx *c = test_ctx();
	struct buf b;
	void *params;

	for (size_t over = 0; over < 2; over++) {
		ck_ok(c, take_buf(c, SELFTEST_TEXT_MAX + 64, &b));
		buf_put(&b, STR("{\"text\":\""));
		for (size_t i = 0; i < SELFTEST_TEXT_MAX + over; i++)
			buf_char(&b, 'a');
		buf_put(&b, STR("\"}"));
		if (over == 0)
			ck_ok(c, job_params(c, JOB_SELFTEST, buf_str(&b), &params));
		else
			ck_assert(!job_params(c, JOB_SELFTEST, buf_str(&b), &params));
	}
}
END_TEST

/* ---- The job message --------------------------------------------------------------------- */

static struct job_message
message(void)
{
	struct job_message m = {
		.kind = JOB_SELFTEST,
		.id = STR("job_0198a000-0000-7000-8000-000000000001"),
		.limits = { .memory = 1 << 20, .cpu = 1, .wall = 2, .output = 0 },
		.params = STR("{\"text\":\"abc\"}"),
		.blobs = 1,
	};

	m.blob[0] = (struct job_blob){ .name = STR("text"), .size = 3, .aad = STR("here") };
	for (size_t i = 0; i < sizeof m.blob[0].key; i++)
		m.blob[0].key[i] = (uint8_t)i;
	return m;
}

static struct str
encoded(struct ctx *c, const struct job_message *m)
{
	struct buf b;

	ck_ok(c, take_buf(c, JOB_MESSAGE_MAX, &b));
	ck_ok(c, job_encode(c, m, &b));
	return buf_str(&b);
}

START_TEST(message_comes_back)
{
	struct ctx *c = test_ctx();
	struct job_message m = message(), got;

	ck_ok(c, job_decode(c, encoded(c, &m), &got));
	ck_assert_int_eq(got.kind, m.kind);
	ck_assert(str_same(got.id, m.id) && str_same(got.params, m.params));
	ck_assert_mem_eq(&got.limits, &m.limits, sizeof m.limits);
	ck_assert_uint_eq(got.blobs, 1);
	ck_assert(str_same(got.blob[0].name, m.blob[0].name));
	ck_assert(str_same(got.blob[0].aad, m.blob[0].aad));
	ck_assert_int_eq(got.blob[0].size, 3);
	ck_assert_mem_eq(got.blob[0].key, m.blob[0].key, sizeof m.blob[0].key);
	job_message_done(&got);
	for (size_t i = 0; i < sizeof got.blob[0].key; i++)
		ck_assert_uint_eq(got.blob[0].key[i], 0);
}
END_TEST

START_TEST(message_has_the_outputs_of_its_kind)
{
	struct ctx *c = test_ctx();
	struct job_message m = { .kind = JOB_PROTECT,
		.id = STR("job_x"),
		.limits = { .memory = 1, .cpu = 1, .wall = 1, .output = 1 },
		.params = STR("{}"),
		.blobs = job_kinds[JOB_PROTECT].inputs,
		.outs = job_kinds[JOB_PROTECT].outputs };
	struct job_message got;
	struct buf b;

	for (size_t i = 0; i < m.blobs; i++)
		m.blob[i].name = str_of(job_kinds[JOB_PROTECT].input[i].name);
	for (size_t i = 0; i < m.outs; i++) {
		m.out[i].name = str_of(job_kinds[JOB_PROTECT].output[i].name);
		m.out[i].size = (int64_t)i + 1;
		m.out[i].key[0] = (uint8_t)(i + 1);
	}
	ck_ok(c, job_decode(c, encoded(c, &m), &got));
	ck_assert_uint_eq(got.outs, m.outs);
	for (size_t i = 0; i < got.outs; i++) {
		ck_assert(str_same(got.out[i].name, m.out[i].name));
		ck_assert_int_eq(got.out[i].size, (int64_t)i + 1);
		ck_assert_uint_eq(got.out[i].key[0], i + 1);
	}
	job_message_done(&got);
	for (size_t i = 0; i < got.outs; i++)
		ck_assert_uint_eq(got.out[i].key[0], 0);
	ck_ok(c, take_buf(c, JOB_MESSAGE_MAX, &b));
	m.outs--;
	ck_fails(c, E_LIMIT, job_encode(c, &m, &b));
	m.outs++;
	m.out[0].size = job_kinds[JOB_PROTECT].output[0].max + 1;
	ck_fails(c, E_LIMIT, job_encode(c, &m, &b));
	m.out[0].size = 0;
	m.out[0].name = STR("entries");
	ck_fails(c, E_LIMIT, job_encode(c, &m, &b));
}
END_TEST

START_TEST(message_beyond_its_bounds_is_not_sent)
{
	struct ctx *c = test_ctx();
	struct job_message m;
	struct buf b;

	ck_ok(c, take_buf(c, JOB_MESSAGE_MAX, &b));
#define REFUSED(change)                                      \
	do {                                                 \
		m = message();                               \
		change;                                      \
		ck_fails(c, E_LIMIT, job_encode(c, &m, &b)); \
	} while (0)
	REFUSED(m.limits.memory = 0);
	REFUSED(m.limits.memory = job_kinds[JOB_SELFTEST].limits.memory + 1);
	REFUSED(m.limits.cpu = job_kinds[JOB_SELFTEST].limits.cpu + 1);
	REFUSED(m.limits.wall = job_kinds[JOB_SELFTEST].limits.wall + 1);
	REFUSED(m.limits.wall = -1);
	REFUSED(m.limits.output = 1);
	REFUSED(m.blobs = 0);
	REFUSED(m.blobs = 2);
	REFUSED(m.blob[0].name = STR("data"));
	REFUSED(m.blob[0].size = SELFTEST_TEXT_MAX + 1);
	REFUSED(m.blob[0].size = -1);
	REFUSED(m.id = STR(""));
	REFUSED(m.params.n = JOB_PARAMS_MAX + 1);
	REFUSED(m.blob[0].aad.n = JOB_AAD_MAX + 1);
#undef REFUSED
	/* And a buffer that is too small. */
	m = message();
	b.max = b.n + 20;
	ck_fails(c, E_LIMIT, job_encode(c, &m, &b));
}
END_TEST

START_TEST(message_cut_or_longer_is_refused)
{
	struct ctx *c = test_ctx();
	struct job_message m = message(), got;
	struct str whole = encoded(c, &m);
	char longer[512];

	for (size_t n = 0; n < whole.n; n++)
		ck_fails(c, E_PEER, job_decode(c, (struct str){ whole.p, n }, &got));
	memcpy(longer, whole.p, whole.n);
	longer[whole.n] = 0;
	ck_fails(c, E_PEER, job_decode(c, (struct str){ longer, whole.n + 1 }, &got));
}
END_TEST

/* What was decoded is always within bounds, whatever the bytes were. */
START_TEST(message_mutations)
{
	struct ctx *c = test_ctx();
	struct job_message m = message();
	struct str whole = encoded(c, &m);
	size_t accepted = 0;

	for (int i = 0; i < 10000; i++) {
		char bytes[512];
		uint32_t dice[6];
		struct job_message got;

		c->random(dice, sizeof dice);
		memcpy(bytes, whole.p, whole.n);
		for (size_t k = 0; k <= dice[0] % 4; k++)
			bytes[dice[1 + k] % whole.n] ^= (char)(1 << dice[1 + k] / whole.n % 8);
		if (!job_decode(c, (struct str){ bytes, whole.n }, &got)) {
			ck_err(c, E_PEER);
			continue;
		}
		accepted++;
		ck_assert_uint_eq(got.blobs, 1);
		ck_assert_int_le(got.limits.memory, job_kinds[JOB_SELFTEST].limits.memory);
		ck_assert_int_le(got.limits.wall, job_kinds[JOB_SELFTEST].limits.wall);
		ck_assert_int_ge(got.limits.wall, 1);
		ck_assert_int_le(got.blob[0].size, SELFTEST_TEXT_MAX);
	}
	ck_assert_uint_gt(accepted, 100);
	ck_assert_uint_lt(accepted, 9900);
}
END_TEST

START_TEST(every_end_has_a_sentence)
{
	ck_assert_str_eq(worker_exit_text(false, WORKER_LATE), "exceeded its time limit");
	ck_assert_str_eq(worker_exit_text(true, SIGSYS), "made a forbidden system call");
	ck_assert_str_eq(worker_exit_text(true, SIGXCPU), "exceeded its processor time limit");
	for (int i = 0; i < 256; i++) {
		ck_assert_uint_gt(strlen(worker_exit_text(false, i)), 0);
		ck_assert_uint_gt(strlen(worker_exit_text(true, i)), 0);
	}
}
END_TEST

MAIN("job", ONE(every_kind_is_whole), ONE(no_such_kind), EACH(params_are_checked, params_cases),
    EACH(network_params_are_checked, network_cases), ONE(files_are_no_parameters),
    ONE(ids_lead_to_inputs), ONE(params_have_defaults_and_inputs),
    ONE(params_text_has_its_bound), ONE(message_comes_back),
    ONE(message_has_the_outputs_of_its_kind), ONE(message_beyond_its_bounds_is_not_sent),
    ONE(message_cut_or_longer_is_refused), ONE(message_mutations),
    ONE(every_end_has_a_sentence))
