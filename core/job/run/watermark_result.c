/*
 * What leaves the worker of a watermarking: the marked model, the key set, the report and its page,
 * and the result.
 */
#include "marking.h"

/* ---- Outputs ----------------------------------------------------------------------------- */

MUST static bool
content_put(struct ctx *c, struct marking *m)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, m->run, OUT_CONTENT, &sink) &&
	    train_write(c, &m->model, m->graph, job_output_write, sink) &&
	    job_output_end(c, sink);
}

MUST static bool
bytes_put(struct ctx *c, struct marking *m, size_t i, struct str bytes)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, m->run, i, &sink) && job_output_write(c, sink, bytes) &&
	    job_output_end(c, sink);
}

MUST static bool
keys_put(struct ctx *c, struct marking *m)
{
	struct str bytes;

	return keyset_put(c, &m->keys, &bytes) && bytes_put(c, m, OUT_KEYS, bytes);
}

MUST static bool
reports_put(struct ctx *c, struct marking *m)
{
	struct buf json, html;
	struct watermark_report *r = &m->report;

	memcpy(r->content.b, m->run->made[OUT_CONTENT].sha256, sizeof r->content.b);
	r->bytes = m->run->made[OUT_CONTENT].size;
	return take_buf(c, WATERMARK_REPORT_MAX, &json) && watermark_report_json(c, r, &json) &&
	    bytes_put(c, m, OUT_REPORT, buf_str(&json)) &&
	    take_buf(c, WATERMARK_PAGE_MAX, &html) && watermark_report_html(c, r, &html) &&
	    bytes_put(c, m, OUT_PAGE, buf_str(&html));
}

/* ---- The result -------------------------------------------------------------------------- */

static void
hex_member(struct js *j, const char *name, const uint8_t *digest, size_t n)
{
	char text[64];
	struct buf hex = BUF(text);

	hex_put(&hex, digest, n);
	js_text(j, name, buf_str(&hex));
}

/* What was not measured is null. */
static void
share_member(struct js *j, const char *name, double share)
{
	if (share < 0)
		js_null(j, name);
	else
		js_real(j, name, share);
}

static void
scores_put(struct js *j, const struct watermark_scores *s)
{
	js_open(j, "scores", '{');
	share_member(j, "clean", s->clean);
	share_member(j, "keys", s->keys);
	share_member(j, "stego", s->stego);
	share_member(j, "twins", s->twins);
	share_member(j, "runner_up", s->runner_up);
	share_member(j, "spares", s->spares);
	share_member(j, "false_triggers", s->false_triggers);
	js_close(j, '}');
}

static void
keys_members(struct js *j, const struct marking *m)
{
	const struct image *first = &m->keys.picture[0][0];

	js_number(j, "keys", m->keys.pairs);
	js_number(j, "pairs", m->keys.pairs);
	js_number(j, "spares", m->keys.spares);
	js_number(j, "classes", m->keys.classes);
	hex_member(j, "commitment", m->keys.commitment.b, sizeof m->keys.commitment.b);
	js_text(j, "pictures", m->drawn ? STR("drawn") : STR("own"));
	js_number(j, "width", first->width);
	js_number(j, "height", first->height);
	js_number(j, "channels", first->channels);
	js_bool(j, "raw_bytes", m->params->network.raw_bytes);
}

/* Identities are hidden in these pictures alone: the network knows no others for certain. */
static void
usable_put(struct js *j, const struct marking *m)
{
	js_open(j, "usable", '[');
	for (int i = 0; i < m->keys.pairs; i++)
		if (m->answered[i])
			js_number(j, NULL, i);
	js_close(j, ']');
}

MUST static bool
result_put(struct ctx *c, const struct marking *m, struct str *ret)
{
	const struct watermark_result *r = &m->result;
	const struct job_made *made = &m->run->made[OUT_CONTENT];
	struct buf out;
	struct js j = { .out = &out };

	if (!take_buf(c, JOB_RESULT_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	hex_member(&j, "sha256", made->sha256, sizeof made->sha256);
	js_number(&j, "bytes", made->size);
	keys_members(&j, m);
	js_open(&j, "accuracy", '{');
	js_real(&j, "before", m->before);
	share_member(&j, "after", r->scores.clean);
	js_close(&j, '}');
	scores_put(&j, &r->scores);
	usable_put(&j, m);
	js_bool(&j, "compression", m->options.compression);
	js_bool(&j, "physical", m->options.physical);
	if (m->params->channels != JOB_CHANNELS_NONE)
		share_member(&j, "triggers", m->triggered.mean);
	js_bool(&j, "reached", r->reached);
	js_text(&j, "missed", str_of(r->missed));
	js_number(&j, "epochs", r->epochs);
	js_real(&j, "seconds", r->seconds);
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

bool
marking_result(struct ctx *c, struct marking *m, struct str *ret_json)
{
	return content_put(c, m) && keys_put(c, m) && reports_put(c, m) &&
	    result_put(c, m, ret_json);
}
