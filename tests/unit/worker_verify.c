/*
 * A verification by the worker as a process, behind its walls: all its inputs arrive, a copy is
 * told by its customer, and a suspect that cannot be read is said to be one.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "blob.h"
#include "verify_house.h"
#include "worker_story.h"

/* A job as the server has it, from its order to its result. */
static struct story
verification(struct ctx *c, const struct house *h, struct str suspect, struct str print)
{
	const struct house_case k = { .suspect = suspect,
		.keys = true,
		.data = print.n == 0,
		.print = print,
		.null = print.n > 0 ? h->model : print };
	const struct worker_conf conf = { .programs = test_programs() };
	const struct job_kind *kind = &job_kinds[JOB_VERIFY];
	int in[JOB_INPUTS_MAX], out[JOB_OUTPUTS_MAX];
	const struct house_input *given = house_inputs(c, h, &k);
	struct job_message m = { .kind = JOB_VERIFY,
		.id = STR("job_test"),
		.limits = kind->limits,
		.params = house_params(c, h, &k),
		.blobs = kind->inputs,
		.outs = kind->outputs };
	struct worker w = { 0 };

	for (size_t i = 0; i < m.blobs; i++) {
		struct str plain = house_input(given, kind->input[i].name);
		struct key256 key;

		key256_random(c, &key);
		m.blob[i] = (struct job_blob){ .name = str_of(kind->input[i].name),
			.size = (int64_t)plain.n,
			.aad = STR("test/input") };
		memcpy(m.blob[i].key, key.b, sizeof key.b);
		ck_ok(c, blob_new(c, &key, m.blob[i].aad, plain, &in[i]));
	}
	for (size_t i = 0; i < m.outs; i++) {
		m.out[i] = (struct job_blob){ .name = str_of(kind->output[i].name),
			.size = kind->output[i].max,
			.aad = STR("test/output") };
		out[i] = memfd_create("output", MFD_CLOEXEC);
	}
	ck_ok(c, worker_start(c, &conf, &m, in, out, &w));
	for (size_t i = 0; i < m.blobs; i++)
		fd_done(&in[i]);
	for (size_t i = 0; i < m.outs; i++)
		fd_done(&out[i]);
	return story_within(c, &w, 60000);
}

static void
says(struct ctx *c, const struct story *s, const char *verdict)
{
	struct json_part *part, found;
	size_t n;

	ck_assert(s->said);
	ck_assert_msg(s->last.type == JOB_RESULT, "%.*s", STRF(s->last.text));
	ck_ok(c, json_split(c, s->last.result, &part, &n));
	ck_assert(json_find(part, n, "verdict", &found));
	ck_assert_msg(str_same(found.value, str_of(verdict)), "%.*s", STRF(s->last.result));
	ck_assert_str_eq(s->how, worker_exit_text(false, WORKER_OK));
}

/* The result lists the test, and that it ran. */
static bool
ran(struct ctx *c, const struct story *s, const char *id)
{
	char *text = take_printf(c, "{\"id\":\"%s\",\"ran\":true,", id);

	return memmem(s->last.result.p, s->last.result.n, text, strlen(text)) != NULL;
}

START_TEST(verified_behind_walls)
{
	struct ctx *c = house_ctx();
	struct house h;
	struct house_made made;
	struct story s;

	house_new(c, &h);
	s = verification(c, &h, house_copy(c, &h, 9), STR(""));
	says(c, &s, "proven");
	house_protect(c, &h, ",\"lock\":\"sealed\"", &made);
	s = verification(c, &h, house_copy(c, &h, 9), made.out[4]);
	says(c, &s, "proven");
	ck_assert(ran(c, &s, "fingerprint") && ran(c, &s, "boundary"));
	s = verification(c, &h, STR("\x08nothing of the kind"), STR(""));
	says(c, &s, "cannot-decide");
}
END_TEST

MAIN("worker-verify", ONE(verified_behind_walls))
