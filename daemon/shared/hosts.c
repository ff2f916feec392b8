/*
 * The list of hosts that may be asked. A word with a colon or a slash in it, or whose last label is
 * a number, is a network; any other is a name, and has to be one that a URL can have.
 */
#include <stdio.h>
#include <strings.h>

#include "hosts.h"

enum { NAME_ROOM = 300, SHOWN = 50 };

static bool
is_network(struct str word)
{
	struct str rest = word, label = { "", 0 };

	if (memchr(word.p, ':', word.n) != NULL || memchr(word.p, '/', word.n) != NULL)
		return true;
	while (rest.n > 0)
		(void)str_cut(&rest, '.', &label);
	for (size_t i = 0; i < label.n; i++)
		if (label.p[i] < '0' || label.p[i] > '9')
			return false;
	return true;
}

/* As it stands in a URL, nothing before it and nothing behind it. */
MUST static bool
name_add(struct ctx *c, struct str word, struct hosts *h)
{
	char room[NAME_ROOM];
	struct buf url = BUF(room);
	struct target t;

	buf_put(&url, STR("https://"));
	buf_put(&url, word);
	if (url.full || !target_parse(c, buf_str(&url), false, &t) || t.literal ||
	    t.host.n != word.n || h->n == HOSTS_MAX)
		return fail(c, E_USAGE, "%.*s is no host's name, or one too many (%d)",
		    (int)(word.n > SHOWN ? SHOWN : word.n), word.p, HOSTS_MAX);
	h->name[h->n++] = word;
	return true;
}

MUST static bool
network_add(struct ctx *c, struct str word, struct hosts *h)
{
	struct networks one;

	if (!networks_parse(c, word, &one))
		return false;
	if (h->networks.n == NETWORKS_MAX)
		return fail(c, E_USAGE, "more than %d networks", NETWORKS_MAX);
	h->networks.v[h->networks.n++] = one.v[0];
	return true;
}

bool
hosts_parse(struct ctx *c, struct str text, struct hosts *ret)
{
	struct hosts h = { .n = 0 };

	while (text.n > 0) {
		struct str word;
		size_t n = 0;

		while (n < text.n && text.p[n] != ',' && text.p[n] != ' ')
			n++;
		word = (struct str){ text.p, n };
		if (n > 0 &&
		    !(is_network(word) ? network_add(c, word, &h) : name_add(c, word, &h)))
			return false;
		n += n < text.n;
		text = (struct str){ text.p + n, text.n - n };
	}
	*ret = h;
	return true;
}

bool
hosts_empty(const struct hosts *h)
{
	return h->n == 0 && h->networks.n == 0;
}

/* The dot at the end of a name says that it is whole, which it is here in any case. */
static struct str
undotted(struct str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

static bool
is_named(const struct hosts *h, struct str host)
{
	host = undotted(host);
	for (size_t i = 0; i < h->n; i++) {
		struct str name = undotted(h->name[i]);

		if (name.n == host.n && strncasecmp(name.p, host.p, host.n) == 0)
			return true;
	}
	return false;
}

bool
hosts_check(struct ctx *c, struct str url, const struct hosts *h, struct target *ret)
{
	struct target t;

	if (!target_parse(c, url, true, &t))
		return false;
	if (t.plain)
		return fail_at(c, E_INPUT, "/url",
		    "a service is asked by https:// alone: its answers are evidence");
	if (t.literal ? !address_listed(&t.address, &h->networks) : !is_named(h, t.host))
		return fail_at(c, E_INPUT, "/url",
		    "the service's host, %.*s, may not be asked: `suspects-allow` in the server's "
		    "configuration does not list it",
		    (int)(t.host.n > SHOWN ? SHOWN : t.host.n), t.host.p);
	*ret = t;
	return true;
}
