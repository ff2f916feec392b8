/*
 * Which addresses are private, which URLs are targets, what couriers are told, how messages are
 * signed and when they are tried again.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "hooks.h"
#include "hosts.h"
#include "test.h"

/* ---- Addresses ------------------------------------------------------------------------------ */

/* The first and last of each block, and its neighbours. */
/* clang-format off */
static const struct {
	const char *text;
	bool private;
} addresses[] = {
	{ "0.0.0.0", true }, { "0.255.255.255", true }, { "1.0.0.0", false },
	{ "9.255.255.255", false }, { "10.0.0.0", true }, { "10.255.255.255", true }, { "11.0.0.0", false },
	{ "100.63.255.255", false }, { "100.64.0.0", true }, { "100.100.100.200", true },
	{ "100.127.255.255", true }, { "100.128.0.0", false },
	{ "126.255.255.255", false }, { "127.0.0.0", true }, { "127.255.255.255", true }, { "128.0.0.0", false },
	{ "168.63.129.15", false }, { "168.63.129.16", true }, { "168.63.129.17", false },
	{ "169.253.255.255", false }, { "169.254.0.0", true }, { "169.254.169.254", true },
	{ "169.254.255.255", true }, { "169.255.0.0", false },
	{ "172.15.255.255", false }, { "172.16.0.0", true }, { "172.31.255.255", true }, { "172.32.0.0", false },
	{ "191.255.255.255", false }, { "192.0.0.0", true }, { "192.0.0.192", true }, { "192.0.0.255", true },
	{ "192.0.1.0", false }, { "192.0.1.255", false }, { "192.0.2.0", true }, { "192.0.2.255", true },
	{ "192.0.3.0", false }, { "192.88.98.255", false }, { "192.88.99.0", true }, { "192.88.99.255", true },
	{ "192.88.100.0", false }, { "192.167.255.255", false }, { "192.168.0.0", true },
	{ "192.168.255.255", true }, { "192.169.0.0", false },
	{ "198.17.255.255", false }, { "198.18.0.0", true }, { "198.19.255.255", true }, { "198.20.0.0", false },
	{ "198.51.99.255", false }, { "198.51.100.0", true }, { "198.51.101.0", false },
	{ "203.0.112.255", false }, { "203.0.113.0", true }, { "203.0.114.0", false },
	{ "223.255.255.255", false }, { "224.0.0.0", true }, { "239.255.255.255", true },
	{ "240.0.0.0", true }, { "255.255.255.255", true },

	{ "::", true }, { "::1", true }, { "::2", true }, { "::8.8.8.8", true },
	{ "::ffff:8.8.8.8", false }, { "::ffff:10.0.0.1", true }, { "::ffff:7f00:1", true },
	{ "::ffff:0:8.8.8.8", false }, { "::ffff:0:10.0.0.1", true }, { "::fffe:8.8.8.8", true },
	{ "64:ff9b::8.8.8.8", false }, { "64:ff9b::169.254.169.254", true }, { "64:ff9b:1::8.8.8.8", true },
	{ "64:ff9b::1:808:808", true }, { "100::1", true }, { "1fff::1", true }, { "2000::1", false },
	{ "2000:ffff::", false }, { "2001::", true }, { "2001:1ff:ffff::", true }, { "2001:200::", false },
	{ "2001:db7:ffff::", false }, { "2001:db8::", true }, { "2001:db8:ffff:ffff::1", true },
	{ "2001:db9::", false }, { "2001:ffff::", false }, { "2002::", true }, { "2002:808:808::1", true },
	{ "2003::", false }, { "2606:4700::1111", false }, { "3ffe:ffff::", false }, { "3fff::", true },
	{ "3fff:fff:ffff::", true }, { "3fff:1000::", false }, { "4000::", true }, { "5f00::1", true },
	{ "fc00::", true }, { "fd00:ec2::254", true }, { "fe80::1", true }, { "fec0::1", true },
	{ "ff02::1", true }, { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
};
/* clang-format on */

START_TEST(addresses_are_judged)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct address a, same = { { 0 } };

	ck_assert(address_parse(str_of(addresses[_i].text), &a));
	ck_assert_msg(address_private(&a) == addresses[_i].private, "%s", addresses[_i].text);
	if (inet_pton(AF_INET, addresses[_i].text, &v4.sin_addr) == 1)
		ck_assert(address_of((const struct sockaddr *)(void *)&v4, sizeof v4, &same));
	else if (inet_pton(AF_INET6, addresses[_i].text, &v6.sin6_addr) == 1)
		ck_assert(address_of((const struct sockaddr *)(void *)&v6, sizeof v6, &same));
	ck_assert_mem_eq(a.b, same.b, sizeof a.b);
}
END_TEST

static const char *const no_addresses[] = { "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256",
	"01.2.3.4", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "::1%lo", "[::1]",
	":::", "1:2:3", "12345::", "1.2.3.4:80", "localhost", "::ffff:1.2.3", "2130706433",
	"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001" };

START_TEST(other_text_is_no_address)
{
	struct address a;

	if (address_parse(str_of(no_addresses[_i]), &a))
		ck_abort_msg("an address: %s", no_addresses[_i]);
}
END_TEST

START_TEST(other_families_are_no_addresses)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_UNIX };
	struct address a;

	ck_assert(!address_of((const struct sockaddr *)(void *)&v6, sizeof v6, &a));
	v6.sin6_family = AF_INET6;
	ck_assert(!address_of((const struct sockaddr *)(void *)&v6, 8, &a));
}
END_TEST

/* ---- Networks ------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *networks, *address;
	bool allowed;
} allowances[] = {
	{ "", "10.0.0.1", false }, { "", "8.8.8.8", true }, { "10.0.0.0/8", "10.9.9.9", true },
	{ "10.0.0.0/8", "11.0.0.1", true }, { "10.0.0.0/8", "192.168.0.1", false },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true }, { "10.0.0.0/8", "64:ff9b::10.0.0.1", true },
	{ "127.0.0.1", "127.0.0.1", true }, { "127.0.0.1", "127.0.0.2", false },
	{ "127.0.0.1", "::1", false }, { "::1", "::1", true }, { "::1", "127.0.0.1", false },
	{ "::1", "::", false }, { "fd00::/8", "fdff::1", true }, { "fd00::/8", "fc00::1", false },
	{ " 10.1.0.0/16 ,, fd00::/8 ", "10.1.2.3", true }, { "10.1.0.0/16, fd00::/8", "fd00::1", true },
	{ "10.1.0.0/16, fd00::/8", "10.2.0.1", false }, { "0.0.0.0/0", "127.0.0.1", true },
	{ "0.0.0.0/0", "::1", false }, { "::/0", "::1", true }, { "::/0", "127.0.0.1", true },
	{ "10.0.0.128/25", "10.0.0.127", false }, { "10.0.0.128/25", "10.0.0.128", true },
};
/* clang-format on */

START_TEST(networks_allow)
{
	struct ctx *c = test_ctx();
	struct networks n;
	struct address a;

	ck_ok(c, networks_parse(c, str_of(allowances[_i].networks), &n));
	ck_assert(address_parse(str_of(allowances[_i].address), &a));
	ck_assert_msg(address_allowed(&a, &n) == allowances[_i].allowed, "%s in %s",
	    allowances[_i].address, allowances[_i].networks);
}
END_TEST

static const char *const no_networks[] = { "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
	"10.0.0.0/08", "10.0.0.1/8", "::1/64", "::/129", "fd00::/8/8", "x", "10.0.0.0/8; ::1",
	"10.0.0.0/255.0.0.0" };

START_TEST(other_text_is_no_network)
{
	struct ctx *c = test_ctx();
	struct networks n = { .n = 7 };

	ck_fails(c, E_USAGE, networks_parse(c, str_of(no_networks[_i]), &n));
	ck_assert_uint_eq(n.n, 7);
}
END_TEST

START_TEST(networks_have_a_number)
{
	struct ctx *c = test_ctx();
	char text[(NETWORKS_MAX + 1) * 3];
	struct networks n;

	for (size_t i = 0; i <= NETWORKS_MAX; i++)
		memcpy(text + 3 * i, "::,", 3);
	ck_fails(c, E_USAGE, networks_parse(c, (struct str){ text, sizeof text }, &n));
	ck_ok(c, networks_parse(c, (struct str){ text, sizeof text - 3 }, &n));
	ck_assert_uint_eq(n.n, NETWORKS_MAX);
}
END_TEST

/* ---- Targets -------------------------------------------------------------------------------- */

static const struct {
	const char *url, *host, *path;
	int64_t port;
	bool literal;
} targets[] = {
	{ "https://example.com", "example.com", "", 443, false },
	{ "https://example.com/", "example.com", "/", 443, false },
	{ "https://example.com?a=b", "example.com", "?a=b", 443, false },
	{ "https://Example.COM.:8443/a/b?c=d:e@f", "Example.COM.", "/a/b?c=d:e@f", 8443,
	    false },
	{ "https://a_b.x1-2.example/", "a_b.x1-2.example", "/", 443, false },
	{ "https://8.8.8.8:1/x", "8.8.8.8", "/x", 1, true },
	{ "https://[2606:4700::1111]:65535/", "2606:4700::1111", "/", 65535, true },
	{ "https://localhost", "localhost", "", 443, false },
	{ "http://example.com/", "example.com", "/", 80, false },
	{ "https://1.example/", "1.example", "/", 443, false },
};

START_TEST(targets_are_read)
{
	struct ctx *c = test_ctx();
	struct target t;

	ck_ok(c, target_parse(c, str_of(targets[_i].url), true, &t));
	ck_assert(str_same(t.host, str_of(targets[_i].host)));
	ck_assert(str_same(t.path, str_of(targets[_i].path)));
	ck_assert_int_eq(t.port, targets[_i].port);
	ck_assert(t.literal == targets[_i].literal);
}
END_TEST

static const char *const no_targets[] = { "", "https://", "https:///", "https://?", "http",
	"HTTPS://a", "ftp://a", "//a", "a", "https://a b", "https://a\n", "https://a\"",
	"https://a\\b", "https://a/<", "https://a/{", "https://a/#x", "https://u@a",
	"https://u:p@a", "https://a:", "https://a:0", "https://a:65536", "https://a:080",
	"https://a:+1", "https://a:1:2", "https://.a", "https://a..b", "https://.",
	"https://-a", "https://a,b", "https://a!", "https://1", "https://127.1",
	"https://0x7f.1", "https://0X7F000001", "https://0177.0.0.1", "https://1.2.3.4.",
	"https://1.2.3.4.5", "https://256.1.1.1", "https://a.0x", "https://a.1", "https://[::1",
	"https://[::1]a", "https://[::1]443", "https://[1.2.3.4]", "https://[]",
	"https://[::1%25lo]", "https://[a]", "https://::1", "https://\xc3\xa4" };

START_TEST(other_urls_are_no_targets)
{
	struct ctx *c = test_ctx();
	struct target t;

	if (target_parse(c, str_of(no_targets[_i]), true, &t))
		ck_abort_msg("a target: %s", no_targets[_i]);
	ck_assert_str_eq(c->err.at, "/url");
	ck_err(c, E_INPUT);
}
END_TEST

START_TEST(targets_have_a_length)
{
	struct ctx *c = test_ctx();
	char url[TARGET_MAX + 1];
	struct target t;

	memset(url, 'a', sizeof url);
	memcpy(url, "https://a/", 10);
	ck_ok(c, target_parse(c, (struct str){ url, TARGET_MAX }, false, &t));
	ck_fails(c, E_INPUT, target_parse(c, (struct str){ url, TARGET_MAX + 1 }, false, &t));
	memset(url + 8, 'a', 64);
	url[72] = '/';
	ck_fails(c, E_INPUT, target_parse(c, (struct str){ url, 100 }, false, &t));
}
END_TEST

START_TEST(plain_targets_are_for_who_allows_them)
{
	struct ctx *c = test_ctx();
	struct networks none = { .n = 0 };

	ck_fails(c, E_INPUT, target_check(c, STR("http://example.com/"), false, &none));
	ck_ok(c, target_check(c, STR("http://example.com/"), true, &none));
	ck_fails(c, E_INPUT, target_check(c, STR("http://10.0.0.1/"), true, &none));
}
END_TEST

/* ---- Services ------------------------------------------------------------------------------- */

#define SERVICES "api.example.com, Other.Example. 10.1.0.0/16,192.0.2.7 8.8.8.0/24, fd00::/8"
static const struct {
	const char *url;
	bool listed;
} services[] = {
	{ "https://api.example.com/x", true },
	{ "https://API.example.com.:8443/", true },
	{ "https://other.example", true },
	{ "https://10.1.2.3/", true },
	{ "https://192.0.2.7:1/", true },
	{ "https://8.8.8.8/", true },
	{ "https://[fd00::1]/", true },
	{ "https://[::ffff:10.1.0.1]/", true },
	{ "http://api.example.com/x", false },
	{ "https://example.com/", false },
	{ "https://x.api.example.com/", false },
	{ "https://api.example.comx/", false },
	{ "https://10.2.0.1/", false },
	{ "https://192.0.2.8/", false },
	{ "https://1.1.1.1/", false },
	{ "https://[fe80::1]/", false },
	{ "https://api.example.com@evil.example/", false },
	{ "https://evil.example#api.example.com", false },
	{ "https://", false },
};

START_TEST(services_are_listed)
{
	struct ctx *c = test_ctx();
	struct target t;
	struct hosts h;

	ck_ok(c, hosts_parse(c, STR(SERVICES), &h));
	ck_assert_uint_eq(h.n, 2);
	ck_assert_uint_eq(h.networks.n, 4);
	if (services[_i].listed)
		ck_ok(c, hosts_check(c, str_of(services[_i].url), &h, &t));
	else
		ck_fails(c, E_INPUT, hosts_check(c, str_of(services[_i].url), &h, &t));
	ck_ok(c, hosts_parse(c, STR(" , "), &h));
	ck_assert(hosts_empty(&h));
	ck_fails(c, E_INPUT, hosts_check(c, str_of(services[_i].url), &h, &t));
}
END_TEST

static const char *const no_services[] = { "https://a", "a:443", "a/b", "10.0.0.1/8", "a..b",
	"*.example.com", "-a", "a_b!", "user@a", "10.0.0", "a?b", "a#b", "[::1]" };

START_TEST(other_words_are_no_services)
{
	struct ctx *c = test_ctx();
	struct hosts h = { .n = 7 };

	ck_fails(c, E_USAGE, hosts_parse(c, str_of(no_services[_i]), &h));
	ck_assert_uint_eq(h.n, 7);
}
END_TEST

/* ---- What is said to the courier ------------------------------------------------------------ */

static const struct parcel good_parcel = { 7, 10000, 1700000000, { "https://a/", 10 },
	{ "evt_1", 5 }, { "v1,x", 4 }, { "{}", 2 } };

START_TEST(parcels_come_back)
{
	struct ctx *c = test_ctx();
	struct parcel p;
	struct buf b;

	ck_ok(c, take_buf(c, COURIER_MESSAGE_MAX, &b));
	ck_ok(c, parcel_encode(c, &good_parcel, &b));
	ck_ok(c, parcel_decode(c, buf_str(&b), &p));
	ck_assert_uint_eq(p.serial, 7);
	ck_assert_int_eq(p.at, 1700000000);
	ck_str(p.url, "https://a/");
	ck_str(p.body, "{}");
	for (size_t n = 0; n < b.n; n++)
		ck_fails(c, E_PEER, parcel_decode(c, (struct str){ b.p, n }, &p));
}
END_TEST

START_TEST(no_header_is_smuggled_in)
{
	static const struct str bad[] = { { "a\r\nX: y", 7 }, { "a b", 3 }, { "", 0 },
		{ "a\0b", 3 } };
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct parcel p[3] = { good_parcel, good_parcel, good_parcel }, back;

		p[0].id = p[1].signature = p[2].url = bad[i];
		for (size_t k = 0; k < COUNT(p); k++) {
			struct buf b;

			ck_ok(c, take_buf(c, COURIER_MESSAGE_MAX, &b));
			ck_ok(c, parcel_encode(c, &p[k], &b));
			ck_fails(c, E_PEER, parcel_decode(c, buf_str(&b), &back));
		}
	}
}
END_TEST

START_TEST(reports_are_bounded)
{
	struct ctx *c = test_ctx();
	struct parcel_report r = { 9, PARCEL_ANSWERED, 204 }, back;
	char room[COURIER_ANSWER_MAX];
	struct buf b = BUF(room);

	ck_ok(c, parcel_report_encode(c, &r, &b));
	ck_ok(c, parcel_report_decode(c, buf_str(&b), &back));
	ck_assert(back.serial == 9 && back.end == PARCEL_ANSWERED && back.status == 204);
	room[8] = PARCEL_ENDS;
	ck_fails(c, E_PEER, parcel_report_decode(c, buf_str(&b), &back));
	room[8] = PARCEL_SLOW;
	room[11] = 1;
	ck_fails(c, E_PEER, parcel_report_decode(c, buf_str(&b), &back));
}
END_TEST

START_TEST(questions_are_reported)
{
	struct ctx *c = test_ctx();
	const struct question_report good[] = { { 9, PARCEL_ANSWERED, 200, STR("x") },
		{ 9, PARCEL_LARGE, 0, STR("") } };
	const struct question_report bad[] = { { 9, PARCEL_ENDS, 0, STR("") },
		{ 9, PARCEL_ANSWERED, 0, STR("") }, { 9, PARCEL_SLOW, 200, STR("") },
		{ 9, PARCEL_ANSWERED, 1000, STR("") }, { 9, PARCEL_SLOW, 0, STR("x") },
		{ 9, PARCEL_ANSWERED, 200,
		    { take(c, LIVE_ANSWER_MAX + 1), LIVE_ANSWER_MAX + 1 } } };
	struct question_report back;
	struct buf b;

	for (size_t i = 0; i < COUNT(good); i++) {
		ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
		ck_ok(c, question_report_encode(c, &good[i], &b));
		ck_ok(c, question_report_decode(c, buf_str(&b), &back));
		ck_assert(back.number == 9 && back.end == good[i].end &&
		    back.status == good[i].status && str_same(back.body, good[i].body));
		for (size_t n = 0; n < b.n; n++)
			ck_fails(c, E_PEER,
			    question_report_decode(c, (struct str){ b.p, n }, &back));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
		ck_ok(c, question_report_encode(c, &bad[i], &b));
		ck_fails(c, E_PEER, question_report_decode(c, buf_str(&b), &back));
	}
}
END_TEST

/* ---- Words ---------------------------------------------------------------------------------- */

/* Computed apart, with another implementation. */
START_TEST(messages_are_signed)
{
	static const uint8_t bits[] = { 0x31, 0xf2, 0x92, 0x4a, 0xf2, 0xd6, 0xf5, 0x30, 0x44,
		0x6c, 0x6a, 0xb0, 0x53, 0x65, 0x9c, 0x3f, 0x15, 0xb1, 0x7a, 0x09, 0xe8, 0x3d,
		0xe5, 0x33, 0xf1, 0x2b, 0xb3, 0xa6, 0xc2, 0x0e, 0x55, 0x4b };
	struct ctx *c = test_ctx();
	struct key256 key;
	struct hook_text text;

	memcpy(key.b, bits, sizeof key.b);
	hook_secret(&key, &text);
	ck_assert_str_eq(text.s, "whsec_MfKSSvLW9TBEbGqwU2WcPxWxegnoPeUz8SuzpsIOVUs=");
	ck_ok(c,
	    hook_sign(c, &key, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
		STR("{\"test\": 2432232314}"), &text));
	ck_assert_str_eq(text.s, "v1,6iWz2SA3PgKhljtgojpkzlK+KjCjmcAPUMzjXYj1zsE=");
}
END_TEST

START_TEST(attempts_come_to_an_end)
{
	struct ctx *c = test_ctx();
	int64_t all = 0, n = 1, wait;

	for (; (wait = hook_again(c, n)) > 0; n++) {
		ck_assert(n > 1 || (wait >= 4000 && wait <= 6000));
		ck_assert(n > 2 || wait <= 36000);
		ck_assert(wait <= INT64_C(52) * 1000 * 1000);
		all += wait;
	}
	/* About three days. */
	ck_assert_int_ge(all, INT64_C(2) * 86400 * 1000);
	ck_assert_int_le(all, INT64_C(4) * 86400 * 1000);
	ck_assert_int_eq(hook_again(c, 0), 0);
	ck_assert_int_eq(hook_again(c, 1000), 0);
}
END_TEST

START_TEST(a_webhook_rests_after_some_failures)
{
	int64_t last = 0;

	for (int64_t n = 0; n < 1000; n++) {
		ck_assert(hook_rest(n) >= last && hook_rest(n) <= 600000);
		ck_assert((hook_rest(n) == 0) == (n < 4));
		last = hook_rest(n);
	}
}
END_TEST

START_TEST(types_of_events_are_known)
{
	struct ctx *c = test_ctx();
	struct str words[] = { STR("license.revoked"), STR("lease.claimed"),
		STR("license.revoked") };
	struct str all[] = { STR("lease.claimed"), STR("*") }, none[] = { STR("license") };
	struct str list;

	ck_ok(c, hook_events_parse(c, &(struct str_list){ words, 3 }, &list));
	ck_str(list, "license.revoked lease.claimed");
	ck_ok(c, hook_events_parse(c, &(struct str_list){ all, 2 }, &list));
	ck_str(list, "*");
	ck_fails(c, E_INPUT, hook_events_parse(c, &(struct str_list){ none, 1 }, &list));
	ck_fails(c, E_INPUT, hook_events_parse(c, &(struct str_list){ none, 0 }, &list));
}
END_TEST

START_TEST(only_a_2xx_has_arrived)
{
	for (int status = 0; status < 1000; status++) {
		struct parcel_report r = { 0, PARCEL_ANSWERED, status };

		ck_assert(hook_arrived(&r) == (status >= 200 && status < 300));
		ck_assert(hook_arrived(&r) || hook_note(&r)[0] != '\0');
		r.end = PARCEL_SLOW;
		ck_assert(!hook_arrived(&r));
	}
}
END_TEST

MAIN("targets", EACH(addresses_are_judged, addresses),
    EACH(other_text_is_no_address, no_addresses), ONE(other_families_are_no_addresses),
    EACH(networks_allow, allowances), EACH(other_text_is_no_network, no_networks),
    ONE(networks_have_a_number), EACH(targets_are_read, targets),
    EACH(other_urls_are_no_targets, no_targets), ONE(targets_have_a_length),
    ONE(plain_targets_are_for_who_allows_them), EACH(services_are_listed, services),
    EACH(other_words_are_no_services, no_services), ONE(parcels_come_back),
    ONE(no_header_is_smuggled_in), ONE(reports_are_bounded), ONE(questions_are_reported),
    ONE(messages_are_signed), ONE(attempts_come_to_an_end),
    ONE(a_webhook_rests_after_some_failures), ONE(types_of_events_are_known),
    ONE(only_a_2xx_has_arrived))
