/*
 * The members of a report in their order. Counts come first, and what follows from them after
 * them: whoever checks a report meets the cause before its effects.
 */
#include "parts.h"

static const char *const laws[] = {
	[LAW_PAIRS] = "pairs",
	[LAW_BINOMIAL] = "binomial",
	[LAW_SEQUENCE] = "sequence",
	[LAW_BOUND] = "bound",
	[LAW_RANK] = "rank",
};
_Static_assert(COUNT(laws) == LAW_COUNT, "one name per law");

static void
row_id(struct js *j, const char *name, const struct evidence_row *r)
{
	js_text(j, name, str_of(r->id));
}

static void
row_law(struct js *j, const char *name, const struct evidence_row *r)
{
	js_text(j, name, str_of(laws[r->law]));
}

static void
row_supports(struct js *j, const char *name, const struct evidence_row *r)
{
	js_bool(j, name, r->supports);
}

static void
row_allowance(struct js *j, const char *name, const struct evidence_row *r)
{
	js_real(j, name, r->grinds ? EVIDENCE_GRINDING_LOG10 : 0);
}

static void
version(struct js *j, const char *name, const struct evidence_row *r)
{
	(void)r;
	js_text(j, name, STR(HALLMARK_VERSION));
}

/* clang-format off */
#define AT(s, f) offsetof(struct s, f), sizeof(((struct s *)0)->f)
#define LIST(s, f, table, count) MEMBER_LIST, offsetof(struct s, f), sizeof(((struct s *)0)->f[0]), \
	.of = (table), .members = COUNT(table), .most = COUNT(((struct s *)0)->f), \
	.count_at = (count)
#define ROW(f) MEMBER_ROW, .row = (f)

static const struct member test_members[] = {
	{ "id", ROW(row_id) },
	{ "law", ROW(row_law) },
	{ "supports_only", ROW(row_supports) },
	{ "planned", MEMBER_BOOL, AT(evidence_test, planned) },
	{ "ran", MEMBER_BOOL, AT(evidence_test, ran) },
	{ "why", MEMBER_TEXT, AT(evidence_test, why) },
	{ "trials", MEMBER_COUNT, AT(evidence_test, trials) },
	{ "hits", MEMBER_COUNT, AT(evidence_test, hits) },
	{ "misses", MEMBER_COUNT, AT(evidence_test, misses) },
	{ "labels", MEMBER_COUNT, AT(evidence_test, labels) },
	{ "bound_log10", MEMBER_LOG10, AT(evidence_test, bound_log10) },
	{ "score", MEMBER_REAL, AT(evidence_test, score) },
	{ "p_log10", MEMBER_LOG10, AT(evidence_test, log10_p) },
	{ "allowance_log10", ROW(row_allowance) },
	{ "allowed_log10", MEMBER_LOG10, AT(evidence_test, allowed) },
	{ "adjusted_log10", MEMBER_LOG10, AT(evidence_test, adjusted) },
};
static const struct member control_members[] = {
	{ "what", MEMBER_TEXT, AT(evidence_control, what) },
	{ "trials", MEMBER_COUNT, AT(evidence_control, trials) },
	{ "low", MEMBER_COUNT, AT(evidence_control, low) },
	{ "clean", MEMBER_BOOL, AT(evidence_control, clean) },
};
static const struct member customer_members[] = {
	{ "number", MEMBER_U32, AT(evidence_customer, number) },
	{ "id", MEMBER_TEXT, AT(evidence_customer, id) },
	{ "z", MEMBER_REAL, AT(evidence_customer, z) },
	{ "bound_log10", MEMBER_LOG10, AT(evidence_customer, bound_log10) },
	{ "all_log10", MEMBER_LOG10, AT(evidence_customer, all_log10) },
	{ "accused", MEMBER_BOOL, AT(evidence_customer, accused) },
};
static const struct member trace_members[] = {
	{ "ran", MEMBER_BOOL, AT(evidence_trace, ran) },
	{ "why", MEMBER_TEXT, AT(evidence_trace, why) },
	{ "channel", MEMBER_TEXT, AT(evidence_trace, channel) },
	{ "customers", MEMBER_COUNT, AT(evidence_trace, customers) },
	{ "eps1", MEMBER_REAL, AT(evidence_trace, eps1) },
	{ "best", LIST(evidence_trace, best, customer_members, offsetof(struct evidence_trace, n)) },
	{ "low", MEMBER_REAL, AT(evidence_trace, low) },
	{ "high", MEMBER_REAL, AT(evidence_trace, high) },
	{ "bins", MEMBER_COUNTS, AT(evidence_trace, bin) },
	{ "threshold", MEMBER_REAL, AT(evidence_trace, threshold_z) },
};
static const struct member commitment_members[] = {
	{ "what", MEMBER_TEXT, AT(evidence_commitment, what) },
	{ "sha256", MEMBER_DIGEST, AT(evidence_commitment, digest) },
	{ "at", MEMBER_TIME, AT(evidence_commitment, at) },
};
static const struct member picture_members[] = {
	{ "width", MEMBER_INT, AT(evidence_picture, width), .most = EVIDENCE_MAP_SIDE },
	{ "height", MEMBER_INT, AT(evidence_picture, height), .most = EVIDENCE_MAP_SIDE },
	{ "owner", MEMBER_MAP, AT(evidence_picture, owner) },
	{ "suspect", MEMBER_MAP, AT(evidence_picture, suspect) },
	{ "structure", MEMBER_REAL, AT(evidence_picture, structure) },
	{ "rank", MEMBER_REAL, AT(evidence_picture, rank) },
};
static const struct member fact_members[] = {
	{ "label", MEMBER_TEXT, AT(evidence_fact, label) },
	{ "value", MEMBER_TEXT, AT(evidence_fact, value) },
};

const struct member evidence_members[EVIDENCE_MEMBERS] = {
	{ "hallmark", ROW(version) },
	{ "verification", MEMBER_TEXT, AT(evidence, verification) },
	{ "release", MEMBER_TEXT, AT(evidence, release) },
	{ "suspect", MEMBER_TEXT, AT(evidence, suspect) },
	{ "kind", MEMBER_TEXT, AT(evidence, kind) },
	{ "sha256", MEMBER_DIGEST, AT(evidence, digest) },
	{ "bytes", MEMBER_COUNT, AT(evidence, bytes) },
	{ "appeared", MEMBER_TIME, AT(evidence, appeared) },
	{ "cannot", MEMBER_TEXT, AT(evidence, cannot) },
	{ "tests", LIST(evidence, test, test_members, 0) },
	{ "controls", LIST(evidence, control, control_members, offsetof(struct evidence, controls)) },
	{ "trace", MEMBER_OBJECT, AT(evidence, trace), .of = trace_members, .members = COUNT(trace_members) },
	{ "commitments", LIST(evidence, commitment, commitment_members, offsetof(struct evidence, commitments)) },
	{ "pictures", LIST(evidence, picture, picture_members, offsetof(struct evidence, pictures)) },
	{ "facts", LIST(evidence, fact, fact_members, offsetof(struct evidence, facts)) },
	{ "verdict", MEMBER_WORD, AT(evidence, verdict), .words = verdict_names },
	{ "reason", MEMBER_TEXT, AT(evidence, reason) },
};
/* clang-format on */
