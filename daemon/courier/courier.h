/*
 * courier: the parts of hallmark-courier, the one program of ours that speaks to hosts which others
 * have named. main.c hears the server, sending.c has libcurl send what it gave, walls.c keeps this
 * process from everything else.
 */
#ifndef COURIER_H
#define COURIER_H

#include "address.h"
#include "courier_wire.h"

#include <curl/curl.h>
#include <openssl/x509.h>

/* How it was started: what may be spoken to, whom to trust besides the system's authorities. */
struct courier_conf {
	bool plain;
	struct networks allowed;
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

/* ---- sending.c ----------------------------------------------------------------------------- */

struct sending;
/* Keeps `conf` and `authorities`. */
MUST bool sending_new(
    struct ctx *, const struct courier_conf *, X509_STORE *authorities, struct sending **ret);
/* There is room for another parcel. */
bool sending_has_room(const struct sending *);
/* Begins to send a parcel, which is copied. If it cannot be begun, how it ended is *ret. */
MUST bool sending_begin(
    struct ctx *, struct sending *, const struct parcel *, enum parcel_end *ret);
/* Goes on with all of them; true and *ret as long as one has ended. */
bool sending_step(struct sending *, struct parcel_report *ret);
/* Until something can be gone on with, or `fd` (-1: none) can be read: *ret_readable. */
void sending_rest(struct sending *, int fd, bool *ret_readable);

#endif
