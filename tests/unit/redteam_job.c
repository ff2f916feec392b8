/*
 * The job of the red team: which attacks are run, what it says of them, and that a worker which is
 * killed between two points leaves a run that goes on to the same table.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "redteam.h"
#include "verify_house.h"

enum { SAMPLES = 2, LABELS, ARTIFACT = 6, SECRET, NEVER = 1 << 20 };
enum { OUT_REPORT, OUT_SAVES = 2 };

/* A job whose files outlive the attempts at it. */
struct team_job {
	struct job_message message;
	struct job_run run;
	int64_t least;   /* the first that was told of a total; -1: nothing was */
	int64_t dies_at; /* it kills itself there, as a worker is killed */
};

static void
listen_to(void *arg, int64_t done, int64_t total, struct str note)
{
	struct team_job *j = arg;

	ck_assert_uint_le(note.n, JOB_NOTE_MAX);
	ck_assert(total == 0 || done <= total);
	if (total == 0)
		return;
	if (j->least < 0)
		j->least = done;
	if (done >= j->dies_at)
		(void)raise(SIGKILL);
}

static int
sealed_input(struct ctx *c, const struct job_blob *b, struct str plain)
{
	owned(sealed_writer_free) struct sealed_writer *writer = NULL;
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct key256 key;
	uint64_t size;

	memcpy(key.b, b->key, sizeof key.b);
	ck_ok(c, sealed_writer_new(c, fd, &key, b->aad, &writer));
	ck_ok(c, sealed_write(c, writer, plain));
	ck_ok(c, sealed_finish(c, writer, &size));
	return fd;
}

static struct job_blob
blob_new(struct ctx *c, const char *name, int64_t size)
{
	struct job_blob b = { .name = str_of(name), .size = size, .aad = STR("test") };

	c->random(b.key, sizeof b.key);
	return b;
}

static struct str
input_of(const struct house *h, const char *name)
{
	const struct house_input in[] = { { "model", h->model }, { "samples", h->samples },
		{ "labels", h->labels }, { "artifact", h->artifact },
		{ "secret", { (const char *)h->secret.b, sizeof h->secret.b } },
		{ NULL, STR("") } };

	return house_input(in, name);
}

static struct team_job *
job_of(struct ctx *c, const struct house *h, const char *more)
{
	const struct job_kind *k = &job_kinds[JOB_REDTEAM];
	struct team_job *j = take(c, sizeof *j);
	void *params;

	*j = (struct team_job){ .least = -1, .dies_at = NEVER };
	j->message = (struct job_message){ .kind = JOB_REDTEAM,
		.id = STR("job_test"),
		.limits = k->limits,
		.blobs = k->inputs,
		.outs = k->outputs };
	j->message.params = str_of(take_printf(c,
	    "{\"release\":\"%s\",\"kappa\":%.17g,\"log_l\":%u,\"locks\":2,\"threads\":1%s}",
	    h->release.s, h->terms.kappa, h->terms.log_l, more));
	ck_ok(c, job_params(c, JOB_REDTEAM, j->message.params, &params));
	j->run = (struct job_run){
		.message = &j->message, .params = params, .progress = listen_to, .arg = j
	};
	for (size_t i = 0; i < k->inputs; i++) {
		struct str plain = input_of(h, k->input[i].name);

		j->message.blob[i] = blob_new(c, k->input[i].name, (int64_t)plain.n);
		j->run.blob_fd[i] = sealed_input(c, &j->message.blob[i], plain);
	}
	for (size_t i = 0; i < k->outputs; i++) {
		j->message.out[i] = blob_new(c, k->output[i].name, k->output[i].max);
		j->run.out_fd[i] = memfd_create("output", MFD_CLOEXEC);
	}
	return j;
}

/* A table without what depends on the clock. */
static struct str
table_of(struct ctx *c, struct str result)
{
	static const char *const members[] = { "profile", "rows", "wins", "attacks",
		"false_accusations", "accuracy", "verdict" };
	struct json_part *part, p;
	struct buf b;
	size_t n;

	ck_ok(c, json_split(c, result, &part, &n));
	ck_ok(c, take_buf(c, result.n + 64, &b));
	for (size_t i = 0; i < COUNT(members); i++) {
		ck_assert(json_find(part, n, members[i], &p));
		buf_put(&b, p.value);
		buf_char(&b, '\n');
	}
	return buf_str(&b);
}

static bool
holds(struct ctx *c, struct str text, const char *what)
{
	return strstr(take_cstr(c, text), what) != NULL;
}

START_TEST(says_what_each_attack_left)
{
	struct ctx *c = house_ctx();
	struct job_made made[JOB_OUTPUTS_MAX];
	struct str result, table;
	struct team_job *j;
	struct house h;

	house_new(c, &h);
	j = job_of(c, &h, ",\"rows\":[\"W2f\"]");
	ck_ok(c, job_run(c, &j->run, &result, made));
	table = table_of(c, result);
	ck_assert(holds(c, table, "\"id\":\"W2f\""));
	ck_assert(holds(c, table, "\"verdict\":\"proven\",\"named\":true,\"innocents\":0"));
	ck_assert_int_gt(made[OUT_REPORT].size, 0);
	/* What it kept for itself is nobody's in the end. */
	ck_assert_int_eq(made[OUT_SAVES].size, 0);
	ck_assert_int_eq(made[OUT_SAVES + 1].size, 0);
}
END_TEST

START_TEST(goes_on_after_a_kill)
{
	struct ctx *c = house_ctx();
	struct job_made made[JOB_OUTPUTS_MAX];
	struct str whole, rest;
	struct team_job *j;
	struct house h;
	int status;
	pid_t child;

	house_new(c, &h);
	j = job_of(c, &h, ",\"rows\":[\"W2f\"]");
	j->dies_at = 200; /* the copy as it is, and one point: then it ends */
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(job_run(c, &j->run, &whole, made) ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	j->dies_at = NEVER;
	ck_ok(c, job_run(c, &j->run, &rest, made));
	ck_assert_int_ge(j->least, 200);
	j = job_of(c, &h, ",\"rows\":[\"W2f\"]");
	ck_ok(c, job_run(c, &j->run, &whole, made));
	ck_assert_int_eq(j->least, 0);
	ck_assert(str_same(table_of(c, rest), table_of(c, whole)));
}
END_TEST

START_TEST(names_of_attacks_are_known)
{
	struct ctx *c = house_ctx();
	struct job_made made[JOB_OUTPUTS_MAX];
	struct team_job *j;
	struct str result;
	struct house h;

	house_new(c, &h);
	j = job_of(c, &h, ",\"rows\":[\"W2f\",\"Z9\"]");
	ck_assert(!job_run(c, &j->run, &result, made));
	ck_assert(holds(c, str_of(c->err.text), "no attack Z9:"));
	ck_err(c, E_INPUT);
}
END_TEST

MAIN("redteam_job", ONE(says_what_each_attack_left), ONE(goes_on_after_a_kill),
    ONE(names_of_attacks_are_known))
