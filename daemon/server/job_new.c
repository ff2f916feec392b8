/*
 * A job's parameters on their way into the store and out of it: sealed under the job's own data
 * key, bound to its id.
 */
#include "job.h"
#include "job_sources.h"
#include "server.h"

_Static_assert((int)JOB_MAY_ADMIN == (int)ROLE_ADMIN &&
	(int)JOB_MAY_ISSUER == (int)ROLE_ISSUER &&
	(int)JOB_MAY_VERIFIER == (int)ROLE_VERIFIER &&
	(int)JOB_MAY_AUDITOR == (int)ROLE_AUDITOR,
    "the job table speaks of the store's roles");

static struct str
input_aad(struct buf *b, const struct id *job)
{
	buf_put(b, STR("hallmark job input "));
	buf_put(b, str_of(job->s));
	return buf_str(b);
}

/* The first thing that the parameters name: what the job works for, unless it is said otherwise. */
MUST static bool
named_check(struct ctx *c, struct db *db, struct str vendor, enum job_type type,
    const void *params, struct id *ret_object)
{
	const struct job_kind *k = &job_kinds[type];

	for (size_t i = 0; i < k->inputs; i++) {
		const struct job_input *in = &k->input[i];
		struct str id = job_input_id(type, params, i);

		if (id.n == 0 && in->part != NULL && !in->optional)
			return source_wanted(c, in->source);
		if (id.n > 0 &&
		    !source_ready(c, db, vendor, type, in->source, id,
			ret_object->s[0] == '\0' ? ret_object : NULL))
			return false;
	}
	return true;
}

bool
job_new(struct ctx *c, struct server *s, struct db *db, struct str vendor, struct str kind,
    struct str params, struct job_row *ret, struct data_key_row *ret_key)
{
	owned(key256_done) struct key256 key = { 0 };
	char aad[80];
	struct buf b = BUF(aad), sealed;
	struct job_row row = { .id = id_new(c, "job"), .state = JOB_QUEUED, .version = 1 };
	enum job_type type;
	void *decoded;

	if (!job_kind_by_name(c, kind, &type))
		return false;
	if (!job_params(c, type, params, &decoded) ||
	    (type != JOB_DESCRIBE && !named_check(c, db, vendor, type, decoded, &row.object)))
		return false;
	if (!id_parse(c, vendor, "ven", &row.vendor) ||
	    !keys_data_new(c, s->keys, db, vendor, id_new(c, "key"), &key, ret_key) ||
	    !take_buf(c, params.n + SEAL_OVERHEAD, &sealed) ||
	    !seal(c, &key, input_aad(&b, &row.id), params, &sealed))
		return false;
	row.kind = str_of(job_kinds[type].name);
	row.input = buf_str(&sealed);
	row.data_key = ret_key->id;
	row.created = c->now();
	*ret = row;
	return true;
}

bool
job_secret_new(
    struct ctx *c, struct server *s, struct db *db, struct str vendor, struct data_key_row *ret)
{
	owned(key256_done) struct key256 secret = { 0 };

	return keys_data_new(c, s->keys, db, vendor, id_new(c, "key"), &secret, ret);
}

bool
job_making_new(struct ctx *c, struct server *s, struct db *db, const struct id *vendor,
    const struct id *object, const char *kind, struct str params, struct job_making *ret)
{
	struct str of = str_of(vendor->s);

	if (!job_secret_new(c, s, db, of, &ret->secret) ||
	    !job_new(c, s, db, of, str_of(kind), params, &ret->row, &ret->key))
		return false;
	ret->row.object = *object;
	return true;
}

bool
job_making_insert(struct ctx *c, struct server *s, struct db *db, const struct job_making *m)
{
	return job_queue_room(c, db, str_of(m->row.vendor.s), s->conf.jobs_queued_max) &&
	    data_key_insert(c, db, &m->secret) && data_key_insert(c, db, &m->key) &&
	    job_insert(c, db, &m->row);
}

bool
job_unseal(struct ctx *c, struct server *s, struct db *db, const struct job_row *row,
    struct str *ret_params)
{
	owned(key256_done) struct key256 key = { 0 };
	char aad[80];
	struct buf b = BUF(aad);

	return keys_data_open(c, s->keys, db, str_of(row->data_key.s), &key) &&
	    unseal(c, &key, input_aad(&b, &row->id), row->input, ret_params);
}
