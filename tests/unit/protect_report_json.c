/*
 * The report as JSON, and numbers as text in either form.
 */
#include <math.h>

#include "report_support.h"

static writer *const writers[] = { protect_report_json, protect_report_html };

/* ---- JSON -------------------------------------------------------------------------------- */

static struct json_part
member(struct ctx *c, struct str object, const char *key)
{
	struct json_part *part, found = { 0 };
	size_t n;

	ck_ok(c, json_split(c, object, &part, &n));
	ck_assert_msg(json_find(part, n, key, &found), "%s", key);
	return found;
}

static struct str
element(struct ctx *c, struct str list, size_t i)
{
	struct json_part *part;
	size_t n;

	ck_ok(c, json_split(c, list, &part, &n));
	ck_assert_uint_lt(i, n);
	return part[i].value;
}

START_TEST(json_has_the_facts)
{
	struct ctx *c = test_ctx();
	struct given g;
	struct str all, attack, first, layer;

	give(&g);
	g.report.sealed = &g.sealed;
	all = str_of(written(c, protect_report_json, &g.report));
	ck_str(member(c, all, "kind").value, "hallmark-protect-report");
	ck_str(member(c, all, "locks").value, "[\"advparams\"]");
	ck_str(member(c, all, "touched").value, "14");
	ck_str(member(c, all, "exact").value, "true");
	ck_str(member(c, member(c, all, "accuracy").value, "locked").value, "0.1045");
	ck_assert(strstr(all.p, "\"chance\":0.1}") != NULL);
	ck_str(member(c, member(c, all, "sealed").value, "marked").value, "61470");
	ck_str(member(c, member(c, all, "advparams").value, "entries").value, "14");
	ck_assert(str_starts(
	    member(c, member(c, all, "sha256").value, "model").value, STR("abababab")));
	attack = element(c, member(c, all, "attacks").value, 0);
	first = element(c, member(c, attack, "points").value, 0);
	ck_str(member(c, attack, "id").value, "L1");
	ck_str(member(c, first, "what").value, "1 % of the data");
	ck_assert(strstr(all.p, "\"against\":0.773,") != NULL);
	ck_str(member(c, first, "z").value, "null");
	ck_assert(strstr(all.p, "{\"number\":7,\"accuracy\":0.9169,\"z\":118.9}") != NULL);
	layer = element(c, member(c, all, "layers").value, 1);
	ck_str(member(c, layer, "beyond_4_6_8_mad_after").value, "[2390,475,116]");
}
END_TEST

/* ---- Numbers as text --------------------------------------------------------------------- */

static const struct {
	enum { REAL, PERCENT, COUNT_OF, SHARE, SECONDS, CHANCE } how;
	double v;
	const char *text;
} numbers[] = {
	{ REAL, -0.04, "0.0" },
	{ REAL, -0.06, "−0.1" },
	{ REAL, NAN, "–" },
	{ PERCENT, 0.91666, "91.7\u00a0%" },
	{ PERCENT, -INFINITY, "–" },
	{ COUNT_OF, 0, "0" },
	{ COUNT_OF, 999, "999" },
	{ COUNT_OF, 1000, "1,000" },
	{ COUNT_OF, 12030045, "12,030,045" },
	{ SHARE, 0.00022689, "0.023\u00a0%" },
	{ SHARE, 2.06e-6, "0.00021\u00a0%" },
	{ SHARE, 0.5, "50.0\u00a0%" },
	{ SHARE, 0, "0.0\u00a0%" },
	{ SECONDS, 0.0042, "4.2\u00a0ms" },
	{ SECONDS, 1.1, "1.10\u00a0s" },
	{ SECONDS, 119.6, "120\u00a0s" },
	{ SECONDS, 125, "2\u00a0min 5\u00a0s" },
	{ SECONDS, -1, "–" },
	{ CHANCE, 0.9435, "0.944" },
	{ CHANCE, 2.4e-10, "2e-10" },
	{ CHANCE, 1e-58, "below 10⁻¹²" },
	{ CHANCE, NAN, "–" },
};

START_TEST(numbers_read_well)
{
	double v = numbers[_i].v;
	char text[64];
	struct buf b = BUF(text);

	switch (numbers[_i].how) {
	case REAL:
		put_real(&b, v, 1);
		break;
	case PERCENT:
		put_percent(&b, v);
		break;
	case COUNT_OF:
		put_count(&b, (uint64_t)v);
		break;
	case SHARE:
		put_share(&b, v);
		break;
	case SECONDS:
		put_seconds(&b, v);
		break;
	case CHANCE:
		put_chance(&b, v);
		break;
	}
	buf_char(&b, '\0');
	ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

START_TEST(small_buffers_are_refused)
{
	struct ctx *c = test_ctx();
	struct given g;
	struct buf b;

	give(&g);
	ck_ok(c, take_buf(c, 2000, &b));
	ck_fails(c, E_LIMIT, writers[_i](c, &g.report, &b));
}
END_TEST

MAIN("protect_report_json", ONE(json_has_the_facts), EACH(numbers_read_well, numbers),
    EACH(small_buffers_are_refused, writers))
