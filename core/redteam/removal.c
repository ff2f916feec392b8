/*
 * Taking a mark out on purpose: the thief looks for what a backdoor would leave in a network, and
 * trains against it; or he puts a mark of his own over the vendor's.
 */
#include "backdoor.h"
#include "learn.h"

enum { BATCH = 64, STEPS = 200, TESTS = 1000, PAIRS_LEAST = 4 };
enum { GAN_SAMPLES = 200, GAN_EPOCHS = 10 };
#define RATE .02

enum use { USE_CASE, USE_PICTURES, USE_SECRET, USE_WIDEN };

/* ---- What core/backdoor does ------------------------------------------------------------- */

/* The suspect and as many of the thief's samples as the profile grants, for its methods. */
MUST static bool
case_of(struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct redteam_part *part,
    struct backdoor_case *ret)
{
	struct chance chance = redteam_chance(r, USE_CASE);

	if (r->the.work.loss.kind != TRAIN_CROSS_ENTROPY)
		return fail(c, E_INPUT, "this attack needs a network that tells classes apart");
	redteam_part(&r->thief.data, 0, redteam_effort(r, 5, 1).samples, part);
	*ret = (struct backdoor_case){ s->graph, &part->data, r->the.work.loss.output,
		r->the.threads, chance_bits(&chance) };
	return true;
}

bool
redteam_fineprune(struct ctx *c, struct redteam *r, double fall, struct redteam_suspect *s)
{
	struct fineprune_options o = fineprune_standard();
	struct backdoor_case k;
	struct redteam_part part;
	struct fineprune f;

	o.fall = fall;
	o.tuning.epochs = redteam_effort(r, o.tuning.epochs, 1).epochs;
	return case_of(c, r, s, &part, &k) && fineprune(c, &s->model, &k, &o, &f);
}

bool
redteam_try_fineprune(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "sleeping channels until %g points are lost, then tuned", x * 100);
	return redteam_fineprune(c, r, x, s);
}

bool
redteam_try_cleanse(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	const struct cleanse_options o = { .steps = r->the.profile == REDTEAM_FULL ? 0
										   : STEPS };
	struct backdoor_tuning tuning = cleanse_unlearning();
	struct backdoor_case k;
	struct redteam_part part;
	struct cleanse found;

	(void)x;
	if (!case_of(c, r, s, &part, &k) || !cleanse_reverse(c, &k, &o, &found))
		return false;
	redteam_say(s, "the trigger of class %d unlearnt", (int)found.least);
	return cleanse_unlearn(c, &k, &found.of[found.least].mark, &tuning);
}

static void
generators_done(struct gan **g)
{
	gan_free(g);
}

bool
redteam_try_gan(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	bool full = r->the.profile == REDTEAM_FULL, suspect;
	const struct gan_options o = { .samples = full ? 0 : GAN_SAMPLES,
		.epochs = full ? 0 : GAN_EPOCHS };
	struct backdoor_tuning tuning = gan_removing();
	owned(generators_done) struct gan *g = NULL;
	struct backdoor_case k;
	struct redteam_part part;
	int32_t least;

	(void)x;
	tuning.epochs = redteam_effort(r, tuning.epochs, 2).epochs;
	if (!case_of(c, r, s, &part, &k) || !gan_reverse(c, &k, &o, &g))
		return false;
	least = gan_least(g, &suspect);
	redteam_say(s, "what leads to class %d unlearnt", (int)least);
	return gan_remove(c, &k, g, least, &tuning);
}

/* ---- T15: the same scheme once more ------------------------------------------------------ */

MUST static bool
own_keys(struct ctx *c, const struct redteam *r, struct redteam_suspect *s, int pairs,
    struct keyset *ret)
{
	owned(asker_free) struct asker *a = NULL;
	struct key256 secret = redteam_secret(redteam_chance(r, USE_SECRET));
	struct data_form form;
	struct image *picture;

	if (!redteam_pictures(
		c, r, redteam_chance(r, USE_PICTURES), 2 * (int64_t)pairs, &picture) ||
	    !keyset_draw(c, &secret, picture, 2 * (int64_t)pairs, pairs, 0, ret) ||
	    !asker_form(c, s->graph, picture, r->the.raw, &form) ||
	    !asker_new(c, s->graph, &form, BATCH, r->the.threads, &a) ||
	    !keyset_commit(c, &secret, (int)asker_classes(a), ret))
		return false;
	for (int i = 0; i < pairs; i++)
		if (!asker_ask(c, a, keyset_twin(ret, i), 1, 0, &ret->twin_label[i], NULL))
			return false;
	return true;
}

/* The suspect, with a class more. */
MUST static bool
widen(struct ctx *c, const struct redteam *r, struct redteam_suspect *s)
{
	struct chance chance = redteam_chance(r, USE_WIDEN);
	struct onnx_model model;
	struct str file;
	struct buf b;

	return redteam_suspect_file(c, s, &file) && onnx_read(c, file, &model) &&
	    take_buf(c, file.n + (1 << 20), &b) &&
	    head_widen(c, &model, chance_bits(&chance), buf_sink, &b) &&
	    redteam_suspect_replace(c, s, buf_str(&b));
}

bool
redteam_try_overwrite(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_effort e = redteam_effort(r, 20, 3);
	struct watermark_options o = watermark_standard();
	int pairs = (int)(x * r->the.keys->pairs);
	struct keyset keys;
	struct redteam_part part;
	struct watermark_case k = { .output = r->the.work.loss.output,
		.data = &r->thief.data,
		.test = &part.data,
		.keys = &keys };
	struct watermark_result found;

	pairs = pairs < PAIRS_LEAST ? PAIRS_LEAST : pairs;
	pairs = pairs > KEYSET_PAIRS_MAX ? KEYSET_PAIRS_MAX : pairs;
	redteam_say(s, "%d pairs of his own", pairs);
	redteam_part(&r->thief.data, 0,
	    redteam_share(r, 1) < TESTS ? redteam_share(r, 1) : TESTS, &part);
	o.epochs = e.epochs;
	o.samples = e.samples;
	o.batch = BATCH;
	o.boost = 10;
	o.rate = RATE;
	o.coders = 0;
	o.plain = true;
	o.threads = r->the.threads;
	o.seed = r->the.seed;
	if (!own_keys(c, r, s, pairs, &keys) || !widen(c, r, s))
		return false;
	k.model = &s->model;
	k.graph = s->graph;
	return watermark_embed(c, &k, &o, NULL, &found);
}
