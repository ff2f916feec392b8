/*
 * The job that makes a release: opens what it is made of, locks it, looks at the result as a
 * customer and as a thief would, and writes the artifact, what opens it, and the report.
 */
#include <unistd.h>

#include <sys/mman.h>

#include "kinds.h"
#include "protection.h"

static void
tell(struct protection *p, struct str note)
{
	p->run->progress(p->run->arg, 0, 0, note);
}

static struct attack_case
attack_of(struct protection *p, enum protect_effort effort)
{
	return (struct attack_case){ .model = p->work,
		.split = &p->split,
		.plain = p->open,
		.locked = p->locked,
		.advparams = &p->options,
		.release = &p->secret,
		.release_id = p->release,
		.terms = p->sealed.terms.log_l != 0 ? &p->sealed.terms : NULL,
		.locks = p->locks,
		.effort = effort,
		.seed = (uint64_t)p->params->seed };
}

/* ---- The parameter lock ------------------------------------------------------------------ */

static struct advparams_options
options_of(const struct protect *p)
{
	static const enum advparams_mode modes[] = {
		[JOB_POOLED] = ADVPARAMS_POOLED,
		[JOB_GREEDY] = ADVPARAMS_GREEDY,
		[JOB_SIGNED_GREEDY] = ADVPARAMS_SIGNED_GREEDY,
	};
	struct advparams_options o = advparams_standard(modes[p->mode]);

	if (p->alpha != JOB_USUAL)
		o.alpha = p->alpha;
	if (p->beta != JOB_USUAL)
		o.beta = p->beta;
	if (p->cap != JOB_USUAL)
		o.cap = p->cap;
	if (p->phi > 0)
		o.phi = p->phi;
	if (p->rounds > 0)
		o.rounds = p->rounds;
	o.count = p->count;
	o.target = p->target;
	o.extremes = o.extremes || p->extremes;
	return o;
}

/* What as many weights cost elsewhere; the graph is as before afterwards. */
MUST static bool
baselines_measure(struct ctx *c, struct protection *p)
{
	static const struct {
		const char *name;
		enum advparams_mode mode;
	} rows[BASELINES_MAX] = {
		{ "random positions", ADVPARAMS_RANDOM },
		{ "largest values", ADVPARAMS_LARGEST },
		{ "greedy", ADVPARAMS_GREEDY },
		{ "signed greedy", ADVPARAMS_SIGNED_GREEDY },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct advparams_options o = advparams_standard(rows[i].mode);
		struct advparams_result r;

		if (rows[i].mode == p->options.mode)
			continue;
		o.count = p->advparams.entries;
		protect_restore(p->network.graph, p->open);
		if (!advparams_lock(c, &p->work, &p->split, &p->secret, &o, &p->watch, &r))
			return false;
		p->baseline[p->report.baselines++] = (struct protect_baseline){
			.name = rows[i].name, .after = r.after, .entries = r.entries
		};
	}
	protect_restore(p->network.graph, p->open);
	return true;
}

MUST static bool
parameters_lock(struct ctx *c, struct protection *p)
{
	tell(p, STR("looking for the parameters that matter"));
	p->options = options_of(p->params);
	return advparams_lock(
	    c, &p->work, &p->split, &p->secret, &p->options, &p->watch, &p->advparams);
}

/* ---- Which lock -------------------------------------------------------------------------- */

/*
 * The largest advantage that fine-tuning the locked model has over training from scratch on the
 * same data.
 */
static double
advantage(const struct attack_result *r, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; str_same(str_of(r[i].id), STR("L1")) && k < r[i].points; k++)
			if (r[i].point[k].accuracy - r[i].point[k].against > most)
				most = r[i].point[k].accuracy - r[i].point[k].against;
	return most;
}

/*
 * Auto: the parameter lock restores every bit and costs nothing, so it is taken if it holds: if
 * who fine-tunes the locked model gets no more than who begins from nothing.
 */
MUST static bool
choose(struct ctx *c, struct protection *p, unsigned *ret)
{
	const double bearable = 0.02;
	struct attack_result *r;
	struct attack_case a;
	size_t n;

	*ret = LOCK_SEALED;
	if (!p->has_data)
		return true;
	if (!parameters_lock(c, p)) {
		if (c->err.code != E_CONFLICT)
			return false;
		c->err = (struct err){ 0 };
		return true;
	}
	p->locks = LOCK_ADVPARAMS;
	if (!protect_keep(c, p->network.graph, &p->locked))
		return false;
	tell(p, STR("trying how well the parameter lock holds"));
	a = attack_of(p, EFFORT_QUICK);
	a.only = "L1";
	if (!protect_attacks(c, &a, &p->watch, &r, &n))
		return false;
	if (advantage(r, n) <= bearable)
		*ret = LOCK_ADVPARAMS;
	protect_weights_free(&p->locked);
	protect_restore(p->network.graph, p->open);
	return true;
}

MUST static bool
locks_decide(struct ctx *c, struct protection *p)
{
	static const unsigned locks[] = {
		[JOB_LOCK_SEALED] = LOCK_SEALED,
		[JOB_LOCK_ADVPARAMS] = LOCK_ADVPARAMS,
		[JOB_LOCK_BOTH] = LOCK_ADVPARAMS | LOCK_SEALED,
	};
	unsigned wanted;

	if (p->params->lock == JOB_LOCK_AUTO) {
		if (!choose(c, p, &wanted))
			return false;
	} else {
		wanted = locks[p->params->lock];
	}
	if ((wanted & LOCK_ADVPARAMS) != 0 && !p->has_data)
		return fail(c, E_INPUT,
		    "the parameter lock needs a labelled data set: name one, or take the "
		    "sealed lock");
	p->locks = wanted;
	return true;
}

/* ---- The artifact ------------------------------------------------------------------------ */

MUST static bool
sealed_make(struct ctx *c, struct protection *p)
{
	const struct protect *w = p->params;

	p->on = (struct sealed_case){ .plain = p->plain,
		.model = &p->work,
		.release = &p->secret,
		.release_id = p->release,
		.options = { .kappa = w->kappa,
		    .log_l = (unsigned)w->log_l,
		    .unmarked = w->unmarked,
		    .layers = w->layers },
		.locked = p->advparams.entry,
		.n = p->advparams.entries,
		.metadata = (const struct str(*)[2])p->metadata,
		.metadatas = p->metadatas,
		.artifact = p->artifact,
		.validation = &p->split.validation,
		.customers = CUSTOMERS,
		.innocents = INNOCENTS,
		.watch = &p->watch };
	tell(p, STR("sealing the weights"));
	if (p->has_data)
		return sealed_settle(c, &p->on, &p->sealed, &p->checked);
	return sealed_artifact(c, p->plain, &p->network.model, p->network.graph, &p->secret,
	    p->release, &p->on.options, p->on.locked, p->on.n, p->on.metadata, p->on.metadatas,
	    p->artifact, &p->watch, &p->sealed);
}

MUST static bool
artifact_make(struct ctx *c, struct protection *p)
{
	/* Both: the sealed stream holds the flipped bits, the graph the plain weights. */
	if ((p->locks & LOCK_SEALED) != 0) {
		if (p->has_data)
			protect_restore(p->network.graph, p->open);
		return sealed_make(c, p);
	}
	return advparams_artifact(c, p->plain, p->release, p->advparams.entry,
	    p->advparams.entries, (const struct str(*)[2])p->metadata, p->metadatas,
	    p->artifact);
}

/* ---- As a customer ----------------------------------------------------------------------- */

MUST static bool
key_make(struct ctx *c, struct protection *p, struct unlock_key *ret)
{
	struct unlock_key k = { .release = p->release,
		.locks = p->locks,
		.customer = UINT32_MAX,
		.issued = c->now(),
		.artifact = p->report.artifact,
		.plain = p->weights,
		.terms = p->sealed.terms,
		.entry = p->advparams.entry,
		.entries = (p->locks & LOCK_ADVPARAMS) != 0 ? p->advparams.entries : 0 };

	if ((p->locks & LOCK_SEALED) != 0 && !mark_content_key(c, &p->secret, &k.content))
		return false;
	if (k.terms.log_l != 0) {
		uint32_t *table = take(c, sizeof *table << k.terms.log_l);

		if (table == NULL || !mark_table(c, &p->secret, &k.terms, k.customer, table))
			return false;
		k.table = table;
	}
	*ret = k;
	return true;
}

/* The artifact is opened as a customer would, and compared with what it was made of. */
MUST static bool
customer_try(struct ctx *c, struct protection *p)
{
	owned(fd_done) int out = memfd_create("unlocked", MFD_CLOEXEC);
	struct unlock_key key;
	int64_t size, began;

	tell(p, STR("opening the artifact as a customer would"));
	if (out < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!sha256_file(c, p->artifact, &size, &p->report.artifact) || !key_make(c, p, &key))
		return false;
	p->report.key_bytes = unlock_key_size(&key);
	began = clock_monotonic();
	if (!unlock_apply(c, p->artifact, &key, out, NULL) ||
	    !unlock_digest(c, out, &p->report.unlocked))
		return false;
	p->report.unlock_seconds = (double)(clock_monotonic() - began) / 1000;
	p->report.exact = digest256_same(&p->report.unlocked, &p->weights);
	if (key.table == NULL && !p->report.exact)
		return fail(c, E_INTERNAL, "the unlocked weights are not the original ones");
	return true;
}

/* ---- As a thief -------------------------------------------------------------------------- */

/* What the artifact's own weights are, into the graph. */
MUST static bool
locked_load(struct ctx *c, struct protection *p)
{
	struct onnx_file *file = NULL;
	struct nn_graph *graph = NULL;
	struct onnx_model m;
	struct nn_weight *to, *from;
	bool ok;
	size_t n;

	ok = onnx_file_open(c, p->artifact, &file) && onnx_read(c, onnx_file_bytes(file), &m) &&
	    nn_import(c, &m, &graph) &&
	    nn_graph_load(c, graph, (size_t)p->run->message->limits.memory / 4);
	to = ok ? nn_weights(p->network.graph, &n) : NULL;
	for (size_t i = 0; ok && i < n; i++) {
		from = nn_weight_by_name(graph, to[i].name);
		if (from != NULL && from->count == to[i].count)
			memcpy(to[i].data, from->data, (size_t)to[i].count * sizeof(float));
	}
	nn_graph_changed(p->network.graph);
	nn_graph_free(&graph);
	onnx_file_close(&file);
	return ok;
}

MUST static bool
thief_try(struct ctx *c, struct protection *p)
{
	static const enum protect_effort efforts[] = {
		[JOB_NONE] = EFFORT_NONE,
		[JOB_QUICK] = EFFORT_QUICK,
		[JOB_FULL] = EFFORT_FULL,
	};
	struct protect_report *r = &p->report;
	struct attack_result *attack = NULL;
	struct protect_layer *layer = NULL;
	struct attack_case a;

	if (!locked_load(c, p) || !protect_keep(c, p->network.graph, &p->locked) ||
	    !protect_accuracy(c, &p->work, &p->split.validation, &r->locked) ||
	    !protect_layers(
		c, p->network.graph, p->open, p->locked, LAYERS_MAX, &layer, &r->layers))
		return false;
	r->layer = layer;
	r->touched = protect_touched(p->network.graph, p->open, p->locked);
	a = attack_of(p, efforts[p->params->effort]);
	if (a.effort != EFFORT_NONE && !protect_attacks(c, &a, &p->watch, &attack, &r->attacks))
		return false;
	r->attack = attack;
	return true;
}

/* ---- The job ----------------------------------------------------------------------------- */

MUST static bool
measure_before(struct ctx *c, struct protection *p)
{
	size_t limit = (size_t)p->run->message->limits.memory / 4;

	if (!nn_graph_load(c, p->network.graph, limit) ||
	    !protect_keep(c, p->network.graph, &p->open) ||
	    !protect_accuracy(c, &p->work, &p->split.validation, &p->report.before))
		return false;
	if (p->loss.kind == TRAIN_MASK &&
	    !protect_blind(c, &p->work, &p->split.validation, &p->report.blind))
		return false;
	tell(p, STR("taking the model's fingerprint"));
	protection_print(c, p);
	return true;
}

MUST static bool
parameters_step(struct ctx *c, struct protection *p)
{
	bool tried = p->advparams.entries > 0;

	if ((p->locks & LOCK_ADVPARAMS) == 0) {
		p->advparams = (struct advparams_result){ 0 };
		return true;
	}
	return (tried || parameters_lock(c, p)) &&
	    (p->params->effort == JOB_NONE || baselines_measure(c, p));
}

bool
protect_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(protection_done) struct protection p = { .run = r,
		.params = r->params,
		.began = clock_monotonic(),
		.plain = -1,
		.artifact = -1,
		.watch = { r->progress, r->arg } };

	return protection_open(c, &p) && (!p.has_data || measure_before(c, &p)) &&
	    locks_decide(c, &p) && parameters_step(c, &p) && artifact_make(c, &p) &&
	    customer_try(c, &p) && (!p.has_data || thief_try(c, &p)) &&
	    protection_result(c, &p, ret_json);
}
