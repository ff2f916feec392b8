/*
 * One line of a transcript: the picture's name, and one label or the scores of all classes. Of
 * scores only the highest are kept, as they come.
 */
#include <math.h>
#include <strings.h>

#include "transcript.h"

enum { NUMBER_MAX = 64, SCORES_MAX = 1 << 16 };

/* ---- Names and numbers ------------------------------------------------------------------- */

/* Untrusted text, for a sentence. */
struct quote {
	char s[48];
};
static struct quote
quote(struct str s)
{
	struct quote q = { { 0 } };
	struct buf b = { q.s, 0, sizeof q.s - 1, false };

	text_escape(&b, (struct str){ s.p, s.n < 10 ? s.n : 10 });
	return q;
}

/* 00001.png, whatever folder it was shown from. */
static bool
name_number(struct str s, int32_t *ret)
{
	int32_t number = 0;

	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/' || s.p[i - 1] == '\\') {
			s = (struct str){ s.p + i, s.n - i };
			break;
		}
	if (s.n != 9 || !str_same((struct str){ s.p + 5, 4 }, STR(".png")))
		return false;
	for (int i = 0; i < 5; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		number = 10 * number + (s.p[i] - '0');
	}
	*ret = number;
	return true;
}

bool
row_begin(struct ctx *c, const struct reading *r, struct str name, struct row *ret)
{
	int32_t number;

	if (!name_number(name, &number))
		return fail(c, E_INPUT,
		    "line %lld begins with '%s', and a line begins with a picture's name, such "
		    "as 00001.png",
		    (long long)r->line, quote(name).s);
	if (number < 1 || number > r->of->n)
		return fail(c, E_INPUT,
		    "line %lld answers %05d.png, and the challenge has %d pictures: is it for "
		    "another one?",
		    (long long)r->line, number, r->of->n);
	if (r->seen[number - 1])
		return fail(c, E_INPUT,
		    "line %lld answers %05d.png a second time: leave one answer to each",
		    (long long)r->line, number);
	*ret = (struct row){ .place = number - 1 };
	return true;
}

/* A word that stands for an answer that there is not. */
static bool
is_nothing(struct str s)
{
	static const char *const words[] = { "", "nan", "inf", "infinity", "null", "none",
		"refused" };

	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		s = (struct str){ s.p + 1, s.n - 1 };
	for (size_t i = 0; i < COUNT(words); i++)
		if (s.n == strlen(words[i]) && strncasecmp(s.p, words[i], s.n) == 0)
			return true;
	return false;
}

/* A decimal number; NAN for a word of nothing. */
static bool
number_of(struct str s, double *ret)
{
	char text[NUMBER_MAX], *end;

	if (is_nothing(s)) {
		*ret = NAN;
		return true;
	}
	if (s.n >= sizeof text)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr("0123456789+-.eE", s.p[i]) == NULL)
			return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*ret = strtod(text, &end);
	if (!isfinite(*ret))
		*ret = NAN;
	return *end == '\0';
}

static void
row_add(struct row *r, double v, int32_t ordinary)
{
	if (r->n == 0)
		r->first = v;
	r->none = r->none || isnan(v);
	r->some = r->some || !isnan(v);
	if (r->n == 0 || v > r->best) {
		r->best = v;
		r->highest.answer = (int32_t)r->n;
	}
	if (r->n == 0 || (r->n < ordinary && v > r->best_ordinary)) {
		r->best_ordinary = v;
		r->highest.ordinary = (int32_t)r->n;
	}
	r->n++;
}

bool
row_number(struct ctx *c, const struct reading *r, struct str text, struct row *row)
{
	double v = 0;

	if (row->n == SCORES_MAX)
		return fail(c, E_INPUT, "line %lld has more than %d scores", (long long)r->line,
		    SCORES_MAX);
	if (!number_of(text, &v))
		return fail(c, E_INPUT,
		    "line %lld has '%s', and a label or a score is a number: leave the field "
		    "empty where there was no answer",
		    (long long)r->line, quote(text).s);
	row_add(row, v, r->ordinary);
	return true;
}

/* ---- A line's answer --------------------------------------------------------------------- */

MUST static bool
one_form(struct ctx *c, struct reading *r, enum transcript_form form, int64_t scores)
{
	if (r->form == FORM_OPEN) {
		r->form = form;
		r->scores = scores;
	}
	if (r->form == form && r->scores == scores)
		return true;
	return fail(c, E_INPUT,
	    "line %lld has %lld scores, lines before it %lld (0: a label): all lines are of one "
	    "form",
	    (long long)r->line, (long long)scores, (long long)r->scores);
}

bool
row_label(struct ctx *c, struct reading *r, const struct row *row)
{
	struct verify_answer *said = &r->said[row->place];
	double v = row->first;

	if (!row->some)
		return true;
	if (!one_form(c, r, FORM_LABEL, 0))
		return false;
	if (floor(v) < v)
		return fail(c, E_INPUT,
		    "line %lld has the label %g, and labels are whole numbers from 0 on",
		    (long long)r->line, v);
	if (v < 0 || v > r->ordinary)
		return true;
	said->answer = (int32_t)v;
	if (said->answer < r->ordinary)
		said->ordinary = said->answer;
	else
		r->widened = true;
	return true;
}

bool
row_scores(struct ctx *c, struct reading *r, const struct row *row)
{
	if (!row->some)
		return true;
	if (!one_form(c, r, FORM_SCORES, row->n))
		return false;
	if (row->n < r->ordinary)
		return fail(c, E_INPUT,
		    "line %lld has %lld scores, and the model tells %d classes apart: give the "
		    "scores of all, or labels alone",
		    (long long)r->line, (long long)row->n, r->ordinary);
	r->widened = row->n > r->ordinary;
	if (!row->none)
		r->said[row->place] = row->highest;
	return true;
}
