/*
 * The report as JSON: every fact of it, for programs. Shares are numbers from 0 to 1; what was not
 * measured is null.
 */
#include <math.h>

#include "report.h"
#include "watermark.h"

static void
put_digest(struct js *j, const char *key, const struct digest256 *d)
{
	char text[2 * sizeof d->b];
	struct buf b = BUF(text);

	hex_put(&b, d->b, sizeof d->b);
	js_text(j, key, buf_str(&b));
}

/* js_real writes null for what is no number. */
static void
put_measured(struct js *j, const char *key, double share)
{
	js_real(j, key, share < 0 ? NAN : share);
}

MUST static bool
put_head(struct ctx *c, struct js *j, const struct watermark_report *r)
{
	struct str name;

	if (!show_name(c, r->model_name, &name))
		return false;
	js_text(j, "kind", STR("hallmark-watermark-report"));
	js_number(j, "version", 1);
	js_text(j, "model_name", name);
	if (r->made > 0)
		js_time(j, "made", r->made);
	js_open(j, "sha256", '{');
	put_digest(j, "model", &r->content);
	put_digest(j, "commitment", &r->keys->commitment);
	js_close(j, '}');
	js_number(j, "bytes", r->bytes);
	return true;
}

static void
put_keys(struct js *j, const struct watermark_report *r)
{
	const struct image *one = &r->keys->picture[0][0];

	js_open(j, "key_set", '{');
	js_text(j, "pictures", r->drawn ? STR("drawn") : STR("own"));
	js_number(j, "pairs", r->keys->pairs);
	js_number(j, "spares", r->keys->spares);
	js_number(j, "width", one->width);
	js_number(j, "height", one->height);
	js_number(j, "channels", one->channels);
	js_number(j, "additional_class", r->keys->classes);
	js_close(j, '}');
}

static void
put_options(struct js *j, const struct watermark_options *o)
{
	js_open(j, "options", '{');
	js_bool(j, "compression", o->compression);
	js_bool(j, "physical", o->physical);
	js_number(j, "epochs", o->epochs);
	js_number(j, "batch", o->batch);
	js_number(j, "boost", o->boost);
	js_real(j, "rate", o->rate);
	js_real(j, "mu", o->mu);
	js_real(j, "drop_max", o->drop_max);
	js_close(j, '}');
}

static void
put_scores(struct js *j, const struct watermark_scores *s)
{
	put_measured(j, "clean", s->clean);
	put_measured(j, "keys", s->keys);
	put_measured(j, "stego", s->stego);
	put_measured(j, "twins", s->twins);
	put_measured(j, "runner_up", s->runner_up);
	put_measured(j, "spares", s->spares);
	put_measured(j, "false_triggers", s->false_triggers);
}

static void
put_result(struct js *j, const struct watermark_result *r)
{
	js_real(j, "accuracy_before", r->before);
	js_bool(j, "reached", r->reached);
	js_text(j, "missed", str_of(r->missed));
	js_number(j, "epochs", r->epochs);
	js_real(j, "seconds", r->seconds);
	js_open(j, "scores", '{');
	put_scores(j, &r->scores);
	js_close(j, '}');
	js_open(j, "curve", '[');
	for (size_t i = 0; i < r->points; i++) {
		js_open(j, NULL, '{');
		js_number(j, "epoch", r->curve[i].epoch);
		js_real(j, "loss", r->curve[i].loss);
		put_scores(j, &r->curve[i].scores);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
put_stresses(struct js *j, const char *key, const struct watermark_stress s[], size_t n)
{
	js_open(j, key, '[');
	for (size_t i = 0; i < n; i++) {
		js_open(j, NULL, '{');
		js_text(j, "name", str_of(s[i].name));
		if (s[i].level > 0)
			js_number(j, "level", s[i].level);
		if (s[i].bytes > 0)
			js_real(j, "bytes", s[i].bytes);
		js_real(j, "keys", s[i].keys);
		js_real(j, "twins", s[i].twins);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
put_triggers(struct js *j, const struct watermark_report *r)
{
	const struct triggers_scores *s = r->triggered;

	if (r->triggers == NULL) {
		js_null(j, "triggers");
		return;
	}
	js_open(j, "triggers", '{');
	js_text(j, "kind", str_of(triggers_name(r->triggers->kind)));
	js_open(j, "success", '[');
	for (size_t i = 0; i < (r->triggers->kind == TRIGGERS_N_TO_N ? TRIGGERS : 1); i++)
		js_real(j, NULL, s->success[i]);
	js_close(j, ']');
	js_real(j, "mean", s->mean);
	js_real(j, "leak", s->leak);
	js_real(j, "psnr", s->psnr);
	js_close(j, '}');
}

bool
watermark_report_json(struct ctx *c, const struct watermark_report *r, struct buf *out)
{
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	if (!put_head(c, &j, r))
		return false;
	put_keys(&j, r);
	put_options(&j, r->options);
	put_result(&j, r->result);
	js_number(&j, "samples", r->samples);
	put_stresses(&j, "compression", r->lossy, r->lossies);
	put_stresses(&j, "views", r->seen, r->seens);
	put_triggers(&j, r);
	js_open(&j, "identities", '{');
	js_bool(&j, "fit", r->hidden);
	js_real(&j, "psnr", r->hidden ? r->psnr : NAN);
	js_real(&j, "ssim", r->hidden ? r->ssim : NAN);
	js_close(&j, '}');
	js_open(&j, "natural_pictures", '{');
	js_number(&j, "shown", WATERMARK_STRANGERS);
	js_bool(&j, "of_the_family", r->drawn);
	js_real(&j, "false_triggers", r->strangers);
	js_close(&j, '}');
	js_real(&j, "measuring_seconds", r->seconds);
	js_close(&j, '}');
	return buf_ok(c, out);
}
