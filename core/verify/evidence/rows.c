/*
 * The tests that a verdict may rest on, and what each may count for.
 */
#include "evidence.h"

const struct evidence_row evidence_rows[TEST_COUNT] = {
	[TEST_WATERMARK] = { "watermark", "Additional class",
	    "coins chose which picture of a pair is the key, independently of the answers",
	    LAW_PAIRS, .grinds = true },
	[TEST_LABELS] = { "labels", "Committed labels",
	    "the keys’ labels were drawn independently of the answers", LAW_BINOMIAL,
	    .grinds = true },
	[TEST_SLOTS] = { "slots", "Behaviour slots",
	    "customers' code words are independent of the answers", LAW_BOUND },
	[TEST_WEIGHTS] = { "weights", "Marks in the weights",
	    "no customer’s table had a part in the suspect’s weights", LAW_BOUND },
	[TEST_LOCK_KEY] = { "lock-key", "Locked positions",
	    "the drawn positions differ from other draws in nothing", LAW_RANK },
	[TEST_FINGERPRINT] = { "fingerprint", "Relevance maps",
	    "the suspect decides no more like the original than independent models do",
	    LAW_RANK, .supports = true },
	[TEST_BOUNDARY] = { "boundary", "Decision boundary",
	    "the suspect’s boundaries are no more like the original’s than independent "
	    "models’ are",
	    LAW_RANK, .supports = true },
	[TEST_IMAGE] = { "key-image", "Name in a key image",
	    "whoever made the picture did not have the watermark’s secret", LAW_BOUND },
	[TEST_LABELS_IN_TURN] = { "labels-in-turn", "Labels, in turn",
	    "the keys’ labels were drawn independently of the answers", LAW_SEQUENCE,
	    .grinds = true },
	[TEST_PAIRS_IN_TURN] = { "pairs-in-turn", "Pairs, in turn",
	    "coins chose which picture of a pair is the key, independently of the answers",
	    LAW_SEQUENCE, .grinds = true },
};

const char *const verdict_names[] = {
	[VERDICT_NO_EVIDENCE] = "no-evidence",
	[VERDICT_INDICATIVE] = "indicative",
	[VERDICT_PROVEN] = "proven",
	[VERDICT_CANNOT_DECIDE] = "cannot-decide",
	NULL,
};
