/*
 * Addresses and what they belong to, after IANA's registries of special-purpose addresses (RFC
 * 6890). Of IPv4 everything is public but what is listed. Of IPv6 nothing is but 2000::/3, and of
 * that what is listed is not. An address of IPv4 inside one of IPv6 is judged as itself.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "address.h"

struct block {
	const char *network;
	unsigned bits;
};

/* clang-format off */
static const struct block private4[] = {
	{ "0.0.0.0",         8 }, /* this network, this host */
	{ "10.0.0.0",        8 }, /* private */
	{ "100.64.0.0",     10 }, /* shared by a provider's customers; a cloud's metadata */
	{ "127.0.0.0",       8 }, /* loopback */
	{ "168.63.129.16",  32 }, /* a cloud's host, though of a public range */
	{ "169.254.0.0",    16 }, /* link-local; clouds' metadata */
	{ "172.16.0.0",     12 }, /* private */
	{ "192.0.0.0",      24 }, /* protocols; a cloud's metadata */
	{ "192.0.2.0",      24 }, /* documentation */
	{ "192.88.99.0",    24 }, /* relays of 6to4 */
	{ "192.168.0.0",    16 }, /* private */
	{ "198.18.0.0",     15 }, /* benchmarks */
	{ "198.51.100.0",   24 }, /* documentation */
	{ "203.0.113.0",    24 }, /* documentation */
	{ "224.0.0.0",       4 }, /* multicast */
	{ "240.0.0.0",       4 }, /* reserved; broadcast */
};

/* Of 2000::/3. */
static const struct block private6[] = {
	{ "2001::",         23 }, /* protocols: Teredo, benchmarks, hashes */
	{ "2001:db8::",     32 }, /* documentation */
	{ "2002::",         16 }, /* 6to4, which holds any address of IPv4 */
	{ "3fff::",         20 }, /* documentation */
};

/* An address of IPv4 is in the last four bytes. */
static const struct block holders[] = {
	{ "::ffff:0:0",     96 }, /* mapped */
	{ "::ffff:0:0:0",   96 }, /* translated, RFC 2765 */
	{ "64:ff9b::",      96 }, /* translated, RFC 6052 */
};
/* clang-format on */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static void
put4(struct address *a, const void *four)
{
	memcpy(a->b, mapped, sizeof mapped);
	memcpy(a->b + sizeof mapped, four, 4);
}

bool
address_of(const struct sockaddr *from, socklen_t n, struct address *ret)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (n >= sizeof v4 && from->sa_family == AF_INET) {
		memcpy(&v4, from, sizeof v4);
		put4(ret, &v4.sin_addr);
		return true;
	}
	if (n >= sizeof v6 && from->sa_family == AF_INET6) {
		memcpy(&v6, from, sizeof v6);
		memcpy(ret->b, &v6.sin6_addr, sizeof ret->b);
		return true;
	}
	return false;
}

bool
address_parse(struct str text, struct address *ret)
{
	char copy[INET6_ADDRSTRLEN + 1];
	struct in_addr v4;
	struct address a;

	if (text.n >= sizeof copy || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, &v4) == 1)
		put4(&a, &v4);
	else if (inet_pton(AF_INET6, copy, a.b) != 1)
		return false;
	*ret = a;
	return true;
}

/* The first `bits` bits are the same. */
static bool
is_in(const struct address *a, const struct address *network, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a->b, network->b, whole) != 0)
		return false;
	return rest == 0 || (a->b[whole] ^ network->b[whole]) >> (8 - rest) == 0;
}

static bool
is_in_any(const struct address *a, const struct block blocks[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool v4 = strchr(blocks[i].network, ':') == NULL;
		struct address network;

		if (address_parse(str_of(blocks[i].network), &network) &&
		    is_in(a, &network, blocks[i].bits + (v4 ? 96 : 0)))
			return true;
	}
	return false;
}

/* What it is in the end: the address of IPv4 that it holds, or itself. */
static struct address
plain(const struct address *a)
{
	struct address inner;

	if (!is_in_any(a, holders, COUNT(holders)))
		return *a;
	put4(&inner, a->b + sizeof mapped);
	return inner;
}

bool
address_private(const struct address *given)
{
	struct address a = plain(given);

	if (memcmp(a.b, mapped, sizeof mapped) == 0)
		return is_in_any(&a, private4, COUNT(private4));
	return a.b[0] >> 5 != 1 || is_in_any(&a, private6, COUNT(private6));
}

/* ---- Networks ------------------------------------------------------------------------------ */

MUST static bool
network_parse(struct ctx *c, struct str word, struct network *ret)
{
	struct str rest = word, text;
	struct network n;
	int64_t bits, max;
	bool whole = true;

	str_cut(&rest, '/', &text);
	if (!address_parse(text, &n.address))
		return fail(c, E_USAGE, "%.*s is no network such as 10.0.0.0/8 or fd00::/8",
		    (int)(word.n > 50 ? 50 : word.n), word.p);
	max = memchr(text.p, ':', text.n) == NULL ? 32 : 128;
	bits = max;
	if (text.n < word.n && !str_number(rest, 0, max, &bits))
		return fail(c, E_USAGE, "%.*s: the length of a network is 0 to %lld",
		    (int)(word.n > 50 ? 50 : word.n), word.p, (long long)max);
	n.bits = (unsigned)(bits + 128 - max);
	for (unsigned i = n.bits; i < 128; i++)
		whole = whole && (n.address.b[i / 8] >> (7 - i % 8) & 1) == 0;
	if (!whole)
		return fail(c, E_USAGE, "%.*s names an address inside of its network",
		    (int)(word.n > 50 ? 50 : word.n), word.p);
	*ret = n;
	return true;
}

bool
networks_parse(struct ctx *c, struct str text, struct networks *ret)
{
	struct networks all = { .n = 0 };

	while (text.n > 0) {
		size_t n = 0;

		while (n < text.n && text.p[n] != ',' && text.p[n] != ' ')
			n++;
		if (n > 0 && all.n == NETWORKS_MAX)
			return fail(c, E_USAGE, "more than %d networks", NETWORKS_MAX);
		if (n > 0 && !network_parse(c, (struct str){ text.p, n }, &all.v[all.n++]))
			return false;
		n += n < text.n;
		text = (struct str){ text.p + n, text.n - n };
	}
	*ret = all;
	return true;
}

bool
address_listed(const struct address *given, const struct networks *networks)
{
	struct address a = plain(given);

	for (size_t i = 0; i < networks->n; i++)
		if (is_in(&a, &networks->v[i].address, networks->v[i].bits))
			return true;
	return false;
}

bool
address_allowed(const struct address *given, const struct networks *allowed)
{
	return !address_private(given) || address_listed(given, allowed);
}
