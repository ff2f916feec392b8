/*
 * The report's sentences. They are written for somebody who decides and does not train networks:
 * what the model did, what the locked file does, what a thief gets, and what no lock prevents. All
 * numbers come from the report.
 */
#include "report_parts.h"

/* ---- Facts that sentences stand on ------------------------------------------------------- */

const struct attack_result *
report_attack(const struct protect_report *r, const char *id)
{
	for (size_t i = 0; i < r->attacks; i++)
		if (str_same(str_of(r->attack[i].id), str_of(id)) && r->attack[i].points > 0)
			return &r->attack[i];
	return NULL;
}

double
report_gap(const struct protect_report *r)
{
	const struct attack_result *tuned = report_attack(r, "L1");
	double gap = NAN;

	for (size_t i = 0; tuned != NULL && i < tuned->points; i++) {
		double one = tuned->point[i].accuracy - tuned->point[i].against;

		if (isfinite(one) && !(one <= gap))
			gap = one;
	}
	return gap;
}

bool
report_measured(const struct protect_report *r)
{
	return r->validation > 0;
}

double
report_chance(const struct protect_report *r)
{
	if (r->blind > 0)
		return r->blind;
	return r->classes > 0 ? 1 / (double)r->classes : NAN;
}

/* ---- Sentences --------------------------------------------------------------------------- */

void
say_before(struct buf *b, const struct protect_report *r)
{
	if (!report_measured(r)) {
		buf_put(b,
		    STR("No labelled samples came with the model: how right its answers "
			"are was not measured, before or after."));
		return;
	}
	if (r->blind > 0) {
		buf_put(b, STR("Before it was locked, what the model marked had an F1 of "));
		put_percent(b, r->before);
		buf_put(b, STR(", over "));
		put_count(b, (uint64_t)r->validation);
		buf_put(b, STR(" samples."));
		return;
	}
	buf_put(b, STR("Before it was locked, the model answered "));
	put_percent(b, r->before);
	buf_put(b, STR(" of "));
	put_count(b, (uint64_t)r->validation);
	buf_put(b, STR(" samples rightly."));
}

/* Of masks there is nothing to guess among. */
static void
say_locked_mask(struct buf *b, const struct protect_report *r)
{
	bool guess = r->locked <= r->blind + 0.02;

	buf_put(b, STR("The marks of the locked file, which anyone may hold, have an F1 of "));
	put_percent(b, r->locked);
	buf_put(b,
	    guess ? STR(", no better than marking everything: ")
		  : STR("; marking everything has "));
	put_percent(b, r->blind);
	buf_char(b, '.');
}

void
say_locked(struct buf *b, const struct protect_report *r)
{
	double chance = report_chance(r);
	bool guess = r->locked <= chance + 0.03;

	if (!report_measured(r)) {
		buf_put(b,
		    (r->locks & LOCK_SEALED) != 0
			? STR("The locked file, which anyone may hold, has unrelated values in "
			      "place of its weights.")
			: STR("What the locked file still answers was not measured."));
		return;
	}
	if (r->blind > 0) {
		say_locked_mask(b, r);
		return;
	}
	buf_put(b, STR("The locked file, which anyone may hold, answers "));
	put_percent(b, r->locked);
	buf_put(b, STR(" rightly"));
	if (isfinite(chance)) {
		buf_put(b,
		    guess ? STR(", no better than a guess among ") : STR("; a guess among "));
		put_count(b, (uint64_t)r->classes);
		buf_put(b, STR(" classes"));
	}
	if (isfinite(chance) && !guess) {
		buf_put(b, STR(" would give "));
		put_percent(b, chance);
	}
	buf_char(b, '.');
}

/* "1, 5 and 10 %": one number of each point. */
static void
say_list(struct buf *b, const struct attack_result *a,
    double (*of)(const struct attack_point *), int decimals)
{
	for (size_t i = 0; i < a->points; i++) {
		if (i > 0)
			buf_put(b, i + 1 < a->points ? STR(", ") : STR(" and "));
		put_real(b, of(&a->point[i]) * 100, decimals);
	}
	buf_put(b, STR("\u00a0%"));
}

static double
share_of(const struct attack_point *p)
{
	return p->x;
}

static double
accuracy_of(const struct attack_point *p)
{
	return p->accuracy;
}

static double
against_of(const struct attack_point *p)
{
	return p->against;
}

void
say_thief(struct buf *b, const struct protect_report *r)
{
	const struct attack_result *a = report_attack(r, "L1");
	struct attack_result some;

	if (a == NULL) {
		buf_put(b, STR("What a thief would get back was not measured."));
		return;
	}
	some = *a;
	some.points = a->points < SHOW_POINTS ? a->points : SHOW_POINTS;
	buf_put(b, STR("A thief who trains it further with "));
	say_list(b, &some, share_of, 0);
	buf_put(b, STR(" of the data gets "));
	say_list(b, &some, accuracy_of, 1);
	buf_put(b, STR("; without the file, training from scratch on the same data, he gets "));
	say_list(b, &some, against_of, 1);
	buf_char(b, '.');
}

void
say_unlocked(struct buf *b, const struct protect_report *r)
{
	buf_put(b, STR("Opened with its key, "));
	if (report_measured(r)) {
		buf_put(b, r->blind > 0 ? STR("its F1 is ") : STR("it answers "));
		put_percent(b, r->unlocked_accuracy);
		buf_put(b, r->blind > 0 ? STR(": ") : STR(" rightly: "));
	}
	buf_put(b,
	    r->exact ? STR("it is the original again, bit for bit.")
		     : STR("each customer’s copy is the original with a mark of its own."));
}

const char *
say_verdict(const struct protect_report *r)
{
	double gap = report_gap(r);

	if (!isfinite(gap))
		return "How much the file helps a thief was not measured";
	return gap <= GAP_NONE ? "The file is no help to a thief"
			       : "The file still helps a thief who has data";
}

const char *
say_locks(unsigned locks)
{
	switch (locks & (LOCK_ADVPARAMS | LOCK_SEALED)) {
	case LOCK_ADVPARAMS:
		return "parameter lock (advparams)";
	case LOCK_SEALED:
		return "sealed lock";
	case LOCK_ADVPARAMS | LOCK_SEALED:
		return "sealed lock over a parameter lock";
	default:
		return "no lock";
	}
}

/* ---- Limits ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct limit limits[] = {
	{ LOCK_ADVPARAMS, "Further training",
	  "The parameter lock moves a few values and leaves what the network has learnt in the file. "
	  "Whoever has labelled data and time trains most of it back, as the curve shows. The lock is "
	  "a barrier to use, not secrecy. Where this matters, take the sealed lock." },
	{ LOCK_ADVPARAMS, "A leaked key",
	  "The key restores the original bit for bit and is the same for every customer of the "
	  "release. A key that leaks opens the file for everybody, and nothing in the unlocked model "
	  "says who leaked it." },
	{ LOCK_SEALED, "A licensed customer who passes the model on",
	  "Whoever has a key has a working model and can copy it. The mark in the copy names that "
	  "customer afterwards; it prevents nothing." },
	{ LOCK_SEALED, "A leaked key",
	  "A key that leaks opens the file for everybody who has it. It holds its customer's table, "
	  "so it names that customer, as the models that it opens do." },
	{ LOCK_SEALED, "Large coalitions",
	  "Customers who average their copies weaken each one's mark, with the square root of their "
	  "number. The table of attacks says at which number it no longer is proof." },
	{ LOCK_SEALED, "What stays in sight",
	  "The network's structure, the names and sizes of its layers, and roughly the scale of each "
	  "layer's values can be read off the locked file." },
	{ LOCK_SEALED, "An earlier plain version",
	  "Weights that equal those of a model that was published before are no secret, and help to "
	  "find a customer's table." },
	{ LOCK_ADVPARAMS | LOCK_SEALED, "Copying by questions",
	  "Whoever may ask the unlocked model many questions can train a network of his own on its "
	  "answers. No lock of the file prevents that, and no mark in its weights survives it." },
	{ LOCK_ADVPARAMS | LOCK_SEALED, "The machine on which it runs",
	  "While it runs, the unlocked model lies in the memory of the customer's machine. Its "
	  "administrator can read it there." },
	{ LOCK_ADVPARAMS | LOCK_SEALED, "Better attacks",
	  "The figures hold for the data, the efforts and the attacks of this report. A thief with "
	  "more data, more time or a better method may get more." },
};
/* clang-format on */

const struct limit *
report_limits(size_t *ret_n)
{
	*ret_n = COUNT(limits);
	return limits;
}

/* The sealed lock covers what a parameter lock beneath it leaves open. */
bool
limit_applies(const struct limit *l, unsigned locks)
{
	unsigned seen = (locks & LOCK_SEALED) != 0 ? LOCK_SEALED : locks;

	return (l->locks & seen) != 0;
}
