/*
 * What customers get, before any of them gets it: the keys of a few are made, the artifact is
 * opened with each, and what comes out is run and traced. Their numbers are the highest, which are
 * never given to anybody.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "sealed.h"

enum {
	ATTEMPTS = 4, /* at a mark that costs no accuracy */
};
#define COST_MAX .002 /* of accuracy, in the mean over the customers */

struct checking {
	const struct sealed_case *on;
	const struct sealed_result *made;
	struct seal_plan plan;
	struct digest256 artifact;
	struct key256 content;
	uint32_t *table;
	double *sums;
	struct digest256 *weights; /* of each customer's model */
};

static void
checking_done(struct checking *k)
{
	seal_plan_done(&k->plan);
	key256_done(&k->content);
	if (k->table != NULL)
		explicit_bzero(k->table, sizeof *k->table << k->made->terms.log_l);
	free(k->table);
	free(k->sums);
	free(k->weights);
}

MUST static bool
checking_open(struct ctx *c, struct checking *k)
{
	const struct sealed_case *on = k->on;
	size_t entries = (size_t)1 << k->made->terms.log_l;
	int64_t size;

	k->table = calloc(entries, sizeof *k->table);
	k->sums = calloc(entries, sizeof *k->sums);
	k->weights = calloc((size_t)on->customers, sizeof *k->weights);
	if (k->table == NULL || k->sums == NULL || k->weights == NULL)
		return fail(c, E_MEMORY, "no memory for a table of %zu entries", entries);
	return seal_plan_make(c, on->plain, on->model->model, on->model->graph, &on->options,
		   on->locked, on->n, on->metadata, on->metadatas, &k->plan) &&
	    mark_content_key(c, on->release, &k->content) &&
	    sha256_file(c, on->artifact, &size, &k->artifact);
}

/* ---- One customer ------------------------------------------------------------------------ */

/* The artifact as a customer's model, in a memory file. */
MUST static bool
open_for(struct ctx *c, struct checking *k, uint32_t customer, int *ret)
{
	const struct sealed_case *on = k->on;
	struct unlock_key key = {
		.release = on->release_id,
		.locks = LOCK_SEALED | (on->n > 0 ? LOCK_ADVPARAMS : 0),
		.customer = customer,
		.issued = c->now(),
		.artifact = k->artifact,
		.plain = k->made->plain,
		.content = k->content,
		.terms = k->made->terms,
		.entry = on->locked,
		.entries = on->n,
	};
	owned(fd_done) int fd = memfd_create("unlocked", MFD_CLOEXEC);
	bool ok;

	if (fd < 0)
		return fail_errno(c, "create", "a memory file");
	if (key.terms.log_l != 0) {
		if (!mark_table(c, on->release, &key.terms, customer, k->table))
			return false;
		key.table = k->table;
	}
	ok = unlock_apply(c, on->artifact, &key, fd, NULL);
	key256_done(&key.content);
	if (!ok)
		return false;
	*ret = fd;
	fd = -1;
	return true;
}

/* How good the model in a file is; its graph lives in memory of its own. */
MUST static bool
judge_in(struct ctx *own, const struct sealed_case *on, int fd, double *ret)
{
	owned(onnx_file_close) struct onnx_file *file = NULL;
	owned(nn_graph_free) struct nn_graph *graph = NULL;
	struct protect_model m = *on->model;
	struct onnx_model model;

	if (!onnx_file_open(own, fd, &file) || !onnx_read(own, onnx_file_bytes(file), &model) ||
	    !nn_import(own, &model, &graph))
		return false;
	m.model = &model;
	m.graph = graph;
	return protect_accuracy(own, &m, on->validation, ret);
}

MUST static bool
judge_file(struct ctx *c, const struct sealed_case *on, int fd, double *ret)
{
	owned(arena_free) struct arena *mem = arena_new((size_t)1 << 30);
	struct ctx own = *c;

	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory to judge a model");
	own.mem = mem;
	if (judge_in(&own, on, fd, ret))
		return true;
	c->err = own.err;
	return false;
}

/* Its own mark, and the strongest that somebody else seems to have left. */
MUST static bool
trace_customer(
    struct ctx *c, struct checking *k, int fd, struct protect_customer *u, double *innocents)
{
	const struct sealed_case *on = k->on;
	struct mark_score score;
	double apart;

	u->z = 0;
	if (k->made->terms.log_l == 0)
		return true;
	if (!seal_trace(
		c, &k->plan, str_of(on->release_id.s), &k->made->terms, fd, k->sums, &apart) ||
	    !mark_score(c, on->release, &k->made->terms, u->number, k->sums, &score))
		return false;
	u->z = score.z;
	/* Each of the others is held against one suspect. */
	for (uint32_t i = UINT32_MAX - u->number; i < (uint32_t)on->innocents;
	     i += (uint32_t)on->customers) {
		if (!mark_score(c, on->release, &k->made->terms, i, k->sums, &score))
			return false;
		*innocents = score.z > *innocents ? score.z : *innocents;
	}
	return true;
}

MUST static bool
check_customer(struct ctx *c, struct checking *k, int i, struct sealed_checked *r)
{
	struct protect_customer *u = &r->customer[i];
	owned(fd_done) int fd = -1;

	u->number = UINT32_MAX - (uint32_t)i;
	if (!open_for(c, k, u->number, &fd) || !unlock_digest(c, fd, &k->weights[i]) ||
	    !judge_file(c, k->on, fd, &u->accuracy) ||
	    !trace_customer(c, k, fd, u, &r->innocents_z))
		return false;
	for (int j = 0; j < i; j++)
		if (digest256_same(&k->weights[i], &k->weights[j]))
			r->different = false;
	r->mean += u->accuracy / k->on->customers;
	if (i == 0)
		r->unlocked = k->weights[0];
	return true;
}

bool
sealed_try(struct ctx *c, const struct sealed_case *on, const struct sealed_result *made,
    struct sealed_checked *ret)
{
	owned(checking_done) struct checking k = { .on = on, .made = made };
	struct sealed_checked r = { .customers = (size_t)on->customers, .different = true };

	r.customer = take(c, (r.customers + 1) * sizeof *r.customer);
	if (r.customer == NULL || !checking_open(c, &k) ||
	    !judge_file(c, on, k.plan.plain.fd, &r.before) ||
	    !judge_file(c, on, on->artifact, &r.artifact))
		return false;
	for (int i = 0; i < on->customers; i++) {
		if (!check_customer(c, &k, i, &r))
			return false;
		if (on->watch != NULL && on->watch->progress != NULL)
			on->watch->progress(on->watch->arg, i + 1, on->customers,
			    STR("opening it with customers' keys"));
	}
	*ret = r;
	return true;
}

/* ---- A mark that costs nothing ----------------------------------------------------------- */

bool
sealed_settle(struct ctx *c, struct sealed_case *on, struct sealed_result *ret,
    struct sealed_checked *ret_checked)
{
	bool given = on->options.kappa > 0 || on->options.unmarked;

	for (int i = 0;; i++) {
		struct sealed_result r;

		if (ftruncate(on->artifact, 0) != 0 || lseek(on->artifact, 0, SEEK_SET) != 0)
			return fail_errno(c, "empty", "an artifact");
		if (!sealed_artifact(c, on->plain, on->model->model, on->model->graph,
			on->release, on->release_id, &on->options, on->locked, on->n,
			on->metadata, on->metadatas, on->artifact, on->watch, &r) ||
		    !sealed_try(c, on, &r, ret_checked))
			return false;
		if (given || ret_checked->before - ret_checked->mean <= COST_MAX) {
			*ret = r;
			return true;
		}
		if (i + 1 == ATTEMPTS)
			return fail(c, E_CONFLICT,
			    "even a mark of %g of a layer's spread costs %.2f points of accuracy",
			    r.terms.kappa, 100 * (ret_checked->before - ret_checked->mean));
		on->options.kappa = r.terms.kappa / 2;
	}
}
