/*
 * Manual pages in the man(7) macros, and completion for bash. Both walk the same table as the
 * parser, so a command that exists is documented and completed.
 */
#include "manual.h"

/* ---- Manual pages --------------------------------------------------------------------------- */

/* Text for roff: its own characters escaped, a line that begins with a dot or quote protected. */
static void
roff(struct buf *out, struct str s)
{
	bool fresh = out->n == 0 || out->p[out->n - 1] == '\n';

	for (size_t i = 0; i < s.n; i++) {
		if (fresh && (s.p[i] == '.' || s.p[i] == '\''))
			buf_put(out, STR("\\&"));
		if (s.p[i] == '\\')
			buf_put(out, STR("\\e"));
		else if (s.p[i] == '-')
			buf_put(out, STR("\\-"));
		else if (s.p[i] == '~')
			buf_put(out, STR("\\(ti"));
		else if (s.p[i] == '\'')
			buf_put(out, STR("\\(aq"));
		else
			buf_char(out, s.p[i]);
		fresh = s.p[i] == '\n';
	}
}

/* A grammar: words bold, what is to be replaced in italics. */
static void
grammar_roff(struct buf *out, const char *grammar)
{

	buf_put(out, STR("\\fB"));
	for (const char *p = grammar; *p != '\0'; p++) {
		if (*p == '<')
			buf_put(out, STR("\\fI"));
		else if (*p == '>')
			buf_put(out, STR("\\fB"));
		else if (*p == '[' || *p == ']')
			buf_printf(out, "\\fR%c\\fB", *p);
		else if (str_starts(str_of(p), STR("...")))
			buf_put(out, STR("\\fR...\\fB")), p += 2;
		else
			roff(out, (struct str){ p, 1 });
	}
	buf_put(out, STR("\\fR\n"));
}

static void
options_roff(const struct program *p, const char *grammar, struct buf *out)
{
	struct shape s;

	grammar_shape(grammar, &s);
	for (size_t i = 0; i < s.options; i++) {
		const struct option *o = option_named(p, s.option[i].name);

		if (o == NULL)
			abort(); /* a test walks the tables */
		buf_put(out, STR(".TP\n\\fB"));
		if (o->brief != 0)
			buf_printf(out, "\\-%c\\fR, \\fB", o->brief);
		roff(out, s.option[i].name);
		buf_put(out, STR("\\fR"));
		if (s.option[i].type != NULL)
			buf_printf(out, " \\fI%s\\fR", s.option[i].type->name);
		buf_char(out, '\n');
		roff(out, str_of(o->help));
		buf_char(out, '\n');
	}
}

static void
command_roff(const struct program *p, const struct command *command, struct buf *out)
{
	buf_put(out, STR(".SS \""));
	grammar_roff(out, command->grammar);
	out->n--; /* the heading's quote comes before the end of the line */
	buf_put(out, STR("\"\n"));
	roff(out, str_of(command->help));
	buf_put(out, STR(".\n"));
	if (command->more != NULL) {
		roff(out, str_of(command->more));
		buf_char(out, '\n');
	}
	if ((command->flags & COMMAND_DESTRUCTIVE) != 0) {
		roff(out, STR("Asks before it acts, unless --yes is given."));
		buf_char(out, '\n');
	}
	options_roff(p, command->grammar, out);
}

static void
kinds_roff(const struct program *p, struct buf *out)
{
	buf_put(out, STR(".SH WORDS\n"));
	for (size_t i = 0; i < placeholders_n; i++) {
		bool used = false;

		for (size_t k = 0; k <= p->commands; k++) {
			const char *g = k < p->commands ? p->command[k].grammar : p->globals;
			struct shape s;

			grammar_shape(g, &s);
			for (size_t a = 0; a < s.args + s.options; a++)
				used = used ||
				    (a < s.args ? s.arg[a] : s.option[a - s.args]).type ==
					&placeholders[i];
		}
		if (!used)
			continue;
		buf_printf(out, ".TP\n\\fI%s\\fR\n", placeholders[i].name);
		roff(out, str_of(placeholders[i].help));
		buf_char(out, '\n');
	}
}

static void
notes_roff(const char *const *note, struct buf *out)
{
	struct str rest, line;

	buf_printf(out, ".SH %s\n", note[0]);
	rest = str_of(note[1]);
	for (bool first = true; rest.n > 0; first = false) {
		(void)str_cut(&rest, '\n', &line);
		buf_put(out, first ? STR("") : STR(".br\n"));
		roff(out, line);
		buf_char(out, '\n');
	}
}

void
manual_page(const struct program *p, struct buf *out)
{
	buf_put(out, STR(".TH \""));
	for (const char *n = p->name; *n != '\0'; n++)
		buf_char(out, *n >= 'a' && *n <= 'z' ? (char)(*n - 'a' + 'A') : *n);
	buf_printf(
	    out, "\" \"%d\" \"\" \"Hallmark %s\" \"Hallmark\"\n", p->section, HALLMARK_VERSION);
	buf_printf(out, ".nh\n.ad l\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n\\fB%s\\fR ", p->name,
	    p->about, p->name);
	grammar_roff(out, p->globals);
	if (p->commands > 0)
		buf_put(out, STR("\\fIcommand\\fR\n"));
	notes_roff(p->notes, out);
	if (p->commands > 0)
		buf_put(out, STR(".SH COMMANDS\n"));
	for (size_t i = 0; i < p->commands; i++)
		command_roff(p, &p->command[i], out);
	buf_put(out, STR(".SH OPTIONS\n"));
	options_roff(p, p->globals, out);
	kinds_roff(p, out);
	for (const char *const *note = p->notes + 2; note[0] != NULL; note += 2)
		notes_roff(note, out);
}

/* ---- Completion ----------------------------------------------------------------------------- */

static void
option_words(const struct shape *s, struct buf *out)
{
	for (size_t i = 0; i < s->options; i++)
		buf_printf(out, " %.*s", STRF(s->option[i].name));
}

/* The kind of an option's value; NULL for a flag. */
static const struct placeholder *
value_type(const struct program *p, const char *name)
{
	struct shape s;

	for (size_t k = 0; k <= p->commands; k++) {
		grammar_shape(k < p->commands ? p->command[k].grammar : p->globals, &s);
		for (size_t a = 0; a < s.options; a++)
			if (str_same(s.option[a].name, str_of(name)))
				return s.option[a].type;
	}
	return NULL;
}

/* Cases of what may follow an option: files, words, or whatever the user likes. */
static void
values_bash(const struct program *p, struct buf *out)
{
	for (size_t i = 0; i < p->options; i++) {
		const struct placeholder *type = value_type(p, p->option[i].name);

		if (type == NULL)
			continue;
		buf_printf(out, "\t%s) ", p->option[i].name);
		if (type->want == WANT_FILE)
			buf_put(out, STR("mapfile -t COMPREPLY < <(compgen -f -- \"$word\")"));
		else if (type->want != WANT_WORD)
			buf_put(out, STR("COMPREPLY=()"));
		else
			buf_printf(out, "_%s_offer", p->name);
		for (size_t w = 0; type->want == WANT_WORD && type->words[w] != NULL; w++)
			buf_printf(out, " %s", type->words[w]);
		buf_put(out, STR("; return ;;\n"));
	}
}

/* The options with values, as a pattern: what follows one is no word of the command. */
static void
valued_bash(const struct program *p, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < p->options; i++)
		if (value_type(p, p->option[i].name) != NULL) {
			buf_printf(out, "%s%s", first ? "" : " | ", p->option[i].name);
			first = false;
		}
}

/* Cases of the words so far: the next words of every command that begins so, or its options. */
static void
words_bash(const struct program *p, struct buf *out)
{
	for (size_t i = 0; i < p->commands; i++) {
		struct shape s;

		grammar_shape(p->command[i].grammar, &s);
		buf_printf(out, "\t\"%.*s\" | \"%.*s \"*) _%s_offer", STRF(s.words),
		    STRF(s.words), p->name);
		option_words(&s, out);
		buf_put(out, STR(" \"$globals\""));
		for (size_t a = 0; a < s.args; a++)
			if (s.arg[a].type->want == WANT_WORD)
				for (size_t w = 0; s.arg[a].type->words[w] != NULL; w++)
					buf_printf(out, " %s", s.arg[a].type->words[w]);
		for (size_t a = 0; a < s.args; a++)
			if (s.arg[a].type->want == WANT_FILE)
				buf_put(out, STR(" \"$(compgen -f -- \"$word\")\""));
		buf_put(out, STR(" ;;\n"));
	}
}

/* Whether a command before this one begins with the same word. */
static bool
begun_before(const struct program *p, size_t i)
{
	struct shape s;
	struct str word, other;

	grammar_shape(p->command[i].grammar, &s);
	(void)str_cut(&s.words, ' ', &word);
	for (size_t k = 0; k < i; k++) {
		grammar_shape(p->command[k].grammar, &s);
		(void)str_cut(&s.words, ' ', &other);
		if (str_same(word, other))
			return true;
	}
	return false;
}

/* "token" offers create, list and revoke: every first word that has a second. */
static void
nouns_bash(const struct program *p, struct buf *out)
{
	for (size_t i = 0; i < p->commands; i++) {
		struct shape s;
		struct str noun, verb;

		grammar_shape(p->command[i].grammar, &s);
		if (!str_cut(&s.words, ' ', &noun) || begun_before(p, i))
			continue;
		buf_printf(out, "\t\"%.*s\") _%s_offer", STRF(noun), p->name);
		for (size_t k = i; k < p->commands; k++) {
			grammar_shape(p->command[k].grammar, &s);
			if (str_cut(&s.words, ' ', &verb) && str_same(verb, noun))
				buf_printf(out, " %.*s", STRF(s.words));
		}
		buf_put(out, STR(" ;;\n"));
	}
}

/* The words of the line so far, without options and their values. */
static void
line_bash(const struct program *p, struct buf *out)
{
	buf_put(out,
	    STR("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tcase ${COMP_WORDS[i]} in\n\t\t"));
	valued_bash(p, out);
	buf_put(out,
	    STR(") ((i++)) ;;\n"
		"\t\t-*) ;;\n"
		"\t\t*) line+=${line:+ }${COMP_WORDS[i]} ;;\n"
		"\t\tesac\n\tdone\n"));
}

void
completion_bash(const struct program *p, struct buf *out)
{
	struct shape s;
	struct str first;

	grammar_shape(p->globals, &s);
	buf_printf(out,
	    "# bash completion for %s, written by `%s --completion bash`\n"
	    "_%s_offer() {\n\tmapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$word\")\n}\n\n"
	    "_%s() {\n\tlocal word=$2 previous=$3 line='' i globals=\"",
	    p->name, p->name, p->name, p->name);
	option_words(&s, out);
	buf_put(out, STR("\"\n\n"));
	line_bash(p, out);
	buf_put(out, STR("\tcase $previous in\n"));
	values_bash(p, out);
	buf_put(out, STR("\tesac\n\tcase $line in\n"));
	nouns_bash(p, out);
	words_bash(p, out);
	buf_printf(out, "\t*) _%s_offer \"$globals\"", p->name);
	for (size_t i = 0; i < p->commands; i++) {
		grammar_shape(p->command[i].grammar, &s);
		(void)str_cut(&s.words, ' ', &first);
		if (!begun_before(p, i))
			buf_printf(out, " %.*s", STRF(first));
	}
	buf_printf(out, " ;;\n\tesac\n}\ncomplete -o filenames -F _%s %s\n", p->name, p->name);
}
