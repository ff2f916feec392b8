/*
 * courier_wire: what the server and its couriers say to each other, one message of a socket pair
 * each. The courier says once how it stands. One of them gets parcels and says of each how it
 * ended; nothing that came from outside is repeated, but a status. The other gets questions (see
 * live.h), and brings back what was answered: bytes for a worker, which the server does not read.
 */
#ifndef COURIER_WIRE_H
#define COURIER_WIRE_H

#include "live.h"

enum {
	COURIER_PROTOCOL = 1,
	COURIER_SLOTS = 32, /* parcels under way at once */
	COURIER_BODY_MAX = 64 << 10,
	COURIER_MESSAGE_MAX = COURIER_BODY_MAX + (4 << 10),
	COURIER_ANSWER_MAX = 256,
};

/* Once, before the first parcel: its walls stand, or why not. */
struct courier_hello {
	bool ready, files_walled;
	struct str why;
};

/* A POST of JSON with the headers of a signed message. */
struct parcel {
	uint64_t serial;
	int64_t limit_ms; /* for all of it */
	int64_t at;       /* seconds: webhook-timestamp */
	struct str url, id, signature, body;
};

enum parcel_end {
	PARCEL_ANSWERED, /* with a status */
	PARCEL_BAD_URL,
	PARCEL_NO_NAME,
	PARCEL_FORBIDDEN,
	PARCEL_UNREACHABLE,
	PARCEL_UNTRUSTED,
	PARCEL_NO_TLS,
	PARCEL_SLOW,
	PARCEL_BROKEN,
	PARCEL_LARGE, /* an answer beyond LIVE_ANSWER_MAX */
	PARCEL_LOST,  /* the courier itself could not */
	PARCEL_ENDS
};
/* A sentence for the delivery log, or for a verification's report. */
const char *parcel_end_text(enum parcel_end);
struct parcel_report {
	uint64_t serial;
	enum parcel_end end;
	int status; /* 0: there was no answer */
};

/* How a question ended. */
struct question_report {
	uint64_t number;
	enum parcel_end end;
	int status;      /* 0: there was no answer */
	struct str body; /* of an answer */
};

/* Encoding appends to a buffer of the maximal size; decoding checks everything, views into it. */
MUST bool courier_hello_encode(struct ctx *, const struct courier_hello *, struct buf *);
MUST bool courier_hello_decode(struct ctx *, struct str, struct courier_hello *ret);
MUST bool parcel_encode(struct ctx *, const struct parcel *, struct buf *);
MUST bool parcel_decode(struct ctx *, struct str, struct parcel *ret);
MUST bool parcel_report_encode(struct ctx *, const struct parcel_report *, struct buf *);
MUST bool parcel_report_decode(struct ctx *, struct str, struct parcel_report *ret);
MUST bool question_report_encode(struct ctx *, const struct question_report *, struct buf *);
MUST bool question_report_decode(struct ctx *, struct str, struct question_report *ret);

#endif
