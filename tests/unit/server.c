/*
 * Parts of the server that stand alone: its configuration and its limits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "server.h"
#include "test.h"

static const char *
conf_file(struct ctx *c, const char *text)
{
	const char *path = test_path(test_folder(), "hallmark.conf");

	ck_ok(c, file_create(c, AT_FDCWD, path, 0600, str_of(text)));
	return path;
}

START_TEST(standard_values_stand_unless_set)
{
	struct ctx *c = test_ctx();
	struct conf conf;

	ck_ok(c,
	    conf_read(c,
		conf_file(c, "# comment\n\n  threads =  6 \nlisten=*:1\nadmin-group = -1"),
		&conf));
	ck_assert_int_eq(conf.threads, 6);
	ck_assert_str_eq(conf.listen, "*:1");
	ck_assert_int_eq(conf.header_seconds, 8);
	ck_assert_int_eq(conf.admin_gid, -1);
	ck_assert_str_eq(conf.root_key, "shares");
}
END_TEST

static const struct {
	const char *text, *sentence;
} bad_conf[] = {
	{ "treads = 4", ":1: unknown key \"treads\"" },
	{ "\nthreads", ":2: a line is \"key = value\"" },
	{ "threads = four", ":1: threads must be a number from 1 to 64" },
	{ "threads = 0", ":1: threads must be a number from 1 to 64" },
	{ "threads = -1", ":1: threads must be a number" },
	{ "threads = 65", ":1: threads must be a number" },
	{ "threads = 0x4", ":1: threads must be a number" },
	{ "threads =", ":1: threads must be a number" },
	{ "threads = 2\n\nthreads = 2", ":3: threads is set twice" },
	{ "state = a\x1b[2Jb", ":1: state is not plain text" },
	{ "Threads = 2", ":1: unknown key" },
};

START_TEST(a_typing_error_is_named_with_its_line)
{
	struct ctx *c = test_ctx();
	struct conf conf;

	if (conf_read(c, conf_file(c, bad_conf[_i].text), &conf))
		ck_abort_msg("accepted: %s", bad_conf[_i].text);
	ck_assert_msg(strstr(c->err.text, bad_conf[_i].sentence) != NULL, "%s", c->err.text);
	ck_err(c, E_USAGE);
}
END_TEST

static struct limits *
limits_of(struct ctx *c, int64_t rate, int64_t burst)
{
	struct limits *l;
	struct conf conf;

	conf_standard(&conf);
	conf.token_rate = conf.address_rate = conf.failure_rate = rate;
	conf.token_burst = conf.address_burst = conf.failure_burst = burst;
	ck_ok(c, limits_start(c, &conf, &l));
	return l;
}

START_TEST(a_bucket_gives_its_burst_and_fills_again)
{
	struct ctx *c = test_ctx();
	struct limits *l = limits_of(c, 2, 5);
	int64_t wait = 0;

	for (int i = 0; i < 5; i++)
		ck_ok(c, limit_take(c, l, LIMIT_TOKEN, STR("tok_a"), &wait));
	ck_fails(c, E_RATE, limit_take(c, l, LIMIT_TOKEN, STR("tok_a"), &wait));
	ck_assert_int_eq(wait, 1);
	ck_fails(c, E_RATE, limit_look(c, l, LIMIT_TOKEN, STR("tok_a"), &wait));
	ck_ok(c, limit_take(c, l, LIMIT_TOKEN, STR("tok_b"), &wait));
	ck_ok(c, limit_take(c, l, LIMIT_ADDRESS, STR("tok_a"), &wait));
	usleep(600000);
	ck_ok(c, limit_look(c, l, LIMIT_TOKEN, STR("tok_a"), &wait));
	ck_ok(c, limit_take(c, l, LIMIT_TOKEN, STR("tok_a"), &wait));
	limits_stop(&l);
}
END_TEST

static const struct {
	enum limit_kind kind;
	const char *first, *second;
	bool same;
} callers[] = {
	{ LIMIT_ADDRESS, "2001:db8::1", "2001:db8::2", true },
	{ LIMIT_FAILURE, "2001:db8:0:1:ffff::1", "2001:db8:0:1::2", true },
	{ LIMIT_ADDRESS, "2001:db8:0:1::1", "2001:db8:0:2::1", false },
	{ LIMIT_ADDRESS, "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ LIMIT_ADDRESS, "192.0.2.1", "192.0.2.2", false },
	{ LIMIT_TOKEN, "2001:db8::1", "2001:db8::2", false },
};

START_TEST(an_ipv6_network_counts_as_one_caller)
{
	struct ctx *c = test_ctx();
	enum limit_kind kind = callers[_i].kind;
	struct limits *l = limits_of(c, 1, 1);
	int64_t wait = 0;

	ck_ok(c, limit_take(c, l, kind, str_of(callers[_i].first), &wait));
	ck_assert_int_eq(
	    limit_take(c, l, kind, str_of(callers[_i].second), &wait), !callers[_i].same);
	limits_stop(&l);
}
END_TEST

START_TEST(a_customer_has_no_more_than_a_token)
{
	struct ctx *c = test_ctx();
	struct limits *l;
	struct conf conf;
	int64_t wait;

	conf_standard(&conf);
	conf.token_burst = 2;
	ck_ok(c, limits_start(c, &conf, &l));
	for (int i = 0; i < 2; i++)
		ck_ok(c, limit_take(c, l, LIMIT_CUSTOMER, STR("cus_a"), &wait));
	ck_fails(c, E_RATE, limit_take(c, l, LIMIT_CUSTOMER, STR("cus_a"), &wait));
	conf.token_burst = 5;
	conf.customer_burst = 3;
	limits_set(l, &conf);
	for (int i = 0; i < 3; i++)
		ck_ok(c, limit_take(c, l, LIMIT_CUSTOMER, STR("cus_b"), &wait));
	ck_fails(c, E_RATE, limit_take(c, l, LIMIT_CUSTOMER, STR("cus_b"), &wait));
	conf.token_rate = 0;
	limits_set(l, &conf);
	for (int i = 0; i < 100; i++)
		ck_ok(c, limit_take(c, l, LIMIT_CUSTOMER, STR("cus_b"), &wait));
	limits_stop(&l);
}
END_TEST

START_TEST(a_rate_of_zero_is_no_limit)
{
	struct ctx *c = test_ctx();
	struct limits *l = limits_of(c, 0, 1);
	int64_t wait;

	for (int i = 0; i < 1000; i++)
		ck_ok(c, limit_take(c, l, LIMIT_FAILURE, STR("127.0.0.1"), &wait));
	limits_stop(&l);
}
END_TEST

/* The table does not grow: a million callers pass, and one who is over its limit stays refused. */
START_TEST(a_million_callers_fit)
{
	struct ctx *c = test_ctx();
	struct limits *l = limits_of(c, 1, 2);
	int64_t wait;
	char who[32];
	int refused = 0;

	for (int i = 0; i < 1000000; i++) {
		snprintf(who, sizeof who, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		ck_ok(c, limit_take(c, l, LIMIT_ADDRESS, str_of(who), &wait));
		if (i % 100 == 0 && !limit_take(c, l, LIMIT_ADDRESS, STR("busy"), &wait))
			refused++;
	}
	ck_assert_int_gt(refused, 9000);
	limits_stop(&l);
}
END_TEST

MAIN("server", ONE(standard_values_stand_unless_set),
    EACH(a_typing_error_is_named_with_its_line, bad_conf),
    ONE(a_bucket_gives_its_burst_and_fills_again),
    EACH(an_ipv6_network_counts_as_one_caller, callers),
    ONE(a_customer_has_no_more_than_a_token), ONE(a_rate_of_zero_is_no_limit),
    ONE(a_million_callers_fit))
