/*
 * downloads: answers that are files of the vault, streamed as they are opened, whole or in part.
 */
#ifndef DOWNLOADS_H
#define DOWNLOADS_H

#include "peers.h"

struct MHD_Response;

/* What a file says of itself in its answer's head. */
struct download_as {
	const char *type, *name; /* name: for whoever saves it; NULL: to be looked at */
	const char *policy;      /* Content-Security-Policy; NULL: none */
};
/*
 * Answers with a blob that is whole: 200, or 206 or 416 as Range and If-Range want, or 304 for
 * If-None-Match.
 */
MUST bool download(
    struct ctx *, struct request *, const struct blob_row *, const struct download_as *);
/* The same with that part of the owner; E_ABSENT if there is none. */
MUST bool download_part(struct ctx *, struct request *, struct db *, const struct id *owner,
    const char *part, const struct download_as *);
/* The same with bytes before and behind those of the blob, all of them one file. */
struct download_frame {
	struct str head, tail;
};
MUST bool download_framed(struct ctx *, struct request *, const struct blob_row *,
    const struct download_frame *, const struct download_as *);
/* For pages that bring all that they show. */
#define DOWNLOAD_PAGE_POLICY                                                             \
	"default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors " \
	"'none'; base-uri 'none'; form-action 'none'"
/* The same for bytes in memory, which have no ranges. */
MUST bool download_text(struct ctx *, struct request *, struct str, const struct download_as *);
/*
 * The answer to a request whose `download`, or the file of whose reply, is set; takes it over. NULL
 * if there is no memory.
 */
struct MHD_Response *download_response(struct request *, struct peers *, struct peer *);
/* It is not answered after all. */
void download_drop(struct request *);

#endif
