/*
 * What the tables of commands have in common.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "grammar.h"

#define TOKEN_COLUMNS "id,name,roles,created,expires,revoked"

#define EXITS                                                                       \
	"EXIT STATUS",                                                              \
	    "0: done. 1: the command line or a local file is wrong. 2: the daemon " \
	    "refused, or cannot be reached. 3: a verification came out negative. "  \
	    "4: the daemon is sealed or not initialised. 5: an integrity check "    \
	    "failed."
#define OUTPUT                                                                         \
	"OUTPUT",                                                                      \
	    "Data goes to standard output, as a table for people, as one JSON value "  \
	    "(--format json) or as one JSON object a line (--format jsonl). Progress " \
	    "and messages go to standard error."

#endif
