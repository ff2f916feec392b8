/*
 * keys: what the parts of the custodian's supervisor know of each other. One thread, the keeper,
 * starts the custodian, loads it, notices its death, seals, unseals and rotates: it alone changes
 * what is open. Everybody else asks it and waits, or uses keys that are open.
 */
#ifndef KEYS_H
#define KEYS_H

#include <pthread.h>

#include "custody.h"
#include "server.h"

/* Something asked of the keeper: run by it, with the asker's context, while the asker waits. */
struct order {
	bool (*run)(struct ctx *, struct keys *, void *arg);
	void *arg;
	struct ctx *c;
	bool ok, done;
	struct order *next;
};

struct keys {
	struct server *server;
	bool shares; /* the root key comes as shares */

	/* What requests read without a lock. */
	_Atomic int state; /* enum keys_state */
	_Atomic int64_t keyring, rotated, to_rotate;
	_Atomic bool rotating;
	_Atomic unsigned have, need;
	_Atomic bool stop;
	_Atomic unsigned life;    /* counts the custodian's lives */
	_Atomic unsigned doubted; /* the life in which it did not answer */

	pthread_t thread;
	int wake; /* eventfd */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct order *first, *last; /* by lock, as the next two */
	bool started;
	char reason[192]; /* why the keys are not open, if something went wrong */

	/* The keeper's own. */
	struct custody *custody; /* NULL until it first stood; then it stays */
	struct db *db;
	enum keys_state is; /* what `state` says, unless the custodian is doubted */
	bool held;          /* sealed by an administrator: stays so */
	bool alive;         /* the custodian, as far as is known */
	/* Monotonic: when it was born, how long to wait for the next, when that comes (0: not). */
	int64_t born, patience, revive_at;
	int64_t silent_since; /* monotonic; 0: it is not in doubt */
	int64_t rotate_at;    /* when the rotation goes on; 0: there is none */
	int64_t settled_at;   /* monotonic: until then rows under older vendor keys may come */
};

/*
 * The custodian of this life did not answer: everybody is refused at once from here on, until the
 * keeper has looked after it.
 */
void keys_doubt(struct keys *, unsigned life);
/* Has the keeper run this and waits for it. */
MUST bool keys_ask(
    struct ctx *, struct keys *, bool (*run)(struct ctx *, struct keys *, void *), void *arg);
/*
 * Writes the audit row `who` with how the call ended: `ok`, or c->err. Fails as the call did, or
 * because the row could not be written.
 */
MUST bool keys_account(
    struct ctx *, struct keys *, const struct audit_entry *who, struct str detail, bool ok);

/* The rows that open a data key, as they are now. */
MUST bool keys_rows(struct ctx *, struct db *, struct str id, struct data_key_row *ret_data,
    struct vendor_key_row *ret_vendor);

/* ---- For the keeper alone ----------------------------------------------------------------- */

/* A new custodian in the place of a dead or doubted one; open afterwards, or sealed. */
void keys_revive(struct keys *);
/*
 * Gives the custodian the store's rows, in the place of those loaded before, if it has the root
 * key. Open afterwards, or sealed or uninitialised. E_INTEGRITY if a row does not open.
 */
MUST bool keys_load(struct ctx *, struct keys *);
/* Says to everybody what the keys are. */
void keys_say(struct keys *, enum keys_state);
/* Remembers for the status why the keys are not open. */
void keys_reason(struct keys *, const char *text);

/* Compares the rows: is a rotation under way, and how much of it is left? */
MUST bool rotation_look(struct ctx *, struct keys *);
/* Goes on with the rotation for a moment. */
void rotation_go_on(struct ctx *, struct keys *);

#endif
