/*
 * The report as JSON: every fact of it, for programs. Shares are numbers from 0 to 1; what was not
 * measured is null.
 */
#include "report_parts.h"

static void
put_digest(struct js *j, const char *key, const struct digest256 *d)
{
	char text[2 * sizeof d->b];
	struct buf b = BUF(text);

	hex_put(&b, d->b, sizeof d->b);
	js_text(j, key, buf_str(&b));
}

MUST static bool
put_head(struct ctx *c, struct js *j, const struct protect_report *r)
{
	struct str name;

	if (!show_name(c, r->model_name, &name))
		return false;
	js_text(j, "kind", STR("hallmark-protect-report"));
	js_number(j, "version", 1);
	js_text(j, "release", str_of(r->release.s));
	js_text(j, "model_name", name);
	if (r->made > 0)
		js_time(j, "made", r->made);
	js_open(j, "locks", '[');
	if (r->locks & LOCK_ADVPARAMS)
		js_text(j, NULL, STR("advparams"));
	if (r->locks & LOCK_SEALED)
		js_text(j, NULL, STR("sealed"));
	js_close(j, ']');
	js_open(j, "sha256", '{');
	put_digest(j, "model", &r->model);
	put_digest(j, "artifact", &r->artifact);
	put_digest(j, "plain_weights", &r->plain);
	put_digest(j, "unlocked_weights", &r->unlocked);
	js_close(j, '}');
	return true;
}

static void
put_sentences(struct js *j, const struct protect_report *r)
{
	void (*const say[])(struct buf *, const struct protect_report *) = { say_before,
		say_locked, say_thief, say_unlocked };
	size_t n;
	const struct limit *limit = report_limits(&n);

	js_text(j, "verdict", str_of(say_verdict(r)));
	js_open(j, "summary", '[');
	for (size_t i = 0; i < COUNT(say); i++) {
		char text[SENTENCE_MAX];
		struct buf b = BUF(text);

		say[i](&b, r);
		js_text(j, NULL, buf_str(&b));
	}
	js_close(j, ']');
	js_open(j, "not_protected_against", '[');
	for (size_t i = 0; i < n; i++)
		if (limit_applies(&limit[i], r->locks))
			js_text(j, NULL, str_of(limit[i].title));
	js_close(j, ']');
}

static void
put_facts(struct js *j, const struct protect_report *r)
{
	js_open(j, "accuracy", '{');
	js_real(j, "before", report_measured(r) ? r->before : NAN);
	js_real(j, "locked", report_measured(r) ? r->locked : NAN);
	js_real(j, "unlocked", report_measured(r) ? r->unlocked_accuracy : NAN);
	js_real(j, "chance", report_chance(r));
	js_close(j, '}');
	js_bool(j, "exact", r->exact);
	js_real(j, "advantage_of_the_file", report_gap(r));
	js_number(j, "classes", r->classes);
	js_number(j, "validation_samples", r->validation);
	js_number(j, "thief_samples", r->thief);
	js_number(j, "parameters", (int64_t)r->parameters);
	js_number(j, "touched", (int64_t)r->touched);
	js_real(j, "touched_share", (double)r->touched / (double)r->parameters);
	js_number(j, "key_bytes", (int64_t)r->key_bytes);
	js_real(j, "lock_seconds", r->seconds);
	js_real(j, "unlock_seconds", r->unlock_seconds > 0 ? r->unlock_seconds : NAN);
}

static void
put_locks(struct js *j, const struct protect_report *r)
{
	if (r->advparams != NULL) {
		js_open(j, "advparams", '{');
		js_number(j, "entries", r->advparams->entries);
		js_number(j, "pool", r->advparams->pool);
		js_number(j, "rounds", r->advparams->rounds);
		js_number(j, "draws", r->advparams->draws);
		js_number(j, "tensors", r->advparams->tensors);
		js_real(j, "before", r->advparams->before);
		js_real(j, "after", r->advparams->after);
		js_real(j, "seconds", r->advparams->seconds);
		js_real(j, "largest_change_in_deviations", r->advparams->largest);
		js_real(j, "log2_choices", r->advparams->log2_choice);
		js_bool(j, "reached", r->advparams->reached);
		js_close(j, '}');
	}
	if (r->sealed != NULL) {
		js_open(j, "sealed", '{');
		js_number(j, "log_l", r->sealed->terms.log_l);
		js_real(j, "kappa", r->sealed->terms.kappa);
		js_number(j, "weights", (int64_t)r->sealed->weights);
		js_number(j, "marked", (int64_t)r->sealed->marked);
		js_number(j, "raw", (int64_t)r->sealed->raw);
		js_number(j, "ciphertext_bytes", (int64_t)r->sealed->stream);
		js_real(j, "seconds", r->sealed->seconds);
		js_close(j, '}');
	}
}

static void
put_marks(struct js *j, const struct protect_report *r)
{
	js_number(j, "customers_checked", (int64_t)r->customers);
	js_open(j, "customers", '[');
	for (size_t i = 0; i < r->customers && i < SHOW_CUSTOMERS; i++) {
		js_open(j, NULL, '{');
		js_number(j, "number", r->customer[i].number);
		js_real(j, "accuracy", r->customer[i].accuracy);
		js_real(j, "z", r->customer[i].z);
		js_close(j, '}');
	}
	js_close(j, ']');
	js_number(j, "innocents_checked", (int64_t)r->innocents);
	js_real(j, "innocents_largest_z", r->innocents > 0 ? r->innocents_z : NAN);
	js_open(j, "baselines", '[');
	for (size_t i = 0; i < r->baselines && i < SHOW_BASELINES; i++) {
		js_open(j, NULL, '{');
		js_text(j, "name", str_of(r->baseline[i].name));
		js_number(j, "entries", r->baseline[i].entries);
		js_real(j, "accuracy", r->baseline[i].after);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
put_bins(struct js *j, const char *key, const uint64_t bin[], size_t n)
{
	js_open(j, key, '[');
	for (size_t i = 0; i < n; i++)
		js_number(j, NULL, (int64_t)bin[i]);
	js_close(j, ']');
}

MUST static bool
put_layers(struct ctx *c, struct js *j, const struct protect_report *r)
{
	js_number(j, "layers_touched", (int64_t)r->layers);
	js_open(j, "layers", '[');
	for (size_t i = 0; i < r->layers && i < SHOW_LAYERS; i++) {
		const struct protect_layer *l = &r->layer[i];
		struct str name;

		if (!show_name(c, l->name, &name))
			return false;
		js_open(j, NULL, '{');
		js_text(j, "name", name);
		js_number(j, "parameters", (int64_t)l->count);
		js_number(j, "touched", (int64_t)l->touched);
		js_real(j, "ks_p", l->ks_p);
		js_real(j, "low", l->low);
		js_real(j, "high", l->high);
		put_bins(j, "before", l->before, LAYER_BINS);
		put_bins(j, "after", l->after, LAYER_BINS);
		put_bins(j, "beyond_4_6_8_mad_before", l->outliers_before, 3);
		put_bins(j, "beyond_4_6_8_mad_after", l->outliers_after, 3);
		js_close(j, '}');
	}
	js_close(j, ']');
	return true;
}

static void
put_point(struct js *j, const struct attack_point *p)
{
	js_open(j, NULL, '{');
	js_text(j, "what", str_of(p->what));
	js_real(j, "x", p->x);
	js_real(j, "accuracy", p->accuracy);
	js_real(j, "against", p->against);
	js_real(j, "recall", p->recall);
	js_real(j, "precision", p->precision);
	js_real(j, "z", p->z);
	js_real(j, "seconds", p->seconds);
	js_close(j, '}');
}

static void
put_attacks(struct js *j, const struct protect_report *r)
{
	js_open(j, "attacks", '[');
	for (size_t i = 0; i < r->attacks && i < SHOW_ATTACKS; i++) {
		const struct attack_result *a = &r->attack[i];

		js_open(j, NULL, '{');
		js_text(j, "id", str_of(a->id));
		js_text(j, "title", str_of(a->title));
		js_text(j, "does", str_of(a->does));
		js_text(j, "axis", str_of(a->axis));
		if (a->against != NULL)
			js_text(j, "against", str_of(a->against));
		js_text(j, "note", str_of(a->note));
		js_open(j, "points", '[');
		for (size_t k = 0; k < a->points && k < SHOW_POINTS; k++)
			put_point(j, &a->point[k]);
		js_close(j, ']');
		js_close(j, '}');
	}
	js_close(j, ']');
}

bool
protect_report_json(struct ctx *c, const struct protect_report *r, struct buf *out)
{
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	if (!put_head(c, &j, r))
		return false;
	put_sentences(&j, r);
	put_facts(&j, r);
	put_locks(&j, r);
	put_marks(&j, r);
	if (!put_layers(c, &j, r))
		return false;
	put_attacks(&j, r);
	js_close(&j, '}');
	return buf_ok(c, out);
}
