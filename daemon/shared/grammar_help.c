/*
 * Help, out of the same table that the parser reads: the possibilities after a wrong word, one
 * command with its options, or the whole program.
 */
#include <stdio.h>

#include "grammar.h"

enum { FOLD = 92 };

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

/* What stands before the next blank that is not within brackets. */
static size_t
piece(const char *text)
{
	size_t n = 0;
	int depth = 0;

	for (; text[n] != '\0' && (text[n] != ' ' || depth > 0); n++)
		depth += (text[n] == '[') - (text[n] == ']');
	return n;
}

/* The text in lines of at most so many characters; it begins behind `at` of them. */
static void
fold(struct buf *out, size_t at, size_t indent, const char *text)
{
	for (bool first = true; *text != '\0'; first = false) {
		size_t n = piece(text);

		if (!first && at + 1 + n > FOLD) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_char(out, ' ');
			at++;
		}
		buf_put(out, (struct str){ text, n });
		at += n;
		text += text[n] == ' ' ? n + 1 : n;
	}
	buf_char(out, '\n');
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
		buf_printf(out, "  %-24.*s ", STRF(buf_str(&b)));
		fold(out, 3 + (b.n > 24 ? b.n : 24), 27, o->help);
	}
}

static const struct placeholder *
kind_at(const struct shape *s, size_t i)
{
	return i < s->args ? s->arg[i].type : s->option[i - s->args].type;
}

/* What stands in angle brackets, each once. */
static void
kinds_help(const char *grammar, struct buf *out)
{
	struct shape s;

	grammar_shape(grammar, &s);
	for (size_t i = 0; i < s.args + s.options; i++) {
		const struct placeholder *t = kind_at(&s, i);
		bool told = t == NULL;

		for (size_t k = 0; k < i; k++)
			told = told || kind_at(&s, k) == t;
		if (told)
			continue;
		buf_printf(out, "  <%s>%*s ", t->name, (int)(22 - strlen(t->name)), "");
		fold(out, 27, 27, t->help);
	}
}

static void
command_help(const struct program *p, const struct command *command, struct buf *out)
{
	struct shape s;

	grammar_shape(command->grammar, &s);
	buf_printf(out, "%s ", p->name);
	fold(out, strlen(p->name) + 1, 4, command->grammar);
	buf_printf(out, "\n  %s.\n", command->help);
	if (command->more != NULL) {
		buf_put(out, STR("  "));
		fold(out, 2, 2, command->more);
	}
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
	for (size_t i = 0; i < p->commands; i++) {
		buf_printf(out, "  %s ", p->name);
		fold(out, strlen(p->name) + 3, 10, p->command[i].grammar);
		buf_printf(out, "      %s\n", p->command[i].help);
	}
	buf_printf(out, "\nWith every command:\n");
	options_help(p, p->globals, out);
	buf_printf(out, "\n`%s COMMAND --help` tells more of one command.\n", p->name);
}
