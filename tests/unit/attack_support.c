/*
 * A small trained network and its data, locked by hand; see attack_support.h.
 */
#include "attack_support.h"

void
house_done(struct house **h)
{
	protect_weights_free(&(*h)->plain);
	protect_weights_free(&(*h)->locked);
	toys_done(&(*h)->toys);
	net_done(&(*h)->net);
}

struct nn_weight *
dense(struct house *h)
{
	return nn_weight_by_name(h->net.graph, STR("gemm.w"));
}

/* Some weights of the dense layer go where no other one is. */
static void
lock_by_hand(struct house *h)
{
	struct nn_weight *w = dense(h);

	for (int i = 0; i < LOCKED; i++)
		w->data[7 + 90 * i] = i % 2 == 0 ? 9.F : -9.F;
}

struct house *
house_new(struct ctx *c, unsigned locks)
{
	struct house *h = take(c, sizeof *h);
	struct train_options o = options_full();
	struct trainer *t;

	h->net = net_fresh(c, 4, 5);
	h->toys = toys_new(SAMPLES, 4);
	h->data = toys_for(c, &h->net, &h->toys);
	t = trainer_ok(c, &h->net, &h->toys, &o);
	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
	trainer_free(&t);
	memset(h->key.b, 3, sizeof h->key.b);
	ck_ok(c, protect_divide(c, &h->key, &h->data, NULL, 40, 200, &h->split));
	h->on.model = (struct protect_model){ &h->net.model, h->net.graph, o.loss, 4, 32, 1 };
	ck_ok(c, protect_accuracy(c, &h->on.model, &h->split.validation, &h->before));
	ck_ok(c, protect_keep(c, h->net.graph, &h->plain));
	if (locks == LOCK_ADVPARAMS)
		lock_by_hand(h);
	else
		ck_ok(c, train_initialise(c, &h->net.model, h->net.graph, TRAIN_XAVIER, 99));
	nn_graph_changed(h->net.graph);
	ck_ok(c, protect_accuracy(c, &h->on.model, &h->split.validation, &h->after));
	ck_ok(c, protect_keep(c, h->net.graph, &h->locked));
	h->options = advparams_standard(ADVPARAMS_POOLED);
	h->terms = (struct mark_terms){ MARK_LOG_MIN, 0.03 };
	h->on.split = &h->split;
	h->on.plain = h->plain;
	h->on.locked = h->locked;
	h->on.advparams = &h->options;
	h->on.release = &h->key;
	h->on.release_id = id_new(c, "rel");
	h->on.terms = &h->terms;
	h->on.locks = locks;
	h->on.effort = EFFORT_QUICK;
	h->on.seed = 1;
	return h;
}

struct attack_result
run_one(struct ctx *c, struct house *h, const char *id)
{
	struct attack_result *r;
	size_t n;

	h->on.only = id;
	ck_ok(c, protect_attacks(c, &h->on, NULL, &r, &n));
	h->on.only = NULL;
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(r->id, id);
	return *r;
}

const struct attack_point *
point_of(const struct attack_result *r, const char *what)
{
	for (size_t i = 0; i < r->points; i++)
		if (str_starts(str_of(r->point[i].what), str_of(what)))
			return &r->point[i];
	ck_abort_msg("attack %s has no point '%s'", r->id, what);
}
