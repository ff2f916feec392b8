/*
 * Help, out of the same table that the parser reads: the possibilities after a wrong word, one
 * command with its options, or the whole program.
 */
#include <stdio.h>

#include "grammar.h"

/* How many of the typed words the command's own words begin with. */
static size_t
common(const struct command *command, const struct str word[], size_t n)
{
	struct shape s;
	struct str rest, one;
	size_t same = 0;

	grammar_shape(command->grammar, &s);
	rest = s.words;
	while (rest.n > 0 && same < n) {
		(void)str_cut(&rest, ' ', &one);
		if (!str_same(one, word[same]))
			break;
		same++;
	}
	return same;
}

/* The words without options and their values. */
static size_t
plain_words(
    const struct program *p, const struct str word[], size_t n, struct str plain[GRAMMAR_ARGS])
{
	size_t plains = 0;

	for (size_t i = 0; i < n && plains < GRAMMAR_ARGS; i++) {
		const struct option *o = option_named(p, word[i]);

		if (o != NULL && option_takes_value(p, o))
			i++;
		else if (word[i].n == 0 || word[i].p[0] != '-')
			plain[plains++] = word[i];
	}
	return plains;
}

void
grammar_possible(const struct program *p, const struct str word[], size_t n, struct buf *out)
{
	struct str plain[GRAMMAR_ARGS];
	size_t best = 0, plains = plain_words(p, word, n, plain);

	for (size_t i = 0; i < p->commands; i++) {
		size_t same = common(&p->command[i], plain, plains);

		best = same > best ? same : best;
	}
	buf_printf(out, "possible%s:\n", best > 0 ? " here" : "");
	for (size_t i = 0; i < p->commands; i++)
		if (common(&p->command[i], plain, plains) == best)
			buf_printf(out, "  %s %s\n", p->name, p->command[i].grammar);
}

static void
options_help(const struct program *p, const char *grammar, struct buf *out)
{
	struct shape s;

	grammar_shape(grammar, &s);
	for (size_t i = 0; i < s.options; i++) {
		const struct slot *slot = &s.option[i];
		const struct option *o = option_named(p, slot->name);
		char left[64];
		struct buf b = BUF(left);

		if (o == NULL)
			abort(); /* a test walks the tables */
		if (o->brief != 0)
			buf_printf(&b, "-%c, ", o->brief);
		buf_put(&b, slot->name);
		if (slot->type != NULL)
			buf_printf(&b, " <%s>", slot->type->name);
		buf_printf(out, "  %-24.*s %s\n", STRF(buf_str(&b)), o->help);
	}
}

static void
kinds_help(const char *grammar, struct buf *out)
{
	struct shape s;

	grammar_shape(grammar, &s);
	for (size_t i = 0; i < s.args + s.options; i++) {
		const struct placeholder *t = i < s.args ? s.arg[i].type
							 : s.option[i - s.args].type;

		if (t != NULL)
			buf_printf(out, "  <%s>%*s %s\n", t->name, (int)(22 - strlen(t->name)),
			    "", t->help);
	}
}

static void
command_help(const struct program *p, const struct command *command, struct buf *out)
{
	struct shape s;

	grammar_shape(command->grammar, &s);
	buf_printf(out, "%s %s\n\n  %s.\n", p->name, command->grammar, command->help);
	if (command->more != NULL)
		buf_printf(out, "  %s\n", command->more);
	if ((command->flags & COMMAND_DESTRUCTIVE) != 0)
		buf_printf(out, "  Asks before it acts, unless --yes is given.\n");
	if (s.args + s.options > 0)
		buf_char(out, '\n');
	kinds_help(command->grammar, out);
	options_help(p, command->grammar, out);
	buf_printf(out, "\nWith every command:\n");
	options_help(p, p->globals, out);
}

void
grammar_help(const struct program *p, const struct command *command, struct buf *out)
{
	if (command != NULL) {
		command_help(p, command, out);
		return;
	}
	buf_printf(out, "%s: %s\n\n", p->name, p->about);
	for (size_t i = 0; i < p->commands; i++)
		buf_printf(out, "  %s %s\n      %s\n", p->name, p->command[i].grammar,
		    p->command[i].help);
	buf_printf(out, "\nWith every command:\n");
	options_help(p, p->globals, out);
	buf_printf(out, "\n`%s COMMAND --help` tells more of one command.\n", p->name);
}
