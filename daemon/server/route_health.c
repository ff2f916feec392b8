/*
 * Health, readiness and the contract: what a load balancer and a client's generator ask, without
 * credentials and without leaving a trace.
 */
#include "openapi.h"
#include "request.h"

static bool
say(struct request *rq, int status, struct str text)
{
	rq->reply.status = status;
	rq->reply.body = text;
	return true;
}

bool
healthz_get(struct ctx *c, struct request *rq)
{
	(void)c;
	return say(rq, 200, STR("{\"status\":\"alive\"}"));
}

/* 200 ready, 503 sealed, 501 uninitialised, 429 draining, 507 storage full. */
bool
readyz_get(struct ctx *c, struct request *rq)
{
	struct server *s = rq->server;

	if (s->draining)
		return say(rq, 429, STR("{\"status\":\"draining\"}"));
	switch (keys_state(s->keys)) {
	case KEYS_UNINITIALISED:
		return say(rq, 501, STR("{\"status\":\"uninitialised\"}"));
	case KEYS_SEALED:
		return say(rq, 503, STR("{\"status\":\"sealed\"}"));
	case KEYS_OPEN:
		break;
	}
	if (!server_storage_ok(c, s))
		return say(rq, 507, STR("{\"status\":\"storage-full\"}"));
	return say(rq, 200, STR("{\"status\":\"ready\"}"));
}

bool
openapi_get(struct ctx *c, struct request *rq)
{
	(void)c;
	return say(rq, 200, (struct str){ openapi_json, openapi_json_size });
}
