/*
 * The parser of command lines. It reads a command's grammar into a shape, finds the command whose
 * words the line begins with, and checks what was given against the kinds that the grammar asks
 * for. The same function reads what people type and what the daemon gets from its admin socket.
 */
#include <stdio.h>

#include "grammar.h"

/* ---- A grammar, read ------------------------------------------------------------------------ */

/* Our own tables are wrong: nothing can be said about any command line. */
_Noreturn static void
malformed(const char *grammar)
{
	fprintf(stderr, "malformed grammar: %s\n", grammar);
	abort();
}

static void
slot_into(struct slot *list, size_t *n, size_t max, struct slot s, const char *grammar)
{
	if (*n == max)
		malformed(grammar);
	list[(*n)++] = s;
}

/* Takes one word of a grammar apart: "[--role", "<role>]...", "<vendor>", "[<vendor>]". */
static struct str
bare(struct str word, struct slot *s)
{
	if (word.n > 3 && str_same((struct str){ word.p + word.n - 3, 3 }, STR("..."))) {
		s->many = true;
		word.n -= 3;
	}
	if (word.n > 0 && word.p[0] == '[') {
		s->optional = true;
		word.p++;
		word.n--;
	}
	if (word.n > 0 && word.p[word.n - 1] == ']')
		word.n--;
	return word;
}

static const struct placeholder *
type_of(struct str word, const char *grammar)
{
	const struct placeholder *type = NULL;

	if (word.n > 2 && word.p[0] == '<' && word.p[word.n - 1] == '>')
		type = placeholder_named((struct str){ word.p + 1, word.n - 2 });
	if (type == NULL)
		malformed(grammar);
	return type;
}

void
grammar_shape(const char *grammar, struct shape *ret)
{
	struct str rest = str_of(grammar), word;

	*ret = (struct shape){ .words = { grammar, 0 } };
	while (rest.n > 0) {
		struct slot s = { 0 };

		(void)str_cut(&rest, ' ', &word);
		word = bare(word, &s);
		if (word.n > 1 && word.p[0] == '-') {
			s.name = word;
			if (rest.n > 0 && rest.p[0] == '<') {
				(void)str_cut(&rest, ' ', &word);
				s.type = type_of(bare(word, &s), grammar);
			}
			slot_into(ret->option, &ret->options, GRAMMAR_OPTIONS, s, grammar);
		} else if (word.n > 0 && word.p[0] == '<') {
			s.type = type_of(word, grammar);
			slot_into(ret->arg, &ret->args, GRAMMAR_ARGS, s, grammar);
		} else if (word.n > 0 && ret->args == 0 && ret->options == 0) {
			ret->words.n = (size_t)(word.p + word.n - grammar);
		} else {
			malformed(grammar);
		}
	}
}

const struct option *
option_named(const struct program *p, struct str name)
{
	for (size_t i = 0; i < p->options; i++) {
		const struct option *o = &p->option[i];

		if (str_same(name, str_of(o->name)) ||
		    (o->brief != 0 && name.n == 2 && name.p[0] == '-' && name.p[1] == o->brief))
			return o;
	}
	return NULL;
}

/* The option's place in a shape; NULL if the shape does not have it. */
static const struct slot *
slot_of(const struct shape *s, const struct option *o)
{
	for (size_t i = 0; i < s->options; i++)
		if (str_same(s->option[i].name, str_of(o->name)))
			return &s->option[i];
	return NULL;
}

bool
option_takes_value(const struct program *p, const struct option *o)
{
	struct shape s;
	const struct slot *slot;

	for (size_t i = 0; i <= p->commands; i++) {
		grammar_shape(i < p->commands ? p->command[i].grammar : p->globals, &s);
		slot = slot_of(&s, o);
		if (slot != NULL)
			return slot->type != NULL;
	}
	return false;
}

/* ---- A command line, parsed ----------------------------------------------------------------- */

/* Words for an error: short, and nothing that moves a terminal's cursor. */
static const char *
shown(struct ctx *c, struct str s)
{
	struct buf b;

	if (s.n > 40)
		s.n = 40;
	if (!take_buf(c, 4 * s.n + 1, &b))
		return "";
	text_escape(&b, s);
	b.p[b.n] = '\0';
	return b.p;
}

MUST static bool
option_into(struct ctx *c, const struct program *p, struct str word, const struct str *next,
    struct parsed *to, bool *ret_took_next)
{
	struct str name, value = word;
	bool joined = str_starts(word, STR("--")) && str_cut(&value, '=', &name);
	const struct option *o = option_named(p, joined ? name : word);
	bool wants;

	if (o == NULL)
		return fail(c, E_USAGE, "there is no option %s", shown(c, word));
	wants = option_takes_value(p, o);
	if (wants && !joined && next == NULL)
		return fail(c, E_USAGE, "%s wants a value", o->name);
	if (!wants && joined)
		return fail(c, E_USAGE, "%s takes no value", o->name);
	if (to->options == GRAMMAR_OPTIONS)
		return fail(c, E_USAGE, "more than %d options", GRAMMAR_OPTIONS);
	to->option[to->options++] = (struct given){ o,
		joined      ? value
		    : wants ? *next
			    : (struct str){ "", 0 } };
	*ret_took_next = wants && !joined;
	return true;
}

/* How many of the words a command has; 0 unless the line begins with all of them. */
static size_t
words_fit(const struct shape *s, const struct str word[], size_t n)
{
	struct str rest = s->words, one;
	size_t used = 0;

	while (rest.n > 0) {
		(void)str_cut(&rest, ' ', &one);
		if (used == n || !str_same(one, word[used]))
			return 0;
		used++;
	}
	return used;
}

MUST static bool
command_find(struct ctx *c, const struct program *p, const struct str word[], size_t n,
    struct shape *ret, size_t *ret_used, const struct command **ret_command)
{
	size_t best = 0;
	struct shape s;

	for (size_t i = 0; i < p->commands; i++) {
		size_t used;

		grammar_shape(p->command[i].grammar, &s);
		used = words_fit(&s, word, n);
		if (used <= best)
			continue;
		best = used;
		*ret = s;
		*ret_used = used;
		*ret_command = &p->command[i];
	}
	if (best > 0)
		return true;
	if (n > 1)
		return fail(c, E_USAGE, "there is no command \"%s %s\"", shown(c, word[0]),
		    shown(c, word[1]));
	return fail(c, E_USAGE, "there is no command \"%s\"", shown(c, word[0]));
}

MUST static bool
args_into(
    struct ctx *c, const struct shape *s, const struct str word[], size_t n, struct parsed *to)
{
	for (size_t i = 0; i < s->args; i++) {
		const struct slot *slot = &s->arg[i];
		size_t times = slot->many && n > i ? n - i : 1;
		const char *what = take_printf(c, "<%s>", slot->type->name);

		if (what == NULL)
			return false;
		if (i == n && slot->optional)
			return true;
		if (i == n)
			return fail(c, E_USAGE, "%.*s: %s is missing", STRF(s->words), what);
		for (size_t k = i; k < i + times; k++)
			if (!grammar_value(c, slot->type, what, word[k]))
				return false;
		to->arg[to->args++] = word[i];
		if (slot->many) {
			to->rest = word + i;
			to->rests = times;
			return true;
		}
	}
	if (n > s->args)
		return fail(c, E_USAGE, "%.*s: \"%s\" is one word too many", STRF(s->words),
		    shown(c, word[s->args]));
	return true;
}

/* Each option belongs to the command or to all of them, comes as often as it may, and fits. */
MUST static bool
options_check(
    struct ctx *c, const struct program *p, const struct shape *s, const struct parsed *to)
{
	struct shape globals;

	grammar_shape(p->globals, &globals);
	for (size_t i = 0; i < to->options; i++) {
		const struct option *o = to->option[i].option;
		const struct slot *slot = s == NULL ? NULL : slot_of(s, o);

		if (slot == NULL)
			slot = slot_of(&globals, o);
		if (slot == NULL)
			return fail(c, E_USAGE, "%s does not go with %.*s", o->name,
			    s == NULL ? 12 : (int)s->words.n,
			    s == NULL ? "this command" : s->words.p);
		for (size_t k = 0; k < i; k++)
			if (to->option[k].option == o && !slot->many)
				return fail(c, E_USAGE, "%s is given twice", o->name);
		if (slot->type != NULL &&
		    !grammar_value(c, slot->type, o->name, to->option[i].value))
			return false;
	}
	for (size_t i = 0; s != NULL && i < s->options; i++)
		if (!s->option[i].optional &&
		    !parsed_option(to, take_cstr(c, s->option[i].name), NULL))
			return fail(c, E_USAGE, "%.*s wants %.*s", STRF(s->words),
			    STRF(s->option[i].name));
	return true;
}

bool
grammar_parse(struct ctx *c, const struct program *p, const struct str word[], size_t n,
    struct parsed *ret)
{
	struct parsed to = { 0 };
	struct str *plain = take(c, (n + 1) * sizeof *plain);
	size_t plains = 0, used = 0;
	bool literal = false, took;
	struct shape s;

	if (plain == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!literal && str_same(word[i], STR("--"))) {
			literal = true;
		} else if (!literal && word[i].n > 1 && word[i].p[0] == '-') {
			if (!option_into(
				c, p, word[i], i + 1 < n ? &word[i + 1] : NULL, &to, &took))
				return false;
			i += took;
		} else {
			plain[plains++] = word[i];
		}
	}
	if (plains > 0 && !command_find(c, p, plain, plains, &s, &used, &to.command))
		return false;
	/* Who asks for help need not know yet what belongs to the command. */
	if (!parsed_option(&to, "--help", NULL) &&
	    ((plains > 0 && !args_into(c, &s, plain + used, plains - used, &to)) ||
		!options_check(c, p, to.command == NULL ? NULL : &s, &to)))
		return false;
	*ret = to;
	return true;
}

bool
parsed_option(const struct parsed *p, const char *name, struct str *ret)
{
	bool ok = false;

	for (size_t i = 0; name != NULL && i < p->options; i++)
		if (strcmp(p->option[i].option->name, name) == 0) {
			ok = true;
			if (ret != NULL)
				*ret = p->option[i].value;
		}
	return ok;
}
