/*
 * cli: the parts of hallmark. main parses and chooses; settings knows server, authority and token;
 * api speaks HTTPS; the commands are in commands.c, login.c and watch.c.
 */
#ifndef CLI_H
#define CLI_H

#include "base.h"
#include "grammar.h"
#include "output.h"

#include <curl/curl.h>

#define CLI "hallmark"

enum { TOKEN_MAX = 256, ANSWER_MAX = 4 << 20, CA_MAX = 1 << 20, PAGE = 200 };

struct cli {
	struct ctx c;
	struct parsed parsed;
	struct output *out;
	const char *folder, *server, *ca; /* ca: a file; NULL: the system's authorities */
	struct str token;                 /* empty: none */
	CURL *curl;
	bool negative; /* done, but what was asked for did not come true */
};

/* ---- settings -------------------------------------------------------------------------------- */

/* Names the folder: --config, or ~/.config/hallmark. */
MUST bool settings_folder(struct cli *);
/* Reads server and authority from the folder's config, and the token from wherever it is. */
MUST bool settings_read(struct cli *);
/* Writes all three, each whole or not at all, readable by the user alone. */
MUST bool settings_write(struct cli *, struct str ca);
/* E_USAGE unless it is https://HOST[:PORT]; a slash at the end is cut off. */
MUST bool settings_server(struct ctx *, struct str url, const char **ret);

/* ---- api ------------------------------------------------------------------------------------- */

struct api_request {
	const char *method, *path;
	struct str body;      /* of a POST: JSON */
	const char *if_match; /* or NULL */
};
struct api_answer {
	long status;
	struct str body;
	char etag[64];
	int64_t retry_after; /* -1: the server did not say */
};
MUST bool api_open(struct cli *);
void api_close(struct cli *);
/*
 * One request and its answer, whatever its status. A GET, and a POST with its one Idempotency-Key,
 * is tried again a few times when the connection breaks or the server asks for it. E_PEER with a
 * sentence if no answer came; the certificate is always verified.
 */
MUST bool api_any(struct cli *, const struct api_request *, struct api_answer *ret);
/* The same, but an answer that is not 2xx is the failure that its problem+json speaks of. */
MUST bool api_call(struct cli *, const struct api_request *, struct api_answer *ret);
/*
 * Server-sent events: calls `event` with name and data of each until it says that it has seen
 * enough, or the stream ends (which is no failure).
 */
struct api_events {
	bool (*event)(struct ctx *, struct str name, struct str data, bool *ret_enough, void *);
	void *arg;
};
MUST bool api_stream(
    struct cli *, const char *path, const struct api_events *, bool *ret_enough);

/* ---- Commands ------------------------------------------------------------------------------- */

typedef bool cli_command(struct cli *);
cli_command login_run, status_run, token_create_run, token_list_run, token_revoke_run,
    job_submit_run, job_list_run, job_show_run, job_watch_run, job_cancel_run, audit_list_run;

/* Follows a job to its end with a bar, then shows it; negative unless it is done. */
MUST bool watch(struct cli *, struct str job);

#endif
