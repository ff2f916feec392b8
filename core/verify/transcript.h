/*
 * A transcript inside: what was read of it so far, and of the line that is being read.
 */
#ifndef VERIFY_TRANSCRIPT_H
#define VERIFY_TRANSCRIPT_H

#include "verify.h"

enum transcript_form { FORM_OPEN, FORM_LABEL, FORM_SCORES };

struct reading {
	const struct challenge *of;
	int32_t ordinary;
	int64_t line, answers;
	struct verify_answer *said; /* by place */
	bool *seen;
	enum transcript_form form; /* of all lines */
	int64_t scores;            /* in each */
	bool widened;
};

/* One line: where it belongs, and its numbers as far as they are read. */
struct row {
	int32_t place;
	int64_t n;
	double first;
	bool none, some; /* one of them is no number; one is */
	double best, best_ordinary;
	struct verify_answer highest;
};

/* The row of the picture of this name, which was not answered before. */
MUST bool row_begin(struct ctx *, const struct reading *, struct str name, struct row *ret);
/* A number more, or a word for none. */
MUST bool row_number(struct ctx *, const struct reading *, struct str text, struct row *);
/* What the row has said, as a label or as scores. */
MUST bool row_label(struct ctx *, struct reading *, const struct row *);
MUST bool row_scores(struct ctx *, struct reading *, const struct row *);

#endif
