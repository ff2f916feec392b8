/*
 * The table of routes: who may do what, how large a request may be, and who answers it. Adding a
 * route is one row here, one function declared in request.h, and one path in schema/openapi.yaml;
 * a test compares both ways.
 */
#include "request.h"

enum { ANYONE_OF_THE_VENDOR = ROLE_ALL };

/* clang-format off */
const struct route routes[] = {
	{ "GET",    "/healthz",            NEED_NOTHING, 0,
	  ROUTE_QUIET | ROUTE_WHILE_SEALED, 0, "health.read", healthz_get },
	{ "GET",    "/readyz",             NEED_NOTHING, 0,
	  ROUTE_QUIET | ROUTE_WHILE_SEALED, 0, "health.read", readyz_get },
	{ "GET",    "/v1/openapi.json",    NEED_NOTHING, 0,
	  ROUTE_QUIET, 0, "contract.read", openapi_get },
	{ "POST",   "/v1/tokens",          NEED_TOKEN, ROLE_ADMIN,
	  ROUTE_ACT | ROUTE_IDEMPOTENT, BODY_MAX, "token.create", tokens_post },
	{ "GET",    "/v1/tokens",          NEED_TOKEN, ROLE_ADMIN | ROLE_AUDITOR,
	  0, 0, "token.list", tokens_get },
	{ "GET",    "/v1/tokens/{id}",     NEED_TOKEN, ROLE_ADMIN | ROLE_AUDITOR,
	  0, 0, "token.read", token_get },
	{ "DELETE", "/v1/tokens/{id}",     NEED_TOKEN, ROLE_ADMIN,
	  ROUTE_ACT | ROUTE_IF_MATCH | ROUTE_UNLIMITED, 0, "token.revoke", token_delete },
	{ "POST",   "/v1/jobs",            NEED_TOKEN, ROLE_ADMIN | ROLE_ISSUER | ROLE_VERIFIER,
	  ROUTE_ACT | ROUTE_IDEMPOTENT, BODY_MAX, "job.create", jobs_post },
	{ "GET",    "/v1/jobs",            NEED_TOKEN, ANYONE_OF_THE_VENDOR,
	  0, 0, "job.list", jobs_get },
	{ "GET",    "/v1/jobs/{id}",       NEED_TOKEN, ANYONE_OF_THE_VENDOR,
	  0, 0, "job.read", job_get },
	{ "POST",   "/v1/jobs/{id}/cancel", NEED_TOKEN, ROLE_ADMIN | ROLE_ISSUER | ROLE_VERIFIER,
	  ROUTE_ACT, BODY_MAX, "job.cancel", job_cancel_post },
	{ "GET",    "/v1/jobs/{id}/events", NEED_TOKEN, ANYONE_OF_THE_VENDOR,
	  0, 0, "job.watch", job_events_get },
	{ "GET",    "/v1/audit",           NEED_TOKEN, ROLE_AUDITOR,
	  ROUTE_DURABLE, 0, "audit.read", audit_get },
	{ NULL },
};
/* clang-format on */
