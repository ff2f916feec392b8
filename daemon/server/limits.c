/*
 * Limits: token buckets in a table of fixed size, so that no number of callers makes it grow. A
 * bucket is found by a keyed hash of who it is for; among four neighbours the one that was
 * asked longest ago gives way to a newcomer.
 */
#include <arpa/inet.h>
#include <pthread.h>

#include "server.h"

enum { SETS = 1 << 14, WAYS = 4 };

struct bucket {
	uint64_t who; /* 0: empty */
	int64_t at;   /* milliseconds, monotonic */
	double left;
};

/* The lock beside what it locks: one line of memory to fetch. */
struct set {
	pthread_mutex_t lock;
	struct bucket way[WAYS];
};

struct limits {
	uint64_t key[2];
	struct {
		_Atomic double rate, burst;
	} of[LIMIT_KINDS];
	struct set set[SETS];
};

static uint64_t
rotated(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[0] = rotated(v[0], 32);
	v[2] += v[3];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[2] = rotated(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012): nobody outside can choose who shares a set. */
static uint64_t
keyed_hash(const uint64_t key[2], uint64_t first, struct str s)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	uint64_t m = first;
	size_t at = 0;

	for (;;) {
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
		if (at > s.n)
			break;
		m = at + 8 > s.n ? (uint64_t)s.n << 56 : 0;
		for (size_t i = 0; i < 8 && at + i < s.n; i++)
			m ^= (uint64_t)(uint8_t)s.p[at + i] << (8 * i);
		at += 8;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	m = v[0] ^ v[1] ^ v[2] ^ v[3];
	return m == 0 ? 1 : m;
}

/*
 * Whoever has one IPv6 address has 2^64 of them, which count as one; IPv4 addresses in the form of
 * IPv6 count one by one.
 */
static uint64_t
hash_of(const struct limits *l, enum limit_kind kind, struct str who)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (kind <= LIMIT_CUSTOMER || who.n >= sizeof text || memchr(who.p, ':', who.n) == NULL)
		return keyed_hash(l->key, kind, who);
	memcpy(text, who.p, who.n);
	text[who.n] = '\0';
	if (inet_pton(AF_INET6, text, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
		return keyed_hash(l->key, kind, who);
	return keyed_hash(l->key, kind, (struct str){ (const char *)a.s6_addr, 8 });
}

static double
lesser(int64_t a, int64_t b)
{
	return (double)(a < b ? a : b);
}

void
limits_set(struct limits *l, const struct conf *conf)
{
	l->of[LIMIT_TOKEN].rate = (double)conf->token_rate;
	l->of[LIMIT_TOKEN].burst = (double)conf->token_burst;
	l->of[LIMIT_CUSTOMER].rate = lesser(conf->token_rate, conf->customer_rate);
	l->of[LIMIT_CUSTOMER].burst = lesser(conf->token_burst, conf->customer_burst);
	l->of[LIMIT_ADDRESS].rate = (double)conf->address_rate;
	l->of[LIMIT_ADDRESS].burst = (double)conf->address_burst;
	l->of[LIMIT_FAILURE].rate = (double)conf->failure_rate;
	l->of[LIMIT_FAILURE].burst = (double)conf->failure_burst;
}

bool
limits_start(struct ctx *c, const struct conf *conf, struct limits **ret)
{
	struct limits *l = calloc(1, sizeof *l);

	if (l == NULL)
		return fail(c, E_MEMORY, "no memory for limits");
	c->random(l->key, sizeof l->key);
	limits_set(l, conf);
	for (size_t i = 0; i < SETS; i++)
		pthread_mutex_init(&l->set[i].lock, NULL);
	*ret = l;
	return true;
}

void
limits_stop(struct limits **l)
{
	free(*l);
	*l = NULL;
}

static double
level(const struct limits *l, enum limit_kind kind, const struct bucket *b, int64_t now)
{
	double left = b->left + (double)(now - b->at) * l->of[kind].rate / 1000;

	return left < l->of[kind].burst ? left : l->of[kind].burst;
}

/* The caller's bucket, or the place where it may begin; its lock is held. */
static struct bucket *
find(struct limits *l, struct bucket *set, enum limit_kind kind, uint64_t who, int64_t now)
{
	struct bucket *least = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].who == who)
			return &set[i];
		if (set[i].who == 0 || set[i].at < least->at)
			least = &set[i];
	}
	*least = (struct bucket){ who, now, l->of[kind].burst };
	return least;
}

static bool
ask(struct ctx *c, struct limits *l, enum limit_kind kind, struct str who, double take_away,
    int64_t *ret_wait)
{
	uint64_t h = hash_of(l, kind, who);
	struct set *set = &l->set[h % SETS];
	int64_t now = clock_monotonic();
	double left, rate = l->of[kind].rate;
	struct bucket *b;

	if (rate <= 0)
		return true;
	pthread_mutex_lock(&set->lock);
	b = find(l, set->way, kind, h, now);
	left = level(l, kind, b, now);
	if (left >= 1) {
		b->left = left - take_away;
		b->at = now;
	}
	pthread_mutex_unlock(&set->lock);
	if (left >= 1)
		return true;
	*ret_wait = (int64_t)((1 - left) / rate) + 1;
	return fail(c, E_RATE, "too many requests; wait %lld s", (long long)*ret_wait);
}

bool
limit_take(
    struct ctx *c, struct limits *l, enum limit_kind kind, struct str who, int64_t *ret_wait)
{
	return ask(c, l, kind, who, 1, ret_wait);
}

bool
limit_look(
    struct ctx *c, struct limits *l, enum limit_kind kind, struct str who, int64_t *ret_wait)
{
	return ask(c, l, kind, who, 0, ret_wait);
}
