/*
 * A verdict in words, for who sits at a terminal: the sentence, the tests as a table, who is
 * accused and how sure one may be. All of it is out of the report, whose texts a worker wrote.
 */
#include <math.h>
#include <stdio.h>

#include "verification.h"

enum { WORDS_MAX = 64 << 10 };

void
chance_put(struct buf *b, double log10)
{
	double whole = floor(log10), first = pow(10, log10 - whole);

	if (isnan(log10) || log10 >= 0) {
		buf_put(b, STR("1"));
	} else if (isinf(log10)) {
		buf_put(b, STR("0"));
	} else if (log10 > -3) {
		buf_printf(b, "%.2g", pow(10, log10));
	} else {
		if (first >= 9.95) {
			first = 1;
			whole++;
		}
		buf_printf(b, "%.1fe%.0f", first, whole);
	}
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void
counted_put(struct buf *b, const struct evidence_row *row, const struct evidence_test *x)
{
	switch (row->law) {
	case LAW_PAIRS:
		buf_printf(b, "%lld against %lld, of %lld pairs", (long long)x->hits,
		    (long long)x->misses, (long long)x->trials);
		return;
	case LAW_BINOMIAL:
		buf_printf(b, "%lld of %lld, 1 in %lld by chance", (long long)x->hits,
		    (long long)x->trials, (long long)x->labels);
		return;
	case LAW_SEQUENCE:
		buf_printf(b, "%lld of %lld in turn, 1 in %lld by chance", (long long)x->hits,
		    (long long)x->trials, (long long)x->labels);
		return;
	case LAW_BOUND:
		buf_printf(b, "the best of %lld customers", (long long)x->trials);
		return;
	case LAW_RANK:
		buf_printf(b, "%lld of %lld independent ones do as well", (long long)x->hits,
		    (long long)x->trials);
		return;
	case LAW_COUNT:
		break;
	}
	abort(); /* the compiler has seen every case */
}

static void
test_put(struct buf *b, const struct evidence_row *row, const struct evidence_test *x)
{
	char text[96], p[16], adjusted[16];
	struct buf counted = BUF(text), one = BUF(p), all = BUF(adjusted);

	buf_printf(b, "  %-21s", row->title);
	if (!x->ran) {
		buf_put(b, STR("not run: "));
		text_escape(b, str_of(x->why));
		buf_char(b, '\n');
		return;
	}
	counted_put(&counted, row, x);
	chance_put(&one, x->log10_p);
	chance_put(&all, x->adjusted);
	buf_printf(b, "%-38.*s  %-9.*s  %.*s\n", STRF(buf_str(&counted)), STRF(buf_str(&one)),
	    STRF(buf_str(&all)));
}

static void
tests_put(struct buf *b, const struct evidence *e)
{
	bool any = false;

	for (size_t i = 0; i < TEST_COUNT; i++) {
		if (!e->test[i].planned)
			continue;
		if (!any)
			buf_printf(b, "\n  %-21s%-38s  %-9s  %s\n", "test", "counted", "p",
			    "adjusted");
		any = true;
		test_put(b, &evidence_rows[i], &e->test[i]);
	}
}

/* ---- Who ------------------------------------------------------------------------------------- */

static void
customer_put(struct buf *b, const struct evidence_customer *x, struct str name)
{
	buf_put(b, STR("  "));
	text_escape(b, name);
	buf_printf(b,
	    "%scustomer %u (%s): z = %.1f\n    an innocent scores so with a chance of ",
	    name.n > 0 ? ", " : "", x->number, x->id.s, x->z);
	chance_put(b, x->bound_log10);
	buf_put(b, STR(" at most, any innocent at all with "));
	chance_put(b, x->all_log10);
	buf_char(b, '\n');
}

static void
trace_put(struct buf *b, const struct evidence_trace *r, const struct str names[])
{
	size_t accused = 0;

	if (!r->ran) {
		buf_put(b,
		    r->why[0] == '\0' ? STR("\nnobody is accused")
				      : STR("\nnobody is accused: "));
		text_escape(b, str_of(r->why));
		buf_char(b, '\n');
		return;
	}
	for (size_t i = 0; i < r->n; i++)
		accused += r->best[i].accused;
	buf_printf(b, "\n%s, of %lld customers (",
	    accused > 0 ? "accused" : "nobody is accused", (long long)r->customers);
	text_escape(b, str_of(r->channel));
	buf_put(b, STR("):\n"));
	for (size_t i = 0; i < r->n; i++)
		if (r->best[i].accused)
			customer_put(b, &r->best[i], names == NULL ? STR("") : names[i]);
	for (size_t i = 0; i < r->n; i++)
		if (!r->best[i].accused) {
			buf_printf(b, "  the best of %s: z = %.1f\n",
			    accused > 0 ? "all others" : "them", r->best[i].z);
			return;
		}
}

/* ---- What it rests on ------------------------------------------------------------------------ */

static void
commitments_put(struct buf *b, const struct evidence *e)
{
	for (size_t i = 0; i < e->commitments; i++) {
		const struct evidence_commitment *k = &e->commitment[i];

		buf_put(b, i == 0 ? STR("\ncommitted to: ") : STR(", "));
		text_escape(b, str_of(k->what));
		buf_char(b, ' ');
		if (k->at == 0)
			buf_put(b, STR("never"));
		else
			time_put(b, k->at);
	}
	if (e->commitments > 0)
		buf_char(b, '\n');
}

static void
controls_put(struct buf *b, const struct evidence *e)
{
	size_t clean = 0;

	for (size_t i = 0; i < e->controls; i++)
		clean += e->control[i].clean;
	if (e->controls > 0)
		buf_printf(
		    b, "negative controls: %zu of %zu as chance has it\n", clean, e->controls);
}

/* ---- The whole ------------------------------------------------------------------------------- */

bool
evidence_words(
    struct cli *t, const struct evidence *e, const struct str names[], struct str *ret)
{
	struct buf b;

	if (!take_buf(&t->c, WORDS_MAX, &b))
		return false;
	buf_printf(&b, "%s: ", verdict_names[e->verdict]);
	text_escape(&b, str_of(e->reason));
	buf_put(&b, STR("\n\n  suspect  "));
	text_escape(&b, str_of(e->kind));
	buf_printf(&b, " of %lld bytes, sha256 ", (long long)e->bytes);
	hex_put(&b, e->digest.b, sizeof e->digest.b);
	buf_put(&b, STR(",\n           known since "));
	time_put(&b, e->appeared);
	buf_printf(&b, "\n  release  %s\n", e->release.s);
	tests_put(&b, e);
	trace_put(&b, &e->trace, names);
	commitments_put(&b, e);
	controls_put(&b, e);
	*ret = buf_str(&b);
	return buf_ok(&t->c, &b);
}
