/*
 * assets: what the routes of models and data sets share. One row for each kind of thing.
 */
#ifndef ASSETS_H
#define ASSETS_H

#include "request.h"

struct asset_route {
	enum asset_kind kind;
	const char *type;   /* of its ids */
	const char *path;   /* of the list */
	const char *word;   /* for sentences */
	const char *member; /* of the describe job's parameters */
};
extern const struct asset_route asset_routes[];

/* As every answer shows it, with its parts; `facts` may be left out of lists. */
MUST bool asset_json(struct ctx *, struct server *, struct db *, struct js *,
    const struct asset_row *, bool facts, int64_t *ret_received);
/* One part of something that is uploaded, as it is shown; how much of it is here. */
MUST bool part_json(struct ctx *, struct server *, struct db *, struct js *,
    const struct id *owner, struct str part, int64_t *ret_received);
/* {"erased":true,…} and the audit's detail, for what was deleted; `keys` beside those of files. */
MUST bool erased_json(
    struct ctx *, struct request *, const struct blob_row[], size_t n, size_t keys);

/* The answer's room for one asset. */
enum { ASSET_JSON_MAX = 4096 };

#endif
