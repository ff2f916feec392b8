/*
 * The job that makes a watermarked model: opens what it is made of, draws the pictures, teaches the
 * network, measures what it has learnt, and writes the model, the key set and the report.
 */
#include "kinds.h"
#include "marking.h"

static struct watermark_options
options_of(const struct marking *m)
{
	const struct watermark *p = m->params;
	struct watermark_options o = watermark_standard();

	o.batch = p->network.batch;
	o.threads = network_threads(&p->network);
	o.seed = (uint64_t)p->seed;
	o.crop = p->crop;
	o.flip = p->flip;
	o.compression = p->compression;
	o.physical = p->physical;
	o.plain = p->plain;
	o.memory_max = (size_t)m->run->message->limits.memory / 2;
	if (p->epochs > 0)
		o.epochs = p->epochs;
	if (p->boost > 0)
		o.boost = p->boost;
	if (p->coders != JOB_USUAL)
		o.coders = (int)p->coders;
	if (p->rate > 0)
		o.rate = p->rate;
	if (p->mu != JOB_USUAL)
		o.mu = p->mu;
	if (p->drop_max != JOB_USUAL)
		o.drop_max = p->drop_max;
	return o;
}

/* Triggers in colour channels, which samples bear now and then on their way into the network. */
MUST static bool
triggers_prepare(struct ctx *c, struct marking *m)
{
	enum triggers_kind kind = m->params->channels == JOB_CHANNELS_N_TO_ONE
	    ? TRIGGERS_N_TO_ONE
	    : TRIGGERS_N_TO_N;

	if (m->params->channels == JOB_CHANNELS_NONE)
		return true;
	m->the.touch = triggers_touch;
	m->the.touch_arg = &m->triggers;
	return triggers_draw(c, &m->secret, kind, &m->set.data.form, m->keys.classes,
	    TRIGGER_STRENGTH, &m->triggers);
}

MUST static bool
teach(struct ctx *c, struct marking *m)
{
	m->the = (struct watermark_case){ .model = &m->model,
		.graph = m->graph,
		.output = m->loss.output,
		.data = &m->set.data,
		.test = m->judge,
		.keys = &m->keys,
		.before = m->before };
	m->options = options_of(m);
	m->run->progress(m->run->arg, 0, 0, STR("learning what may happen to pictures"));
	return triggers_prepare(c, m) &&
	    watermark_embed(c, &m->the, &m->options, &m->watch, &m->result);
}

MUST static bool
measure(struct ctx *c, struct marking *m)
{
	m->report = (struct watermark_report){ .model_name = m->params->name,
		.made = c->now(),
		.drawn = m->drawn,
		.keys = &m->keys,
		.options = &m->options,
		.result = &m->result,
		.samples = m->judge->labels->n };
	if (m->params->channels != JOB_CHANNELS_NONE) {
		if (!triggers_measure(
			c, &m->triggers, m->graph, m->judge, m->options.threads, &m->triggered))
			return false;
		m->report.triggers = &m->triggers;
		m->report.triggered = &m->triggered;
	}
	return watermark_report_measure(
		   c, &m->the, &m->secret, &m->options, &m->watch, &m->report) &&
	    watermark_answered(
		c, &m->the, m->options.batch, m->options.threads, m->options.seed, m->answered);
}

bool
watermark_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(marking_done) struct marking m = {
		.run = r, .params = r->params, .file = -1, .watch = { r->progress, r->arg }
	};

	return marking_open(c, &m) && marking_keys(c, &m) && teach(c, &m) && measure(c, &m) &&
	    marking_result(c, &m, ret_json);
}
