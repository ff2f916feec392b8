/*
 * A vendor with a protected release; see verify_house.h.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "verify_house.h"

#define MEMORY ((size_t)1 << 30)
#define VERIFICATION "ver_01890a5d-ac96-774b-bcce-b302099a8057"
#define RELEASE "rel_01890a5d-ac96-774b-bcce-b302099a8058"
#define SUSPECT "sus_01890a5d-ac96-774b-bcce-b302099a8059"

struct ctx *
house_ctx(void)
{
	static struct ctx c;

	c = *test_ctx();
	c.mem = arena_new(MEMORY);
	ck_assert_ptr_nonnull(c.mem);
	ck_ok(&c, crypto_start(&c));
	return &c;
}

/* ---- Jobs -------------------------------------------------------------------------------- */

static void
count(void *arg, int64_t done, int64_t total, struct str note)
{
	struct house_made *made = arg;

	ck_assert_uint_gt(note.n, 0);
	ck_assert_uint_le(note.n, JOB_NOTE_MAX);
	ck_assert(total == 0 || done <= total);
	made->notes++;
}

static int
blob_seal(struct ctx *c, struct job_blob *b, struct str plain)
{
	owned(sealed_writer_free) struct sealed_writer *writer = NULL;
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct key256 key;
	uint64_t size;

	memcpy(key.b, b->key, sizeof key.b);
	ck_ok(c, sealed_writer_new(c, fd, &key, b->aad, &writer));
	ck_ok(c, sealed_write(c, writer, plain));
	ck_ok(c, sealed_finish(c, writer, &size));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

struct str
house_input(const struct house_input in[], const char *name)
{
	for (; in->name != NULL; in++)
		if (strcmp(in->name, name) == 0)
			return in->bytes;
	return STR("");
}

static struct str
whole(struct ctx *c, int fd, int64_t size)
{
	char *bytes = take(c, (size_t)size + 1);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(pread(fd, bytes, (size_t)size, 0), size);
	return (struct str){ bytes, (size_t)size };
}

bool
house_run(struct ctx *c, const struct house_job *j, struct house_made *ret)
{
	const struct job_kind *k = &job_kinds[j->kind];
	struct job_message *m = take(c, sizeof *m);
	struct job_run r = { .message = m,
		.plain = true,
		.progress = count,
		.patience = j->patience,
		.say = j->say,
		.hear = j->hear,
		.arg = ret };
	struct job_made made[JOB_OUTPUTS_MAX];
	void *params;
	bool ok;

	/* A test that is given up still looks at it afterwards. */
	*m = (struct job_message){ .kind = j->kind,
		.id = STR("job_test"),
		.limits = k->limits,
		.params = j->params,
		.blobs = k->inputs,
		.outs = k->outputs };
	*ret = (struct house_made){ 0 };
	ck_ok(c, job_params(c, j->kind, j->params, &params));
	r.params = params;
	for (size_t i = 0; i < k->inputs; i++) {
		struct str plain = house_input(j->input, k->input[i].name);

		m->blob[i] = (struct job_blob){ .name = str_of(k->input[i].name),
			.size = (int64_t)plain.n,
			.aad = STR("test") };
		c->random(m->blob[i].key, sizeof m->blob[i].key);
		r.blob_fd[i] = blob_seal(c, &m->blob[i], plain);
	}
	for (size_t i = 0; i < k->outputs; i++) {
		m->out[i] = (struct job_blob){ .name = str_of(k->output[i].name),
			.size = k->output[i].max };
		r.out_fd[i] = memfd_create("output", MFD_CLOEXEC);
	}
	ok = job_run(c, &r, &ret->result, made);
	for (size_t i = 0; ok && i < k->outputs; i++)
		ret->out[i] = whole(c, r.out_fd[i], made[i].size);
	for (size_t i = 0; i < k->inputs; i++)
		(void)close(r.blob_fd[i]);
	for (size_t i = 0; i < k->outputs; i++)
		(void)close(r.out_fd[i]);
	return ok;
}

/* ---- The vendor -------------------------------------------------------------------------- */

static struct str
text(const char *p)
{
	return str_of(p);
}

static struct str
bytes_of(const void *p, size_t n)
{
	return (struct str){ p, n };
}

static void
protect(struct ctx *c, struct house *h)
{
	const struct house_input in[] = { { "model", h->model },
		{ "secret", bytes_of(h->secret.b, sizeof h->secret.b) }, { NULL, STR("") } };
	const struct house_job job = { .kind = JOB_PROTECT,
		.params = text("{\"release\":\"" RELEASE "\",\"name\":\"lenet\","
			       "\"lock\":\"sealed\",\"effort\":\"none\"}"),
		.input = in };
	struct house_made made;
	struct json_part *part, found;
	size_t n;
	int64_t log_l;

	ck_ok(c, house_run(c, &job, &made));
	h->artifact = made.out[0];
	ck_ok(c, sha256(c, h->artifact, &h->artifact_digest));
	ck_ok(c, json_split(c, made.result, &part, &n));
	ck_assert(json_find(part, n, "log_l", &found));
	ck_assert(str_number(found.value, 1, 30, &log_l));
	h->terms.log_l = (unsigned)log_l;
	ck_assert(json_find(part, n, "kappa", &found));
	h->terms.kappa = strtod(take_cstr(c, found.value), NULL);
}

void
house_protect(struct ctx *c, const struct house *h, const char *more, struct house_made *ret)
{
	const struct house_input in[] = { { "model", h->model }, { "samples", h->samples },
		{ "labels", h->labels },
		{ "secret", bytes_of(h->secret.b, sizeof h->secret.b) }, { NULL, STR("") } };
	const struct house_job job = { .kind = JOB_PROTECT,
		.params = text(take_printf(c,
		    "{\"release\":\"" RELEASE "\",\"name\":\"lenet\",\"effort\":\"none\","
		    "\"threads\":1%s}",
		    more)),
		.input = in };

	ck_ok(c, house_run(c, &job, ret));
}

/* A blob of light on noise, somewhere. */
static struct image
picture(struct ctx *c)
{
	struct image p;
	uint8_t at[2];

	ck_ok(c, image_new(c, HOUSE_SIDE, HOUSE_SIDE, 1, &p));
	c->random(p.v, image_bytes(&p));
	c->random(at, sizeof at);
	for (int i = 0; i < HOUSE_SIDE * HOUSE_SIDE; i++) {
		int x = i % HOUSE_SIDE - at[0] % HOUSE_SIDE;
		int y = i / HOUSE_SIDE - at[1] % HOUSE_SIDE, far = x * x + y * y;

		p.v[i] = (uint8_t)(p.v[i] / 8 + (far < 60 ? 220 - 3 * far : 30));
	}
	return p;
}

static void
keys_make(struct ctx *c, struct house *h)
{
	const int n = 2 * HOUSE_PAIRS + 2;
	struct image *pictures = take(c, (size_t)n * sizeof *pictures);

	for (int i = 0; i < n; i++)
		pictures[i] = picture(c);
	ck_ok(c, keyset_draw(c, &h->secret, pictures, n, HOUSE_PAIRS, 2, &h->keys));
	ck_ok(c, keyset_commit(c, &h->secret, 9, &h->keys));
	ck_ok(c, keyset_put(c, &h->keys, &h->keys_bytes));
}

static void
customers_make(struct ctx *c, struct house *h)
{
	struct buf b;

	ck_ok(c, take_buf(c, HOUSE_CUSTOMERS * JOB_CUSTOMER_BYTES, &b));
	for (uint32_t i = 1; i <= HOUSE_CUSTOMERS; i++) {
		struct id id = id_new(c, "cus");

		wire_put_u32(&b, i);
		buf_put(&b, bytes_of(id.s, 40));
	}
	ck_ok(c, buf_ok(c, &b));
	h->customers = buf_str(&b);
}

/* Samples and labels as IDX files. */
static void
data_make(struct ctx *c, struct house *h)
{
	enum { SAMPLES = 300, PIXELS = HOUSE_SIDE * HOUSE_SIDE };
	static const uint8_t head[] = { 0, 0, 8, 3, 0, 0, 1, 44, 0, 0, 0, 28, 0, 0, 0, 28 },
			     tail[] = { 0, 0, 8, 1, 0, 0, 1, 44 };
	struct buf x, y;

	ck_ok(c, take_buf(c, sizeof head + SAMPLES * PIXELS, &x));
	ck_ok(c, take_buf(c, sizeof tail + SAMPLES, &y));
	buf_put(&x, bytes_of(head, sizeof head));
	buf_put(&y, bytes_of(tail, sizeof tail));
	for (int i = 0; i < SAMPLES; i++) {
		struct image p = picture(c);

		buf_put(&x, bytes_of(p.v, PIXELS));
		buf_char(&y, (char)(i % 10));
	}
	h->samples = buf_str(&x);
	h->labels = buf_str(&y);
}

void
house_of(struct ctx *c, struct str model, struct house *ret)
{
	struct house h = { .model = model };

	key256_random(c, &h.secret);
	key256_random(c, &h.challenge_secret);
	ck_ok(c, id_parse(c, text(RELEASE), "rel", &h.release));
	protect(c, &h);
	keys_make(c, &h);
	customers_make(c, &h);
	data_make(c, &h);
	*ret = h;
}

void
house_new(struct ctx *c, struct house *ret)
{
	const char *root = getenv("SOURCE_ROOT");
	struct str model;

	ck_assert_ptr_nonnull(root);
	ck_ok(c,
	    file_read(c, 0, take_printf(c, "%s/tests/data/models/fashion-lenet.onnx", root),
		8 << 20, &model));
	house_of(c, model, ret);
}

/* ---- Customers --------------------------------------------------------------------------- */

static void
key_fill(struct ctx *c, const struct house *h, uint32_t customer, struct unlock_key *k)
{
	uint32_t *table = take(c, sizeof *table << h->terms.log_l);

	*k = (struct unlock_key){ .release = h->release,
		.locks = LOCK_SEALED,
		.customer = customer,
		.issued = TEST_NOW,
		.artifact = h->artifact_digest,
		.terms = h->terms };
	ck_ok(c, mark_content_key(c, &h->secret, &k->content));
	ck_ok(c, mark_table(c, &h->secret, &k->terms, customer, table));
	k->table = table;
}

struct str
house_key(struct ctx *c, const struct house *h, uint32_t customer)
{
	struct unlock_key k;
	struct buf b;

	key_fill(c, h, customer, &k);
	ck_ok(c, take_buf(c, unlock_key_size(&k), &b));
	ck_ok(c, unlock_key_put(c, &k, &b));
	return buf_str(&b);
}

struct str
house_copy(struct ctx *c, const struct house *h, uint32_t customer)
{
	int in = memfd_create("artifact", MFD_CLOEXEC), out = memfd_create("copy", MFD_CLOEXEC);
	struct unlock_key k;
	struct str bytes;

	key_fill(c, h, customer, &k);
	ck_ok(c, fd_write_all(c, in, h->artifact.p, h->artifact.n));
	ck_ok(c, unlock_apply(c, in, &k, out, NULL));
	bytes = whole(c, out, lseek(out, 0, SEEK_END));
	(void)close(in);
	(void)close(out);
	return bytes;
}

void
house_challenge(struct ctx *c, const struct house *h, const struct key256 *secret,
    struct house_made *ret, struct challenge *ret_list)
{
	const struct house_input in[] = { { "keys", h->keys_bytes }, { "samples", h->samples },
		{ "secret", bytes_of(secret->b, sizeof secret->b) }, { NULL, STR("") } };
	const struct house_job job = { .kind = JOB_CHALLENGE,
		.params = text("{\"pairs\":90,\"first\":10,\"decoys\":40}"),
		.input = in };

	ck_ok(c, house_run(c, &job, ret));
	ck_ok(c, challenge_read(c, ret->out[1], ret_list));
}

/* ---- Verifications ----------------------------------------------------------------------- */

static struct str
hex_of(struct ctx *c, const struct digest256 *d)
{
	struct buf b;

	ck_ok(c, take_buf(c, 2 * sizeof d->b, &b));
	hex_put(&b, d->b, sizeof d->b);
	return buf_str(&b);
}

struct str
house_params(struct ctx *c, const struct house *h, const struct house_case *k)
{
	struct str commitment = k->keys ? hex_of(c, &h->keys.commitment) : STR("");
	struct str release = k->release.n > 0 ? k->release : text(RELEASE);

	return text(take_printf(c,
	    "{\"verification\":\"" VERIFICATION "\",\"suspect\":\"" SUSPECT "\","
	    "\"release\":\"%.*s\",\"kappa\":%.17g,\"log_l\":%u,\"locks\":2,"
	    "\"commitment\":\"%.*s\",\"committed\":%lld,"
	    "\"release_commitment\":\"%.*s\",\"release_committed\":%lld,"
	    "\"appeared\":%lld,\"threads\":1%.*s}",
	    STRF(release), h->terms.kappa, k->unmarked ? 0 : h->terms.log_l, STRF(commitment),
	    (long long)TEST_NOW - 1000, STRF(hex_of(c, &h->artifact_digest)),
	    (long long)TEST_NOW - 1000, (long long)TEST_NOW, STRF(k->more)));
}

const struct house_input *
house_inputs(struct ctx *c, const struct house *h, const struct house_case *k)
{
	const struct str customers = { h->customers.p,
		k->customers > 0 ? (size_t)k->customers * JOB_CUSTOMER_BYTES : h->customers.n };
	const struct house_input in[] = {
		{ "suspect", k->suspect },
		{ "model", h->model },
		{ "keys", k->keys ? h->keys_bytes : STR("") },
		{ "samples", k->data ? h->samples : STR("") },
		{ "labels", k->data ? h->labels : STR("") },
		{ "list", k->list },
		{ "secret", bytes_of(h->secret.b, sizeof h->secret.b) },
		{ "marks", k->marks },
		{ "images", k->images },
		{ "pictures", k->pictures },
		{ "entries", k->entries },
		{ "fingerprint", k->print },
		{ "null_1", k->null },
		{ "customers", customers },
		{ NULL, STR("") },
	};
	struct house_input *ret = take(c, sizeof in);

	memcpy(ret, in, sizeof in);
	return ret;
}

bool
house_verify(
    struct ctx *c, const struct house *h, const struct house_case *k, struct house_made *ret)
{
	const struct house_job job = { .kind = JOB_VERIFY,
		.params = house_params(c, h, k),
		.input = house_inputs(c, h, k),
		.patience = k->patience,
		.say = k->say,
		.hear = k->hear };

	return house_run(c, &job, ret);
}

struct evidence
house_verdict(struct ctx *c, const struct house *h, const struct house_case *k,
    enum verdict want, struct house_made *ret)
{
	struct json_part *part, found;
	struct str differs;
	struct evidence e;
	size_t n;

	ck_ok(c, house_verify(c, h, k, ret));
	ck_ok(c, evidence_recheck(c, ret->out[0], &e, &differs));
	ck_assert_msg(differs.n == 0, "%.*s", STRF(differs));
	ck_assert_msg(e.verdict == want, "%s: %s (%s)", verdict_names[e.verdict], e.reason,
	    e.test[TEST_WEIGHTS].why);
	ck_ok(c, json_split(c, ret->result, &part, &n));
	ck_assert(json_find(part, n, "verdict", &found));
	ck_assert(str_same(found.value, str_of(verdict_names[want])));
	ck_assert(json_find(part, n, "reason", &found));
	ck_assert(str_same(found.value, str_of(e.reason)));
	ck_assert_uint_gt(ret->out[1].n, ret->out[0].n);
	return e;
}
