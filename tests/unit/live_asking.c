/*
 * What a worker that asks a service can do to others, which is nothing: the thread that hears it,
 * on a real store, with a real courier. The worker is this test, and lies.
 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>

#include "channel.h"
#include "keys_house.h"
#include "live.h"
#include "live_asking.h"

#define UUID "01890a5d-ac96-774b-bcce-b302099a8057"
#define SERVICE "https://127.77.77.77:1/ask" /* nobody listens there */

struct scene {
	struct house house;
	const char *folder;
	int fd; /* the worker's end */
	uint64_t number;
	char room[LIVE_MESSAGE_MAX];
};

static struct id
id_of(const char *type)
{
	struct id id;

	snprintf(id.s, sizeof id.s, "%s_" UUID, type);
	return id;
}

static void
sql(struct ctx *c, const char *folder, const char *text)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	ck_assert_int_eq(
	    sqlite3_open(take_printf(c, "%s/hallmark.db", folder), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		ck_abort_msg("%s", why);
	sqlite3_close(db);
}

/* A verification of a suspect; with a challenge of one pair and a decoy, or without. */
static void
rows(struct ctx *c, const char *folder, const char *vendor, bool challenge)
{
	sql(c, folder,
	    take_printf(c,
		"PRAGMA foreign_keys = OFF;"
		"INSERT INTO challenge (id, vendor, watermark, job, key, first, pairs, decoys,"
		" created) VALUES ('cha_" UUID "', '%s', 'wmk_" UUID "', 'j', 'k', 0, 1, 1, 1);"
		"INSERT INTO suspect (id, vendor, name, challenge, appeared, created)"
		" VALUES ('sus_" UUID "', '%s', 'a', '%s', 1, 1);"
		"INSERT INTO verification (id, vendor, suspect, release, job, created)"
		" VALUES ('ver_" UUID "', '%s', 'sus_" UUID "', 'rel_" UUID "', 'j', 1);",
		vendor, vendor, challenge ? "cha_" UUID : "", vendor));
}

/* A worker begins; what may be asked is `allow`. */
static struct scene *
begin(struct ctx *c, const char *allow)
{
	struct scene *s = take(c, sizeof *s);
	struct job_row job = { .object = id_of("ver") };
	int pair[2];

	s->folder = test_folder();
	house_new(c, &s->house, s->folder);
	s->house.server.conf.suspects_allow = allow;
	s->house.server.conf.suspects_ca = "";
	ck_ok(c, live_start(c, &s->house.server, &s->house.server.live));
	ck_ok(c, channel_pair(c, pair));
	s->fd = pair[0];
	job.vendor = s->house.vendor;
	live_attend(s->house.server.live, &job, pair[1]);
	return s;
}

static void
end(struct scene *s)
{
	fd_done(&s->fd);
	live_stop(&s->house.server.live);
	house_close(&s->house);
}

static void
send_bytes(struct ctx *c, struct scene *s, struct str bytes)
{
	ck_ok(c, channel_send(c, s->fd, bytes, NULL, 0, clock_monotonic() + 5000));
}

/* Asks, and hears why not: nobody is there who could answer. */
static struct str
refused(struct ctx *c, struct scene *s, const char *url)
{
	const struct live_question q = { .number = ++s->number,
		.url = str_of(url),
		.type = STR("image/png"),
		.body = STR("png") };
	struct channel_message m = { 0 };
	struct live_answer a;
	struct buf b;

	ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
	ck_ok(c, live_question_encode(c, &q, &b));
	send_bytes(c, s, buf_str(&b));
	ck_ok(c,
	    channel_receive(c, s->fd, s->room, sizeof s->room, clock_monotonic() + 40000, &m));
	ck_ok(c, live_answer_decode(c, (struct str){ s->room, m.n }, &a));
	ck_assert_uint_eq(a.number, s->number);
	ck_assert_int_eq(a.status, 0);
	return a.text;
}

#define SAYS(text, words)                                                                     \
	do {                                                                                  \
		struct str text_ = (text);                                                    \
                                                                                              \
		ck_assert_msg(memmem(text_.p, text_.n, words, strlen(words)) != NULL, "%.*s", \
		    STRF(text_));                                                             \
	} while (0)

START_TEST(as_often_as_there_are_pictures)
{
	struct ctx *c = test_ctx();
	struct scene *s = begin(c, "127.77.77.77");

	rows(c, s->folder, s->house.vendor.s, true);
	SAYS(refused(c, s, SERVICE), "nobody listens");
	ck_assert_uint_eq(house_audited(c, &s->house, "verification.ask"), 1);
	SAYS(refused(c, s, "https://127.77.77.77:2/ask"), "one service");
	SAYS(refused(c, s, SERVICE "?more"), "one service");
	kill(house_child("hallmark-courier"), SIGKILL);
	for (int i = 1; i < 3; i++) {
		struct str why = refused(c, s, SERVICE);

		/* It may have been given to the one that was killed. */
		ck_assert(memmem(why.p, why.n, "nobody listens", 14) != NULL ||
		    memmem(why.p, why.n, "courier ended", 13) != NULL);
	}
	SAYS(refused(c, s, SERVICE), "once");
	fd_done(&s->fd);
	ck_until(house_audited(c, &s->house, "verification.asked") == 1, 10);
	ck_until(house_child("hallmark-courier") == 0, 10);
	end(s);
}
END_TEST

START_TEST(for_its_own_verification_alone)
{
	struct ctx *c = test_ctx();
	struct scene *s = begin(c, "127.77.77.77");

	SAYS(refused(c, s, SERVICE), "no such verification");
	rows(c, s->folder, s->house.vendor.s, false);
	SAYS(refused(c, s, SERVICE), "challenge");
	ck_assert_int_eq(house_child("hallmark-courier"), 0);
	ck_assert_uint_eq(house_audited(c, &s->house, "verification.ask"), 0);
	end(s);
}
END_TEST

START_TEST(whom_the_list_has)
{
	struct ctx *c = test_ctx();
	struct scene *s = begin(c, "127.77.77.77, a.example");

	rows(c, s->folder, s->house.vendor.s, true);
	SAYS(refused(c, s, "https://127.77.77.78/"), "suspects-allow");
	SAYS(refused(c, s, "https://b.example/"), "suspects-allow");
	SAYS(refused(c, s, "http://127.77.77.77/"), "https");
	SAYS(refused(c, s, "file:///etc/passwd"), "https");
	ck_assert_int_eq(house_child("hallmark-courier"), 0);
	ck_assert_uint_eq(house_audited(c, &s->house, "verification.ask"), 0);
	end(s);
}
END_TEST

START_TEST(nobody_without_a_list)
{
	struct ctx *c = test_ctx();
	struct scene *s = begin(c, "");

	rows(c, s->folder, s->house.vendor.s, true);
	SAYS(refused(c, s, SERVICE), "suspects-allow");
	ck_assert_int_eq(house_child("hallmark-courier"), 0);
	end(s);
}
END_TEST

/* Half a question, a question with a header too many, bytes: nobody is heard any more. */
static const struct str nonsense[] = { { "x", 1 }, { "\1\0\0\0\0\0\0\0\0\5\0\0\0https", 18 },
	{ "", 0 } };

START_TEST(nonsense_ends_it)
{
	struct ctx *c = test_ctx();
	struct scene *s = begin(c, "127.77.77.77");
	struct channel_message m = { .n = 1 };
	char *large = take(c, CHANNEL_MAX - 1024);

	send_bytes(c, s,
	    nonsense[_i].n > 0 ? nonsense[_i] : (struct str){ large, CHANNEL_MAX - 1024 });
	if (channel_receive(c, s->fd, s->room, sizeof s->room, clock_monotonic() + 20000, &m))
		ck_assert_uint_eq(m.n, 0);
	ck_assert_int_ne(c->err.code, E_SLOW);
	c->err = (struct err){ 0 };
	end(s);
}
END_TEST

MAIN("live_asking", ONE(as_often_as_there_are_pictures), ONE(for_its_own_verification_alone),
    ONE(whom_the_list_has), ONE(nobody_without_a_list), EACH(nonsense_ends_it, nonsense))
