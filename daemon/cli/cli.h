/*
 * cli: the parts of hallmark. main parses and chooses; settings knows server, authority and token;
 * api speaks HTTPS; the commands are in commands.c, login.c and watch.c.
 */
#ifndef CLI_H
#define CLI_H

#include "base.h"
#include "crypto.h"
#include "grammar.h"
#include "output.h"
#include "unlock.h"

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
	unsigned mask; /* umask, as it was before ours */
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
	char etag[80];
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
/* The failure that an answer's problem+json speaks of. */
MUST bool api_problem(struct cli *, const struct api_answer *);
/* True if the same may work a moment later; and the moment. */
bool api_passing(CURLcode);
void api_wait(int64_t ms);

/* A file on its way, in one request; `read` or `write` as libcurl has them. */
struct api_transfer {
	const char *path;
	struct str digest; /* of the whole file, when it is sent */
	const char
	    *range; /* Content-Range of what is sent, or Range of what is wanted; or NULL */
	const char *etag; /* the range is of this one, or else the whole is wanted; or NULL */
	int64_t size;     /* bytes that are sent */
	size_t (*read)(char *, size_t, size_t, void *);
	size_t (*write)(char *, size_t, size_t, void *);
	void *arg;
};
/* Once, without repetition. If no answer came, *ret_rc says why. */
MUST bool api_put(
    struct cli *, const struct api_transfer *, CURLcode *ret_rc, struct api_answer *ret);
MUST bool api_fetch(
    struct cli *, const struct api_transfer *, CURLcode *ret_rc, struct api_answer *ret);

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

/* ---- transfer -------------------------------------------------------------------------------- */

/* Sends the file of that name as a part of the asset at that path, from where it stopped. */
MUST bool transfer_up(struct cli *, const char *asset, const char *part, const char *name,
    struct api_answer *ret);
/* Fetches into a new file, which gets its name when it is whole and its digest was compared. */
MUST bool transfer_down(struct cli *, const char *path, const char *name);

/* ---- Keys and artifacts ---------------------------------------------------------------------- */

/* The key pair in a file of `hallmark key new`; asks for its passphrase, if it has one. */
MUST bool key_private(struct cli *, const char *name, struct ec_key **ret);
/* The unlock key in a file, opened with the private key in another. */
MUST bool unlock_key_open(
    struct cli *, const char *name, const char *private, struct unlock_key *ret);
/* Unlocks the artifact of that name into an empty file, with a bar. */
MUST bool unlock_into(struct cli *, const char *artifact, const struct unlock_key *, int out);

/* ---- What commands share --------------------------------------------------------------------- */

MUST bool cli_get(struct cli *, const char *path, struct api_answer *ret);
MUST bool cli_post(
    struct cli *, const char *path, const struct buf *body, struct api_answer *ret);
/* Reads the ETag, then deletes that very state. */
MUST bool cli_delete(struct cli *, const char *path, struct api_answer *ret);
/* All pages; `from` is the name of the parameter that says where a page begins. */
MUST bool cli_list(
    struct cli *, const char *path, const char *from, const char *begin, int64_t left);
/*
 * The id of what a user names: an id of that type as it is, or else the item of the list at `path`
 * whose `member` is the word.
 */
MUST bool cli_find(struct cli *, const char *path, const char *type, const char *member,
    struct str word, struct str *ret);
/* The text member of an answer; E_PEER if it is not there. */
MUST bool cli_text(struct cli *, struct str body, const char *name, struct str *ret);

/* ---- Commands ------------------------------------------------------------------------------- */

typedef bool cli_command(struct cli *);
cli_command key_new_run, key_show_run, unlock_run, exec_run; /* without a server */
cli_command login_run, status_run, token_create_run, token_list_run, token_revoke_run,
    model_add_run, model_upload_run, model_list_run, model_show_run, model_delete_run,
    dataset_add_run, dataset_upload_run, dataset_list_run, dataset_show_run, dataset_delete_run,
    release_create_run, release_list_run, release_show_run, release_fetch_run,
    release_report_run, release_page_run, release_bundle_run, release_delete_run,
    job_submit_run, job_list_run, job_show_run, job_watch_run, job_cancel_run, audit_list_run;

/* Follows a job to its end with a bar. */
MUST bool follow(struct cli *, struct str job);
/* The same, and shows it then; negative unless it is done. */
MUST bool watch(struct cli *, struct str job);

#endif
