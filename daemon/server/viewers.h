/*
 * viewers: workers that stay, one for each watermark whose pictures are being made or looked at:
 * started when first needed, ended when nobody has asked for a while, when the keys are sealed, or
 * when another is needed more. One thread speaks to all of them. Nobody waits for it: a request
 * that asks is suspended until its answer is there.
 */
#ifndef VIEWERS_H
#define VIEWERS_H

#include "server.h"
#include "view.h"

struct request;

/* Why a picture cannot be made or looked at now: the name of its E_UNDECIDED. */
#define VIEW_UNAVAILABLE "IMAGE_UNAVAILABLE"

/*
 * One question of one request, in the request's arena. The handler fills in whose watermark, the
 * question but for its number, and who goes on with the answer.
 */
struct viewing {
	struct id vendor, watermark;
	struct view_question ask; /* its picture may point into the request's body */
	/*
	 * Called in the edge's thread once `said` is there (its code is E_NONE, its text and
	 * picture lie in the request's arena): does what the handler of an act or a read does. Is
	 * not called where no answer came: the request then fails by itself, with E_UNDECIDED
	 * (VIEW_UNAVAILABLE), E_BUSY, E_SEALED, E_DRAINING, E_INPUT, …
	 */
	bool (*answered)(struct ctx *, struct request *);
	struct view_answer said;

	/* From here on the viewers' and the edge's. */
	struct ctx *c;
	bool ok;
	void (*done)(void *arg); /* from the viewers' thread, once */
	void *arg;
	struct viewing *next;
	int64_t until, begun; /* monotonic */
	size_t sent;          /* of its picture; SIZE_MAX: all of it */
	size_t turn;          /* how many of its asker's were before it in its line */
	unsigned crashes;     /* of viewers that had it */
};

/*
 * A handler's last word: the request waits for this answer, then `answered` goes on with it. It
 * sets neither `write` nor a reply; `answered` may. Nothing is held meanwhile but the connection.
 */
void request_view(struct request *, struct viewing *);

MUST bool viewers_start(struct ctx *, struct server *, struct viewers **ret);
/* From here on every question is refused, E_DRAINING, those that wait as well. */
void viewers_quit(struct viewers *);
/* After viewers_quit. */
void viewers_stop(struct viewers **);

/*
 * Asks; `done` is called exactly once for each question that this returned true for, at the latest
 * VIEW_WAIT_MS later. E_BUSY where too many wait.
 */
enum { VIEW_WAIT_MS = 10000 };
MUST bool viewers_ask(struct ctx *, struct viewers *, struct viewing *);
/* After the commit by which the watermark, its model or its vendor went away. */
void viewers_forget(struct viewers *, struct str watermark);

struct viewers_counts {
	uint64_t answered, refused, late; /* questions */
	uint64_t started, died;           /* viewers; died: not by our will */
	int64_t running, waiting;         /* now: viewers, questions */
};
struct viewers_counts viewers_counts(struct viewers *);

#endif
