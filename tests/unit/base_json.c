/*
 * base: strict JSON into structs, and JSON out; files.
 */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

struct target {
	struct str name, note, bytes, object;
	struct str_list tags;
	int64_t seats, when;
	double rate;
	bool strict;
	int mode;
};
static const char *const modes[] = { "fast", "safe", NULL };
static const struct json_field fields[] = {
	{ "name", FIELD_TEXT, offsetof(struct target, name), 1, 8, true, NULL },
	{ "note", FIELD_TEXT, offsetof(struct target, note), 0, 100, false, NULL },
	{ "seats", FIELD_NUMBER, offsetof(struct target, seats), 1, 100, false, NULL },
	{ "when", FIELD_TIME, offsetof(struct target, when), 0, 0, false, NULL },
	{ "rate", FIELD_REAL, offsetof(struct target, rate), 0, 0, false, NULL },
	{ "strict", FIELD_BOOL, offsetof(struct target, strict), 0, 0, false, NULL },
	{ "mode", FIELD_WORD, offsetof(struct target, mode), 0, 0, false, modes },
	{ "bytes", FIELD_BYTES, offsetof(struct target, bytes), 0, 16, false, NULL },
	{ "object", FIELD_OBJECT, offsetof(struct target, object), 0, 0, false, NULL },
	{ "tags", FIELD_LIST, offsetof(struct target, tags), 1, 3, false, NULL },
};

START_TEST(every_type_is_decoded)
{
	struct ctx *c = test_ctx();
	struct target t = { .seats = 7 };

	ck_ok(c,
	    json_decode(c,
		STR("{\"name\":\"acme\",\"when\":\"1970-01-01T00:00:01Z\","
		    "\"rate\":0.5,\"strict\":true,\"mode\":\"safe\",\"bytes\":\"Zm9v\","
		    "\"object\":{\"a\":[1,2]},\"tags\":[\"x\",\"yz\"]}"),
		fields, COUNT(fields), &t));
	ck_str(t.name, "acme");
	ck_assert_int_eq(t.seats, 7); /* absent: as it was */
	ck_assert_int_eq(t.when, 1000);
	ck_assert(t.rate > 0.49 && t.rate < 0.51);
	ck_assert(t.strict);
	ck_assert_int_eq(t.mode, 1);
	ck_str(t.bytes, "foo");
	ck_str(t.object, "{\"a\":[1,2]}");
	ck_assert_uint_eq(t.tags.n, 2);
	ck_str(t.tags.v[1], "yz");
}
END_TEST

static const struct {
	const char *text;
	enum err_code want;
	const char *at;
} bad[] = {
	{ "", E_JSON, "" },
	{ "null", E_JSON, "" },
	{ "[]", E_JSON, "" },
	{ "\"name\"", E_JSON, "" },
	{ "{\"name\":\"a\"", E_JSON, "" },
	{ "{\"name\":\"a\"} x", E_JSON, "" },
	{ "{\"name\":\"a\"}{}", E_JSON, "" },
	{ "{\"name\":\"a\",\"name\":\"b\"}", E_JSON, "" },
	{ "{\"name\":\"a\",}", E_JSON, "" },
	{ "{'name':'a'}", E_JSON, "" },
	{ "{\"name\":\"\\ud800\"}", E_JSON, "" },
	{ "{\"name\":\"a\\u0000b\"}", E_JSON, "" },
	{ "{\"name\":\"\xff\"}", E_JSON, "" },
	{ "{\"name\":NaN}", E_JSON, "" },
	{ "{\"name\":\"a\",\"seats\":1e999}", E_JSON, "" },
	{ "{}", E_INPUT, "/name" },
	{ "{\"name\":null}", E_INPUT, "/name" },
	{ "{\"name\":7}", E_INPUT, "/name" },
	{ "{\"name\":\"\"}", E_INPUT, "/name" },
	{ "{\"name\":\"123456789\"}", E_INPUT, "/name" },
	{ "{\"name\":\"a\\nb\"}", E_INPUT, "/name" },
	{ "{\"name\":\"a\\u0085\"}", E_INPUT, "/name" },
	{ "{\"name\":\"a\",\"seats\":0}", E_INPUT, "/seats" },
	{ "{\"name\":\"a\",\"seats\":101}", E_INPUT, "/seats" },
	{ "{\"name\":\"a\",\"seats\":1.0}", E_INPUT, "/seats" },
	{ "{\"name\":\"a\",\"seats\":\"1\"}", E_INPUT, "/seats" },
	{ "{\"name\":\"a\",\"seats\":true}", E_INPUT, "/seats" },
	{ "{\"name\":\"a\",\"when\":5}", E_INPUT, "/when" },
	{ "{\"name\":\"a\",\"when\":\"tomorrow\"}", E_INPUT, "/when" },
	{ "{\"name\":\"a\",\"rate\":\"0.5\"}", E_INPUT, "/rate" },
	{ "{\"name\":\"a\",\"strict\":1}", E_INPUT, "/strict" },
	{ "{\"name\":\"a\",\"mode\":\"slow\"}", E_INPUT, "/mode" },
	{ "{\"name\":\"a\",\"mode\":1}", E_INPUT, "/mode" },
	{ "{\"name\":\"a\",\"bytes\":\"Zg==\"}", E_INPUT, "/bytes" },
	{ "{\"name\":\"a\",\"bytes\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", E_INPUT,
	    "/bytes" },
	{ "{\"name\":\"a\",\"bytes\":[]}", E_INPUT, "/bytes" },
	{ "{\"name\":\"a\",\"object\":[]}", E_INPUT, "/object" },
	{ "{\"name\":\"a\",\"tags\":\"x\"}", E_INPUT, "/tags" },
	{ "{\"name\":\"a\",\"tags\":[1]}", E_INPUT, "/tags" },
	{ "{\"name\":\"a\",\"tags\":[\"xxxx\"]}", E_INPUT, "/tags" },
	{ "{\"name\":\"a\",\"nme\":1}", E_FIELD, "/nme" },
	{ "{\"name\":\"a\",\"\":1}", E_FIELD, "/" },
	{ "{\"Name\":\"a\"}", E_FIELD, "/Name" },
};

START_TEST(anything_else_is_refused)
{
	struct ctx *c = test_ctx();
	struct target t = { 0 };

	if (json_decode(c, str_of(bad[_i].text), fields, COUNT(fields), &t))
		ck_abort_msg("accepted: %s", bad[_i].text);
	ck_assert_str_eq(c->err.at, bad[_i].at);
	ck_err(c, bad[_i].want);
}
END_TEST

START_TEST(depth_and_strings_are_bounded)
{
	struct ctx *c = test_ctx();
	struct target t = { 0 };
	struct buf b;

	for (int depth = 15; depth <= 16; depth++) {
		ck_ok(c, take_buf(c, 1 << 16, &b));
		buf_put(&b, STR("{\"name\":\"a\",\"object\":{\"x\":"));
		for (int i = 2; i < depth; i++)
			buf_char(&b, '[');
		for (int i = 2; i < depth; i++)
			buf_char(&b, ']');
		buf_put(&b, STR("}}"));
		ck_ok(c, json_decode(c, buf_str(&b), fields, COUNT(fields), &t));
	}
	ck_ok(c, take_buf(c, 1 << 16, &b));
	for (int i = 0; i < 50000; i++)
		buf_char(&b, '[');
	ck_fails(c, E_JSON, json_decode(c, buf_str(&b), fields, COUNT(fields), &t));

	for (int strings = 997; strings <= 998; strings++) {
		ck_ok(c, take_buf(c, 1 << 16, &b));
		buf_put(&b, STR("{\"name\":\"a\",\"tags\":["));
		for (int i = 0; i < strings; i++)
			buf_put(&b, i > 0 ? STR(",\"x\"") : STR("\"x\""));
		buf_put(&b, STR("]}"));
		if (strings == 997)
			ck_ok(c, json_decode(c, buf_str(&b), fields, COUNT(fields), &t));
		else
			ck_fails(
			    c, E_JSON, json_decode(c, buf_str(&b), fields, COUNT(fields), &t));
	}
	ck_fails(c, E_JSON, json_decode(c, STR("{\"\\"), fields, COUNT(fields), &t));
}
END_TEST

START_TEST(json_is_written_compactly)
{
	char room[300];
	struct buf b = BUF(room);
	struct js j = { &b, false };

	js_open(&j, NULL, '{');
	js_text(&j, "a\"", STR("x\ny\x01\x7f\\é"));
	js_open(&j, "list", '[');
	js_number(&j, NULL, -3);
	js_real(&j, NULL, 0.25);
	js_real(&j, NULL, NAN);
	js_open(&j, NULL, '{');
	js_close(&j, '}');
	js_close(&j, ']');
	js_bool(&j, "b", true);
	js_null(&j, "n");
	js_time(&j, "t", 0);
	js_bytes(&j, "y", "foo", 3);
	js_raw(&j, "r", STR("[1]"));
	js_close(&j, '}');
	ck_str(buf_str(&b),
	    "{\"a\\\"\":\"x\\ny\\u0001\\u007f\\\\é\",\"list\":[-3,0.25,null,{}],\"b\":true,"
	    "\"n\":null,\"t\":\"1970-01-01T00:00:00.000Z\",\"y\":\"Zm9v\",\"r\":[1]}");
}
END_TEST

START_TEST(files_are_created_once_and_replaced_whole)
{
	struct ctx *c = test_ctx();
	const char *path = test_path(test_folder(), "secret");
	struct str back;
	struct stat st;

	ck_ok(c, file_create(c, AT_FDCWD, path, 0600, STR("one")));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_fails(c, E_CONFLICT, file_create(c, AT_FDCWD, path, 0600, STR("two")));
	ck_ok(c, file_read(c, AT_FDCWD, path, 3, &back));
	ck_str(back, "one");
	ck_fails(c, E_LIMIT, file_read(c, AT_FDCWD, path, 2, &back));
	ck_ok(c, file_replace(c, AT_FDCWD, path, 0600, STR("three")));
	ck_ok(c, file_read(c, AT_FDCWD, path, 100, &back));
	ck_str(back, "three");
	ck_fails(c, E_FILE, file_read(c, AT_FDCWD, "/", 100, &back));
	ck_fails(c, E_FILE, file_read(c, AT_FDCWD, "/no/such/file", 100, &back));
}
END_TEST

START_TEST(a_full_disk_has_its_own_error)
{
	struct ctx *c = test_ctx();
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_fails(c, E_FULL, fd_write_all(c, fd, "x", 1));
	close(fd);
}
END_TEST

MAIN("base_json", ONE(every_type_is_decoded), EACH(anything_else_is_refused, bad),
    ONE(depth_and_strings_are_bounded), ONE(json_is_written_compactly),
    ONE(files_are_created_once_and_replaced_whole), ONE(a_full_disk_has_its_own_error))
