/*
 * Models on their way through the sealed lock; see sealed_support.h.
 */
#include <math.h>
#include <unistd.h>

#include "sealed_support.h"

const struct sealed_options sealed_exact = { .unmarked = true };
const struct sealed_options sealed_marked = { 0 };

void
house_open(struct ctx *c, struct str bytes, struct house *ret)
{
	struct house h = { .plain = memory_file(bytes), .artifact = memory_file(STR("")) };

	ck_ok(c, crypto_start(c));
	key256_random(c, &h.release);
	h.id = id_new(c, "rel");
	*ret = h;
	ck_ok(c, onnx_read_any(c, bytes, &ret->model));
	ck_ok(c, nn_import(c, &ret->model, &ret->graph));
}

void
house_done(struct house *h)
{
	nn_graph_free(&h->graph);
	close(h->plain);
	close(h->artifact);
}

bool
seal_with(struct ctx *c, struct house *h, const struct sealed_options *o,
    const struct unlock_entry locked[], uint32_t n)
{
	const struct str metadata[][2] = { { STR("hallmark.release"), STR("rel_1") },
		{ STR("hallmark.ask"), STR("https://vendor.example") } };

	h->locks = LOCK_SEALED | (n > 0 ? LOCK_ADVPARAMS : 0);
	ck_assert_int_eq(ftruncate(h->artifact, 0), 0);
	ck_assert_int_eq(lseek(h->artifact, 0, SEEK_SET), 0);
	return sealed_artifact(c, h->plain, &h->model, h->graph, &h->release, h->id, o, locked,
	    n, metadata, COUNT(metadata), h->artifact, NULL, &h->made);
}

int
open_with(struct ctx *c, struct house *h, uint32_t customer, const struct unlock_entry locked[],
    uint32_t n)
{
	struct unlock_key k = { .release = h->id, .locks = h->locks, .customer = customer };
	int out = memory_file(STR(""));
	uint32_t *table;

	k.terms = h->made.terms;
	k.entry = locked;
	k.entries = n;
	ck_ok(c, sha256(c, memory_bytes(c, h->artifact), &k.artifact));
	ck_ok(c, mark_content_key(c, &h->release, &k.content));
	if (k.terms.log_l != 0) {
		table = take(c, sizeof *table << k.terms.log_l);
		ck_assert_ptr_nonnull(table);
		ck_ok(c, mark_table(c, &h->release, &k.terms, customer, table));
		k.table = table;
	}
	ck_ok(c, unlock_apply(c, h->artifact, &k, out, NULL));
	return out;
}

struct digest256
weights_digest(struct ctx *c, int fd)
{
	struct digest256 d;

	ck_ok(c, unlock_digest(c, fd, &d));
	return d;
}

float *
numbers(struct ctx *c, const struct onnx_tensor *t)
{
	float *v = take(c, (size_t)t->count * sizeof *v);

	ck_assert_ptr_nonnull(v);
	ck_ok(c, onnx_tensor_floats(c, t, v));
	return v;
}

double
correlation(const float *a, const float *b, int64_t n)
{
	double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;

	for (int64_t i = 0; i < n; i++) {
		ma += (double)a[i] / (double)n;
		mb += (double)b[i] / (double)n;
	}
	for (int64_t i = 0; i < n; i++) {
		aa += (a[i] - ma) * (a[i] - ma);
		bb += (b[i] - mb) * (b[i] - mb);
		ab += (a[i] - ma) * (b[i] - mb);
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

double
deviation(const float *v, int64_t n)
{
	double mean = 0, sum = 0;

	for (int64_t i = 0; i < n; i++)
		mean += (double)v[i] / (double)n;
	for (int64_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sqrt(sum / (double)n);
}
