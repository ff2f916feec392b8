/*
 * import: what its files share. import.c reads the file and keeps the books, import_row.c makes
 * requests of lines, import_send.c has many of them under way.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "api.h"
#include "records.h"
#include "tally.h"

/* Of a CSV its columns, of a line of JSON its members. */
enum column {
	COLUMN_NAME,
	COLUMN_EMAIL,
	COLUMN_RELEASE,
	COLUMN_POLICY,
	COLUMN_REFERENCE,
	COLUMN_SEATS,
	COLUMN_FROM,
	COLUMN_EXPIRES,
	COLUMN_ENTITLEMENTS,
	COLUMNS
};
extern const char *const column_names[COLUMNS];

/* One line, and what becomes of it. Everything lives in its lane's arena. */
struct row {
	int64_t line;
	struct str text[COLUMNS]; /* empty: not said */
	bool known;               /* the name is a customer's id */
	bool referred;            /* the reference is the line's own, not ours */
	struct digest256 name;    /* of the name, whatever its spelling */
	struct digest256 reference;
	struct str customer, license; /* bodies; license empty: none is asked for */
	struct str release;           /* its id */
};

enum stage {
	LANE_FREE,
	LANE_NAME,     /* before the customer */
	LANE_CUSTOMER, /* it is being made */
	LANE_BETWEEN,  /* before the license */
	LANE_LICENSE,  /* it is being issued */
	LANE_LOOK,     /* another license has the reference: which? */
	LANE_WHOSE,    /* and whose is that? */
};

/* A line under way, on a connection of its own. */
struct lane {
	struct cli cli; /* the command's, with this lane's arena and handle */
	struct row row;
	enum stage stage;
	bool flying; /* a request is under way */
	int tries;
	int64_t due;         /* not before; of clock_monotonic */
	struct str customer; /* whose the license is that has the reference */
	char code[64];       /* of a refusal; empty: that of the context's error */
	struct curl_slist *h;
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

/* What a word stands for, which was looked up; an empty id: for nothing. */
typedef bool find_id(struct cli *, struct str word, struct str *ret);
struct known {
	find_id *find; /* release_find or policy_find */
	struct str word, id;
};
enum { KNOWN_MAX = 4096, ROW_MEMORY = 4 << 20, LANE_MEMORY = 2 << 20 };

struct import {
	struct cli *cli;
	bool dry;
	struct records records;
	int column[RECORD_CELLS]; /* of a CSV: what each cell is */
	size_t columns;
	int64_t total, taken, done; /* lines: in the file, read, finished */
	int64_t customers, licenses, refused;
	struct tally *tally;
	struct known *known;
	size_t knowns;
	CURLM *multi;
	struct lane *lane;
	size_t lanes;
	int64_t pause;      /* the server asked to wait until then */
	int codes, refusal; /* files; -1: none */
	const char *refusals;
	bool over; /* the server refuses us, or is gone: c->err says why */
};

/* ---- import_row.c ---------------------------------------------------------------------------- */

/* The columns that a header names; E_INPUT if it is none. */
MUST bool row_header(struct ctx *, struct import *, const struct record *);
/*
 * A row of the record, its texts copied into the lane's arena. Fails with what is wrong with the
 * line.
 */
MUST bool row_read(struct import *, struct lane *, const struct record *);
/*
 * Whether the license that the server has under the reference is the one that is asked for, but for
 * its customer; E_CONFLICT says what is not.
 */
MUST bool row_same(
    struct import *, struct lane *, struct str license, struct str *ret_customer);
/* Whether that customer is the one that the line names. */
MUST bool row_whose(struct lane *, struct str customer);

/* ---- import_send.c --------------------------------------------------------------------------- */

MUST bool send_begin(struct import *);
void send_end(struct import *);
/* a lane that is free; NULL if none is. */
struct lane *send_free(struct import *);
/* Moves everything on, and waits a little for answers. False if the import cannot go on. */
MUST bool send_on(struct import *);
/* Whether nothing is under way any more. */
bool send_idle(const struct import *);

/* ---- import.c -------------------------------------------------------------------------------- */

/* The line is done; `ok`: it is in. Else c->err says why not. */
MUST bool line_done(struct import *, struct lane *, bool ok);
/* Keeps the enrolment code of an answer that shows a new customer. */
MUST bool code_keep(struct import *, struct lane *, struct str answer);

#endif
