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
	struct signer *signer;            /* a customer, who proves who he is; NULL: none */
	struct shown *shown;              /* the key image of --image; NULL: none */
	int tries;                        /* of one request; 0: as usual */
	bool silent;                      /* the last request got no answer */
	char outage[192];                 /* why the server could not be asked, see ask() */
	struct str passphrase;            /* that was typed, of the private key; or NULL */
	CURL *curl;
	unsigned mask; /* umask, as it was before ours */
	bool negative; /* done, but what was asked for did not come true */
	int ends;      /* the exit status of what was done, if it is another than 0 */
};

/* ---- settings -------------------------------------------------------------------------------- */

/* Names the folder: --config, or ~/.config/hallmark. */
MUST bool settings_folder(struct cli *);
/* Reads server and authority from the folder's config, and the token from wherever it is. */
MUST bool settings_read(struct cli *);
/* Server and authority alone: for who has no token. */
MUST bool settings_server_read(struct cli *);
/* Makes a folder, for its user alone, and those above it. */
MUST bool folder_make(struct ctx *, const char *path);
/* Writes all three, each whole or not at all, readable by the user alone. */
MUST bool settings_write(struct cli *, struct str ca);
/* E_USAGE unless it is https://HOST[:PORT]; a slash at the end is cut off. */
MUST bool settings_server(struct ctx *, struct str url, const char **ret);

/* ---- api ------------------------------------------------------------------------------------- */

struct api_request {
	const char *method, *path;
	struct str body;      /* empty: none */
	const char *if_match; /* or NULL */
	const char *key;      /* the Idempotency-Key; NULL: one of its own */
	size_t most;          /* bytes of the answer; 0: ANSWER_MAX */
	bool open;            /* for everybody: without a credential */
	const char *media;    /* what the body is; NULL: application/json */
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
 * One request and its answer, whatever its status. A GET, a PUT, and a POST with its one
 * Idempotency-Key is tried again a few times when the connection breaks or the server asks for it.
 * E_PEER with a sentence, and t->silent, if no answer came; the certificate is always verified.
 */
MUST bool api_any(struct cli *, const struct api_request *, struct api_answer *ret);
/* The same, but an answer that is not 2xx is the failure that its problem+json speaks of. */
MUST bool api_call(struct cli *, const struct api_request *, struct api_answer *ret);
/* The failure that an answer's problem+json speaks of. */
MUST bool api_problem(struct cli *, const struct api_answer *);
/* A refusal with the server's own name and sentence. */
MUST bool api_refusal(struct cli *, struct str code, struct str detail);
/* Whether an answer wants the same again with the nonce that came with it; see proof.c. */
bool api_nonce_wanted(const struct cli *, const struct api_answer *);
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
/*
 * Fetches into a new file, which gets its name when it is whole and its digest was compared. With
 * the digest `want` (or NULL) known beforehand, an earlier attempt that broke off is gone on with.
 */
MUST bool transfer_down(
    struct cli *, const char *path, const char *name, const struct digest256 *want);

/* ---- Keys and artifacts ---------------------------------------------------------------------- */

/* The key pair in a file of `hallmark key new`; asks for its passphrase, if it has one. */
MUST bool key_private(struct cli *, const char *name, struct ec_key **ret);
/* A new key pair in a new file, under a passphrase if the options say so; E_CONFLICT if it exists.
 */
MUST bool key_create(struct cli *, const char *name, struct ec_key **ret);
/* The same under the passphrase that another file has, if it has one. */
MUST bool key_create_like(
    struct cli *, const char *name, const char *other, struct ec_key **ret);
/* Whether there is a passphrase that could not be read a second time. Reads the private key. */
MUST bool key_passphrase_lost(struct cli *, const char *name, bool *ret);
/* Asks for it now, and keeps it. */
MUST bool key_passphrase_keep(struct cli *, const char *name);
/* The unlock key in a file, opened with the private key in another. */
MUST bool unlock_key_open(
    struct cli *, const char *name, const char *private, struct unlock_key *ret);
/* An unlock key, opened with a private key; the names are for what is said about them. */
MUST bool unlock_key_of(struct cli *, const char *name, struct str token, const char *private,
    const struct ec_key *, struct unlock_key *ret);
/* Unlocks the artifact of that name into an empty file, with a bar. */
MUST bool unlock_into(struct cli *, const char *artifact, const struct unlock_key *, int out);

/* ---- Whom to believe ------------------------------------------------------------------------- */

/* Public keys of vendors: what they have signed is checked with these. */
enum { TRUSTED_MAX = 16 };
struct trusted {
	struct ec_key *key[TRUSTED_MAX];
	size_t n;
};
void trusted_done(struct trusted *);
/* Those of a set of JSON Web Keys. */
MUST bool trusted_read(struct cli *, struct str jwks, struct trusted *ret);
/*
 * Those of the file of --keys, or else of every vendor that is known on this machine; E_USAGE if
 * there are neither.
 */
MUST bool trusted_here(struct cli *, struct trusted *ret);

/* ---- What commands share --------------------------------------------------------------------- */

MUST bool cli_get(struct cli *, const char *path, struct api_answer *ret);
MUST bool cli_post(
    struct cli *, const char *path, const struct buf *body, struct api_answer *ret);
/* Reads the ETag, then changes that very state. */
MUST bool cli_patch(
    struct cli *, const char *path, const struct buf *body, struct api_answer *ret);
/* Reads the ETag, then deletes that very state. */
MUST bool cli_delete(struct cli *, const char *path, struct api_answer *ret);
/*
 * All pages; `from` is the name of the parameter that says where a page begins. The path may have a
 * query already.
 */
MUST bool cli_list(
    struct cli *, const char *path, const char *from, const char *begin, int64_t left);
/*
 * The id of what a user names: an id of that type as it is, or else the item of the list at `path`
 * whose `member` is the word.
 */
MUST bool cli_find(struct cli *, const char *path, const char *type, const char *member,
    struct str word, struct str *ret);
/*
 * Of the items of the list at `path` whose `member` is the word: how many there are, at most
 * `most`, and the id of the last one; the newest is the last.
 */
MUST bool cli_search(struct cli *, const char *path, const char *member, struct str word,
    size_t most, struct str *ret, size_t *ret_n);
/* The text member of an answer; E_PEER if it is not there. */
MUST bool cli_text(struct cli *, struct str body, const char *name, struct str *ret);

/* Options of the command line that are members of a request's body. */
struct cli_member {
	const char *option, *member;
	enum { MEMBER_TEXT, MEMBER_NUMBER, MEMBER_FLAG, MEMBER_DATASET } kind;
};
/* Those that are there; a data set by its id or its name. */
MUST bool cli_members(struct cli *, struct js *, const struct cli_member[], size_t n);
/* --params: an object, or @FILE with one; its members join the others. */
MUST bool cli_params(struct cli *, struct js *);
/*
 * The file of --out, which must not be there yet: said before anything is asked for. NULL: there is
 * no such option.
 */
MUST bool cli_out(struct cli *, char **ret);
/* Whether the output is a table: for whoever sits at a terminal. */
bool cli_for_people(const struct cli *);
/* A text as it is, of a command that is COMMAND_TEXT. */
MUST bool cli_say(struct cli *, struct str text);
/* Into a new file of that name, for its user alone, and says so. */
MUST bool cli_keep(struct cli *, const char *name, struct str bytes);
/* Into a new file of that name, and says so. */
MUST bool cli_fetch(struct cli *, const char *path, struct str file);
/*
 * Once everything of a model or data set is there a job looks at it: follows that. *ret (may be
 * NULL) is what it is then.
 */
MUST bool asset_follow(
    struct cli *, const char *path, struct api_answer *ret, struct str *ret_state);

/* ---- What the vendor's commands share -------------------------------------------------------- */

/* Ids, or names (of a license its reference; of a release MODEL/NUMBER). */
MUST bool customer_find(struct cli *, struct str word, struct str *ret);
MUST bool policy_find(struct cli *, struct str word, struct str *ret);
MUST bool release_find(struct cli *, struct str word, struct str *ret);
MUST bool license_find(struct cli *, struct str word, struct str *ret);
typedef bool cli_finder(struct cli *, struct str word, struct str *ret);
/*
 * Where in that list of the API the thing is that the command names first, or a part of it. Without
 * a finder it is named by its id alone.
 */
MUST bool cli_place(struct cli *, const char *list, cli_finder *, const char *part, char **ret);
/* The text with everything that a query may not hold as %XX. */
MUST bool cli_escape(struct cli *, struct str, struct str *ret);
/* A POST at the path with {"reason": --reason} (if given), and what comes as a row. */
MUST bool cli_act(struct cli *, const char *path);
/* The row; without its member `hidden` where people read it. No answer's body: no row. */
MUST bool cli_row(struct cli *, struct str json, const char *hidden);
/* A member of an object as it came. */
MUST bool js_part(struct ctx *, struct js *, const struct json_part *);
/* --entitlement, --event: a list, left out if the option is not there. */
void js_options(struct js *, const char *key, const struct parsed *, const char *option);
/* --from, --expires: a time, left out if the option is not there. */
MUST bool js_time_option(
    struct ctx *, struct js *, const char *key, const struct parsed *, const char *option);
MUST bool js_number_option(
    struct ctx *, struct js *, const char *key, const struct parsed *, const char *option);
/* --since, --appeared: a moment, or how long ago it was. */
MUST bool js_past_option(
    struct ctx *, struct js *, const char *key, const struct parsed *, const char *option);

/*
 * A secret that is shown once: where it goes. A file is made before the secret is, so that none is
 * lost; it vanishes again if there was no secret to put into it.
 */
struct hideaway {
	const char *name; /* NULL: the row itself */
	int fd;
};
MUST bool hideaway_open(struct cli *, const char *option, struct hideaway *ret);
void hideaway_done(struct hideaway *);
/* The row, with its member `secret` or the name of the file that it went into. */
MUST bool hideaway_row(struct cli *, struct hideaway *, struct str json, const char *secret);

/* ---- Commands ------------------------------------------------------------------------------- */

typedef bool cli_command(struct cli *);
cli_command key_new_run, key_show_run, artifact_unlock_run, artifact_exec_run; /* no server */
cli_command enroll_run, identity_list_run, identity_licenses_run, identity_rotate_run,
    license_fetch_run, license_check_run, license_image_run, license_explain_any_run,
    unlock_run, exec_run; /* a customer's */
cli_command login_run, status_run, token_create_run, token_list_run, token_revoke_run,
    model_add_run, model_upload_run, model_list_run, model_show_run, model_delete_run,
    dataset_add_run, dataset_upload_run, dataset_list_run, dataset_show_run, dataset_delete_run,
    release_create_run, release_list_run, release_show_run, release_fetch_run,
    release_report_run, release_page_run, release_bundle_run, release_delete_run,
    job_submit_run, job_list_run, job_show_run, job_watch_run, job_cancel_run, audit_list_run,
    customer_add_run, customer_list_run, customer_show_run, customer_rename_run,
    customer_suspend_run, customer_reinstate_run, customer_erase_run, customer_code_run,
    policy_add_run, policy_list_run, policy_show_run, policy_change_run, policy_retire_run,
    policy_delete_run, license_issue_run, license_list_run, license_show_run, license_renew_run,
    license_suspend_run, license_reinstate_run, license_revoke_run, license_transfer_run,
    license_explain_run, license_approve_run, license_deliver_run, license_deliveries_run,
    license_machines_run, license_unbind_run, license_seats_run, key_image_create_run,
    key_image_list_run, key_image_show_run, key_image_revoke_run, key_image_reissue_run,
    key_image_link_run, import_run, webhook_add_run, webhook_list_run, webhook_show_run,
    webhook_change_run, webhook_delete_run, webhook_messages_run, webhook_replay_run,
    webhook_ping_run;
cli_command model_watermark_run, watermark_list_run, watermark_show_run, watermark_report_run,
    watermark_page_run;
cli_command slots_create_run, slots_copy_run, slots_list_run, slots_show_run;
cli_command suspect_add_run, suspect_list_run, suspect_show_run, suspect_delete_run,
    suspect_challenge_run;
cli_command verification_start_run, verification_list_run, verification_show_run,
    verification_report_run, verification_page_run, verification_evidence_run,
    verification_check_run;
cli_command release_redteam_run, redteam_list_run, redteam_show_run, redteam_report_run,
    redteam_page_run;

/* Follows a job to its end with a bar. */
MUST bool follow(struct cli *, struct str job);
/* The same, and shows it then; negative unless it is done. */
MUST bool watch(struct cli *, struct str job);

#endif
