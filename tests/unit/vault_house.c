/*
 * Uploads without the network, and what is done with them; see vault_house.h.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "vault_house.h"

enum { PARTS_MAX = 2 };

/* An asset with its parts and the job that describes it, put down in one act. */
struct upload {
	struct act act;
	struct asset_row asset;
	struct blob_row blob[PARTS_MAX];
	struct data_key_row key[PARTS_MAX], job_key;
	size_t parts;
	struct job_row job;
};

static bool
upload_rows(struct ctx *c, struct db *db, struct act *act)
{
	struct upload *u = (struct upload *)(void *)act;

	if (!asset_insert(c, db, &u->asset) || !data_key_insert(c, db, &u->job_key) ||
	    !job_insert(c, db, &u->job))
		return false;
	for (size_t i = 0; i < u->parts; i++)
		if (!data_key_insert(c, db, &u->key[i]) || !blob_insert(c, db, &u->blob[i]))
			return false;
	return asset_check(c, db, str_of(u->asset.id.s), str_of(u->job.id.s));
}

struct blob_row
blob_put(struct ctx *c, struct house *h, const struct id *owner, const char *part,
    struct str bytes, struct data_key_row *ret_key)
{
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	owned(fd_done) int fd = -1;
	struct blob_row row;
	struct key256 key;
	struct digest256 digest;
	char room[64];
	struct buf aad = BUF(room);
	uint64_t size;

	ck_ok(c,
	    keys_data_new(c, h->server.keys, h->db, str_of(h->vendor.s), id_new(c, "key"), &key,
		ret_key));
	ck_ok(c, sha256(c, bytes, &digest));
	row = (struct blob_row){ .id = id_new(c, "blb"),
		.vendor = h->vendor,
		.owner = *owner,
		.part = str_of(part),
		.state = BLOB_WHOLE,
		.data_key = ret_key->id,
		.size = (int64_t)bytes.n,
		.sha256 = digest,
		.created = 1 };
	ck_ok(c, blob_file_create(c, &row.id, &fd));
	ck_ok(c, sealed_writer_new(c, fd, &key, blob_aad(&aad, &row.id), &w));
	ck_ok(c, sealed_write(c, w, bytes));
	ck_ok(c, sealed_finish(c, w, &size));
	return row;
}

static void
part_put(struct ctx *c, struct house *h, struct upload *u, const char *part, struct str bytes)
{
	size_t i = u->parts++;

	u->blob[i] = blob_put(c, h, &u->asset.id, part, bytes, &u->key[i]);
}

static struct id
upload_end(struct ctx *c, struct house *h, struct upload *u, const char *member)
{
	struct str params = str_of(take_printf(c, "{\"%s\":\"%s\"}", member, u->asset.id.s));

	ck_ok(c,
	    job_new(c, &h->server, h->db, str_of(h->vendor.s), STR("describe"), params, &u->job,
		&u->job_key));
	u->job.object = u->asset.id;
	u->act.audit = house_who("upload");
	ck_ok(c, store_do(c, h->server.store, &u->act));
	jobs_wake(h->server.jobs);
	(void)house_job_end(c, h, u->job.id);
	return u->asset.id;
}

static struct upload
upload_new(struct ctx *c, struct house *h, enum asset_kind kind, const char *name)
{
	struct upload u = { .act = { .run = upload_rows, .c = c } };

	u.asset = (struct asset_row){ .kind = kind,
		.id = id_new(c, kind == ASSET_MODEL ? "mod" : "dat"),
		.vendor = h->vendor,
		.name = str_of(name),
		.parts = STR("content"),
		.created = 1 };
	return u;
}

struct id
model_put(struct ctx *c, struct house *h, const char *name, struct str bytes)
{
	struct upload u = upload_new(c, h, ASSET_MODEL, name);

	part_put(c, h, &u, "content", bytes);
	return upload_end(c, h, &u, "model");
}

struct asset_row
asset_of(struct ctx *c, struct house *h, enum asset_kind kind, struct id id)
{
	struct asset_row a;

	ck_ok(c, asset_by_id(c, h->db, kind, str_of(h->vendor.s), str_of(id.s), &a));
	return a;
}

struct str
lenet(struct ctx *c)
{
	struct str bytes;
	const char *path = take_printf(
	    c, "%s/tests/data/models/fashion-lenet.onnx", getenv("SOURCE_ROOT"));

	ck_ok(c, file_read(c, AT_FDCWD, path, 1 << 20, &bytes));
	return bytes;
}

struct str
idx(struct ctx *c, uint8_t n, bool labels)
{
	size_t head = labels ? 8 : 16, body = labels ? n : (size_t)n * 784;
	uint8_t *p = take(c, head + body);

	p[2] = 8;
	p[3] = labels ? 1 : 3;
	p[7] = n;
	if (!labels)
		p[11] = p[15] = 28;
	for (size_t i = 0; i < body; i++)
		p[head + i] = (uint8_t)(labels ? i % 10 : i * 7 + i / 784);
	return (struct str){ (char *)p, head + body };
}

struct id
data_put(
    struct ctx *c, struct house *h, const char *name, struct str samples, struct str labels)
{
	struct upload u = upload_new(c, h, ASSET_DATASET, name);

	part_put(c, h, &u, "samples", samples);
	part_put(c, h, &u, "labels", labels);
	return upload_end(c, h, &u, "dataset");
}

bool
order_put(struct ctx *c, struct db *db, struct act *act)
{
	struct order_rows *o = (struct order_rows *)(void *)act;

	if (o->release.id.s[0] != '\0' &&
	    (!data_key_insert(c, db, &o->secret) || !release_insert(c, db, &o->release)))
		return false;
	return data_key_insert(c, db, &o->key) && job_insert(c, db, &o->job);
}

size_t
files_in(const char *folder)
{
	DIR *d = opendir(test_path(folder, "blobs"));
	struct dirent *e;
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

void
is_sound(struct ctx *c, struct house *h)
{
	struct buf b;

	ck_ok(c, take_buf(c, 4096, &b));
	ck_ok(c, blobs_check(c, h->db, &b));
	ck_str(buf_str(&b), "");
}
