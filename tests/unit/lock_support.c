/*
 * A small trained network with its data divided; see lock_support.h.
 */
#include "lock_support.h"

struct shop *
shop_new(struct ctx *c)
{
	struct shop *s = take(c, sizeof *s);
	struct train_options o = options_full();
	struct trainer *t;

	o.epochs = 6;
	s->net = net_fresh(c, CLASSES, 5);
	s->toys = toys_new(SAMPLES, CLASSES);
	s->data = toys_for(c, &s->net, &s->toys);
	t = trainer_ok(c, &s->net, &s->toys, &o);
	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
	trainer_free(&t);
	memset(s->key.b, 7, sizeof s->key.b);
	ck_ok(c, protect_divide(c, &s->key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &s->split));
	s->model = (struct protect_model){ &s->net.model, s->net.graph, o.loss, CLASSES, 32,
		1 };
	ck_ok(c, protect_keep(c, s->net.graph, &s->plain));
	return s;
}

void
shop_done(struct shop *s)
{
	protect_weights_free(&s->plain);
	toys_done(&s->toys);
	net_done(&s->net);
}

size_t
weights_changed(struct shop *s)
{
	size_t n, changed = 0;
	const struct nn_weight *w = nn_weights(s->net.graph, &n);

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; k < w[i].count; k++)
			changed += memcmp(&w[i].data[k], protect_kept(s->plain, i) + k,
				       sizeof(float)) != 0;
	return changed;
}

void
make_useless(struct shop *s)
{
	struct nn_weight *w = nn_weight_by_name(s->net.graph, STR("gemm.w"));

	for (int64_t k = 0; k < w->count; k++)
		w->data[k] = -w->data[k];
}
