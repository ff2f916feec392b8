/*
 * Artifacts: what was locked opens, bit for bit or with the customer's mark; with any other key, or
 * with any altered or missing byte, it does not.
 */
#include "unlock_support.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Opening ----------------------------------------------------------------------------- */

static bool
apply(struct ctx *c, int artifact, const struct unlock_key *k, struct str *ret)
{
	owned(fd_done) int out = memfd_create("out", MFD_CLOEXEC);

	ck_assert_int_ge(out, 0);
	if (!unlock_apply(c, artifact, k, out, NULL))
		return false;
	*ret = memory_bytes(c, out);
	return true;
}

/* Nothing is marked: the very file comes back. */
START_TEST(unmarked_locks_are_exact)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, _i, false);
	struct unlock_key k = story_key(c, &s, 5);
	struct str out;

	if (story_kinds[_i].marked)
		return;
	ck_ok(c, apply(c, s.artifact, &k, &out));
	ck_assert(str_same(out, s.plain));
}
END_TEST

/* Deviations of one part, in its sigma; those that are bit for bit the same do not count. */
static void
deviations(const struct story *s, struct str out, size_t part, double *ret_square,
    size_t *ret_n, size_t *ret_same)
{
	const struct part *p = &s->part[part];
	size_t size = onnx_type_size(p->type);
	const char *got = part_in(s, out, part);

	for (size_t i = 0; i < (size_t)p->count; i++) {
		float a, b;

		if (memcmp(p->raw + i * size, got + i * size, size) == 0) {
			++*ret_same;
			continue;
		}
		onnx_floats_get(p->type, p->raw + i * size, 1, &a);
		onnx_floats_get(p->type, got + i * size, 1, &b);
		ck_assert(isfinite(a) && isfinite(b));
		*ret_square += (double)(b - a) * (double)(b - a) / p->sigma / p->sigma;
		++*ret_n;
	}
}

/* Marked weights are off by kappa, the others are exact, and nothing else has changed. */
START_TEST(sealed_locks_mark)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, _i, false);
	struct unlock_key k = story_key(c, &s, 5);
	double square = 0;
	size_t n = 0;
	struct str out;

	if (!story_kinds[_i].marked)
		return;
	ck_ok(c, apply(c, s.artifact, &k, &out));
	ck_assert_uint_eq(out.n, s.plain.n);
	for (size_t i = 0; i < s.parts; i++) {
		bool raw = s.part[i].form <= SEALED_RAW;
		size_t was = n, same = 0;

		deviations(&s, out, i, &square, &n, &same);
		ck_assert(!raw || n == was);
		if (s.part[i].form == SEALED_MIXED && s.part[i].count > 1)
			ck_assert_uint_gt(same, (size_t)s.part[i].count / 3);
		if (s.part[i].form == SEALED_MARKED && s.entries == 0)
			ck_assert_uint_lt(same, (size_t)s.part[i].count / 4 + 1);
	}
	ck_assert_uint_gt(n, 200000);
	ck_assert_double_eq_tol(sqrt(square / (double)n), .03, .002);
}
END_TEST

START_TEST(customers_get_copies_of_their_own)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, 1, true);
	struct unlock_key a = story_key(c, &s, 5), b = story_key(c, &s, 6);
	struct str one, again, other;

	ck_ok(c, apply(c, s.artifact, &a, &one));
	ck_ok(c, apply(c, s.artifact, &a, &again));
	ck_ok(c, apply(c, s.artifact, &b, &other));
	ck_assert(str_same(one, again));
	ck_assert(!str_same(one, other));
}
END_TEST

START_TEST(digests_are_of_weights)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, 0, true);
	owned(fd_done) int plain = memory_file(s.plain);
	struct digest256 a, b;

	ck_ok(c, unlock_digest(c, plain, &a));
	ck_ok(c, unlock_digest(c, s.artifact, &b));
	ck_assert(!digest256_same(&a, &b));
	ck_assert_int_eq(pwrite(plain, "TEST", 4, (off_t)s.plain.n - 4), 4); /* its producer */
	ck_ok(c, unlock_digest(c, plain, &b));
	ck_assert(digest256_same(&a, &b));
}
END_TEST

/* ---- Not opening ------------------------------------------------------------------------- */

static struct unlock_key
other_release(struct ctx *c, struct unlock_key k)
{
	k.release = id_new(c, "rel");
	return k;
}

static struct unlock_key
other_locks(struct ctx *c, struct unlock_key k)
{
	(void)c;
	k.locks ^= LOCK_SEALED | LOCK_ADVPARAMS;
	return k;
}

static struct unlock_key
other_artifact(struct ctx *c, struct unlock_key k)
{
	(void)c;
	k.artifact.b[31] ^= 1;
	return k;
}

static struct unlock_key
other_content(struct ctx *c, struct unlock_key k)
{
	(void)c;
	if ((k.locks & LOCK_SEALED) != 0)
		k.content.b[0] ^= 1;
	else
		k.plain.b[0] ^= 1;
	return k;
}

static struct unlock_key
other_terms(struct ctx *c, struct unlock_key k)
{
	(void)c;
	if (k.table != NULL)
		k.terms.kappa *= 2;
	else
		k.artifact.b[0] ^= 1;
	return k;
}

/* Where nothing else is sealed, a parameter that stays locked is noticed. */
static struct unlock_key
fewer_entries(struct ctx *c, struct unlock_key k)
{
	(void)c;
	if (k.locks == LOCK_ADVPARAMS)
		k.entries--;
	else
		k.content.b[5] ^= 2;
	return k;
}

/* An entry that is nowhere, one beyond its tensor, one in a double, one too wide. */
static struct unlock_key
entry_set(struct ctx *c, struct unlock_key k, struct unlock_entry e)
{
	struct unlock_entry *one = take(c, sizeof *one);

	*one = e;
	k.entry = one;
	k.entries = 1;
	return k;
}

static struct unlock_key
entry_nowhere(struct ctx *c, struct unlock_key k)
{
	return entry_set(c, k, (struct unlock_entry){ 99, 0, 1 });
}

static struct unlock_key
entry_beyond(struct ctx *c, struct unlock_key k)
{
	return entry_set(c, k, (struct unlock_entry){ 2, 777, 1 });
}

static struct unlock_key
entry_in_double(struct ctx *c, struct unlock_key k)
{
	return entry_set(c, k, (struct unlock_entry){ 7, 0, 1 });
}

static struct unlock_key
entry_in_half(struct ctx *c, struct unlock_key k)
{
	return entry_set(c, k, (struct unlock_entry){ 4, 0, 1 << 16 });
}

static struct unlock_key (*const wrong[])(struct ctx *, struct unlock_key) = { other_release,
	other_locks, other_artifact, other_content, other_terms, fewer_entries, entry_nowhere,
	entry_beyond, entry_in_double, entry_in_half };

START_TEST(other_keys_do_not_open)
{
	struct ctx *c = test_ctx();
	struct str out;

	for (int kind = 0; kind < STORY_KINDS; kind++) {
		struct story s = story_of_kind(c, kind, true);
		struct unlock_key k = wrong[_i](c, story_key(c, &s, 5));

		if (k.locks == LOCK_SEALED && wrong[_i] != other_locks && k.entries == 1)
			continue; /* a key reader does not let entries in there */
		ck_fails(c, E_INTEGRITY, apply(c, s.artifact, &k, &out));
		fd_done(&s.artifact);
	}
}
END_TEST

START_TEST(expired_keys_do_not_open)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, 1, true);
	struct unlock_key k = story_key(c, &s, 5);
	struct str out;

	k.expires = TEST_NOW + 1;
	ck_ok(c, apply(c, s.artifact, &k, &out));
	test_clock_set(TEST_NOW + 1);
	ck_fails(c, E_DENIED, apply(c, s.artifact, &k, &out));
}
END_TEST

/* An attempt with memory of its own: E_NONE, or how it failed. */
static enum err_code
attempt(const struct ctx *c, int artifact, const struct unlock_key *k)
{
	struct ctx one = { arena_new(4 << 20), { 0 }, c->now, c->random, "" };
	struct str out;
	bool ok = apply(&one, artifact, k, &out);

	ck_assert(ok == (one.err.code == E_NONE));
	arena_free(&one.mem);
	return one.err.code;
}

static void
flip_in(int fd, size_t at)
{
	char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= (char)(1 << at % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
}

/* Any bit of the artifact that is not as it was, and any cut. */
START_TEST(altered_artifacts_do_not_open)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, _i, true);
	struct unlock_key k = story_key(c, &s, 5);
	size_t n = memory_bytes(c, s.artifact).n;

	for (size_t i = 0; i < n; i += 797) {
		flip_in(s.artifact, i);
		ck_assert_int_eq(attempt(c, s.artifact, &k), E_INTEGRITY);
		flip_in(s.artifact, i);
	}
	ck_assert_int_eq(attempt(c, s.artifact, &k), E_NONE);
	for (size_t left = n - 1; left > 3000; left -= left > n - 80 ? 1 : 2603) {
		ck_assert_int_eq(ftruncate(s.artifact, (off_t)left), 0);
		ck_assert_int_eq(attempt(c, s.artifact, &k), E_INTEGRITY);
	}
}
END_TEST

/*
 * The same where the key names the altered file, as if whoever altered it could make keys: then
 * the sealed part still does not open, and whatever happens, it ends.
 */
START_TEST(altered_artifacts_with_keys_of_their_own)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, _i, true);
	struct unlock_key k = story_key(c, &s, 5);
	struct str bytes = memory_bytes(c, s.artifact);
	struct artifact a;
	size_t head;

	ck_ok(c, artifact_open(c, s.artifact, &a));
	head = (a.stream_at == 0 ? bytes.n : a.stream_at) - ARTIFACT_HEAD;
	/* Here and there, and every byte of the head. */
	for (size_t i = 0, step; i < bytes.n; i += step) {
		struct ctx one = { arena_new(4 << 20), { 0 }, c->now, c->random, "" };
		enum err_code got;

		flip_in(s.artifact, i);
		k.artifact = file_digest(&one, s.artifact);
		got = attempt(c, s.artifact, &k);
		ck_assert(got == E_INTEGRITY || got == E_INPUT || got == E_LIMIT ||
		    (got == E_NONE && i < head));
		flip_in(s.artifact, i);
		step = i >= head && i < head + ARTIFACT_HEAD ? 1 : 997;
		if (i < head && i + step > head)
			step = head - i;
		arena_free(&one.mem);
	}
}
END_TEST

static const struct {
	const char *field; /* field 1000 in a model without it */
	size_t n;
} not_artifacts[] = {
	{ "", 0 },
	{ "\xc2\x3e\x00", 3 },
	{ "\xc2\x3e\x06HMKART", 9 },
	{ "\xc2\x3e\x40"
	  "HMKBRT\x01\x01rel_________________________________________________________",
	    67 },
	{ "\xc2\x3e\x40"
	  "HMKART\x01\x01rel_________________________________________________________",
	    67 },
	{ "\xc2\x3e\x40"
	  "HMKART\x02\x01rel_________________________________________________________",
	    67 },
};

START_TEST(other_files_are_no_artifacts)
{
	struct ctx *c = test_ctx();
	struct story s = story_new(c, LOCK_SEALED, true);
	owned(fd_done) int fd = memory_file(s.plain);
	struct artifact a;

	ck_assert_int_ge(lseek(fd, 0, SEEK_END), 0);
	ck_ok(c, fd_write_all(c, fd, not_artifacts[_i].field, not_artifacts[_i].n));
	ck_fails(c, E_INPUT, artifact_open(c, fd, &a));
}
END_TEST

/* ---- Writing ----------------------------------------------------------------------------- */

/* A marked tensor with a weight that cannot be; a mark on integers; tensors out of order. */
static const struct {
	struct part part;
	uint32_t again; /* the index of a second tensor */
	enum err_code want;
} unwritable[] = {
	{ { ONNX_FLOAT, 100, SEALED_MARKED, 1e-9, NULL }, 1, E_INPUT },
	{ { ONNX_FLOAT, 100, SEALED_MARKED, 0, NULL }, 1, E_INPUT },
	{ { ONNX_FLOAT, 100, SEALED_MARKED, INFINITY, NULL }, 1, E_INPUT },
	{ { ONNX_INT8, 100, SEALED_MIXED, 1, NULL }, 1, E_INPUT },
	{ { ONNX_FLOAT, 100, SEALED_RAW, 0, NULL }, 0, E_INTERNAL },
};

static bool
ones(struct ctx *c, void *arg, const struct sealed_tensor *t, int64_t first, size_t n,
    void *bytes, uint8_t marked[])
{
	const float one = 1;

	(void)c, (void)arg, (void)first;
	memset(marked, 0xff, (n + 7) / 8);
	for (size_t i = 0; i < n && t->type == ONNX_FLOAT; i++)
		memcpy((char *)bytes + 4 * i, &one, 4);
	return true;
}

START_TEST(what_cannot_be_written)
{
	struct ctx *c = test_ctx();
	struct key256 k = { { 1 } };
	struct mark_terms terms = { 14, .03 };
	uint32_t *master = take(c, sizeof master[0] << 14);
	const struct part *p = &unwritable[_i].part;
	struct sealed_tensor t[] = { { 0, (enum sealed_form)p->form, p->type, p->count,
					 p->sigma },
		{ unwritable[_i].again, SEALED_RAW, ONNX_FLOAT, 1, 0 } };
	struct artifact_new new = { id_new(c, "rel"), LOCK_SEALED, &k, terms, master, t, 2,
		ones, NULL };
	owned(fd_done) int fd = memfd_create("artifact", MFD_CLOEXEC);
	uint64_t n;

	ck_ok(c, mark_master(c, &k, &terms, master));
	ck_fails(c, unwritable[_i].want, artifact_append(c, fd, &new, &n));
	t[0] = (struct sealed_tensor){ 0, SEALED_MARKED, ONNX_FLOAT, 100, 1 };
	t[1].index = 1;
	ck_ok(c, artifact_append(c, fd, &new, &n));
}
END_TEST

MAIN("unlock", EACH(unmarked_locks_are_exact, story_kinds),
    EACH(sealed_locks_mark, story_kinds), ONE(customers_get_copies_of_their_own),
    ONE(digests_are_of_weights), EACH(other_keys_do_not_open, wrong),
    ONE(expired_keys_do_not_open), EACH(altered_artifacts_do_not_open, story_kinds),
    EACH(altered_artifacts_with_keys_of_their_own, story_kinds),
    EACH(other_files_are_no_artifacts, not_artifacts), EACH(what_cannot_be_written, unwritable))
