/*
 * The things that the inputs of jobs are part of, one row for each source; their secrets; and lists
 * of customers or key images, which may be long: they go from the store into a sealed file record
 * by record.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "job_sources.h"
#include "license.h"

/* clang-format off */
static const struct {
	const char *at, *word; /* of the parameter that names it; NULL: nothing is named */
} sources[] = {
	[JOB_FROM_PARAMETER] = { NULL,               NULL        },
	[JOB_FROM_MODEL]     = { "/params/model",    "model"     },
	[JOB_FROM_DATASET]   = { "/params/dataset",  "data set"  },
	[JOB_FROM_SECRET]    = { NULL,               NULL        },
	[JOB_FROM_RELEASE]   = { "/release",         "release"   },
	[JOB_FROM_SUSPECT]   = { "/suspect",         "suspect"   },
	[JOB_FROM_CHALLENGE] = { "/challenge",       "challenge" },
	[JOB_FROM_CUSTOMERS] = { "/release",         "release"   },
	[JOB_FROM_SLOTS]     = { "/slots",           "slot set"  },
	[JOB_FROM_COPIES]    = { "/slots",           "slot set"  },
	[JOB_FROM_IMAGES]    = { "/release",         "release"   },
};
/* clang-format on */

bool
source_wanted(struct ctx *c, enum job_source source)
{
	if (sources[source].at == NULL)
		return fail(c, E_INTERNAL, "an input that nobody can name");
	return fail_at(c, E_INPUT, sources[source].at, "jobs of this kind need the id of a %s",
	    sources[source].word);
}

/* ---- States -------------------------------------------------------------------------------- */

MUST static bool
in_state(struct ctx *c, struct str id, const char *is, const char *must)
{
	if (strcmp(is, must) == 0)
		return true;
	return fail(c, E_CONFLICT, "%.*s is %s, not %s", STRF(id), is, must);
}

/* What is described is being checked; everything else was. */
MUST static bool
asset_is(struct ctx *c, struct db *db, struct str vendor, enum job_type type,
    enum asset_kind kind, struct str id)
{
	enum asset_state must = type == JOB_DESCRIBE ? ASSET_CHECKING : ASSET_READY;
	struct asset_row a;

	return asset_by_id(c, db, kind, vendor, id, &a) &&
	    in_state(c, id, asset_state_names[a.state], asset_state_names[must]);
}

MUST static bool
release_is(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct release_row r;

	return release_outline(c, db, vendor, id, &r) &&
	    in_state(c, id, release_state_names[r.state], release_state_names[RELEASE_READY]);
}

MUST static bool
suspect_is(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct suspect_row s;

	return suspect_by_id(c, db, vendor, id, &s) &&
	    in_state(c, id, suspect_state_names[s.state], suspect_state_names[SUSPECT_READY]);
}

MUST static bool
challenge_is(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct challenge_row k;

	return challenge_by_id(c, db, vendor, id, &k) &&
	    in_state(
		c, id, challenge_state_names[k.state], challenge_state_names[CHALLENGE_READY]);
}

MUST static bool
slots_are(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct slot_set_row s;

	return slot_set_by_id(c, db, vendor, id, &s) &&
	    in_state(
		c, id, slot_set_state_names[s.state], slot_set_state_names[SLOT_SET_READY]);
}

MUST static bool
is_ready(struct ctx *c, struct db *db, struct str vendor, enum job_type type,
    enum job_source source, struct str id)
{
	switch (source) {
	case JOB_FROM_MODEL:
		return asset_is(c, db, vendor, type, ASSET_MODEL, id);
	case JOB_FROM_DATASET:
		return asset_is(c, db, vendor, type, ASSET_DATASET, id);
	case JOB_FROM_RELEASE:
	case JOB_FROM_CUSTOMERS:
	case JOB_FROM_IMAGES:
		return release_is(c, db, vendor, id);
	case JOB_FROM_SUSPECT:
		return suspect_is(c, db, vendor, id);
	case JOB_FROM_CHALLENGE:
		return challenge_is(c, db, vendor, id);
	case JOB_FROM_SLOTS:
	case JOB_FROM_COPIES:
		return slots_are(c, db, vendor, id);
	case JOB_FROM_PARAMETER:
	case JOB_FROM_SECRET:
		return fail(c, E_INTERNAL, "an input that is part of nothing has an id");
	}
	abort();
}

bool
source_ready(struct ctx *c, struct db *db, struct str vendor, enum job_type type,
    enum job_source source, struct str id, struct id *ret)
{
	if (!is_ready(c, db, vendor, type, source, id))
		return false;
	if (ret == NULL)
		return true;
	if (id.n >= sizeof ret->s)
		return fail(c, E_INTERNAL, "an id that is too long was found");
	*ret = (struct id){ 0 };
	memcpy(ret->s, id.p, id.n);
	return true;
}

/* ---- Secrets ------------------------------------------------------------------------------- */

MUST static bool
secret_of_challenge(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct id *ret)
{
	struct challenge_row k;

	if (!challenge_by_id(c, db, vendor, id, &k))
		return false;
	*ret = k.key;
	return true;
}

MUST static bool
secret_of_slots(struct ctx *c, struct db *db, struct str vendor, struct str id, struct id *ret)
{
	struct slot_set_row s;

	if (!slot_set_by_id(c, db, vendor, id, &s))
		return false;
	*ret = s.key;
	return true;
}

MUST static bool
secret_of_release(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct id *ret)
{
	struct release_row r;

	if (!release_outline(c, db, vendor, id, &r))
		return false;
	*ret = r.key;
	return true;
}

MUST static bool
secret_of_mark(
    struct ctx *c, struct db *db, struct str vendor, struct str model, struct id *ret)
{
	struct watermark_row w;
	bool found;

	if (!watermark_by_model(c, db, vendor, model, &found, &w))
		return false;
	if (!found)
		return fail(c, E_ABSENT, "the model was deleted before the job began");
	*ret = w.key;
	return true;
}

/* Of what the job makes. */
MUST static bool
secret_of_work(
    struct ctx *c, struct db *db, enum job_type type, const struct job_row *job, struct id *ret)
{
	struct str vendor = str_of(job->vendor.s), object = str_of(job->object.s);

	if (type == JOB_CHALLENGE)
		return secret_of_challenge(c, db, vendor, object, ret);
	if (type == JOB_SLOTS)
		return secret_of_slots(c, db, vendor, object, ret);
	if (type == JOB_WATERMARK)
		return secret_of_mark(c, db, vendor, object, ret);
	return secret_of_release(c, db, vendor, object, ret);
}

/* Of the watermark that the release's network has; none if it has none. */
MUST static bool
secret_of_watermark(
    struct ctx *c, struct db *db, struct str vendor, struct str release, struct id *ret)
{
	struct watermark_row watermark;
	bool found;

	if (!watermark_of_release(c, db, vendor, release, &found, &watermark))
		return false;
	*ret = found ? watermark.key : (struct id){ 0 };
	return true;
}

bool
source_secret(struct ctx *c, struct db *db, enum job_type type, const struct job_row *job,
    const struct job_input *in, struct str id, struct id *ret)
{
	struct str vendor = str_of(job->vendor.s);

	*ret = (struct id){ 0 };
	if (in->source == JOB_FROM_SECRET)
		return secret_of_work(c, db, type, job, ret);
	if (in->part == NULL || id.n == 0)
		return true;
	if (in->source == JOB_FROM_RELEASE && strcmp(in->part, "watermark_secret") == 0)
		return secret_of_watermark(c, db, vendor, id, ret);
	if (in->source == JOB_FROM_RELEASE && strcmp(in->part, "secret") == 0)
		return secret_of_release(c, db, vendor, id, ret);
	if (in->source == JOB_FROM_SLOTS && strcmp(in->part, "secret") == 0)
		return secret_of_slots(c, db, vendor, id, ret);
	return true;
}

/* ---- Lists --------------------------------------------------------------------------------- */

/* Records on their way; a bunch of them is sealed at once. */
struct records {
	struct sealed_writer *writer;
	char room[1024 * JOB_CUSTOMER_BYTES];
	size_t n;
};

static void
records_free(struct records **l)
{
	if (*l == NULL)
		return;
	sealed_writer_free(&(*l)->writer);
	free(*l);
	*l = NULL;
}

MUST static bool
records_write(struct ctx *c, struct records *l)
{
	struct str bunch = { l->room, l->n };

	l->n = 0;
	return sealed_write(c, l->writer, bunch);
}

MUST static bool
records_add(struct ctx *c, struct records *l, struct str record)
{
	if (l->n + record.n > sizeof l->room && !records_write(c, l))
		return false;
	memcpy(l->room + l->n, record.p, record.n);
	l->n += record.n;
	return true;
}

static bool
customer_add(struct ctx *c, void *arg, uint32_t number, const struct id *customer)
{
	char room[JOB_CUSTOMER_BYTES];
	struct buf b = BUF(room);

	wire_put_u32(&b, number);
	buf_put(&b, (struct str){ customer->s, JOB_CUSTOMER_BYTES - 4 });
	return buf_ok(c, &b) && records_add(c, arg, buf_str(&b));
}

static bool
image_add(struct ctx *c, void *arg, const struct key_image_claim *k)
{
	char room[JOB_IMAGE_BYTES];
	struct buf b = BUF(room);

	wire_put_u32(&b, k->customer);
	wire_put_u32(&b, k->base);
	wire_put_u32(&b, k->serial);
	wire_put_u64(&b, (uint64_t)seconds_of(k->issued));
	wire_put_u64(&b, (uint64_t)seconds_of(k->expires));
	return buf_ok(c, &b) && records_add(c, arg, buf_str(&b));
}

bool
source_is_list(enum job_source source)
{
	return source == JOB_FROM_CUSTOMERS || source == JOB_FROM_COPIES ||
	    source == JOB_FROM_IMAGES;
}

MUST static bool
list_walk(
    struct ctx *c, struct db *db, enum job_source source, struct str id, struct records *l)
{
	if (source == JOB_FROM_COPIES)
		return slot_set_copies(c, db, id, customer_add, l);
	if (source == JOB_FROM_IMAGES)
		return key_image_confirming(c, db, id, image_add, l);
	return release_licensed(c, db, id, customer_add, l);
}

bool
source_list(struct ctx *c, struct db *db, enum job_source source, struct str id,
    const struct key256 *key, struct str aad, int64_t *ret_size, int *ret)
{
	owned(records_free) struct records *l = calloc(1, sizeof *l);
	owned(fd_done) int fd = memfd_create("list", MFD_CLOEXEC);
	uint64_t size;

	if (l == NULL)
		return fail(c, E_MEMORY, "no memory for a list of customers");
	if (fd < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!sealed_writer_new(c, fd, key, aad, &l->writer) ||
	    !list_walk(c, db, source, id, l) || !records_write(c, l) ||
	    !sealed_finish(c, l->writer, &size))
		return false;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return fail_errno(c, "rewind", "a file in memory");
	*ret_size = (int64_t)size;
	*ret = fd;
	fd = -1;
	return true;
}
