/*
 * A run of the red team: what it may use is laid out once. The thief gets one half of the vendor's
 * data, by chance; accuracy is counted on test samples, or, where there are none, on the other
 * half. Customers' copies are opened from the release's own artifact, with keys that follow from
 * its secret, as a customer opens his: what is attacked is what was delivered.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "parts.h"

enum { JUDGES = 2000 }; /* samples that accuracy is counted on, at most */

/* ---- Samples ----------------------------------------------------------------------------- */

static void
half_done(struct redteam_half *h)
{
	data_samples_done(&h->samples);
	data_labels_done(&h->labels);
}

/* Copies of these samples, in this order. */
MUST static bool
half_take(struct ctx *c, const struct train_data *from, const int64_t chosen[], int64_t n,
    struct redteam_half *ret)
{
	const struct data_shape *s = &from->samples->shape;
	size_t row = (size_t)s->row * data_type_size(s->type);
	int64_t places = data_places(from->labels);

	ret->samples = (struct data_samples){ *s, malloc((size_t)n * row + 1) };
	ret->samples.shape.dim[0] = n;
	ret->labels = (struct data_labels){ .n = n,
		.classes = from->labels->classes,
		.v = malloc((size_t)(n * places + 1) * sizeof *ret->labels.v),
		.places = from->labels->places };
	ret->data = (struct train_data){ &ret->samples, &ret->labels, from->form };
	if (ret->samples.v == NULL || ret->labels.v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld samples", (long long)n);
	for (int64_t i = 0; i < n; i++) {
		memcpy((char *)ret->samples.v + (size_t)i * row,
		    data_sample(from->samples, chosen[i]), row);
		memcpy(ret->labels.v + i * places, from->labels->v + chosen[i] * places,
		    (size_t)places * sizeof *ret->labels.v);
	}
	return true;
}

/* All samples of a set, in an order of chance. */
MUST static bool
order_of(
    struct ctx *c, const struct redteam *r, const struct train_data *d, int use, int64_t **ret)
{
	struct chance chance = chance_of(r->the.seed, use, 0, 0);
	int64_t n = d->labels->n;

	*ret = take(c, (size_t)(n + 1) * sizeof **ret);
	if (*ret == NULL)
		return false;
	chance_order(&chance, *ret, n);
	return true;
}

/* What numbers of a sample lie between, in the network's form. */
static void
range_find(struct redteam *r)
{
	const struct data_samples *s = &r->judges.samples;
	const float *v = s->v;

	r->low = 0;
	r->high = r->the.raw ? 255 : 1;
	if (s->shape.type != DATA_FLOAT)
		return;
	r->low = r->high = v[0];
	for (int64_t i = 1; i < s->shape.dim[0] * s->shape.row; i++) {
		r->low = v[i] < r->low ? v[i] : r->low;
		r->high = v[i] > r->high ? v[i] : r->high;
	}
}

/* Without data, the thief has none; without any samples, accuracy is not counted. */
MUST static bool
samples_divide(struct ctx *c, struct redteam *r)
{
	const struct train_data *d = r->the.data, *t = r->the.test;
	int64_t *order, half = d != NULL ? d->labels->n / 2 : 0, n;
	bool own = d != NULL && (t == NULL || t->samples == d->samples);

	if (d != NULL &&
	    (!order_of(c, r, d, 0, &order) || !half_take(c, d, order, half, &r->thief)))
		return false;
	if (own) {
		n = d->labels->n - half;
		order += half;
		t = d;
	} else if (t != NULL) {
		n = t->labels->n;
		if (!order_of(c, r, t, 1, &order))
			return false;
	} else {
		return true;
	}
	if (n < 1)
		return fail(c, E_INPUT, "there are no samples to count right answers on");
	if (!half_take(c, t, order, n < JUDGES ? n : JUDGES, &r->judges))
		return false;
	range_find(r);
	return true;
}

int64_t
redteam_share(const struct redteam *r, double share)
{
	int64_t n = (int64_t)(share * (double)r->thief.labels.n + .5);

	return n < 1 ? 1 : n;
}

/* As samples go into the network; without any, as key pictures do. */
MUST static bool
form_find(struct ctx *c, struct redteam *r)
{
	if (r->the.data != NULL || r->the.test != NULL) {
		r->form = (r->the.data != NULL ? r->the.data : r->the.test)->form;
		return true;
	}
	return asker_form(
	    c, r->the.work.graph, keyset_key(r->the.keys, 0), r->the.raw, &r->form);
}

/* ---- Copies ------------------------------------------------------------------------------ */

/* The release's customers, and the colluders who are not among them. */
MUST static bool
customers_join(struct ctx *c, struct redteam *r)
{
	const struct verify_release *from = &r->the.release;
	uint32_t *number;
	int64_t n = from->customers;

	r->release = *from;
	r->customer = number = calloc((size_t)n + REDTEAM_COLLUDERS, sizeof *r->customer);
	if (number == NULL)
		return fail(c, E_MEMORY, "no memory for %lld customers", (long long)n);
	for (int64_t i = 0; i < n; i++)
		number[i] = from->customer[i];
	for (uint32_t k = 1; k <= REDTEAM_COLLUDERS; k++) {
		bool there = false;

		for (int64_t i = 0; i < from->customers; i++)
			there = there || from->customer[i] == k;
		if (!there)
			number[n++] = k;
	}
	r->release.customer = number;
	r->release.customers = n;
	return true;
}

static void
table_done(uint32_t **table)
{
	free(*table);
	*table = NULL;
}

MUST static bool
copy_unlock(struct ctx *c, struct redteam *r, struct unlock_key *k, int *ret)
{
	owned(fd_done) int fd = memfd_create("copy", MFD_CLOEXEC);
	bool ok;

	if (fd < 0)
		return fail_errno(c, "create", "a memory file");
	ok = (!(k->locks & LOCK_SEALED) ||
		 mark_content_key(c, &r->release.secret, &k->content)) &&
	    unlock_digest(c, r->release.plain, &k->plain) &&
	    unlock_apply(c, r->the.artifact, k, fd, NULL);
	key256_done(&k->content);
	if (!ok)
		return false;
	*ret = fd;
	fd = -1;
	return true;
}

bool
redteam_copy(struct ctx *c, struct redteam *r, int customer, int *ret)
{
	owned(table_done) uint32_t *table = NULL;
	struct unlock_key k = { .release = r->release.id,
		.locks = r->the.locks,
		.customer = (uint32_t)customer,
		.issued = c->now(),
		.artifact = r->the.locked,
		.terms = r->release.terms,
		.entry = r->release.entry,
		.entries = r->release.entries };
	int *copy;

	if (customer < 1 || customer > REDTEAM_COLLUDERS)
		return fail(c, E_INTERNAL, "customer %d has no copy", customer);
	copy = &r->copy[customer - 1];
	if (*copy < 0 && k.terms.log_l != 0) {
		table = calloc((size_t)1 << k.terms.log_l, sizeof *table);
		if (table == NULL)
			return fail(c, E_MEMORY, "no memory for a customer's table");
		if (!mark_table(c, &r->release.secret, &k.terms, k.customer, table))
			return false;
		k.table = table;
	}
	if (*copy < 0 && !copy_unlock(c, r, &k, copy))
		return false;
	*ret = *copy;
	return true;
}

/* ---- The run ----------------------------------------------------------------------------- */

void
redteam_free(struct redteam **r)
{
	if (*r == NULL)
		return;
	for (int i = 0; i < REDTEAM_COLLUDERS; i++)
		fd_done(&(*r)->copy[i]);
	half_done(&(*r)->thief);
	half_done(&(*r)->judges);
	key256_done(&(*r)->the.release.secret);
	key256_done(&(*r)->release.secret);
	free((*r)->customer);
	free(*r);
	*r = NULL;
}

bool
redteam_new(struct ctx *c, const struct redteam_case *on, struct redteam **ret)
{
	owned(redteam_free) struct redteam *r = NULL;

	if (on->release.terms.log_l == 0 && on->keys == NULL)
		return fail(c, E_CONFLICT,
		    "the release carries neither marks nor keys: protect it, or teach it a key "
		    "set, before you have it attacked");
	r = calloc(1, sizeof *r);
	if (r == NULL)
		return fail(c, E_MEMORY, "no memory for a red team");
	r->the = *on;
	r->row = "";
	for (int i = 0; i < REDTEAM_COLLUDERS; i++)
		r->copy[i] = -1;
	if (!form_find(c, r) || !samples_divide(c, r) || !customers_join(c, r))
		return false;
	*ret = steal(r);
	return true;
}

const char *
redteam_impossible(const struct redteam *r, const struct redteam_row *row)
{
	const struct redteam_case *on = &r->the;

	if ((row->needs & REDTEAM_DATA) && r->thief.labels.n < 1)
		return "it needs samples: give the release's data set";
	if ((row->needs & REDTEAM_KEYS) && on->keys == NULL)
		return "it is about key pictures, and the release has none";
	if ((row->needs & REDTEAM_COPIES) && r->release.terms.log_l == 0)
		return "it compares customers' copies, and those of this release are all alike";
	if ((row->needs & REDTEAM_IMAGES) &&
	    (r->form.rank != 3 || (r->form.dim[0] != 1 && r->form.dim[0] != 3)))
		return "it changes pictures, and this network does not take any";
	if ((row->needs & REDTEAM_LOCK) && !(on->locks & LOCK_ADVPARAMS))
		return "it is about locked parameters, and the release has none";
	return NULL;
}
