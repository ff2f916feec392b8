/*
 * courier: the parts of hallmark-courier, the one program of ours that speaks to hosts which others
 * have named. main.c hears the server, errands.c knows what it may be sent with, sending.c has
 * libcurl send it, walls.c keeps this process from everything else.
 */
#ifndef COURIER_H
#define COURIER_H

#include "address.h"
#include "courier_wire.h"
#include "hosts.h"

#include <curl/curl.h>
#include <openssl/x509.h>

/* How it was started: what may be spoken to, whom to trust besides the system's authorities. */
struct courier_conf {
	bool asks;  /* it brings questions to services, not parcels to webhooks */
	bool plain; /* parcels may go to http:// */
	struct hosts
	    hosts;      /* of parcels the networks alone; of questions all that may be asked */
	const char *ca; /* PEM; NULL: nobody */
};

/* ---- walls.c ------------------------------------------------------------------------------- */

/*
 * All that is opened or loaded ever is so now: the authorities, the resolver, the library of TLS.
 * *ret_authorities is the process's until its end.
 */
MUST bool courier_prepare(struct ctx *, const struct courier_conf *, X509_STORE **ret);
/* No file but those that names are resolved with, no program, no thread's stack without an end. */
MUST bool courier_walls(struct ctx *, bool *ret_files_walled);

/* ---- errands.c ----------------------------------------------------------------------------- */

/* One request of HTTP on its way, be it a parcel or a question. Views into the server's message. */
enum { ERRAND_LINES_MAX = LIVE_LINES_MAX + 2 };
struct errand {
	uint64_t serial;
	int64_t limit_ms; /* for all of it */
	const char *method;
	struct str url, body;
	struct str line[ERRAND_LINES_MAX]; /* headers: "Name: value" */
	size_t lines;
	bool keeps; /* the answer's body is wanted, all of it or none */
};
/*
 * What the server's message asks for. False with E_PEER if that is no message of the server's, else
 * because it may not be done: *ret_end, and of the errand its serial alone.
 */
MUST bool errand_read(struct ctx *, const struct courier_conf *, struct str message,
    struct errand *ret, enum parcel_end *ret_end);

/* ---- sending.c ----------------------------------------------------------------------------- */

/* How an errand ended; the body is good until the next step. */
struct errand_end {
	uint64_t serial;
	enum parcel_end end;
	int status;
	struct str body;
};
struct sending;
/* Keeps `conf` and `authorities`. */
MUST bool sending_new(
    struct ctx *, const struct courier_conf *, X509_STORE *authorities, struct sending **ret);
/* There is room for another errand. */
bool sending_has_room(const struct sending *);
/* Begins an errand, which is copied. */
MUST bool sending_begin(struct ctx *, struct sending *, const struct errand *);
/* Goes on with all of them; true and *ret as long as one has ended. */
bool sending_step(struct sending *, struct errand_end *ret);
/* Until something can be gone on with, or `fd` (-1: none) can be read: *ret_readable. */
void sending_rest(struct sending *, int fd, bool *ret_readable);

#endif
