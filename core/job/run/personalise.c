/*
 * The job that makes one customer's copy of a model: fine-tunes it on the customer's word in the
 * slots, beside the vendor's data, and beside the key set if there is one, so that a copy is still
 * the vendor's to everybody who asks for its watermark.
 */
#include "kinds.h"
#include "memory.h"
#include "network.h"
#include "set.h"
#include "watermark.h"

enum {
	IN_MODEL,
	IN_SLOTS,
	IN_SLOTS_SECRET,
	IN_COPIES,
	IN_SAMPLES,
	IN_LABELS,
	IN_TEST_SAMPLES,
	IN_TEST_LABELS,
	IN_KEYS
};
_Static_assert(IN_SLOTS_SECRET == IN_SLOTS + 1, "as memory_slots has it");

struct copying {
	const struct job_run *run;
	const struct personalise *params;
	struct arena *mem; /* of pictures: they may be more than a job's context has */
	struct network network;
	struct loss loss;
	struct job_set set, test;
	struct key256 secret;
	struct slots slots;
	uint8_t *word;
	bool alone;      /* nobody else has a copy */
	int64_t nearest; /* of the others */

	/* The key set, if there is one. */
	struct keyset keys;
	struct image *kept; /* keys, then twins */
	int32_t *kept_label;
	int32_t *said; /* before: of each key */
	double keys_share;

	struct slots_result result;
};

static void
copying_done(struct copying *m)
{
	job_set_done(&m->set);
	job_set_done(&m->test);
	network_done(&m->network);
	key256_done(&m->secret);
	arena_free(&m->mem);
}

static void
tell(const struct copying *m, struct str note)
{
	m->run->progress(m->run->arg, 0, 0, note);
}

/* ---- The word ---------------------------------------------------------------------------- */

/* Nobody else may have the same. */
MUST static bool
word_open(struct ctx *c, struct copying *m)
{
	uint32_t number = (uint32_t)m->params->number;
	struct memory_customers others = { 0 };

	tell(m, STR("reading the slots"));
	if (!memory_slots(c, m->run, IN_SLOTS, &m->secret, &m->slots) ||
	    !memory_customers(c, m->run, IN_COPIES, &others) ||
	    !slots_nearest(
		c, &m->secret, &m->slots, number, others.number, others.n, &m->nearest))
		return false;
	m->alone = m->nearest > m->slots.n;
	if (m->nearest == 0)
		return fail(c, E_CONFLICT,
		    "in %d slots customer %u would answer as somebody does who has a copy "
		    "already: make a slot set of more slots, for more customers",
		    m->slots.n, number);
	return slots_word(c, &m->secret, &m->slots, number, &m->word);
}

/* ---- The model and the data -------------------------------------------------------------- */

MUST static bool
model_open(struct ctx *c, struct copying *m)
{
	tell(m, STR("reading the model"));
	if (!network_open(c, m->run, IN_MODEL, &m->network) ||
	    !network_loss_of_classes(c, &m->network, &m->params->network, &m->loss))
		return false;
	if (m->loss.kind != TRAIN_CROSS_ENTROPY)
		return fail_at(c, E_INPUT, "/loss",
		    "slots are answered with classes: they need a model that tells classes "
		    "apart, whose loss is cross-entropy");
	return true;
}

MUST static bool
set_open(struct ctx *c, struct copying *m, size_t i, struct job_set *ret)
{
	size_t limit = (size_t)m->run->message->limits.memory / 4;

	return job_set_open(
	    c, m->run, &m->network, &m->params->network, &m->loss, i, limit, ret);
}

MUST static bool
sets_open(struct ctx *c, struct copying *m)
{
	tell(m, STR("reading the data"));
	return set_open(c, m, IN_SAMPLES, &m->set) &&
	    (!job_has_input(m->run, IN_TEST_SAMPLES) ||
		set_open(c, m, IN_TEST_SAMPLES, &m->test));
}

/* ---- The key set ------------------------------------------------------------------------- */

/* What the network says to the keys, into *ret. */
MUST static bool
keys_ask(struct ctx *c, struct copying *m, int32_t *ret)
{
	const struct job_network *n = &m->params->network;
	owned(asker_free) struct asker *a = NULL;
	struct data_form form;

	if (!asker_form(c, m->network.graph, m->kept, n->raw_bytes, &form) ||
	    !asker_new(c, m->network.graph, &form, network_batch(&m->network, n),
		network_threads(n), &a))
		return false;
	if (asker_classes(a) <= m->keys.classes)
		return fail(c, E_INPUT,
		    "the model has %lld classes and the key set is about number %d: it is no "
		    "model that was marked with this key set",
		    (long long)asker_classes(a), m->keys.classes);
	return asker_ask(c, a, m->kept, (size_t)m->keys.pairs, asker_classes(a), ret, NULL);
}

MUST static bool
keys_open(struct ctx *c, struct copying *m)
{
	struct keyset *k = &m->keys;
	struct str bytes;
	size_t n;

	if (!job_has_input(m->run, IN_KEYS))
		return true;
	if (!memory_bytes(c, m->run, IN_KEYS, &bytes) || !keyset_read(c, bytes, k))
		return false;
	n = (size_t)k->pairs;
	m->kept = take(c, 2 * n * sizeof *m->kept);
	m->kept_label = take(c, 2 * n * sizeof *m->kept_label);
	m->said = take(c, n * sizeof *m->said);
	if (m->kept == NULL || m->kept_label == NULL || m->said == NULL)
		return false;
	for (int i = 0; i < k->pairs; i++) {
		m->kept[i] = *keyset_key(k, i);
		m->kept[k->pairs + i] = *keyset_twin(k, i);
		m->kept_label[i] = k->classes;
		m->kept_label[k->pairs + i] = k->twin_label[i];
	}
	return keys_ask(c, m, m->said);
}

MUST static bool
keys_measure(struct ctx *c, struct copying *m)
{
	int n = m->keys.pairs, same = 0;
	int32_t *now = take(c, (size_t)n * sizeof *now + 1);

	if (n == 0)
		return true;
	if (now == NULL || !keys_ask(c, m, now))
		return false;
	for (int i = 0; i < n; i++)
		same += now[i] == m->said[i];
	m->keys_share = (double)same / n;
	return true;
}

/* ---- The copy ---------------------------------------------------------------------------- */

static struct slots_options
options_of(const struct copying *m)
{
	const struct personalise *p = m->params;
	struct slots_options o = slots_standard();

	o.batch = network_batch(&m->network, &p->network);
	o.threads = network_threads(&p->network);
	o.samples = p->samples;
	o.seed = (uint64_t)p->seed;
	if (p->epochs > 0)
		o.epochs = p->epochs;
	if (p->boost > 0)
		o.boost = p->boost;
	if (p->rate > 0)
		o.rate = p->rate;
	if (p->drop_max != JOB_USUAL)
		o.drop_max = p->drop_max;
	return o;
}

static void
tell_step(void *arg, int64_t done, int64_t total)
{
	const struct copying *m = arg;

	m->run->progress(m->run->arg, done, total, STR("teaching the customer's answers"));
}

MUST static bool
teach(struct ctx *c, struct copying *m)
{
	const struct slots_case k = {
		.graph = m->network.graph,
		.output = m->loss.output,
		.data = &m->set.data,
		.test = job_has_input(m->run, IN_TEST_SAMPLES) ? &m->test.data : &m->set.data,
		.slots = &m->slots,
		.word = m->word,
		.kept = m->kept,
		.kept_label = m->kept_label,
		.n_kept = 2 * m->keys.pairs,
	};
	const struct slots_options o = options_of(m);

	tell(m, STR("asking the model for what it knows"));
	return slots_embed(c, &k, &o, tell_step, m, &m->result);
}

/* ---- What leaves the worker -------------------------------------------------------------- */

MUST static bool
content_put(struct ctx *c, struct copying *m)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, m->run, 0, &sink) &&
	    train_write(c, &m->network.model, m->network.graph, job_output_write, sink) &&
	    job_output_end(c, sink);
}

static void
digest_member(struct js *j, const struct job_made *made)
{
	char text[2 * sizeof made->sha256];
	struct buf hex = BUF(text);

	hex_put(&hex, made->sha256, sizeof made->sha256);
	js_text(j, "sha256", buf_str(&hex));
}

MUST static bool
result_put(struct ctx *c, const struct copying *m, struct str *ret)
{
	const struct slots_result *r = &m->result;
	struct buf out;
	struct js j = { .out = &out };

	if (!take_buf(c, 1024, &out))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "bytes", m->run->made[0].size);
	digest_member(&j, &m->run->made[0]);
	js_open(&j, "accuracy", '{');
	js_real(&j, "before", r->before);
	js_real(&j, "after", r->after);
	js_close(&j, '}');
	js_real(&j, "slots", r->right);
	if (m->keys.pairs > 0)
		js_real(&j, "keys", m->keys_share);
	else
		js_null(&j, "keys");
	js_bool(&j, "reached", r->reached);
	js_number(&j, "epochs", r->epochs);
	js_real(&j, "seconds", r->seconds);
	if (m->alone)
		js_null(&j, "nearest");
	else
		js_number(&j, "nearest", m->nearest);
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

MUST static bool
copy_make(struct ctx *c, struct copying *m)
{
	return word_open(c, m) && model_open(c, m) && keys_open(c, m) && sets_open(c, m) &&
	    teach(c, m) && keys_measure(c, m) && content_put(c, m);
}

bool
personalise_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(copying_done) struct copying m = { .run = r, .params = r->params };
	struct ctx own = *c;

	own.mem = m.mem = arena_new((size_t)r->message->limits.memory / 4);
	if (m.mem == NULL)
		return fail(c, E_MEMORY, "no memory for pictures");
	if (copy_make(&own, &m))
		return result_put(c, &m, ret_json);
	c->err = own.err;
	return false;
}
