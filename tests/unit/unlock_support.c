/*
 * See the header. The weights are normal numbers that repeat, with a few that cannot be marked.
 */
#include "unlock_support.h"

#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct part usual[] = {
	{ ONNX_FLOAT, 1000, SEALED_MARKED, .5, NULL },
	{ ONNX_INT64, 3, -1, 0, NULL },
	{ ONNX_FLOAT, 777, SEALED_RAW, 0, NULL },
	{ ONNX_FLOAT, 1013, SEALED_MIXED, .25, NULL },
	{ ONNX_FLOAT16, 301, SEALED_MARKED, .5, NULL },
	{ ONNX_FLOAT16, 299, SEALED_MIXED, .5, NULL },
	{ ONNX_BFLOAT16, 128, SEALED_MARKED, 1, NULL },
	{ ONNX_DOUBLE, 65, SEALED_MARKED, 2, NULL },
	{ ONNX_DOUBLE, 67, SEALED_MIXED, 2, NULL },
	{ ONNX_INT8, 90, SEALED_RAW, 0, NULL },
	{ ONNX_FLOAT, 1, SEALED_MIXED, 1, NULL },
	{ ONNX_FLOAT, 0, SEALED_RAW, 0, NULL },
	{ ONNX_FLOAT, 150001, SEALED_MIXED, .125, NULL },
	{ ONNX_DOUBLE, 70001, SEALED_MARKED, .125, NULL },
	{ ONNX_FLOAT, 140000, SEALED_MARKED, .125, NULL },
};

static const struct unlock_entry some_entries[] = {
	{ 0, 0, 0x80000000 },
	{ 0, 999, 1 },
	{ 3, 1012, 0x00ff0000 },
	{ 4, 5, 0x7fff },
	{ 10, 0, 0x40000000 },
};

/* The weights of a part, in its own type. */
static void
weights_make(struct ctx *c, struct part *p, uint32_t seed)
{
	const struct key256 key = { { 9 } };
	struct prf s = prf_stream(&key, "weights", 0, seed);
	size_t size = onnx_type_size(p->type);

	p->raw = take(c, (size_t)p->count * size + 1);
	for (int64_t i = 0; i < p->count; i++) {
		char *at = p->raw + (size_t)i * size;
		float w = (float)(sqrt(-2 * log(1 - prf_real(&s))) *
		    cos(2 * M_PI * prf_real(&s)) * (p->sigma > 0 ? p->sigma : 1));
		uint64_t bits = prf_next(&s);

		if (p->form == SEALED_MIXED && i % 50 == 7)
			w = i % 100 == 7 ? NAN : INFINITY;
		if (p->type == ONNX_INT64 || p->type == ONNX_INT8)
			memcpy(at, &bits, size);
		else
			onnx_floats_put(p->type, &w, 1, at);
	}
	ck_ok(c, prf_end(c, &s));
}

/* A model of initializers alone: enough for who does not look at the graph. */
static struct str
model_make(struct ctx *c, struct part part[], size_t n)
{
	struct buf graph, model;
	size_t room = 4096;
	char name[16];

	for (size_t i = 0; i < n; i++)
		room += (size_t)part[i].count * 8 + 256;
	ck_ok(c, take_buf(c, room, &graph));
	ck_ok(c, take_buf(c, room, &model));
	for (size_t i = 0; i < n; i++) {
		struct buf t;

		ck_ok(c, take_buf(c, room, &t));
		snprintf(name, sizeof name, "t%zu", i);
		pb_int(&t, 1, part[i].count);
		pb_int(&t, 2, part[i].type);
		pb_text(&t, 8, name);
		pb_bytes(
		    &t, 9, part[i].raw, (size_t)part[i].count * onnx_type_size(part[i].type));
		pb_message(&graph, 5, &t);
	}
	pb_int(&model, 1, 8);
	pb_message(&model, 7, &graph);
	pb_text(&model, 2, "test");
	ck_ok(c, buf_ok(c, &model));
	return buf_str(&model);
}

struct story
story_of(struct ctx *c, unsigned locks, const struct part part[], size_t n)
{
	struct story s = { .parts = n, .release = { { 7 } }, .locks = locks, .artifact = -1 };

	ck_assert_uint_le(n, PARTS_MAX);
	memcpy(s.part, part, n * sizeof part[0]);
	for (size_t i = 0; i < n; i++)
		weights_make(c, &s.part[i], (uint32_t)i);
	s.plain = model_make(c, s.part, n);
	s.id = id_new(c, "rel");
	s.terms = (struct mark_terms){ 14, .03 };
	return s;
}

struct story
story_new(struct ctx *c, unsigned locks, bool small)
{
	struct story s = story_of(c, locks, usual, COUNT(usual) - (small ? 3 : 0));

	if ((locks & LOCK_ADVPARAMS) != 0) {
		s.entry = some_entries;
		s.entries = COUNT(some_entries);
	}
	return s;
}

const char *
part_in(const struct story *s, struct str file, size_t part)
{
	const struct part *p = &s->part[part];
	size_t n = (size_t)p->count * onnx_type_size(p->type);
	const char *at = s->plain.p;

	/* Weights do not move: where they are in the plain file. */
	at = memmem(s->plain.p, s->plain.n, p->raw, n);
	ck_assert_ptr_nonnull(at);
	return file.p + (at - s->plain.p);
}

/* ---- Locking ----------------------------------------------------------------------------- */

struct locking {
	const struct story *story;
	uint32_t next;
};

/* What a thief finds: zeros under the sealed lock, flipped bits under the other. */
static bool
disguise(struct ctx *c, void *arg, const struct onnx_place *place, void *bytes, size_t elements)
{
	struct locking *l = arg;

	if ((l->story->locks & LOCK_SEALED) == 0)
		return unlock_flip(
		    c, l->story->entry, l->story->entries, &l->next, place, bytes, elements);
	if (l->story->part[place->index].form >= 0)
		memset(bytes, 0, elements * onnx_type_size(place->type));
	return true;
}

static bool
is_entry(const struct story *s, uint32_t tensor, int64_t index)
{
	for (uint32_t i = 0; i < s->entries; i++)
		if (s->entry[i].tensor == tensor && s->entry[i].index == index)
			return true;
	return false;
}

/* The truth, with the locked parameters' bits flipped; those are never marked. */
static bool
source(struct ctx *c, void *arg, const struct sealed_tensor *t, int64_t first, size_t n,
    void *bytes, uint8_t marked[])
{
	const struct story *s = arg;
	const struct part *p = &s->part[t->index];
	struct onnx_place place = {
		.type = t->type, .count = t->count, .first = first, .index = t->index
	};
	uint32_t next = 0;

	memcpy(bytes, p->raw + (size_t)first * onnx_type_size(t->type),
	    n * onnx_type_size(t->type));
	for (size_t i = 0; i < n; i++)
		if (i % 3 != 0 && !is_entry(s, t->index, first + (int64_t)i))
			marked[i / 8] |= (uint8_t)(1U << i % 8);
	while (next < s->entries &&
	    (s->entry[next].tensor < t->index ||
		(s->entry[next].tensor == t->index && s->entry[next].index < first)))
		next++;
	return unlock_flip(c, s->entry, s->entries, &next, &place, bytes, n);
}

void
story_lock(struct ctx *c, struct story *s)
{
	struct sealed_tensor tensor[PARTS_MAX];
	struct locking l = { s, 0 };
	owned(fd_done) int plain = memory_file(s->plain);
	struct artifact_new new = { .release = s->id,
		.locks = s->locks,
		.tensor = tensor,
		.source = source,
		.arg = s };
	struct key256 content;
	uint64_t stream;

	for (uint32_t i = 0; i < s->parts; i++) {
		const struct part *p = &s->part[i];
		enum sealed_form form = (enum sealed_form)p->form;

		if (p->form < 0)
			continue;
		if (s->terms.log_l == 0)
			form = SEALED_RAW;
		else if (form == SEALED_MARKED && s->entries != 0)
			form = SEALED_MIXED;
		tensor[new.tensors++] = (struct sealed_tensor){ i, form, p->type, p->count,
			p->sigma };
	}
	ck_ok(c, mark_content_key(c, &s->release, &content));
	new.content = &content;
	if (s->terms.log_l != 0) {
		s->master = take(c, sizeof s->master[0] << s->terms.log_l);
		ck_ok(c, mark_master(c, &s->release, &s->terms, s->master));
		new.master = s->master;
		new.terms = s->terms;
	}
	s->artifact = memfd_create("artifact", MFD_CLOEXEC);
	ck_ok(c, onnx_patch(c, plain, s->artifact, 0, disguise, &l));
	ck_ok(c, artifact_append(c, s->artifact, &new, &stream));
	ck_assert_uint_eq(stream != 0, (s->locks & LOCK_SEALED) != 0);
}

struct digest256
file_digest(struct ctx *c, int fd)
{
	struct digest256 d;

	ck_ok(c, sha256(c, memory_bytes(c, fd), &d));
	return d;
}

struct unlock_key
story_key(struct ctx *c, const struct story *s, uint32_t customer)
{
	struct unlock_key k = { .release = s->id,
		.locks = s->locks,
		.customer = customer,
		.issued = TEST_NOW,
		.artifact = file_digest(c, s->artifact),
		.entry = s->entry,
		.entries = s->entries };
	owned(fd_done) int plain = memory_file(s->plain);

	if ((s->locks & LOCK_SEALED) == 0)
		ck_ok(c, unlock_digest(c, plain, &k.plain));
	else
		ck_ok(c, mark_content_key(c, &s->release, &k.content));
	if ((s->locks & LOCK_SEALED) != 0 && s->terms.log_l != 0) {
		uint32_t *table = take(c, sizeof table[0] << s->terms.log_l);

		ck_ok(c, mark_table(c, &s->release, &s->terms, customer, table));
		k.table = table;
		k.terms = s->terms;
	}
	return k;
}

const struct story_kind story_kinds[STORY_KINDS] = {
	{ LOCK_ADVPARAMS, false },
	{ LOCK_SEALED, true },
	{ LOCK_SEALED, false },
	{ LOCK_SEALED | LOCK_ADVPARAMS, true },
	{ LOCK_SEALED | LOCK_ADVPARAMS, false },
};

struct story
story_of_kind(struct ctx *c, int kind, bool small)
{
	struct story s = story_new(c, story_kinds[kind].locks, small);

	if (!story_kinds[kind].marked)
		s.terms = (struct mark_terms){ 0 };
	story_lock(c, &s);
	return s;
}
