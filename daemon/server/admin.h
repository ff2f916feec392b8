/*
 * admin: the parts of the admin socket. admin.c takes connections, a thread each; admin_socket.c
 * makes the socket and knows who may speak; admin_call.c runs one request from its line to its last
 * word; admin_table.c lists the handlers, which are in the files admin_*.c.
 */
#ifndef ADMIN_H
#define ADMIN_H

#include "admin_frame.h"
#include "server.h"

#include <pthread.h>
#include <sys/types.h>

enum {
	ADMIN_CONNECTIONS = 16,
	ADMIN_SEND_MS = 600000,  /* for a client to take a line: it may be read in a pager */
	ADMIN_LAST_MS = 2000,    /* the same, once the daemon ends */
	ADMIN_MEMORY = 48 << 20, /* of one request */
	ADMIN_PAGE = 500,        /* rows asked of the store at once */
};

/* ---- The socket ------------------------------------------------------------------------------ */

struct admin_socket {
	int fd;
	const char *path; /* ours to remove at the end; NULL: systemd's */
	dev_t dev;
	ino_t ino;
};
/* Taken over by the name `admin`, or made; a dead daemon's socket is replaced. */
MUST bool admin_socket_open(struct ctx *, const struct conf *, struct admin_socket *ret);
void admin_socket_close(struct admin_socket *);
/* Root, the daemon's own user, members of admin-group: E_DENIED for all others. */
MUST bool admin_peer(struct ctx *, int fd, const struct conf *, uid_t *ret);

/* ---- One request ----------------------------------------------------------------------------- */

struct call {
	struct ctx c;
	struct server *server;
	int fd;   /* the client */
	int stop; /* readable once the daemon ends */
	int64_t
	    clock_offset; /* of the clock from the time since boot, when the daemon started */
	struct parsed parsed;
	struct str input;
	struct audit_entry who; /* actor, action, request */
	bool accounted;  /* the audit row is written, or being written by the handler's act */
	bool negative;   /* done, but what was asked does not hold */
	struct buf line; /* one answer on its way */
	char actor[32], action[64], note[160];
	struct id request, vendor;
};

typedef bool admin_handler(struct ctx *, struct call *);

struct admin_command {
	const char *words;
	admin_handler *run;
};
/* One row per command of ctl_program, and none besides. */
extern const struct admin_command admin_commands[];
extern const size_t admin_commands_n;
/* The handler of a command; NULL if the table has a hole. */
admin_handler *admin_command_of(const struct command *);
/* E_INTERNAL, naming it, if a command has no handler or a handler no command. */
MUST bool admin_table_check(struct ctx *);

/* Serves one connection: reads a request, runs it, says the last word. */
void admin_call(struct server *, int fd, int stop, int64_t clock_offset);
/* Milliseconds by which the clock is ahead of the time since boot; changes when it is set. */
int64_t admin_clock_offset(void);
/* The same without a daemon, for words of a command line; answers on `fd`. */
MUST bool call_begin(struct ctx *, struct server *, int fd, int stop, struct call *ret);
/* Sends the last word: what c->err says, or that all is well. */
void call_end(struct call *, bool ok);

/* ---- What handlers use ----------------------------------------------------------------------- */

/* Writes the audit row of a read, durable; after it, rows may be sent. */
MUST bool call_account(struct ctx *, struct call *);
/*
 * Does an act, whose audit row is the command's. The act is the first member of whatever `run`
 * gets.
 */
MUST bool call_do(struct ctx *, struct call *, struct act *,
    bool (*run)(struct ctx *, struct db *, struct act *));
/* A row: between these, members are written into the js. */
void call_row_open(struct call *, struct js *ret);
MUST bool call_row_send(struct ctx *, struct call *, struct js *);
/* done of total; also tells a waiting client that we are alive. */
MUST bool call_progress(struct ctx *, struct call *, int64_t done, int64_t total);
MUST bool call_data(struct ctx *, struct call *, struct str);
/* Waits `ms`; E_DRAINING when the daemon ends, E_PEER when the client is gone. */
MUST bool call_pause(struct ctx *, struct call *, int ms);
bool call_option(const struct call *, const char *name, struct str *ret);
/* The whole of a file, from where it stands, as data lines with progress. */
MUST bool call_file(struct ctx *, struct call *, int fd, int64_t size, int64_t *ret_sent);
/*
 * Rows of all vendors, or of the one that --vendor names, page by page: `page` sends the next
 * ADMIN_PAGE rows after *after, moves it to the last of them and says how many there were.
 */
typedef bool admin_page(struct ctx *, struct call *, struct db *, const struct id *vendor,
    struct id *after, size_t *ret_n);
MUST bool call_pages(struct ctx *, struct call *, admin_page *);
/* A time, or null for 0. */
void call_time(struct js *, const char *key, int64_t ms);
/* By id or by name. */
MUST bool call_vendor(struct ctx *, struct db *, struct str, struct vendor *ret);
/* Whose things the call is about: its audit row says so, also if it is refused later. */
void call_concerns(struct call *, const struct id *vendor);

/* ---- doctor: also without a daemon ----------------------------------------------------------- */

struct doctor {
	struct call *call;
	unsigned wrong;
};
/* One finding. state is "ok", "warning" or "error"; next says what to do. */
MUST PRINTF(5, 6) bool doctor_find(struct doctor *, const char *state, const char *check,
    const char *next, const char *fmt, ...);
/* What can be seen without the daemon: folders, files, disk, certificate, root key. */
MUST bool doctor_outside(struct ctx *, struct doctor *, const struct conf *);
MUST bool doctor_certificate(struct ctx *, struct doctor *, const struct conf *);

/* ---- Handlers -------------------------------------------------------------------------------- */

admin_handler admin_status, admin_init, admin_unseal, admin_seal, admin_rotate,
    admin_vendor_create, admin_vendor_list, admin_vendor_suspend, admin_vendor_resume,
    admin_token_create, admin_token_list, admin_token_revoke, admin_job_list, admin_job_show,
    admin_job_cancel, admin_release_list, admin_release_key, admin_audit_tail,
    admin_audit_verify, admin_audit_export, admin_db_check, admin_db_backup, admin_db_restore,
    admin_doctor, admin_metrics, admin_webhook_list, admin_webhook_log, admin_webhook_replay;

#endif
