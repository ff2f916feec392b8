/*
 * Any bytes as answers to a challenge, and as a challenge's list. What is read is one answer to
 * each picture and within the classes; what cannot be read is refused with a sentence that can be
 * shown.
 */
#include "fuzz.h"
#include "verify.h"

const size_t target_memory = 8 << 20;

enum { PAIRS = 3, SLOTS = 1, DECOYS = 2, ORDINARY = 3 };

static void
answers(struct ctx *c, struct str bytes)
{
	static int32_t item[] = { 3, 0, -1, 2, 1, -2, 5, 4, 9, 6, 8, 7 };
	struct challenge q = {
		.pairs = PAIRS, .slots = SLOTS, .decoys = DECOYS, .item = item, .n = 12
	};
	struct transcript t;

	if (!transcript_read(c, bytes, &q, ORDINARY, &t)) {
		must(text_valid(str_of(c->err.text)), "a sentence that cannot be shown", c);
		refused(c);
		return;
	}
	for (int i = 0; i < 2 * PAIRS; i++) {
		const struct verify_answer *a = i % 2 == 0 ? &t.key[i / 2] : &t.twin[i / 2];

		must(a->answer >= -1 && a->ordinary >= -1, "no answer", c);
		must(a->ordinary < ORDINARY, "an ordinary class that is none", c);
		must(a->answer < ORDINARY || t.widened, "an additional class that is none", c);
		must(a->answer < 0 || a->answer >= ORDINARY || a->answer == a->ordinary,
		    "two answers", c);
	}
	for (int i = 0; i < SLOTS * SLOT_PICTURES; i++)
		must(
		    t.slot[i] >= -1 && t.slot[i] < ORDINARY, "a slot's answer that is none", c);
}

static void
list(struct ctx *c, struct str bytes)
{
	struct challenge q;
	struct str again;

	if (!challenge_read(c, bytes, &q)) {
		refused(c);
		return;
	}
	must(q.n == 2 * q.pairs + SLOT_PICTURES * q.slots + q.decoys &&
		q.n <= CHALLENGE_PICTURES_MAX,
	    "a size", c);
	must(challenge_put(c, &q, &again) && str_same(again, bytes), "another list", c);
}

void
target(struct ctx *c, struct str bytes)
{
	list(c, bytes);
	answers(c, bytes);
}
