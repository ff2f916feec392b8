/*
 * The report's tables. Accuracies carry a bar of their length, so that a column can be read at a
 * glance; what was not measured is a dash.
 */
#include "report_parts.h"

/* ---- What a thief gets back -------------------------------------------------------------- */

void
table_curves(struct buf *b, const struct attack_result *a)
{
	static const char *const head[] = { "what the thief has", "from the file",
		"from scratch", "gain by the file, points" };

	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < a->points && i < SHOW_POINTS; i++) {
		const struct attack_point *p = &a->point[i];

		buf_put(b, STR("<tr>"));
		cell_text(b, p->what);
		cell_bar(b, "a", p->accuracy);
		cell_bar(b, "b", p->against);
		cell_begin(b);
		if (p->accuracy > p->against)
			buf_char(b, '+');
		put_real(b, (p->accuracy - p->against) * 100, 1);
		cell_end(b);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
}

/* ---- Facts ------------------------------------------------------------------------------- */

static void
facts_advparams(struct buf *b, const struct advparams_result *a)
{
	fact_begin(b, "Candidates that positions were drawn from");
	if (a->pool > 0) {
		put_count(b, (uint64_t)a->pool);
		buf_put(b, STR(", 2<sup>"));
		put_real(b, a->log2_choice, 0);
		buf_put(b, STR("</sup> choices"));
	} else
		buf_put(b, STR("none: the largest gain was taken each time"));
	fact_end(b);
	fact_begin(b, "Largest change");
	put_real(b, a->largest, 1);
	buf_put(b, STR(" standard deviations of its layer"));
	fact_end(b);
}

static void
facts_sealed(struct buf *b, const struct sealed_result *s)
{
	fact_begin(b, "Encrypted parameters");
	put_count(b, s->weights);
	buf_put(b, STR(", of which "));
	put_count(b, s->marked);
	buf_put(b, STR(" carry the customer’s mark"));
	fact_end(b);
	if (s->marked > 0) {
		fact_begin(b, "Strength of the mark");
		put_real(b, s->terms.kappa, 4);
		buf_put(b, STR(" standard deviations of a layer"));
		fact_end(b);
	}
}

void
table_facts(struct buf *b, const struct protect_report *r)
{
	facts_begin(b);
	fact_begin(b, "Lock");
	html_text(b, str_of(say_locks(r->locks)));
	fact_end(b);
	fact_begin(b, "Parameters touched");
	put_count(b, r->touched);
	buf_put(b, STR(" of "));
	put_count(b, r->parameters);
	if (r->parameters > 0) {
		buf_put(b, STR(" ("));
		put_share(b, (double)r->touched / (double)r->parameters);
		buf_char(b, ')');
	}
	fact_end(b);
	if (r->advparams != NULL)
		facts_advparams(b, r->advparams);
	if (r->sealed != NULL)
		facts_sealed(b, r->sealed);
	fact_begin(b, "A customer’s key");
	put_count(b, r->key_bytes);
	buf_put(b, STR(" bytes"));
	fact_end(b);
	fact_begin(b, "Time to lock");
	put_seconds(b, r->seconds);
	fact_end(b);
	if (r->unlock_seconds > 0) {
		fact_begin(b, "Time to unlock");
		put_seconds(b, r->unlock_seconds);
		fact_end(b);
	}
	fact_begin(b, "Unlocked weights");
	buf_put(b,
	    r->exact ? STR("the original’s, bit for bit")
		     : STR("the original’s and the customer’s mark"));
	fact_end(b);
	table_end(b);
}

void
table_baselines(struct buf *b, const struct protect_report *r)
{
	static const char *const head[] = { "way", "parameters", "right answers afterwards" };

	table_begin(b, head, COUNT(head));
	if (r->advparams != NULL) {
		buf_put(b, STR("<tr class=\"own\">"));
		cell_text(b, "this lock");
		cell_count(b, r->advparams->entries);
		cell_bar(b, "a", r->advparams->after);
		buf_put(b, STR("</tr>\n"));
	}
	for (size_t i = 0; i < r->baselines && i < SHOW_BASELINES; i++) {
		buf_put(b, STR("<tr>"));
		cell_text(b, r->baseline[i].name);
		cell_count(b, (uint64_t)r->baseline[i].entries);
		cell_bar(b, "quiet", r->baseline[i].after);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	table_more(b, r->baselines, SHOW_BASELINES, "ways");
}

void
table_customers(struct buf *b, const struct protect_report *r)
{
	static const char *const head[] = { "customer", "right answers",
		"strength of the own mark, z" };

	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < r->customers && i < SHOW_CUSTOMERS; i++) {
		buf_put(b, STR("<tr><td>"));
		buf_printf(b, "number %u", r->customer[i].number);
		cell_end(b);
		cell_bar(b, "a", r->customer[i].accuracy);
		cell_real(b, r->customer[i].z, 1);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	table_more(b, r->customers, SHOW_CUSTOMERS, "customers");
}

/* ---- Layers ------------------------------------------------------------------------------ */

static void
cell_outliers(struct buf *b, const struct protect_layer *l, int k)
{
	cell_begin(b);
	put_count(b, l->outliers_before[k]);
	buf_put(b, STR(" → "));
	put_count(b, l->outliers_after[k]);
	cell_end(b);
}

bool
table_layers(struct ctx *c, struct buf *b, const struct protect_report *r)
{
	static const char *const head[] = { "layer", "touched", "of",
		"chance of the difference", "beyond 4 MAD", "6 MAD", "8 MAD" };

	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < r->layers && i < SHOW_LAYERS; i++) {
		const struct protect_layer *l = &r->layer[i];

		buf_put(b, STR("<tr><td class=\"name\">"));
		if (!html_name(c, b, l->name))
			return false;
		cell_end(b);
		cell_count(b, l->touched);
		cell_count(b, l->count);
		cell_begin(b);
		put_chance(b, l->ks_p);
		cell_end(b);
		for (int k = 0; k < 3; k++)
			cell_outliers(b, l, k);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	table_more(b, r->layers, SHOW_LAYERS, "layers");
	return true;
}

/* ---- Attacks ----------------------------------------------------------------------------- */

/* Which columns an attack needs. */
struct columns {
	bool accuracy, against, found, z;
};

static struct columns
columns_of(const struct attack_result *a)
{
	struct columns k = { 0 };

	for (size_t i = 0; i < a->points; i++) {
		k.accuracy |= isfinite(a->point[i].accuracy);
		k.against |= isfinite(a->point[i].against);
		k.found |= isfinite(a->point[i].recall) || isfinite(a->point[i].precision);
		k.z |= isfinite(a->point[i].z);
	}
	return k;
}

static void
attack_head(struct buf *b, const struct columns *k)
{
	const char *head[6] = { "attempt" };
	size_t n = 1;

	if (k->accuracy)
		head[n++] = "right answers";
	if (k->against)
		head[n++] = "compared";
	if (k->found) {
		head[n++] = "lock found";
		head[n++] = "of what he changed";
	}
	if (k->z)
		head[n++] = "weakest mark, z";
	table_begin(b, head, n);
}

static void
attack_row(struct buf *b, const struct columns *k, const struct attack_point *p)
{
	buf_put(b, STR("<tr>"));
	cell_text(b, p->what);
	if (k->accuracy)
		cell_bar(b, "a", p->accuracy);
	if (k->against)
		cell_bar(b, "b", p->against);
	if (k->found) {
		cell_percent(b, p->recall);
		cell_percent(b, p->precision);
	}
	if (k->z)
		cell_real(b, p->z, 1);
	buf_put(b, STR("</tr>\n"));
}

static void
attack_put(struct buf *b, const struct attack_result *a)
{
	struct columns k = columns_of(a);

	buf_put(b, STR("<section class=\"attack\"><h3><span class=\"id\">"));
	html_text(b, str_of(a->id));
	buf_put(b, STR("</span> "));
	html_text(b, str_of(a->title));
	buf_put(b, STR("</h3>\n<p>"));
	html_text(b, str_of(a->does));
	if (a->against != NULL && k.against) {
		buf_put(b, STR(" Compared: "));
		html_text(b, str_of(a->against));
		buf_char(b, '.');
	}
	buf_put(b, STR("</p>\n"));
	if (a->points > 0) {
		attack_head(b, &k);
		for (size_t i = 0; i < a->points && i < SHOW_POINTS; i++)
			attack_row(b, &k, &a->point[i]);
		table_end(b);
		table_more(b, a->points, SHOW_POINTS, "attempts");
	}
	if (a->note[0] != '\0') {
		buf_put(b, STR("<p class=\"note\">"));
		html_text(b, str_of(a->note));
		buf_put(b, STR("</p>\n"));
	}
	buf_put(b, STR("</section>\n"));
}

/* All but the curve, which has a place of its own. */
void
table_attacks(struct buf *b, const struct protect_report *r)
{
	for (size_t i = 0; i < r->attacks && i < SHOW_ATTACKS; i++)
		if (!str_same(str_of(r->attack[i].id), STR("L1")) || r->attack[i].points == 0)
			attack_put(b, &r->attack[i]);
	table_more(b, r->attacks, SHOW_ATTACKS, "attacks");
}

/* ---- Files ------------------------------------------------------------------------------- */

void
table_files(struct buf *b, const struct protect_report *r)
{
	const struct {
		const char *name;
		const struct digest256 *of;
	} files[] = {
		{ "Model as it came", &r->model },
		{ "Locked file", &r->artifact },
		{ "Weights before", &r->plain },
		{ "Weights unlocked", &r->unlocked },
	};

	facts_begin(b);
	fact_begin(b, "Release");
	buf_put(b, STR("<code>"));
	html_text(b, str_of(r->release.s));
	buf_put(b, STR("</code>"));
	fact_end(b);
	for (size_t i = 0; i < COUNT(files); i++) {
		fact_begin(b, files[i].name);
		buf_put(b, STR("<code>"));
		hex_put(b, files[i].of->b, sizeof files[i].of->b);
		buf_put(b, STR("</code>"));
		fact_end(b);
	}
	table_end(b);
}
