/*
 * What the tests of the vault's rows share: a store with two vendors and their keys, new rows, and
 * the acts that put and change them.
 */
#ifndef VAULT_SUPPORT_H
#define VAULT_SUPPORT_H

#include "store_support.h"

struct house {
	struct store *s;
	struct db *db;
	struct id vendor, other;
};

/* A blob and its key, in one act. */
struct filed {
	struct blob_row blob;
	struct data_key_row key;
};

struct deletion {
	enum asset_kind kind;
	struct id vendor, id;
	int64_t version;
	struct blob_row *gone;
	size_t n;
};

/* Two vendors, one key each. */
struct house house_new(struct ctx *);
/* The same in this folder. */
struct house house_in(struct ctx *, const char *folder);
/* Nothing in the whole database is wrong; then closes it. */
void house_done(struct ctx *, struct house *);

struct asset_row asset_new(
    struct ctx *, const struct house *, enum asset_kind, const char *name);
/* A model that is in the store and ready. */
struct asset_row ready_model(struct ctx *, struct house *, const char *name);
struct filed filed_new(
    struct ctx *, const struct house *, const struct id *owner, const char *part);
struct job_row job_for(struct ctx *, const struct house *, const struct id *object);
bool has_key(struct ctx *, struct db *, const struct id *);

/* The argument: an asset_row; a struct filed; a blob_row, twice; */
deed do_asset, do_blob, do_blob_delete, do_whole;
/* an asset's id as text, thrice; */
deed do_check, do_ready, do_refuse;
/* a job_row, twice (it is cancelled); a struct deletion. */
deed do_job, do_job_end, do_asset_delete;

#endif
