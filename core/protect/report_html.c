/*
 * The report as one HTML page: the three sentences that matter, the curve, and then the evidence,
 * each part with a line that says what it shows. It holds all that it needs (its policy forbids a
 * browser to fetch anything), reads on a phone and prints.
 */
#include "report_parts.h"

/* ---- The head ---------------------------------------------------------------------------- */

MUST static bool
put_head(struct ctx *c, struct buf *b, const struct protect_report *r)
{
	const struct page_head head = { "Protection of", "Protection report", r->model_name,
		false };

	if (!page_begin(c, b, &head))
		return false;
	buf_put(b, STR("<p class=\"sub\">"));
	html_text(b, str_of(say_locks(r->locks)));
	buf_put(b, STR(" · release "));
	html_text(b, str_of(r->release.s));
	if (r->made > 0) {
		buf_put(b, STR(" · "));
		put_day(b, r->made);
	}
	buf_put(b, STR("</p>\n"));
	return true;
}

/* With the smallest share of the data. */
static void
thief_cards(struct buf *b, const struct attack_result *a)
{
	char text[96];
	struct buf t = BUF(text);
	const struct attack_point *p = &a->point[0];

	buf_put(&t, STR("for a thief with "));
	put_real(&t, p->x * 100, 0);
	buf_put(&t, STR("\u00a0% of the data; without the file "));
	put_percent(&t, p->against);
	buf_char(&t, '\0');
	page_card(b, p->accuracy, text);
}

static void
put_cards(struct buf *b, const struct protect_report *r)
{
	const struct attack_result *tuned = report_attack(r, "L1");

	buf_put(b, STR("<div class=\"cards\">\n"));
	page_card(b, r->before, "right answers before");
	page_card(b, r->locked, "right answers of the locked file");
	if (tuned != NULL)
		thief_cards(b, tuned);
	page_card(b, r->unlocked_accuracy, "right answers when opened with its key");
	buf_put(b, STR("</div>\n"));
}

static void
put_summary(struct buf *b, const struct protect_report *r)
{
	void (*const say[])(struct buf *, const struct protect_report *) = { say_before,
		say_locked, say_thief, say_unlocked };
	double gap = report_gap(r);

	if (report_measured(r))
		put_cards(b, r);
	for (size_t i = 0; i < COUNT(say); i++) {
		char text[SENTENCE_MAX];
		struct buf t = BUF(text);

		say[i](&t, r);
		buf_put(b, STR("<p class=\"lead\">"));
		html_text(b, buf_str(&t));
		buf_put(b, STR("</p>\n"));
	}
	buf_printf(b, "<p class=\"verdict%s\">",
	    !isfinite(gap)        ? ""
		: gap <= GAP_NONE ? " good"
				  : " warn");
	html_text(b, str_of(say_verdict(r)));
	if (isfinite(gap) && gap > GAP_NONE) {
		buf_put(b, STR(": up to "));
		put_real(b, gap * 100, 1);
		buf_put(b, STR(" points better than without it"));
	}
	buf_put(b, STR(".</p>\n</header>\n"));
}

/* ---- The parts --------------------------------------------------------------------------- */

static void
put_curve(struct buf *b, const struct protect_report *r)
{
	const struct attack_result *a = report_attack(r, "L1");

	if (a == NULL)
		return;
	page_section(b, "What a thief gets back",
	    "Whoever steals the locked file can train it further with data of his own. What "
	    "counts is how much better that is than to start from nothing: if the two lines "
	    "lie together, the file is worth nothing to him.");
	buf_put(b, STR("<figure>"));
	svg_curves(b, r, a);
	buf_put(b,
	    STR("<figcaption>The same network, the same data, the same time, from the "
		"locked file and from scratch; of several ways of training the best one "
		"is shown each time. The axis of shares is logarithmic."));
	if (r->thief > 0) {
		buf_put(b, STR(" All of the data: "));
		put_count(b, (uint64_t)r->thief);
		buf_put(b, STR(" samples."));
	}
	buf_put(b, STR("</figcaption></figure>\n"));
	table_curves(b, a);
	page_section_end(b);
}

MUST static bool
put_layers(struct ctx *c, struct buf *b, const struct protect_report *r)
{
	if (r->layers == 0)
		return true;
	page_section(b, "What the lock leaves to be seen",
	    "How the values of the layer with most touched parameters lie. The fewer of them "
	    "stand out, the less there is for a thief to find.");
	buf_put(b,
	    STR("<figure><p class=\"keys\"><span><i class=\"key a\"></i>before</span> "
		"<span><i class=\"key b\"></i>in the locked file</span></p>\n"));
	svg_histogram(b, &r->layer[0]);
	buf_put(b, STR("<figcaption>Layer <span class=\"name\">"));
	if (!html_name(c, b, r->layer[0].name))
		return false;
	buf_put(b,
	    STR("</span>, number of parameters by value; the axis of numbers is "
		"logarithmic.</figcaption></figure>\n"));
	if (!table_layers(c, b, r))
		return false;
	buf_put(b,
	    STR("<p class=\"note\">Chance of the difference: that of a two-sample "
		"Kolmogorov–Smirnov test, for somebody who has both files; near 1, "
		"the distributions look alike. MAD: median absolute deviation of the "
		"layer; the columns count values that far from its median, before → "
		"after.</p>\n"));
	page_section_end(b);
	return true;
}

static void
put_marks(struct buf *b, const struct protect_report *r)
{
	if (r->customers == 0)
		return;
	page_section(b, "Each customer’s copy",
	    "The key that opens the file writes its customer’s mark into every weight. "
	    "Each of these copies was made, judged and traced.");
	table_customers(b, r);
	buf_put(b,
	    STR("<p class=\"note\">z is the strength of a mark in standard deviations of "
		"what chance gives: from about 6.2 on it names one customer among a "
		"thousand with an error of one in a million."));
	if (r->innocents > 0) {
		buf_put(b, STR(" The largest z of "));
		put_count(b, r->innocents);
		buf_put(b, STR(" customers who had no part in it: "));
		put_real(b, r->innocents_z, 1);
		buf_char(b, '.');
	}
	buf_put(b, STR("</p>\n"));
	page_section_end(b);
}

static void
put_baselines(struct buf *b, const struct protect_report *r)
{
	if (r->baselines == 0)
		return;
	page_section(b, "Compared with simpler ways",
	    "What becomes of the model if other parameters are moved. The lower the accuracy "
	    "with the fewer parameters, the better the lock.");
	table_baselines(b, r);
	page_section_end(b);
}

static void
put_attacks(struct buf *b, const struct protect_report *r)
{
	size_t others = r->attacks - (report_attack(r, "L1") != NULL);

	if (others == 0)
		return;
	page_section(b, "The other attacks",
	    "Each was carried out on the locked file, and the result judged like the model "
	    "itself.");
	table_attacks(b, r);
	page_section_end(b);
}

static void
put_limits(struct buf *b, const struct protect_report *r)
{
	size_t n;
	const struct limit *limit = report_limits(&n);

	page_section(b, "What it does not protect against",
	    "No lock answers everything. With this one, reckon with the following.");
	buf_put(b, STR("<dl>\n"));
	for (size_t i = 0; i < n; i++) {
		if (!limit_applies(&limit[i], r->locks))
			continue;
		buf_put(b, STR("<div><dt>"));
		html_text(b, str_of(limit[i].title));
		buf_put(b, STR("</dt><dd>"));
		html_text(b, str_of(limit[i].text));
		buf_put(b, STR("</dd></div>\n"));
	}
	buf_put(b, STR("</dl>\n"));
	page_section_end(b);
}

bool
protect_report_html(struct ctx *c, const struct protect_report *r, struct buf *out)
{
	if (!put_head(c, out, r))
		return false;
	put_summary(out, r);
	put_curve(out, r);
	page_section(
	    out, "The lock in figures", "What was done to the file, and what it takes.");
	table_facts(out, r);
	page_section_end(out);
	put_marks(out, r);
	put_baselines(out, r);
	if (!put_layers(c, out, r))
		return false;
	put_attacks(out, r);
	put_limits(out, r);
	page_section(out, "The files", "By their SHA-256.");
	table_files(out, r);
	page_section_end(out);
	page_end(out);
	return buf_ok(c, out);
}
