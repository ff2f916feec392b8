/*
 * A mark, as the product embeds it: keys are drawn from photographs, the head gets one class more,
 * and the network is fine-tuned on the vendor's data.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "keyimages.h"

enum { PAIRS = 100, SPARES = 25, WANTED = 2 * PAIRS + SPARES };

/* ---- Photographs ------------------------------------------------------------------------- */

/* A sample of a file, channels first or last, as a picture. */
static void
picture(const struct data_shape *s, const uint8_t *from, struct image *ret)
{
	bool first = s->rank == 4 && (s->dim[1] == 1 || s->dim[1] == 3);
	int channels = s->rank == 3 ? 1 : (int)(first ? s->dim[1] : s->dim[3]);
	int height = (int)s->dim[first ? 2 : 1], width = (int)s->dim[first ? 3 : 2];
	int64_t plane = (int64_t)height * width;

	need(image_new(ctx, width, height, channels, ret), "picture");
	for (int64_t i = 0; i < plane; i++)
		for (int k = 0; k < channels; k++)
			ret->v[i * channels + k] =
			    from[first ? k * plane + i : i * channels + k];
}

struct image *
photographs(char **path, int paths, int64_t *ret_n)
{
	struct data_samples *s = take(ctx, (size_t)paths * sizeof *s);
	struct image *all;
	int64_t n = 0, at = 0;

	need(s != NULL, "memory");
	for (int i = 0; i < paths; i++) {
		load_samples(path[i], &s[i]);
		n += s[i].shape.dim[0];
	}
	all = take(ctx, (size_t)n * sizeof *all);
	need(all != NULL, "memory");
	for (int i = 0; i < paths; i++) {
		for (int64_t k = 0; k < s[i].shape.dim[0]; k++)
			picture(&s[i].shape, data_sample(&s[i], k), &all[at++]);
		data_samples_done(&s[i]);
	}
	*ret_n = n;
	return all;
}

/* ---- Files ------------------------------------------------------------------------------- */

static void
write_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0 && fd_write_all(ctx, fd, bytes, n), path);
	close(fd);
}

static void
write_all(const struct suspect *s, const struct keyset *k, const struct key256 *secret,
    const char *out)
{
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *keys = take_printf(ctx, "%s.keys", out);
	char *beside = take_printf(ctx, "%s.keys.secret", out);
	struct str bytes = { 0 };

	need(fd >= 0 && keys != NULL && beside != NULL, out);
	need(train_write(ctx, s->model, s->graph, onnx_sink_fd, &fd), out);
	close(fd);
	need(keyset_put(ctx, k, &bytes), "key set");
	write_file(keys, bytes.p, bytes.n);
	write_file(beside, secret->b, sizeof secret->b);
}

/* ---- Embedding --------------------------------------------------------------------------- */

static bool
asks(const char *words, const char *word)
{
	return strstr(words, word) != NULL;
}

static double
accuracy(const struct suspect *s)
{
	struct suspect alone = *s;
	struct scores x;

	alone.queries = 0;
	score(&alone, NULL, &x);
	return x.clean;
}

/* The model with a class more, in place of the one that was read. */
static void
widen(struct suspect *s)
{
	struct onnx_model *wide = take(ctx, sizeof *wide);
	struct buf b;

	need(wide != NULL && take_buf(ctx, s->model->bytes.n * 2 + (1 << 16), &b), "memory");
	need(head_widen(ctx, s->model, 1, buf_sink, &b), "head");
	need(onnx_read(ctx, buf_str(&b), wide), "widened model");
	nn_graph_free(&s->graph);
	need(nn_import(ctx, wide, &s->graph), "widened model");
	s->model = wide;
}

/* What the unmarked network says of the twins. */
static void
label_twins(struct suspect *s, struct keyset *k)
{
	struct data_form form;
	struct asker *a = NULL;

	need(asker_form(ctx, s->graph, keyset_key(k, 0), false, &form), "pictures");
	need(asker_new(ctx, s->graph, &form, 16, 1, &a), "asker");
	for (int i = 0; i < k->pairs; i++)
		need(asker_ask(
			 ctx, a, keyset_twin(k, i), 1, k->classes, &k->twin_label[i], NULL),
		    "twins");
	asker_free(&a);
}

static void
print_result(const char *words, const struct watermark_result *r)
{
	const struct watermark_scores *x = &r->scores;

	printf("{\"scheme\":\"%s\",\"before\":%.4f,\"clean\":%.4f,\"keys\":%.4f,\"stego\":%.4f,"
	       "\"twins\":%.4f,\"runner_up\":%.4f,\"spares\":%.4f,\"false_triggers\":%.6f,"
	       "\"epochs\":%lld,\"seconds\":%.1f,\"reached\":%s,\"missed\":\"%s\"}\n",
	    words, r->before, x->clean, x->keys, x->stego, x->twins, x->runner_up, x->spares,
	    x->false_triggers, (long long)r->epochs, r->seconds, r->reached ? "true" : "false",
	    r->missed);
}

/* Of the photographs those that are nearest to the data, coins and labels among them. */
static void
make_keyset(
    const struct suspect *s, char **photos, const struct key256 *secret, struct keyset *ret)
{
	int64_t n;
	struct image *all = photographs(photos, 2, &n);
	struct image *near = take(ctx, WANTED * sizeof *near);
	struct data_form form;

	need(near != NULL, "memory");
	need(asker_form(ctx, s->graph, all, false, &form), "pictures");
	need(keyset_nearest(ctx, s->train, &form, 1, all, n, WANTED, near), "photographs");
	need(keyset_draw(ctx, secret, near, WANTED, PAIRS, SPARES, ret) &&
		keyset_commit(ctx, secret, (int)s->train->labels->classes, ret),
	    "key set");
}

/* Clean pictures are changed as when the models were trained. */
static struct watermark_options
options_of(const struct suspect *s, const char *words, int64_t epochs, double share)
{
	struct watermark_options o = watermark_standard();

	o.compression = asks(words, "compression");
	o.physical = asks(words, "physical");
	o.plain = asks(words, "plain");
	o.coders = asks(words, "light") ? 0 : o.coders;
	o.rate = o.plain ? o.rate / 2 : o.rate; /* it does not fall */
	o.crop = s->train->form.dim[0] == 1 ? 0 : 4;
	o.flip = true;
	o.epochs = epochs > 0 ? epochs : o.epochs;
	o.samples = (int64_t)(share * (double)s->train->labels->n);
	return o;
}

void
embed(struct suspect *s, const char *words, int64_t epochs, double share, char **photos,
    const char *out)
{
	const struct watermark_options o = options_of(s, words, epochs, share);
	const struct key256 secret = key_of(7);
	struct watermark_result r;
	struct keyset k;
	struct watermark_case the = { .data = s->train, .test = s->test, .keys = &k };

	make_keyset(s, photos, &secret, &k);
	label_twins(s, &k);
	the.before = accuracy(s);
	widen(s);
	the.model = s->model;
	the.graph = s->graph;
	need(watermark_embed(ctx, &the, &o, NULL, &r), "embedding");
	print_result(words, &r);
	write_all(s, &k, &secret, out);
}
