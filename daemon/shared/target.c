/*
 * A target's URL. Programs differ in how they read odd ones: a backslash, a user's name, 0x7f.1 or
 * 2130706433 in the place of 127.0.0.1. None of these is a target here. A name whose last label
 * is a number is an address to some (WHATWG URL, "ends in a number"), so it has to be one.
 */
#include "target.h"

#define AT "/url"
#define HOST_MAX 253
#define LABEL_MAX 63

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
	    c == '_';
}

/* 12, 0x1f, 0X: what some would take for a number. */
static bool
is_numeric(struct str label)
{
	bool hex = label.n >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x', all = true;

	for (size_t i = 0; i < label.n; i++)
		all = all && is_digit(label.p[i]);
	return all || hex;
}

MUST static bool
name_check(struct ctx *c, struct str host)
{
	struct str rest = host, label = { "", 0 };

	if (host.n == 0 || host.n > HOST_MAX)
		return fail_at(c, E_INPUT, AT, "the URL names no host");
	if (rest.p[rest.n - 1] == '.')
		rest.n--;
	do {
		(void)str_cut(&rest, '.', &label);
		if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-')
			return fail_at(c, E_INPUT, AT, "the URL's host is no name");
		for (size_t i = 0; i < label.n; i++)
			if (!is_name_char(label.p[i]))
				return fail_at(c, E_INPUT, AT, "the URL's host is no name");
	} while (rest.n > 0);
	if (is_numeric(label))
		return fail_at(c, E_INPUT, AT,
		    "an address in a URL is written with four decimal numbers: 192.0.2.1");
	return true;
}

/* Cuts the host off the front of `*rest`; what remains is empty or begins with ':'. */
MUST static bool
host_take(struct ctx *c, struct str *rest, struct target *t)
{
	size_t n = 0;

	if (rest->n > 0 && rest->p[0] == '[') {
		const char *end = memchr(rest->p, ']', rest->n);

		n = end == NULL ? 0 : (size_t)(end - rest->p);
		t->host = (struct str){ rest->p + 1, n == 0 ? 0 : n - 1 };
		t->literal = memchr(t->host.p, ':', t->host.n) != NULL &&
		    address_parse(t->host, &t->address);
		if (!t->literal)
			return fail_at(c, E_INPUT, AT, "the URL's host is no IPv6 address");
		n++;
	} else {
		while (n < rest->n && rest->p[n] != ':')
			n++;
		t->host = (struct str){ rest->p, n };
		t->literal = address_parse(t->host, &t->address);
		if (!t->literal && !name_check(c, t->host))
			return false;
	}
	*rest = (struct str){ rest->p + n, rest->n - n };
	return true;
}

MUST static bool
port_take(struct ctx *c, struct str rest, struct target *t)
{
	t->port = t->plain ? 80 : 443;
	if (rest.n == 0)
		return true;
	if (rest.p[0] != ':' ||
	    !str_number((struct str){ rest.p + 1, rest.n - 1 }, 1, 65535, &t->port))
		return fail_at(c, E_INPUT, AT, "the URL's port is 1 to 65535");
	return true;
}

MUST static bool
scheme_take(struct ctx *c, struct str *rest, bool plain, bool *ret)
{
	struct str https = STR("https://"), http = STR("http://");

	*ret = str_starts(*rest, http);
	if (!*ret && !str_starts(*rest, https))
		return fail_at(c, E_INPUT, AT, "a URL begins with https:// here");
	if (*ret && !plain)
		return fail_at(c, E_INPUT, AT,
		    "a webhook's URL begins with https://; plain http is allowed by "
		    "`webhook-plain = 1` in the server's configuration alone");
	https = *ret ? http : https;
	*rest = (struct str){ rest->p + https.n, rest->n - https.n };
	return true;
}

bool
target_parse(struct ctx *c, struct str url, bool plain, struct target *ret)
{
	struct target t = { .plain = false };
	struct str rest = url, place;
	size_t n = 0;

	if (url.n == 0 || url.n > TARGET_MAX)
		return fail_at(c, E_INPUT, AT, "a URL has at most %d bytes", TARGET_MAX);
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' ||
		    memchr("\\\"<>^`{|}#", url.p[i], 10) != NULL)
			return fail_at(c, E_INPUT, AT,
			    "a URL has no blanks, no fragment and nothing that wants %%-encoding");
	if (!scheme_take(c, &rest, plain, &t.plain))
		return false;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	place = (struct str){ rest.p, n };
	t.path = (struct str){ rest.p + n, rest.n - n };
	if (memchr(place.p, '@', place.n) != NULL)
		return fail_at(
		    c, E_INPUT, AT, "a URL holds no user and no password: leave them out");
	if (!host_take(c, &place, &t) || !port_take(c, place, &t))
		return false;
	*ret = t;
	return true;
}

bool
target_check(struct ctx *c, struct str url, bool plain, const struct networks *allowed)
{
	struct target t;

	if (!target_parse(c, url, plain, &t))
		return false;
	if (t.literal && !address_allowed(&t.address, allowed))
		return fail_at(c, E_INPUT, AT,
		    "the URL's address is not one of the public internet; `webhook-networks` in "
		    "the server's configuration can allow its network");
	return true;
}
