/*
 * ctl: the parts of hallmarkctl. main parses and chooses; link speaks to the daemon; offline starts
 * `hallmarkd --offline` where there is no daemon to speak to.
 */
#ifndef CTL_H
#define CTL_H

#include "admin_frame.h"
#include "output.h"

#define CTL "hallmarkctl"

struct ctl {
	struct ctx c;
	struct parsed parsed;
	struct output *out;
	int file;        /* where data lines go; -1: nowhere */
	int64_t written; /* bytes of them */
	bool hold;       /* the row is kept in `held` instead of shown */
	struct str held;
};

/* ---- link ----------------------------------------------------------------------------------- */

/* --socket, or the first of the usual places that exists; NULL if none does. */
const char *link_path(const struct parsed *);
/* E_PEER or E_DENIED with a sentence on why nobody answers there. */
MUST bool link_open(struct ctx *, const struct parsed *, int *ret);
/* Sends the command, with a secret if it wants one. */
MUST bool link_ask(struct ctl *, int fd, struct str input);
/*
 * Shows the answer as it comes, and its last line's note. What the daemon refused is in c->err;
 * *ret_negative: done, but what was asked does not hold.
 */
MUST bool link_answer(struct ctl *, int fd, bool *ret_negative);

/* ---- fetch ---------------------------------------------------------------------------------- */

/* Commands whose answer becomes a file; each gives the exit status. */
int backup_run(struct ctl *);
int unlock_key_run(struct ctl *);

/* ---- offline -------------------------------------------------------------------------------- */

/* Runs the command in `hallmarkd --offline`, and shows its answer. */
MUST bool offline_run(struct ctl *, bool *ret_negative);
/* The command's own ways: each does all of it and gives the exit status. */
int doctor_run(struct ctl *);
int restore_run(struct ctl *);

#endif
