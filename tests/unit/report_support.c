/*
 * A report that has everything; see report_support.h.
 */
#include <math.h>
#include <stdio.h>

#include "report_support.h"

static struct attack_point
point(const char *what, double x, double accuracy, double against)
{
	struct attack_point p = { "", x, accuracy, against, NAN, NAN, NAN, 0.5 };

	snprintf(p.what, sizeof p.what, "%s", what);
	return p;
}

static void
give_attacks(struct given *g)
{
	g->tuned[0] = point("1 % of the data", 0.01, 0.868, 0.773);
	g->tuned[1] = point("5 % of the data", 0.05, 0.897, 0.841);
	g->tuned[2] = point("10 % of the data", 0.1, 0.902, 0.866);
	g->pruned[0] = point("10 % pruned", 0.1, 0.104, NAN);
	g->pruned[1] = point("90 % pruned", 0.9, 0.148, NAN);
	g->pruned[1].recall = 0.357;
	g->pruned[1].precision = 0.051;
	g->merged[0] = point("one copy", 1, 0.9175, NAN);
	g->merged[0].z = 115.3;
	g->merged[1] = point("mean of 8", 8, 0.9163, NAN);
	g->merged[1].z = 39.1;
	g->attack[0] = (struct attack_result){ "L1", "Fine-tuning", "The thief trains.",
		"share of the data", "training from scratch", g->tuned, 3, "The file helps." };
	g->attack[1] = (struct attack_result){ "L2", "Pruning", "The thief prunes.", "share",
		NULL, g->pruned, 2, "" };
	g->attack[2] = (struct attack_result){ "L8", "Collusion", "They lay them together.",
		"copies", NULL, g->merged, 2, "It falls with the square root." };
	g->attack[3] = (struct attack_result){ "L5", "Repair", "The thief repairs.", "weights",
		NULL, NULL, 0, "Not measured: no samples." };
}

static void
give_layers(struct given *g)
{
	for (int i = 0; i < 2; i++) {
		struct protect_layer *l = &g->layer[i];

		*l = (struct protect_layer){ .name = STR("net.7.weight"),
			.low = -0.32,
			.high = 0.36,
			.ks_p = 0.9435,
			.count = 48000,
			.touched = 57,
			.outliers_before = { 2355, 433, 87 },
			.outliers_after = { 2390, 475, 116 } };
		for (int k = 0; k < LAYER_BINS; k++)
			l->before[k] = l->after[k] = (uint64_t)(1000 - 40 * abs(k - 24));
		l->after[3] += 9;
	}
}

void
give(struct given *g)
{
	*g = (struct given){ .customer = { { 0, 0.9142, 112.4 }, { 7, 0.9169, 118.9 } },
		.baseline = { { "random positions", 0.9158, 14 }, { "largest", 0.903, 14 } },
		.advparams = { .entries = 14,
		    .pool = 224,
		    .after = 0.1045,
		    .largest = 7.6,
		    .log2_choice = 72.5 },
		.sealed = { { 14, 0.03 }, 61706, 61470, 236, 247001, { { 0 } }, 0.02 } };
	give_attacks(g);
	give_layers(g);
	g->report = (struct protect_report){
		.release = { "rel_0190b7a0-0000-7000-8000-000000000001" },
		.model_name = STR("fashion-lenet"),
		.locks = LOCK_ADVPARAMS,
		.made = TEST_NOW,
		.classes = 10,
		.validation = 10000,
		.thief = 59488,
		.parameters = 61706,
		.touched = 14,
		.key_bytes = 316,
		.before = 0.9167,
		.locked = 0.1045,
		.unlocked_accuracy = 0.9167,
		.exact = true,
		.seconds = 1.1,
		.unlock_seconds = 0.004,
		.advparams = &g->advparams,
		.customer = g->customer,
		.customers = 2,
		.innocents = 200,
		.innocents_z = 2.6,
		.baseline = g->baseline,
		.baselines = 2,
		.layer = g->layer,
		.layers = 2,
		.attack = g->attack,
		.attacks = 4,
	};
	memset(g->report.model.b, 0xab, sizeof g->report.model.b);
}

const char *
written(struct ctx *c, writer *write, const struct protect_report *r)
{
	struct buf b;

	ck_ok(c, take_buf(c, PROTECT_REPORT_MAX, &b));
	ck_ok(c, write(c, r, &b));
	buf_char(&b, '\0');
	ck_assert(!b.full);
	ck_assert_uint_eq(strlen(b.p), b.n - 1);
	return b.p;
}
