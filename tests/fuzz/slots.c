/*
 * Any bytes as slots. What is read is of one size and of classes that there are, answers can be
 * read off it, and it is written back as it came.
 */
#include "fuzz.h"
#include "slots.h"

const size_t target_memory = 16 << 20;

void
target(struct ctx *c, struct str bytes)
{
	struct slots s;
	struct str again;

	if (!slots_read(c, bytes, &s)) {
		must(text_valid(str_of(c->err.text)), "a sentence that cannot be shown", c);
		refused(c);
		return;
	}
	must(s.n >= 1 && s.n <= SLOTS_MAX, "a number of slots", c);
	for (int i = 0; i < s.n; i++)
		must(s.label[i][0] != s.label[i][1] && s.label[i][0] != s.own[i] &&
			s.label[i][1] != s.own[i] && s.own[i] >= 0 && s.own[i] < s.classes,
		    "a class", c);
	if (slots_put(c, &s, &again))
		must(str_same(again, bytes), "other bytes", c);
	else
		refused(c);
}
