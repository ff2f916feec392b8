/*
 * What a release will be known by without any mark: made while its weights are plain, and kept, so
 * that whoever verifies needs no data any more. A model that cannot be explained is protected all
 * the same, and its result says why there is nothing.
 */
#include <stdio.h>

#include "protection.h"
#include "verify.h"

static void
why(struct protection *p, const char *text)
{
	snprintf(p->print.why, sizeof p->print.why, "%s", text);
}

MUST static bool
print_make(struct ctx *c, struct protection *p, int share)
{
	const struct probe_source s = { .owner = p->network.graph,
		.model = p->model,
		.data = &p->set.data,
		.secret = &p->secret,
		.threads = p->work.threads,
		.share = share };
	const struct probe_set *set;
	const char *no_probes, *no_questions;
	struct str bytes;

	if (!probe_set_make(c, &s, &set) || !probe_set_put(c, set, &bytes))
		return false;
	p->print.probes = probe_set_probes(set, &no_probes);
	p->print.questions = probe_set_questions(set, &no_questions);
	p->print.bytes = bytes;
	if (share > 0)
		why(p, "The samples are large: there are fewer probes than usual.");
	if (p->print.questions == 0)
		why(p, no_questions);
	if (p->print.probes == 0)
		why(p, no_probes);
	return true;
}

void
protection_print(struct ctx *c, struct protection *p)
{
	const int share = probe_set_share(&p->set.data.form);
	int64_t began = clock_monotonic();
	struct ctx own;

	if (p->loss.kind == TRAIN_MASK) {
		why(p, "A model that marks places has no answers to know it by.");
		return;
	}
	if (share < 0) {
		why(p, "The samples are too large to keep probes of them.");
		return;
	}
	p->print.mem = arena_new((size_t)p->run->message->limits.memory / 4);
	if (p->print.mem == NULL) {
		why(p, "There was no memory for a fingerprint.");
		return;
	}
	own = ctx_real(p->print.mem, c->tag);
	if (!print_make(&own, p, share))
		why(p, own.err.text);
	protect_restore(p->network.graph, p->open);
	p->print.seconds = (double)(clock_monotonic() - began) / 1000;
}
