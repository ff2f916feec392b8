/*
 * grammar: a program's command line as a table of the commands as users type them,
 *
 *	token create <vendor> [--role <role>]... [--expires <time>]
 *
 * which is the parser, the help, the completion and the manual page at once. `<word>` stands for
 * something of that kind, brackets for what may be left out, dots for what may come again (of
 * arguments the last one). The tables are in commands.c.
 */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include "base.h"

enum { GRAMMAR_ARGS = 4, GRAMMAR_OPTIONS = 32, GRAMMAR_HELP = 24 << 10 };

enum command_flags {
	COMMAND_DESTRUCTIVE = 1 << 0, /* asks first: --yes, or a yes at the terminal */
	COMMAND_SEALED = 1 << 1,      /* answers while the daemon is sealed */
	COMMAND_ALWAYS = 1 << 2,      /* answers although its audit row cannot be written */
	COMMAND_SECRET = 1 << 3,      /* reads a secret: from standard input, or from @FILE */
	COMMAND_ONE = 1 << 4,         /* gives one object, not a list */
	COMMAND_TEXT = 1 << 5,        /* its one object is a text to be printed as it is */
	COMMAND_STREAM = 1 << 6,      /* may be silent for as long as it likes */
	COMMAND_OFFLINE = 1 << 7,     /* may run without the daemon, in `hallmarkd --offline` */
};

struct command {
	const char *grammar, *help;
	unsigned flags;
	const char *columns; /* of a list shown as a table: "id,name" */
	const char *more;    /* further sentences for the manual page; may be NULL */
};

/* What stands in angle brackets. */
enum want {
	WANT_TEXT,
	WANT_WORD,
	WANT_NUMBER,
	WANT_TIME,
	WANT_SPAN,
	WANT_ID,
	WANT_FILE,
	WANT_SECRET,
	WANT_ANY
};
struct placeholder {
	const char *name;
	enum want want;
	int64_t min, max;         /* of a number; bytes of anything else */
	const char *id;           /* type of an id */
	const char *const *words; /* NULL ends the list */
	const char *help;
};

struct option {
	const char *name, *help; /* "--role" */
	char brief;              /* 'n' for -n; 0 for none */
};

/* One program: its commands, every option that occurs in them or for all of them. */
struct program {
	const char *name, *about;
	int section;         /* of the manual */
	const char *globals; /* grammar of the options that all commands take */
	const struct command *command;
	size_t commands;
	const struct option *option;
	size_t options;
	const char *const *notes; /* the manual's sections: title, text, title, text, …, NULL */
};

extern const struct program ctl_program, vendor_program, daemon_program;
/* What stands in angle brackets, in any of the programs; NULL for a name that does not. */
const struct placeholder *placeholder_named(struct str name);
extern const struct placeholder placeholders[];
extern const size_t placeholders_n;

/* ---- A grammar, read ------------------------------------------------------------------------ */

struct slot {
	struct str name;                /* of an option: "--role", else empty */
	const struct placeholder *type; /* NULL: a flag */
	bool optional, many;
};
struct shape {
	struct str words; /* "token create" */
	struct slot arg[GRAMMAR_ARGS], option[GRAMMAR_OPTIONS];
	size_t args, options;
};
/* Ends the process on a malformed grammar: the tables are ours, and a test walks them. */
void grammar_shape(const char *grammar, struct shape *ret);
const struct option *option_named(const struct program *, struct str name);
/* The same wherever the option occurs: a test walks the tables. */
bool option_takes_value(const struct program *, const struct option *);

/* ---- A command line, parsed ----------------------------------------------------------------- */

struct given {
	const struct option *option;
	struct str value; /* empty for a flag */
};
struct parsed {
	const struct command *command; /* NULL: options alone, such as --help */
	struct str arg[GRAMMAR_ARGS];
	size_t args;
	const struct str *rest; /* of an argument that may come again: all of it */
	size_t rests;
	struct given option[GRAMMAR_OPTIONS];
	size_t options;
};
/* E_USAGE says what is wrong with the words after the program's name; views into `word`. */
MUST bool grammar_parse(struct ctx *, const struct program *, const struct str word[], size_t n,
    struct parsed *ret);
/* Whether the option was given, and its (last) value unless ret is NULL. */
bool parsed_option(const struct parsed *, const char *name, struct str *ret);
/* E_USAGE, with the name `what` in its sentence, unless the value is of that kind. */
MUST bool grammar_value(
    struct ctx *, const struct placeholder *, const char *what, struct str value);
/* A <time>: milliseconds since the epoch, 0 for "never". */
MUST bool grammar_time(struct ctx *, struct str, int64_t *ret);
/* A <span>: seconds. */
MUST bool grammar_span(struct ctx *, struct str, int64_t *ret);

/* ---- Help ----------------------------------------------------------------------------------- */

/* The commands that begin with the words as far as they fit any; all, if they fit none. */
void grammar_possible(
    const struct program *, const struct str word[], size_t n, struct buf *out);
/* Help on the program, or on one command. */
void grammar_help(const struct program *, const struct command *, struct buf *out);

#endif
