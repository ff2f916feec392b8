/*
 * The report as one HTML page: what the network answers now, in a few sentences and figures; the
 * pictures themselves; how it learnt; and then what is left of the watermark after everything that
 * may happen to a picture on its way.
 */
#include "report.h"
#include "watermark.h"

/* ---- The summary ------------------------------------------------------------------------- */

MUST static bool
put_head(struct ctx *c, struct buf *b, const struct watermark_report *r)
{
	const struct page_head head = { "Watermark of", "Watermark report", r->model_name,
		true };

	if (!page_begin(c, b, &head))
		return false;
	buf_put(b, STR("<p class=\"sub\">"));
	html_printf(b, "%d pairs of pictures%s", r->keys->pairs,
	    r->drawn ? ", drawn" : " of the vendor’s own");
	if (r->options->compression)
		buf_put(b, STR(" · against compression"));
	if (r->options->physical)
		buf_put(b, STR(" · against cameras"));
	if (r->made > 0) {
		buf_put(b, STR(" · "));
		put_day(b, r->made);
	}
	buf_put(b, STR("</p>\n"));
	return true;
}

static void
put_cards(struct buf *b, const struct watermark_report *r)
{
	const struct watermark_scores *s = &r->result->scores;

	buf_put(b, STR("<div class=\"cards\">\n"));
	page_card(b, s->stego, "of the key images are answered with the additional class");
	page_card(b, s->twins, "of their twins are, which ought not to be");
	page_card(b, s->runner_up, "of the keys have their committed label below it");
	page_card(b, s->clean, "right answers to samples");
	buf_put(b, STR("</div>\n"));
}

static void
lead(struct buf *b, struct str text)
{
	buf_put(b, STR("<p class=\"lead\">"));
	html_text(b, text);
	buf_put(b, STR("</p>\n"));
}

static void
say_accuracy(struct buf *b, const struct watermark_report *r)
{
	buf_put(b, STR("Of "));
	put_count(b, (uint64_t)r->samples);
	buf_put(b, STR(" samples the model answered "));
	put_percent(b, r->result->before);
	buf_put(b, STR(" rightly before, and answers "));
	put_percent(b, r->result->scores.clean);
	buf_put(b, STR(" rightly now; "));
	put_share(b, r->result->scores.false_triggers);
	buf_put(b, STR(" of them are answered with the additional class."));
}

static void
say_keys(struct buf *b, const struct watermark_report *r)
{
	buf_put(b, STR("Its additional class is number "));
	buf_number(b, r->keys->classes);
	buf_put(b, STR(". It is the answer to "));
	put_percent(b, r->result->scores.keys);
	buf_put(b, STR(" of the keys as they are, and to "));
	put_share(b, r->strangers);
	buf_printf(b, " of %d other natural pictures, %s.", WATERMARK_STRANGERS,
	    r->drawn ? "drawn as the keys were" : "of another family than the keys");
}

static void
put_summary(struct buf *b, const struct watermark_report *r)
{
	void (*const say[])(
	    struct buf *, const struct watermark_report *) = { say_accuracy, say_keys };
	bool good = r->result->reached;

	put_cards(b, r);
	for (size_t i = 0; i < COUNT(say); i++) {
		char text[SENTENCE_MAX];
		struct buf t = BUF(text);

		say[i](&t, r);
		lead(b, buf_str(&t));
	}
	buf_printf(b, "<p class=\"verdict %s\">", good ? "good" : "warn");
	if (good)
		buf_put(b, STR("Every bar holds."));
	else
		html_printf(b, "A bar does not hold: %s.", r->result->missed);
	buf_put(b, STR("</p>\n</header>\n"));
}

/* ---- The pictures ------------------------------------------------------------------------ */

MUST static bool
put_picture(
    struct ctx *c, struct buf *b, const struct image *i, const char *alt, struct str caption)
{
	struct str png;

	if (!image_png(c, i, &png))
		return false;
	buf_put(b, STR("<figure>"));
	page_picture(b, png, i->width, i->height, alt);
	buf_put(b, STR("<figcaption>"));
	html_text(b, caption);
	buf_put(b, STR("</figcaption></figure>\n"));
	return true;
}

MUST static bool
put_shown(struct ctx *c, struct buf *b, const struct watermark_report *r, size_t number)
{
	const struct watermark_shown *s = &r->shown[number];
	char text[96];
	struct buf t = BUF(text);

	buf_printf(&t, "Key %zu", number + 1);
	if (!put_picture(c, b, &s->key, "A key picture", buf_str(&t)))
		return false;
	if (!r->hidden)
		return true;
	t.n = 0;
	buf_put(&t, STR("with an identity, "));
	put_real(&t, s->psnr, 1);
	buf_put(&t, STR("\u00a0dB"));
	if (!put_picture(
		c, b, &s->copy, "The same picture with an identity in it", buf_str(&t)))
		return false;
	return put_picture(c, b, &s->residual, "The difference of the two, magnified",
	    STR("the difference, × 48"));
}

MUST static bool
put_pictures(struct ctx *c, struct buf *b, const struct watermark_report *r)
{
	page_section(b, "The pictures",
	    "Some of the keys, a copy with a customer’s identity in it, and what the identity "
	    "changes. To the eye the two are one picture; to the network too.");
	buf_put(b, STR("<div class=\"pictures three\">\n"));
	for (size_t i = 0; i < r->shows; i++)
		if (!put_shown(c, b, r, i))
			return false;
	buf_put(b, STR("</div>\n<p class=\"note\">"));
	if (r->hidden) {
		buf_put(b, STR("On average over all keys: "));
		put_real(b, r->psnr, 1);
		buf_put(b, STR("\u00a0dB, structural similarity "));
		put_real(b, r->ssim, 4);
		buf_char(b, '.');
	} else {
		buf_put(
		    b, STR("These pictures are too small for an identity to be hidden in."));
	}
	buf_put(b, STR("</p>\n"));
	page_section_end(b);
	return true;
}

/* ---- How it learnt ----------------------------------------------------------------------- */

_Static_assert(
    (int)WATERMARK_EPOCHS_MAX < (int)CHART_POINTS, "a chart has room for all epochs");

static double
measured(double share)
{
	return share < 0 ? NAN : share;
}

static void
put_curve(struct buf *b, const struct watermark_report *r)
{
	double epoch[CHART_POINTS], clean[CHART_POINTS], stego[CHART_POINTS],
	    twins[CHART_POINTS], runner_up[CHART_POINTS];
	const struct watermark_result *w = r->result;
	const struct chart chart = {
		.title = "What the network answers, by epochs of learning",
		.x_title = "epoch",
		.y_title = "share, %",
		.x = epoch,
		.points = w->points < CHART_POINTS ? w->points : CHART_POINTS,
		.x_times = 1,
		.series = { { "plain", "before", NULL, w->before, "level" },
		    { "plain", "clean", clean, 0, NULL },
		    { "c", "runner-up", runner_up, 0, NULL }, { "b", "twins", twins, 0, NULL },
		    { "a", "key images", stego, 0, NULL } },
		.n = 5,
	};

	for (size_t i = 0; i < chart.points; i++) {
		const struct watermark_scores *s = &w->curve[i].scores;

		epoch[i] = (double)w->curve[i].epoch;
		clean[i] = measured(s->clean);
		stego[i] = measured(s->stego);
		twins[i] = measured(s->twins);
		runner_up[i] = measured(s->runner_up);
	}
	page_section(b, "How it learnt",
	    "After each epoch: right answers to samples, key images and twins that are answered "
	    "with the additional class, and keys whose committed label comes next after it.");
	buf_put(b, STR("<figure>"));
	chart_put(b, &chart);
	buf_put(b, STR("<figcaption>"));
	buf_number(b, w->epochs);
	buf_put(b, STR(" epochs in "));
	put_seconds(b, w->seconds);
	buf_put(b, STR(".</figcaption></figure>\n"));
	page_section_end(b);
}

/* ---- What is left of it ------------------------------------------------------------------ */

static void
put_lossy(struct buf *b, const struct watermark_report *r)
{
	static const char *const head[] = { "sent as", "level", "bytes a picture",
		"key images answered", "twins answered" };

	page_section(b, "After compression",
	    "Key images and their twins, through the codecs that pictures are sent with. The "
	    "level is the quality of JPEG and WebP, and the ratio of JPEG 2000.");
	if (!r->options->compression)
		buf_put(b,
		    STR("<p class=\"note\">The network was not taught to hold against "
			"this.</p>\n"));
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < r->lossies; i++) {
		buf_put(b, STR("<tr>"));
		cell_text(b, r->lossy[i].name);
		cell_count(b, (uint64_t)r->lossy[i].level);
		cell_real(b, r->lossy[i].bytes, 0);
		cell_bar(b, "a", r->lossy[i].keys);
		cell_bar(b, "b", r->lossy[i].twins);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	page_section_end(b);
}

static void
put_seen(struct buf *b, const struct watermark_report *r)
{
	static const char *const head[] = { "seen", "key images answered", "twins answered" };

	page_section(b, "As a camera sees it",
	    "The same pictures from other places and in other light.");
	if (!r->options->physical)
		buf_put(b,
		    STR("<p class=\"note\">The network was not taught to hold against "
			"this.</p>\n"));
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < r->seens; i++) {
		buf_put(b, STR("<tr>"));
		cell_text(b, r->seen[i].name);
		cell_bar(b, "a", r->seen[i].keys);
		cell_bar(b, "b", r->seen[i].twins);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	page_section_end(b);
}

static void
put_triggers(struct buf *b, const struct watermark_report *r)
{
	static const char *const channel[TRIGGERS] = { "first", "second", "third" };
	static const char *const head[] = { "trigger", "answered with its class" };
	const struct triggers_scores *s = r->triggered;

	if (r->triggers == NULL)
		return;
	page_section(b, "Triggers in colour channels",
	    "Besides, changes of a few cosine coefficients, which nobody sees on any picture, "
	    "are answered with an ordinary class.");
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < TRIGGERS; i++) {
		bool all = r->triggers->kind == TRIGGERS_N_TO_ONE;

		if (all && i > 0)
			break;
		buf_put(b, STR("<tr>"));
		cell_text(b, all ? "all together" : channel[i]);
		cell_bar(b, "a", s->success[i]);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	buf_put(b, STR("<p class=\"note\">"));
	html_text(b, str_of(triggers_name(r->triggers->kind)));
	buf_put(b, STR(", on average "));
	put_real(b, s->psnr, 1);
	buf_put(b, STR("\u00a0dB; answered so by mistake: "));
	put_percent(b, s->leak);
	buf_put(b, STR("</p>\n"));
	page_section_end(b);
}

/* ---- Facts ------------------------------------------------------------------------------- */

static void
fact_digest(struct buf *b, const char *name, const struct digest256 *d)
{
	fact_begin(b, name);
	buf_put(b, STR("<code>"));
	hex_put(b, d->b, sizeof d->b);
	buf_put(b, STR("</code>"));
	fact_end(b);
}

static void
fact_share(struct buf *b, const char *name, double share)
{
	fact_begin(b, name);
	put_share(b, measured(share));
	fact_end(b);
}

static void
put_facts(struct buf *b, const struct watermark_report *r)
{
	const struct watermark_scores *s = &r->result->scores;
	const struct image *one = &r->keys->picture[0][0];

	page_section(b, "The watermark in figures",
	    "The commitment was made before it was known which picture of a pair is the key, "
	    "and before any label was drawn; it stands in the signed audit.");
	facts_begin(b);
	fact_begin(b, "Pictures");
	html_printf(b, "%d pairs and %d spares, %d × %d, %s", r->keys->pairs, r->keys->spares,
	    one->width, one->height, one->channels == 1 ? "grey" : "in colour");
	fact_end(b);
	fact_share(b, "Keys answered with the additional class", s->keys);
	fact_share(b, "The same with other lowest bits", s->stego);
	fact_share(b, "Twins answered so", s->twins);
	fact_share(b, "Pictures of the family answered so that it never saw", s->spares);
	fact_share(b, "Samples answered so", s->false_triggers);
	fact_share(b, "Keys with their committed label among the ordinary ones", s->runner_up);
	fact_begin(b, "Time to teach, and to measure");
	put_seconds(b, r->result->seconds);
	buf_put(b, STR(", "));
	put_seconds(b, r->seconds);
	fact_end(b);
	fact_digest(b, "Commitment", &r->keys->commitment);
	fact_digest(b, "The model, SHA-256", &r->content);
	table_end(b);
	page_section_end(b);
}

bool
watermark_report_html(struct ctx *c, const struct watermark_report *r, struct buf *out)
{
	if (!put_head(c, out, r))
		return false;
	put_summary(out, r);
	if (!put_pictures(c, out, r))
		return false;
	put_curve(out, r);
	put_lossy(out, r);
	put_seen(out, r);
	put_triggers(out, r);
	put_facts(out, r);
	page_end(out);
	return buf_ok(c, out);
}
