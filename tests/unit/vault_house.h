/*
 * What the tests of jobs on the vault share: uploads without the network, a model and a small data
 * set to work on, what is in the folder of files.
 */
#ifndef VAULT_HOUSE_H
#define VAULT_HOUSE_H

#include "blobs.h"
#include "job.h"
#include "keys_house.h"

/* Uploaded and described; how that ended is in the asset's row. */
struct id model_put(struct ctx *, struct house *, const char *name, struct str bytes);
struct id data_put(
    struct ctx *, struct house *, const char *name, struct str samples, struct str labels);
struct asset_row asset_of(struct ctx *, struct house *, enum asset_kind, struct id);

/* A part's row and its key, to be inserted, and its file, sealed. */
struct blob_row blob_put(struct ctx *, struct house *, const struct id *owner, const char *part,
    struct str bytes, struct data_key_row *ret_key);

/* A model that is at home in the tests' data. */
struct str lenet(struct ctx *);
/* An IDX file of bytes: n images of 28 x 28, or n labels. */
struct str idx(struct ctx *, uint8_t n, bool labels);

/* A job, and the release that it makes, if any, for one act. */
struct order_rows {
	struct act act;
	struct release_row release; /* id empty: none */
	struct data_key_row secret, key;
	struct job_row job;
};
bool order_put(struct ctx *, struct db *, struct act *);

/* Files in the folder, and that they and their rows are as they should be. */
size_t files_in(const char *folder);
void is_sound(struct ctx *, struct house *);

#endif
