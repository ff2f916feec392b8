/*
 * What a request waits for while other threads work for it: the writer on its act, a viewer on its
 * picture, an upload's thread on its bytes, and the time at which a refusal may be told. Its
 * connection is suspended meanwhile, so that no thread of the edge waits.
 */
#include "http.h"
#include "viewers.h"

/* ---- Waiting for another thread ---------------------------------------------------------- */

/*
 * Counted among the suspended first, so that http_stop has either seen it or refuses it here. The
 * other thread is told afterwards: it may resume at once.
 */
bool
http_suspend(struct exchange *x)
{
	x->http->suspended++;
	if (x->http->stopping) {
		x->http->suspended--;
		return false;
	}
	peer_phase(x->http->peers, x->peer, PHASE_WORK);
	x->waiting = true;
	MHD_suspend_connection(x->connection);
	return true;
}

void
http_go_on(void *arg)
{
	struct exchange *x = arg;

	MHD_resume_connection(x->connection);
}

void
http_resumed(struct exchange *x)
{
	if (!x->waiting)
		return;
	x->waiting = false;
	x->http->suspended--;
}

/* ---- Answers ----------------------------------------------------------------------------- */

/* That nobody is known or nothing is there is told at its own time, however soon we know. */
enum MHD_Result
http_end(struct exchange *x)
{
	struct request *rq = &x->peer->request;
	bool tells = rq->route != NULL && (rq->reply.status == 401 || rq->reply.status == 404);

	if (!tells || !http_suspend(x))
		return http_answer(x);
	x->at = AT_PAUSE;
	pause_begin(x->http->pauses, &x->pause, rq->began_us, http_go_on, x);
	return MHD_YES;
}

/* ---- Acts -------------------------------------------------------------------------------- */

/* On the writer's thread: the rest happens on the connection's own. */
static void
committed(struct act *act)
{
	struct request *rq = (struct request *)((char *)act - offsetof(struct request, act));

	http_go_on(rq->edge);
}

/* The writer is done with it, whether or not its client is still there. */
void
http_act_over(struct exchange *x)
{
	x->at = AT_END;
	request_done(&x->peer->request);
}

/* Refused for want of a writer: nor will that leave its row. */
static void
act_refused(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	rq->act.run = NULL;
	rq->act.ok = false;
}

static enum MHD_Result
act(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	rq->act.done = committed;
	x->at = AT_COMMIT;
	if (!http_suspend(x)) {
		if (!fail(&rq->c, E_DRAINING, "the daemon is ending"))
			act_refused(x);
		http_act_over(x);
		return http_end(x);
	}
	if (!store_submit(&rq->c, x->http->server->store, &rq->act)) {
		act_refused(x);
		http_go_on(x);
	}
	return MHD_YES;
}

/* ---- Pictures ---------------------------------------------------------------------------- */

/* Until its viewer has answered; see `viewed`. */
static enum MHD_Result
view(struct exchange *x)
{
	struct request *rq = &x->peer->request;
	struct viewing *v = rq->viewing;

	v->c = &rq->c;
	v->done = http_go_on;
	v->arg = x;
	v->ok = false;
	if (!http_suspend(x)) {
		if (!fail(&rq->c, E_DRAINING, "the daemon is ending"))
			request_problem(rq);
		return http_end(x);
	}
	x->at = AT_VIEW;
	if (!viewers_ask(&rq->c, x->http->server->viewers, v))
		http_go_on(x);
	return MHD_YES;
}

enum MHD_Result
http_go_to(struct exchange *x, enum request_next next)
{
	switch (next) {
	case REQUEST_ANSWERED:
		return http_end(x);
	case REQUEST_ACTS:
		return act(x);
	case REQUEST_VIEWS:
		return view(x);
	}
	abort();
}

enum MHD_Result
http_viewed(struct exchange *x)
{
	http_resumed(x);
	return http_go_to(x, request_viewed(&x->peer->request));
}
