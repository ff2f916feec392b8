/*
 * Any bytes as what a release is known by. What is read counts as much as it says, and is written
 * in one form, whichever it came in.
 */
#include "fuzz.h"
#include "verify.h"

const size_t target_memory = 64 << 20;

/* The digest that the bytes themselves name: only that model's are read. */
static struct digest256
named(struct str bytes)
{
	const size_t at = 8;
	struct digest256 d = { { 0 } };

	if (bytes.n >= at + sizeof d.b)
		memcpy(d.b, bytes.p + at, sizeof d.b);
	return d;
}

void
target(struct ctx *c, struct str bytes)
{
	const struct digest256 model = named(bytes);
	const struct probe_set *set, *same;
	struct str once, twice;
	const char *why;

	if (!probe_set_read(c, bytes, &model, &set)) {
		must(text_valid(str_of(c->err.text)), "a sentence that cannot be shown", c);
		refused(c);
		return;
	}
	must(probe_set_probes(set, &why) <= VERIFY_PROBES, "a number of probes", c);
	must(text_valid(str_of(why)), "a reason that cannot be shown", c);
	must(probe_set_questions(set, &why) >= 0, "a number of questions", c);
	must(text_valid(str_of(why)), "a reason that cannot be shown", c);
	if (!probe_set_put(c, set, &once)) {
		refused(c);
		return;
	}
	must(probe_set_read(c, once, &model, &same), "its own form is not read", c);
	must(probe_set_put(c, same, &twice) && str_same(once, twice), "other bytes", c);
}
