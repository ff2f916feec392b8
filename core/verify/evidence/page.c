/*
 * The page for people, a judge among them: the verdict first, then what it rests on, what it does
 * not say, and how to check it. It follows from the report alone, so that a page which was edited
 * is found by writing it again.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "pages.h"

/* ---- Numbers and words ------------------------------------------------------------------- */

static void
put_superscript(struct buf *b, int n)
{
	static const char *const digit[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };
	char text[16];

	snprintf(text, sizeof text, "%d", n);
	for (const char *at = text; *at != '\0'; at++)
		buf_put(b, *at == '-' ? STR("⁻") : str_of(digit[*at - '0']));
}

void
put_power(struct buf *b, double log10)
{
	int power = (int)floor(fmax(log10, -9999));
	double times = ceil(pow(10, log10 - power) * 10 - .001) / 10;

	if (log10 < -9999) {
		buf_put(b, STR("below\u00a010⁻⁹⁹⁹⁹"));
		return;
	}
	if (log10 >= -2) {
		put_real(b, ceil(pow(10, log10) * 1000 - .01) / 1000, log10 < 0 ? 3 : 0);
		return;
	}
	if (times >= 10) {
		times = 1;
		power++;
	}
	if (times > 1)
		buf_printf(b, "%.1f\u00a0×\u00a0", times);
	buf_put(b, STR("10"));
	put_superscript(b, power);
}

void
put_note(struct buf *b, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	buf_put(b, STR("<p>"));
	html_text(b, str_of(text));
	buf_put(b, STR("</p>\n"));
}

/* A sentence of the report: "10^-38" becomes what people write. */
static void
put_reason(struct buf *b, struct str s)
{
	bool raised = false;

	for (size_t i = 0; i < s.n; i++) {
		bool number = s.p[i] >= '0' && s.p[i] <= '9';

		if (raised && number) {
			put_superscript(b, s.p[i] - '0');
		} else if (i + 1 < s.n && s.p[i] == '^' && s.p[i + 1] == '-') {
			raised = true;
			buf_put(b, STR("⁻"));
			i++;
		} else {
			raised = false;
			html_text(b, (struct str){ s.p + i, 1 });
		}
	}
}

static void
put_time(struct buf *b, int64_t ms)
{
	if (ms == 0)
		buf_put(b, STR("not known"));
	else
		time_put(b, ms);
}

static void
put_code(struct buf *b, const char *text)
{
	buf_put(b, STR("<code>"));
	html_text(b, str_of(text));
	buf_put(b, STR("</code>"));
}

static void
put_digest(struct buf *b, const struct digest256 *d)
{
	buf_put(b, STR("<code>"));
	hex_put(b, d->b, sizeof d->b);
	buf_put(b, STR("</code>"));
}

/* ---- The verdict ------------------------------------------------------------------------- */

static const struct {
	const char *word, *class;
} verdicts[] = {
	[VERDICT_NO_EVIDENCE] = { "No evidence.", "plain" },
	[VERDICT_INDICATIVE] = { "Indicative, not proven.", "warn" },
	[VERDICT_PROVEN] = { "Proven.", "good" },
	[VERDICT_CANNOT_DECIDE] = { "It cannot be decided.", "warn" },
};

static void
put_accused(struct buf *b, const struct evidence *e)
{
	size_t accused = 0;

	for (size_t i = 0; i < e->trace.n; i++) {
		const struct evidence_customer *k = &e->trace.best[i];

		if (!k->accused)
			continue;
		if (accused++ == 0)
			buf_put(b, STR("<p class=\"lead\">Accused: the copy of "));
		else
			buf_put(b, STR("; of "));
		buf_printf(b, "customer %u (", k->number);
		put_code(b, k->id.s);
		buf_put(b, STR("), falsely with a chance of at most "));
		put_power(b, k->all_log10);
	}
	buf_put(b,
	    accused == 0 ? STR("<p class=\"lead\">Nobody is accused.</p>\n") : STR(".</p>\n"));
}

MUST static bool
put_head(struct ctx *c, struct buf *b, const struct evidence *e)
{
	const struct page_head head = { "Verification of", "Evidence", str_of(e->suspect.s),
		true };

	if (!page_begin(c, b, &head))
		return false;
	buf_printf(b, "<p class=\"verdict %s\">%s ", verdicts[e->verdict].class,
	    verdicts[e->verdict].word);
	put_reason(b, str_of(e->reason));
	buf_put(b, STR("</p>\n"));
	put_accused(b, e);
	buf_put(b, STR("<p class=\"sub\">Whether it comes from release "));
	put_code(b, e->release.s);
	buf_put(b, STR(" · verification "));
	put_code(b, e->verification.s);
	buf_put(b, STR("</p>\n</header>\n"));
	return true;
}

/* ---- What it rests on -------------------------------------------------------------------- */

static void
put_commitments(struct buf *b, const struct evidence *e)
{
	static const char *const head[] = { "Fixed before", "At" };

	page_section(b, "What was fixed before",
	    "What the tests rest on must be older than the suspect, or it could have been made "
	    "to fit. These digests stand in the vendor’s chained and signed audit.");
	buf_put(b, STR("<p>The suspect was first known: <b>"));
	put_time(b, e->appeared);
	buf_put(b, STR("</b></p>\n"));
	if (e->commitments > 0) {
		table_begin(b, head, COUNT(head));
		for (size_t i = 0; i < e->commitments; i++) {
			buf_put(b, STR("<tr><td><b>"));
			html_text(b, str_of(e->commitment[i].what));
			buf_put(b, STR("</b><br/>"));
			put_digest(b, &e->commitment[i].digest);
			buf_put(b, STR("</td>"));
			cell_begin(b);
			put_time(b, e->commitment[i].at);
			if (e->commitment[i].at >= e->appeared)
				buf_put(b, STR("<br/><b>too late</b>"));
			buf_put(b, STR("</td></tr>\n"));
		}
		table_end(b);
	} else
		put_note(b, "Nothing was.");
	page_section_end(b);
}

static void
put_controls(struct buf *b, const struct evidence *e)
{
	static const char *const head[] = { "What was tried instead", "Times", "With p ≤ .05",
		"Share", "" };

	page_section(b, "Negative controls",
	    "The same tests on the same suspect, with what cannot be in it. About one in twenty "
	    "must look like something at this level, and no more.");
	if (e->controls == 0)
		put_note(b, "None was run.");
	else
		table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < e->controls; i++) {
		const struct evidence_control *k = &e->control[i];

		buf_put(b, STR("<tr>"));
		cell_text(b, k->what);
		cell_count(b, (uint64_t)k->trials);
		cell_count(b, (uint64_t)k->low);
		cell_percent(b, k->trials > 0 ? (double)k->low / (double)k->trials : NAN);
		buf_put(b,
		    k->clean ? STR("<td class=\"n\">clean</td></tr>\n")
			     : STR("<td class=\"n\"><b>not clean</b></td></tr>\n"));
	}
	if (e->controls > 0)
		table_end(b);
	page_section_end(b);
}

static void
put_suspect(struct buf *b, const struct evidence *e)
{
	page_section(b, "The suspect", "What was looked at, and how it was read.");
	facts_begin(b);
	fact_begin(b, "What it is");
	html_text(b, str_of(e->kind));
	buf_put(b, STR(", "));
	put_count(b, (uint64_t)e->bytes);
	buf_put(b, STR(" bytes"));
	fact_end(b);
	fact_begin(b, "SHA-256");
	put_digest(b, &e->digest);
	fact_end(b);
	for (size_t i = 0; i < e->facts; i++) {
		fact_begin(b, e->fact[i].label);
		html_text(b, str_of(e->fact[i].value));
		fact_end(b);
	}
	table_end(b);
	page_section_end(b);
}

/* ---- What it does not say ---------------------------------------------------------------- */

static void
item(struct buf *b, const char *before, const char *foreign, const char *after)
{
	buf_put(b, STR("<li>"));
	html_text(b, str_of(before));
	html_text(b, str_of(foreign));
	html_text(b, str_of(after));
	buf_put(b, STR("</li>\n"));
}

/* What only the vendor's word stands for. */
static void
put_vendors_word(struct buf *b, const struct evidence *e)
{
	item(b,
	    "Where the suspect comes from and when it was first known is what the vendor says. "
	    "Who doubts that compares its SHA-256 with what others have got from the same place.",
	    "", "");
	if (strcmp(e->kind, "transcript") == 0)
		item(b,
		    "Nothing shows which service gave these answers, or that any did: whoever "
		    "knows the key set could have written them. Who doubts them has the same "
		    "pictures shown to the service before a witness.",
		    "", "");
	if (strcmp(e->kind, "endpoint") == 0)
		item(b,
		    "That the service gave these answers, only the vendor’s own machine has "
		    "seen.",
		    "", "");
}

static void
put_limits(struct buf *b, const struct evidence *e)
{
	page_section(b, "What was not established", "Whatever the verdict is:");
	buf_put(b, STR("<ul>\n"));
	item(b,
	    "A trace names a copy, not a person: who took it from its holder, and how, is not "
	    "for arithmetic to say. Who is not accused is not thereby cleared.",
	    "", "");
	put_vendors_word(b, e);
	if (e->verdict != VERDICT_PROVEN)
		item(b,
		    "It was not shown that the suspect is independent of the release: not "
		    "finding is not refuting.",
		    "", "");
	for (size_t i = 0; i < TEST_COUNT; i++) {
		const struct evidence_test *t = &e->test[i];
		const char *title = evidence_rows[i].title;

		if (!t->planned)
			item(b, "", title, ": no such test was planned.");
		else if (!t->ran)
			item(b, "", title, ": planned, and could not be run.");
		else if (evidence_rows[i].supports)
			item(b, "", title,
			    ": compares with models that the vendor calls independent; it "
			    "supports, and can carry no verdict.");
	}
	item(b,
	    "The times of what was fixed are those of the vendor’s audit. Who doubts them asks "
	    "for its checkpoints where they were deposited.",
	    "", "");
	buf_put(b, STR("</ul>\n"));
	page_section_end(b);
}

static void
put_recheck(struct buf *b, struct str report)
{
	page_section(b, "How to check this",
	    "No network and no secret is needed. The program checks the vendor’s signature, "
	    "computes every number of the report again from its counts, and writes this page "
	    "again: an edited number or word is found.");
	buf_put(b,
	    STR("<pre>hallmark verification check FILE</pre>\n"
		"<details><summary>The report</summary>\n<pre id=\"report\">"));
	buf_put(b, report);
	buf_put(b, STR("</pre></details>\n"));
	page_section_end(b);
}

bool
evidence_html(struct ctx *c, const struct evidence *facts, struct str report, struct buf *out)
{
	struct evidence e = *facts;

	for (size_t i = 0; i < report.n; i++)
		if (report.p[i] == '<' || report.p[i] == '>' || report.p[i] == '&')
			return fail(c, E_INPUT, "a report that cannot stand in a page");
	evidence_conclude(&e);
	if (!evidence_maps_reduce(c, &e) || !put_head(c, out, &e))
		return false;
	page_tests(out, &e);
	page_trace(out, &e);
	if (!page_maps(c, out, &e))
		return false;
	put_commitments(out, &e);
	put_controls(out, &e);
	put_limits(out, &e);
	put_suspect(out, &e);
	page_compare(out, &e);
	put_recheck(out, report);
	buf_put(out, STR("</main>\n"));
	return buf_ok(c, out);
}
