/*
 * request: one HTTP request from its head to its last byte, and the table of routes. The edge
 * (http.c) feeds it; request.c decides; a route's handler does the work.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "server.h"

enum { PARAMS_MAX = 2, BODY_MAX = 64 << 10, PICTURE_MAX = 1 << 20, ANSWER_MAX = 256 << 10 };

struct request;
struct intake;
struct proven;
struct download;
struct viewing;

/*
 * A handler of a read fills `rq->reply` and is done (or finds that there is something to write, and
 * goes on as an act). A handler of an act decodes and checks what it
 * can, sets `rq->write`, and returns; the writer calls it in the group's transaction, where it
 * decides, writes and fills `rq->reply`. `rq->after` is called once that has been committed, before
 * the answer leaves: to forget a cache, to wake a thread.
 *
 * The handler of an upload is called before the body: it takes a place for it (`rq->intake`) and
 * sets `rq->arrived`, which is called once the last byte is there, and then does what the handler
 * of any act does.
 */
typedef bool handler(struct ctx *, struct request *);

enum need { NEED_NOTHING, NEED_TOKEN };

enum route_flags {
	ROUTE_ACT = 1 << 0,          /* writes: answered after its commit */
	ROUTE_IDEMPOTENT = 1 << 1,   /* Idempotency-Key required */
	ROUTE_IF_MATCH = 1 << 2,     /* If-Match required */
	ROUTE_QUIET = 1 << 3,        /* no audit row, no limits: health and the contract */
	ROUTE_WHILE_SEALED = 1 << 4, /* answers without keys */
	ROUTE_DURABLE = 1 << 5,      /* a read whose audit row is durable before its answer */
	ROUTE_UNLIMITED = 1 << 6,    /* however busy its caller was: revocation */
	ROUTE_UPLOAD = 1 << 7,       /* bytes of any number, which nobody keeps in memory */
	ROUTE_PICTURE = 1 << 8,      /* the body is a picture, alone or in a form */
};

struct route {
	const char *method, *path; /* {name} matches one segment */
	enum need need;
	unsigned roles; /* any of them */
	unsigned flags;
	size_t max_body;
	const char *action; /* in the audit */
	handler *run;
};

/* The table; ends with method NULL. */
extern const struct route routes[];

struct reply {
	int status;
	struct str body;  /* in the request's arena, or static */
	const char *type; /* NULL: application/json */
	char etag[80], location[128], link[192];
	struct {
		const char *name, *value; /* in the request's arena, or static */
	} more[6];
	size_t mores;
	const char *cache; /* NULL: no-store */
	const char *allow; /* for 405 */
	int64_t retry_after;
	int64_t received; /* of an upload, told beside a problem; -1: nothing to tell */
	int64_t size;     /* of a file, told when it has no such range */
	int file; /* its bytes are the body, from its beginning; ends with the answer; -1: none */
	bool close;
};

struct request {
	struct server *server;
	struct ctx c;
	const struct route *route;
	struct str method, path, param[PARAMS_MAX];
	struct str target; /* the path as it came, with its query */
	struct str body;
	struct str secret;     /* the bearer token, or the thumbprint of the customer's key */
	struct principal who;  /* who.id.s is empty while nobody is known */
	struct proven *proven; /* what a customer's proof says; NULL: he is none */
	char nonce[64];        /* that the answer brings; may be empty */
	char id[65], address[48], if_match[48], idempotency_key[256];
	int64_t began_us;

	bool (*write)(struct ctx *, struct db *, struct request *);
	/*
	 * In the place of `write`, when the answer is a kept one; NULL: nothing to look at
	 * again.
	 */
	bool (*again)(struct ctx *, struct db *, struct request *);
	void (*after)(struct request *);
	/*
	 * After the commit, in the edge's thread: makes the answer out of what `write` or
	 * `again` left in the reply's body, which is what was kept. It may take its time, and
	 * may fail.
	 */
	bool (*late)(struct ctx *, struct request *);
	struct viewing *viewing; /* the handler has asked a viewer; see viewers.h */
	void *arg;               /* the handler's own, for `write` */
	struct act act;
	struct digest256 answer_at, answer_request;
	struct key256 answer_key;

	struct reply reply;
	bool refused;              /* reply is a problem; what is left of the body is dropped */
	bool stream;               /* the answer is a job's events: see events.c */
	struct download *download; /* the answer is a file: see downloads.c */

	struct intake *intake; /* of an upload; the edge ends it */
	bool (*arrived)(struct ctx *, struct request *);
	void *edge; /* http.c's own */
};

/* Value of a query parameter as it came; the empty view when absent. Provided by the edge. */
struct str request_query(struct request *, const char *name);
/* Value of a header; the empty view when absent. Provided by the edge. */
struct str request_header(struct request *, const char *name);

/* Prepares a request for its next use: empty, with a fresh context on its arena. */
void request_begin(struct request *, struct server *, struct arena *);

/*
 * After the head: route, limits, credentials, preconditions. When it refuses, the reply is there
 * and `refused` set.
 */
void request_head(struct request *);
/*
 * Refuses with c->err before there is a body. What no limit has counted yet is counted here: a
 * refusal leaves a row of the audit, and nobody may fill the disk with them.
 */
void request_refuse(struct request *);
/* After the head of an upload: its handler. When it refuses, as request_head. */
void request_upload(struct request *);
/* An upload's client has gone: its row in the audit. */
void request_gone(struct request *);
/*
 * After the body. Either the reply is there, or `act` is ready to be submitted (its `done` is the
 * edge's), or `viewing` is to be asked; what comes next then, request_viewed says.
 */
enum request_next { REQUEST_ANSWERED, REQUEST_ACTS, REQUEST_VIEWS };
enum request_next request_body(struct request *);
enum request_next request_viewed(struct request *);
/* After the act's commit, in the edge's thread: the reply is there, but for what is made late. */
void request_done(struct request *);
/* Behind it, if the client still waits: the reply is all there. */
void request_late(struct request *);
/* A query parameter, decoded: E_USAGE if it is not plain text. */
MUST bool request_text(struct ctx *, struct request *, const char *name, struct str *ret);
/* Which row of the table answers; E_ABSENT, or E_METHOD with the methods that would do. */
MUST bool route_find(struct ctx *, struct request *);
/* The audit row of an outcome that is no act's, at leisure; see the body for what has none. */
MUST bool request_note(struct request *);
/* The reply says what c->err says, as application/problem+json. */
void request_problem(struct request *);

/* ---- Kept answers (request_kept.c), for request.c alone ---------------------------------- */

/* Where an answer to this request would be kept, and under what. */
MUST bool request_kept_find(struct ctx *, struct request *);
/* The request's act: `write`, unless its answer is kept already. */
bool request_act_run(struct ctx *, struct db *, struct act *);

/* ---- What handlers use ------------------------------------------------------------------- */

/* 200 with this JSON. */
bool reply_json(struct request *, int status, const struct buf *);
/* A digest in hex. */
void js_digest(struct js *, const char *key, const struct digest256 *);
/* Another header of the answer. */
PRINTF(3, 4) void reply_header(struct request *, const char *name, const char *fmt, ...);
/* An ETag from a version, and the check of If-Match against it. */
void reply_etag(struct request *, int64_t version, int64_t minor);
/* The version that If-Match names; E_STALE if it cannot be one of ours. */
MUST bool request_version(struct ctx *, struct request *, int64_t *ret);
/* `limit` (1 to 200, else 50) and `cursor` (an id of this type; NULL: some text) of a list. */
struct page {
	size_t limit;
	struct str after;
};
MUST bool request_page(struct ctx *, struct request *, const char *type, struct page *ret);
/*
 * A list of n rows, one more than the page has room for where there is another: how many of them
 * are shown. The end is the answer, 200; `last`: the id of the last one shown if there are more,
 * else empty.
 */
size_t list_begin(struct js *, const struct page *, size_t n);
bool list_end(struct request *, struct js *, struct str last);

/* A job as every answer shows it. */
void job_json(struct js *, struct jobs *, const struct job_row *);

/* ---- Handlers ---------------------------------------------------------------------------- */

handler nonce_get, keys_get, enrolments_post, customers_post, customers_get, customer_get,
    customer_patch, customer_delete, customer_suspend_post, customer_reinstate_post,
    customer_code_post, customer_rekey;
handler policies_post, policies_get, policy_get, policy_patch, policy_erase, licenses_post,
    licenses_get, license_get, license_renew_post, license_suspend_post, license_reinstate_post,
    license_revoke_post, license_transfer_post, license_explain_get, approvals_post,
    approvals_get, approvals_delete, deliveries_post, deliveries_get, license_machines_get,
    license_machines_delete;
handler webhooks_post, webhooks_get, webhook_get, webhook_patch, webhook_erase,
    webhook_messages_get, webhook_replay_post, webhook_ping_post;
handler healthz_get, readyz_get, openapi_get, tokens_post, tokens_get, token_get, token_delete,
    jobs_post, jobs_get, job_get, job_cancel_post, job_events_get, audit_get, models_post,
    models_get, model_get, model_delete, model_content_put, datasets_post, datasets_get,
    dataset_get, dataset_delete, dataset_samples_put, dataset_labels_put, releases_post,
    releases_get, release_get, release_erase, release_artifact_get, release_report_get,
    release_page_get, release_manifest_get, release_bundle_get, validate_post, lease_claim,
    lease_give_back, leases_get, unlock_post, license_file_post, license_artifact_get,
    revocations_get;
handler key_images_post, key_images_get, key_image_get, key_image_file_get,
    key_image_revoke_post, key_image_reissue_post, key_image_links_post, image_link_get,
    license_image_post, authenticate_post;
handler suspects_post, suspects_get, suspect_get, suspect_erase, suspect_content_put,
    challenges_post, challenges_get, challenge_get, challenge_content_get, verifications_post,
    verifications_get, verification_get, verification_report_get, verification_evidence_get,
    verification_page_get;
handler red_teams_post, red_teams_get, red_team_get, red_team_report_get, red_team_page_get;
handler watermarks_get, watermark_get, watermark_report_get, watermark_page_get,
    model_slots_post, slot_sets_get, slot_set_get, slot_copies_post;

#endif
