/*
 * Who wins: points held against the untouched copy, one by one, and what follows from all.
 */
#include "summary.h"

/* What a thief may lose without having lost the model, in shares. */
#define COST_MAX .05

/* clang-format off */
static const struct redteam_family families[REDTEAM_FAMILIES] = {
	{ 'I', "changed questions" },
	{ 'W', "changed weights" },
	{ 'T', "further training" },
	{ 'E', "a new model from answers" },
	{ 'M', "several of them" },
	{ 'C', "several customers" },
	{ 'Q', "guards around the model" },
	{ 'A', "false claims" },
};
/* clang-format on */

bool
redteam_worth(const struct redteam_point *p, const struct redteam_point *base)
{
	return base->accuracy < 0 ||
	    (p->accuracy >= 0 && base->accuracy - p->accuracy < COST_MAX);
}

bool
redteam_tested(const struct redteam_point *p)
{
	for (size_t i = 0; i < TEST_COUNT; i++)
		if (p->alone[i] != VERDICT_CANNOT_DECIDE)
			return true;
	return false;
}

bool
redteam_wins(const struct redteam_row *row, const struct redteam_point *p,
    const struct redteam_point *base, enum evidence_test_id id)
{
	if (row->accuses)
		return p->alone[id] == VERDICT_PROVEN;
	return base->alone[id] == VERDICT_PROVEN && p->alone[id] != VERDICT_PROVEN &&
	    p->alone[id] != VERDICT_CANNOT_DECIDE && redteam_worth(p, base);
}

bool
redteam_wins_all(const struct redteam_row *row, const struct redteam_point *p,
    const struct redteam_point *base)
{
	if (row->accuses)
		return p->verdict == VERDICT_PROVEN;
	return base->verdict == VERDICT_PROVEN && p->verdict != VERDICT_PROVEN &&
	    redteam_tested(p) && redteam_worth(p, base);
}

/* ---- All together ------------------------------------------------------------------------ */

/* What a thief has to have for it. */
static int
cost(const struct redteam_row *row)
{
	return (row->needs & REDTEAM_DATA ? 2 : 0) + (row->needs & REDTEAM_COPIES ? 1 : 0);
}

static void
stand_add(struct redteam_stand *s, const struct redteam_row *row, const struct redteam_point *p,
    bool occasion, bool wins)
{
	s->of += occasion;
	s->wins += wins;
	if (!wins ||
	    (s->row != NULL &&
		(cost(row) > cost(s->row) ||
		    (cost(row) == cost(s->row) && p->accuracy <= s->point->accuracy))))
		return;
	s->row = row;
	s->point = p;
}

static void
family_add(struct redteam_summary *s, const struct redteam_row *row,
    const struct redteam_point *p, const struct redteam_point *base)
{
	for (size_t i = 0; i < REDTEAM_FAMILIES; i++) {
		struct redteam_family *f = &s->family[i];
		bool worth = redteam_worth(p, base);

		if (f->letter != row->id[0])
			continue;
		f->points++;
		f->worth += worth;
		f->proven += worth && p->verdict == VERDICT_PROVEN;
		f->named += worth && p->named;
		f->seconds += p->seconds;
	}
}

static void
point_add(struct redteam_summary *s, const struct redteam_row *row,
    const struct redteam_point *p, const struct redteam_point *base)
{
	s->points++;
	s->innocents += p->innocents;
	if (row->accuses) {
		s->false_claims += redteam_wins_all(row, p, base);
		family_add(s, row, p, base);
		return;
	}
	if (!redteam_tested(p)) {
		s->failed++;
		return;
	}
	s->named += p->named;
	for (size_t i = 0; i < TEST_COUNT; i++)
		stand_add(&s->test[i], row, p, p->alone[i] != VERDICT_CANNOT_DECIDE,
		    redteam_wins(row, p, base, (enum evidence_test_id)i));
	stand_add(&s->all, row, p, true, redteam_wins_all(row, p, base));
	family_add(s, row, p, base);
}

struct redteam_summary
redteam_summary_of(const struct redteam_report *r)
{
	struct redteam_summary s = { .innocents = r->base.innocents };

	memcpy(s.family, families, sizeof families);
	s.all.planned = r->base.verdict != VERDICT_CANNOT_DECIDE;
	for (size_t i = 0; i < TEST_COUNT; i++)
		s.test[i].planned = r->base.alone[i] != VERDICT_CANNOT_DECIDE;
	for (size_t i = 0; i < r->results; i++)
		for (size_t k = 0; k < r->result[i].points; k++)
			point_add(&s, r->result[i].row, &r->result[i].point[k], &r->base);
	return s;
}
