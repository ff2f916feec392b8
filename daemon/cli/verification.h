/*
 * cli, verifications: evidence as a file that is looked at with nobody's help, and its verdict in
 * words. verification_check.c looks, verification_text.c words, verifications.c has the commands.
 */
#ifndef VERIFICATION_H
#define VERIFICATION_H

#include "cli.h"
#include "evidence.h"

/* The id of a suspect, or that of the one suspect with that name; E_USAGE if there are several. */
MUST bool suspect_find(struct cli *, struct str word, struct str *ret);

/* An evidence file that held. */
struct testimony {
	struct str signer; /* thumbprint of the key that signed it */
	struct evidence_statement statement;
	struct evidence evidence;
};
#define EVIDENCE_FILE_MAX (EVIDENCE_HTML_MAX + EVIDENCE_JSON_MAX + (64 << 10))
/*
 * Evidence, as JSON or as a page: one of the keys signed the statement in it, the statement is
 * about the very report beside it, and everything in that report follows from what it says was
 * counted. E_INTEGRITY says what does not hold. The proof is the arena's.
 */
MUST bool evidence_prove(
    struct cli *, struct str file, const struct trusted *, const struct testimony **ret);

/*
 * The verdict, the tests and the accused in words, for people; names of the accused in the order
 * of the trace, empty where none is known (NULL: of nobody).
 */
MUST bool evidence_words(
    struct cli *, const struct evidence *, const struct str names[], struct str *ret);
/* A chance by its log10: "0.03", "2.1e-27", "1e-412". */
void chance_put(struct buf *, double log10);
/* The exit status of a verdict: 0 for proven alone. */
int verdict_status(enum verdict);

#endif
