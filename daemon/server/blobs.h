/*
 * blobs: the sealed files of the vault, in the folder `blobs` of the state folder, each named by
 * the id of its row. What lies there without a row is rubbish of a crash.
 */
#ifndef BLOBS_H
#define BLOBS_H

#include "server.h"

/* Makes the folder if there is none, and keeps it open; removes files that have no row. */
MUST bool blobs_start(struct ctx *, struct server *);
void blobs_stop(void);
/* A new, empty file (an older one of that name is emptied), for reading and writing. */
MUST bool blob_file_create(struct ctx *, const struct id *, int *ret);
/* For reading; with `write` for both. E_ABSENT if it is not there. */
MUST bool blob_file_open(struct ctx *, const struct id *, bool write, int *ret);
/* Puts the file of one name in the place of another: a resumed upload. */
MUST bool blob_file_replace(struct ctx *, const struct id *, const char *from);
/* Makes the folder's changes durable. */
MUST bool blobs_sync(struct ctx *);
/* After the commit that deleted its row. A failure is logged: the next start sweeps it up. */
void blob_file_remove(const struct id *);
/* What a sealed file is bound to: "hallmark blob <id>"; `room` has at least 64 bytes. */
struct str blob_aad(struct buf *room, const struct id *);
/* Problems, one a line: rows without a file, files without a row. For `db check`. */
MUST bool blobs_check(struct ctx *, struct db *, struct buf *out);

#endif
