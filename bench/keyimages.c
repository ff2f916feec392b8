/*
 * Key images as bench/keyimages drives them. Each command prints lines of JSON as it measures.
 *
 *	embed MODEL OUT WORDS EPOCHS SHARE PHOTOS PHOTOS DATA
 *		a mark in the model: OUT, OUT.keys, OUT.keys.secret
 *	attack MODEL KEYSET DATA [all|tune|prune|encode [quick]]
 *		what is left of it after attacks
 *	customers MODEL KEYSET TEST-IMAGES TEST-LABELS N
 *		N customers' pictures, and frauds
 *	outside MODEL KEYSET TEST-IMAGES TEST-LABELS
 *		keys through codecs and a camera
 *	baseline MODEL SCHEME EPOCHS SHARE DATA [quick]
 *		another scheme's mark in it, attacked
 *	channels MODEL EPOCHS SHARE STRENGTH DATA [N-to-N|N-to-One]
 *		triggers by colour channel
 *	stealth PHOTOS PHOTOS LARGE
 *		whether payloads are seen, in key pictures and in LARGE larger ones
 *
 * Autoencoders know nothing of the model that they stand before: with `--encoders FOLDER` before
 * the command they are trained once, and kept there.
 *
 * DATA is four files: images and labels to train with, then to test with. KEYSET is a key set as
 * keyset_put writes it, and its secret lies beside it, in KEYSET.secret.
 */
#include <fcntl.h>
#include <stdio.h>

#include "keyimages.h"
#include "keyimages_stealth.h"

/* ---- What is read ------------------------------------------------------------------------ */

static void
read_model(const char *path, struct suspect *s)
{
	struct onnx_model *m = take(ctx, sizeof *m);
	struct str bytes = { 0 };

	need(m != NULL, "memory");
	need(file_read(ctx, AT_FDCWD, path, 1 << 28, &bytes) && onnx_read(ctx, bytes, m) &&
		nn_import(ctx, m, &s->graph),
	    path);
	s->model = m;
}

/* Four files: images and labels to train with, then to test with. */
static void
read_data(char **arg, struct suspect *s)
{
	struct train_data *train = take(ctx, sizeof *train), *test = take(ctx, sizeof *test);

	need(train != NULL && test != NULL, "memory");
	load(arg[0], arg[1], s->graph, train);
	load(arg[2], arg[3], s->graph, test);
	s->train = train;
	s->test = test;
}

static void
read_keyset(const char *path, struct keyset *ret, struct key256 *ret_secret)
{
	char *beside = take_printf(ctx, "%s.secret", path);
	struct str bytes = { 0 };

	need(beside != NULL, "memory");
	need(file_read(ctx, AT_FDCWD, beside, sizeof ret_secret->b, &bytes), beside);
	if (bytes.n != sizeof ret_secret->b)
		stop(beside);
	memcpy(ret_secret->b, bytes.p, bytes.n);
	need(file_read(ctx, AT_FDCWD, path, 1 << 26, &bytes) && keyset_read(ctx, bytes, ret),
	    path);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void
embed_verb(int n, char **arg)
{
	struct suspect s = { 0 };

	read_model(arg[0], &s);
	read_data(arg + 7, &s);
	embed(&s, arg[2], strtol(arg[3], NULL, 10), strtod(arg[4], NULL), arg + 5, arg[1]);
	nn_graph_free(&s.graph);
	(void)n;
}

static void
attack(int n, char **arg)
{
	struct suspect s = { 0 };
	struct keyset keys;
	struct key256 secret;

	read_model(arg[0], &s);
	read_keyset(arg[1], &keys, &secret);
	read_data(arg + 2, &s);
	query_keyset(&s, &keys, &secret);
	attack_all(&s, "ours", n > 6 ? arg[6] : "all", n > 7);
	nn_graph_free(&s.graph);
}

/* What both read: a marked model, its keys, and the test set for the form of pictures. */
static void
read_marked(char **arg, struct suspect *s, struct keyset *ret, struct key256 *ret_secret)
{
	struct train_data *test = take(ctx, sizeof *test);

	need(test != NULL, "memory");
	read_model(arg[0], s);
	read_keyset(arg[1], ret, ret_secret);
	load(arg[2], arg[3], s->graph, test);
	s->test = test;
}

static void
customers_verb(int n, char **arg)
{
	struct suspect s = { 0 };
	struct keyset keys;
	struct key256 secret;

	read_marked(arg, &s, &keys, &secret);
	customers(&s, &keys, &secret, strtol(arg[4], NULL, 10));
	nn_graph_free(&s.graph);
	(void)n;
}

static void
outside_verb(int n, char **arg)
{
	struct suspect s = { 0 };
	struct keyset keys;
	struct key256 secret;

	read_marked(arg, &s, &keys, &secret);
	through_codecs(&s, &keys);
	through_camera(&s, &keys);
	nn_graph_free(&s.graph);
	(void)n;
}

static void
baseline_verb(int n, char **arg)
{
	struct suspect s = { 0 };

	read_model(arg[0], &s);
	read_data(arg + 4, &s);
	baseline(&s, arg[1], strtol(arg[2], NULL, 10), strtod(arg[3], NULL), n > 8);
	nn_graph_free(&s.graph);
}

static void
stealth_verb(int n, char **arg)
{
	int64_t photos;
	const struct image *all = photographs(arg, 2, &photos);
	bool chance;

	stealth(all, (size_t)photos, (size_t)strtol(arg[2], NULL, 10), &chance);
	printf("{\"chance\":%s}\n", chance ? "true" : "false");
	(void)n;
}

static void
channels_verb(int n, char **arg)
{
	struct suspect s = { 0 };

	read_model(arg[0], &s);
	read_data(arg + 4, &s);
	channels(&s, strtol(arg[1], NULL, 10), strtod(arg[2], NULL), strtod(arg[3], NULL),
	    n > 8 ? arg[8] : NULL);
	nn_graph_free(&s.graph);
}

/* clang-format off */
static const struct {
	const char *name;
	int least; /* arguments */
	void (*run)(int n, char **arg);
} verbs[] = {
	{ "embed",    11, embed_verb },
	{ "attack",   6, attack },
	{ "customers", 5, customers_verb },
	{ "outside",  4, outside_verb },
	{ "baseline", 8, baseline_verb },
	{ "channels", 8, channels_verb },
	{ "stealth",  3, stealth_verb },
};
/* clang-format on */

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new((size_t)1 << 30), "keyimages");

	ctx = &c;
	need(crypto_start(&c), "crypto");
	if (argc > 3 && strcmp(argv[1], "--encoders") == 0) {
		encoders = argv[2];
		argc -= 2;
		argv += 2;
	}
	for (size_t i = 0; argc > 1 && i < COUNT(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].least) {
			verbs[i].run(argc - 2, argv + 2);
			return 0;
		}
	stop("see the beginning of keyimages.c");
}
