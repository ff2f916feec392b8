/*
 * Tests of the keys' keeper: the ways to be sealed and open, the custodian's death, rotation under
 * use and under kills, checkpoints.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "keys_house.h"

static enum keys_state
state(struct house *h)
{
	return keys_state(h->server.keys);
}

static void
open_new_house(struct ctx *c, struct house *h, const char *folder)
{
	struct audit_entry who = house_who("keys.init");
	struct shares none = { .n = 0 };

	house_open(c, h, folder, NULL);
	ck_assert_int_eq(state(h), KEYS_UNINITIALISED);
	ck_ok(c, keys_init(c, h->server.keys, &who, 0, 0, &none));
	ck_assert_int_eq(state(h), KEYS_OPEN);
	house_vendor(c, h, "Aurora");
}

static pid_t
custodian(void)
{
	return house_child("hallmark-custodian");
}

/* Another one than `before` is there, with its keys. */
static bool
is_back(struct house *h, pid_t before)
{
	pid_t now = custodian();

	return now != 0 && now != before && state(h) == KEYS_OPEN;
}

static bool
opens_as(struct ctx *c, struct house *h, struct id id, const struct key256 *want)
{
	struct key256 got;

	ck_ok(c, keys_data_open(c, h->server.keys, h->db, str_of(id.s), &got));
	return key256_same(&got, want);
}

/* ---- A root key from a file ----------------------------------------------------------------- */

START_TEST(file_opens_by_itself)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.init");
	const char *folder = test_folder();
	struct shares none = { .n = 0 };
	struct house h;
	struct key256 key;
	struct id id;

	house_open(c, &h, folder, NULL);
	ck_fails(c, E_UNINITIALISED, keys_open(c, h.server.keys));
	ck_fails(c, E_INPUT, keys_init(c, h.server.keys, &who, 3, 2, &none));
	ck_ok(c, keys_init(c, h.server.keys, &who, 0, 0, &none));
	ck_ok(c, keys_open(c, h.server.keys));
	ck_fails(c, E_CONFLICT, keys_init(c, h.server.keys, &who, 0, 0, &none));
	ck_assert_uint_eq(house_audited(c, &h, "keys.init"), 3);
	house_vendor(c, &h, "Aurora");
	id = house_data_key(c, &h, &key);
	house_close(&h);
	house_open(c, &h, folder, NULL);
	ck_ok(c, keys_open(c, h.server.keys));
	ck_assert(opens_as(c, &h, id, &key));
	ck_fails(c, E_CONFLICT, keys_init(c, h.server.keys, &who, 0, 0, &none));
	house_close(&h);
}
END_TEST

START_TEST(seal_holds)
{
	struct ctx *c = test_ctx();
	struct audit_entry seal = house_who("keys.seal"), unseal = house_who("keys.unseal");
	struct key256 key;
	struct id id;
	struct house h;

	open_new_house(c, &h, test_folder());
	id = house_data_key(c, &h, &key);
	ck_fails(c, E_CONFLICT, keys_unseal(c, h.server.keys, &unseal, STR("")));
	ck_ok(c, keys_seal(c, h.server.keys, &seal));
	ck_fails(c, E_SEALED, keys_open(c, h.server.keys));
	ck_fails(c, E_SEALED,
	    keys_data_open(c, h.server.keys, h.db, str_of(id.s), &(struct key256){ 0 }));
	ck_fails(c, E_SEALED, keys_rotate(c, h.server.keys, &seal));
	/* A new custodian does not open what an administrator has sealed. */
	kill(custodian(), SIGKILL);
	pause_ms(1000);
	ck_assert_int_eq(state(&h), KEYS_SEALED);
	ck_fails(c, E_INPUT, keys_unseal(c, h.server.keys, &unseal, STR("hms1-x")));
	ck_ok(c, keys_unseal(c, h.server.keys, &unseal, STR("")));
	ck_assert(opens_as(c, &h, id, &key));
	ck_assert_uint_eq(house_audited(c, &h, "keys.unseal"), 3);
	house_close(&h);
}
END_TEST

START_TEST(custodian_comes_back)
{
	struct ctx *c = test_ctx();
	struct key256 key;
	struct id id;
	struct house h;
	pid_t first;

	open_new_house(c, &h, test_folder());
	id = house_data_key(c, &h, &key);
	first = custodian();
	for (int i = 0; i < 3; i++) {
		pid_t now = custodian();
		int64_t began = clock_monotonic();
		bool ok;

		kill(now, SIGKILL);
		ok = keys_data_open(c, h.server.keys, h.db, str_of(id.s), &key);
		if (!ok)
			ck_assert(c->err.code == E_PEER || c->err.code == E_SEALED);
		ck_assert_int_lt(clock_monotonic() - began, 10000);
		ck_until(is_back(&h, now), 10);
	}
	ck_assert_int_ne(first, custodian());
	ck_assert(opens_as(c, &h, id, &key));
	house_close(&h);
}
END_TEST

START_TEST(silent_custodian_is_replaced)
{
	struct ctx *c = test_ctx();
	struct key256 key;
	struct id id;
	struct house h;
	pid_t first;
	int64_t began;

	open_new_house(c, &h, test_folder());
	id = house_data_key(c, &h, &key);
	first = custodian();
	kill(first, SIGSTOP);
	began = clock_monotonic();
	ck_fails(c, E_PEER,
	    keys_data_open(c, h.server.keys, h.db, str_of(id.s), &(struct key256){ 0 }));
	ck_assert_int_lt(clock_monotonic() - began, 10000);
	began = clock_monotonic();
	ck_fails(c, E_SEALED,
	    keys_data_open(c, h.server.keys, h.db, str_of(id.s), &(struct key256){ 0 }));
	ck_assert_int_lt(clock_monotonic() - began, 1000);
	ck_until(is_back(&h, first), 10);
	ck_assert(opens_as(c, &h, id, &key));
	house_close(&h);
}
END_TEST

/* Its end would cost people their shares: it is waited for. */
START_TEST(silent_custodian_with_shares_is_waited_for)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys");
	struct shares s = { .n = 0 };
	struct key256 key;
	struct id id;
	struct house h;
	pid_t pid;
	int64_t began;

	house_open(c, &h, test_folder(), "shares");
	ck_ok(c, keys_init(c, h.server.keys, &who, 2, 2, &s));
	ck_ok(c, keys_unseal(c, h.server.keys, &who, s.v[0]));
	ck_ok(c, keys_unseal(c, h.server.keys, &who, s.v[1]));
	house_vendor(c, &h, "Aurora");
	id = house_data_key(c, &h, &key);
	pid = custodian();
	kill(pid, SIGSTOP);
	ck_fails(c, E_PEER,
	    keys_data_open(c, h.server.keys, h.db, str_of(id.s), &(struct key256){ 0 }));
	began = clock_monotonic();
	pause_ms(1500);
	ck_fails(c, E_SEALED,
	    keys_data_open(c, h.server.keys, h.db, str_of(id.s), &(struct key256){ 0 }));
	ck_assert_int_lt(clock_monotonic() - began, 2700);
	kill(pid, SIGCONT);
	ck_until(state(&h) == KEYS_OPEN, 5);
	ck_assert_int_eq(custodian(), pid);
	ck_assert(opens_as(c, &h, id, &key));
	house_close(&h);
}
END_TEST

START_TEST(missing_root_key_is_sealed)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct audit_entry who = house_who("keys.unseal");
	struct keys_status status;
	struct house h;

	open_new_house(c, &h, folder);
	house_close(&h);
	ck_assert_int_eq(rename(test_path(folder, "root.key"), test_path(folder, "lost")), 0);
	house_open(c, &h, folder, NULL);
	ck_assert_int_eq(state(&h), KEYS_SEALED);
	keys_status(h.server.keys, &status);
	ck_assert_str_ne(status.reason, "");
	ck_fails(c, E_SEALED, keys_unseal(c, h.server.keys, &who, STR("")));
	ck_assert_int_eq(rename(test_path(folder, "lost"), test_path(folder, "root.key")), 0);
	ck_ok(c, keys_unseal(c, h.server.keys, &who, STR("")));
	ck_ok(c, keys_open(c, h.server.keys));
	house_close(&h);
}
END_TEST

START_TEST(other_root_key_is_told)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct keys_status status;
	struct house h;
	char hex[65];
	struct buf b = { hex, 0, 64, false };

	open_new_house(c, &h, folder);
	house_close(&h);
	hex_put(&b, "0123456789abcdef0123456789abcdef", 32);
	hex[64] = '\n';
	ck_ok(c,
	    file_replace(
		c, AT_FDCWD, test_path(folder, "root.key"), 0600, (struct str){ hex, 65 }));
	house_open(c, &h, folder, NULL);
	ck_assert_int_eq(state(&h), KEYS_SEALED);
	keys_status(h.server.keys, &status);
	ck_assert_str_ne(status.reason, "");
	house_close(&h);
}
END_TEST

/* ---- A root key in shares ------------------------------------------------------------------- */

START_TEST(shares_open)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct audit_entry init = house_who("keys.init"), who = house_who("keys.unseal");
	struct shares lost = { .n = 0 }, s = { .n = 0 };
	struct keys_status status;
	struct house h;

	house_open(c, &h, folder, "shares");
	ck_fails(c, E_UNINITIALISED, keys_unseal(c, h.server.keys, &who, STR("hms1-x")));
	ck_fails(c, E_INPUT, keys_init(c, h.server.keys, &init, 0, 0, &lost));
	ck_ok(c, keys_init(c, h.server.keys, &init, 3, 2, &lost));
	ck_assert_uint_eq(lost.n, 3);
	ck_assert_int_eq(state(&h), KEYS_SEALED);
	/* Nobody wrote them down: once more. */
	ck_ok(c, keys_init(c, h.server.keys, &init, 3, 2, &s));
	ck_fails(c, E_INPUT, keys_unseal(c, h.server.keys, &who, STR("")));
	ck_ok(c, keys_unseal(c, h.server.keys, &who, s.v[2]));
	ck_assert_int_eq(state(&h), KEYS_SEALED);
	keys_status(h.server.keys, &status);
	ck_assert_uint_eq(status.have, 1);
	ck_assert_uint_eq(status.need, 2);
	ck_fails(c, E_INPUT, keys_unseal(c, h.server.keys, &who, s.v[2]));
	ck_fails(c, E_INPUT, keys_unseal(c, h.server.keys, &who, lost.v[0]));
	ck_ok(c, keys_unseal(c, h.server.keys, &who, s.v[0]));
	ck_ok(c, keys_open(c, h.server.keys));
	house_vendor(c, &h, "Aurora");
	ck_fails(c, E_CONFLICT, keys_init(c, h.server.keys, &init, 3, 2, &lost));
	house_close(&h);

	house_open(c, &h, folder, "shares");
	ck_assert_int_eq(state(&h), KEYS_SEALED);
	ck_fails(c, E_CONFLICT, keys_init(c, h.server.keys, &init, 3, 2, &lost));
	ck_ok(c, keys_unseal(c, h.server.keys, &who, s.v[1]));
	ck_ok(c, keys_unseal(c, h.server.keys, &who, s.v[2]));
	ck_ok(c, keys_open(c, h.server.keys));
	house_close(&h);
}
END_TEST

/* A folder that was opened with a file is not begun anew because its configuration says shares. */
START_TEST(shares_do_not_overwrite_a_file)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct audit_entry who = house_who("keys.init");
	struct shares s = { .n = 0 };
	struct house h;

	open_new_house(c, &h, folder);
	house_close(&h);
	house_open(c, &h, folder, "shares");
	ck_fails(c, E_CONFLICT, keys_init(c, h.server.keys, &who, 3, 2, &s));
	house_close(&h);
}
END_TEST

/* ---- Rotation ------------------------------------------------------------------------------- */

enum { MANY = 4000 }; /* a rotation of a tenth of a second, many batches */

static bool
is_rotating(struct house *h)
{
	struct keys_status s;

	keys_status(h->server.keys, &s);
	return s.rotating;
}

static void
wait_for_rotation(struct house *h)
{
	ck_until(!is_rotating(h), 30);
}

START_TEST(rotation_leaves_nothing_old)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.rotate");
	struct keyring_row *ring;
	struct vendor_key_row old_vendor, vendor;
	struct data_key_row old_data, data;
	static struct key256 key[MANY];
	static struct id id[MANY];
	struct key256 got;
	struct house h;
	size_t n;

	open_new_house(c, &h, test_folder());
	house_data_keys(c, &h, MANY, id, key);
	ck_ok(c, vendor_key_current(c, h.db, str_of(h.vendor.s), &old_vendor));
	ck_ok(c, data_key_by_id(c, h.db, str_of(id[0].s), &old_data));
	ck_ok(
	    c, custody_data_key_open(c, h.server.keys->custody, &old_vendor, &old_data, &got));
	ck_ok(c, keys_rotate(c, h.server.keys, &who));
	wait_for_rotation(&h);

	ck_ok(c, keyring_list(c, h.db, &ring, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(ring[0].version, 2);
	for (int i = 0; i < MANY; i++)
		ck_assert(opens_as(c, &h, id[i], &key[i]));
	/* The custodian itself can no longer open what was kept of before. */
	ck_assert(
	    !custody_data_key_open(c, h.server.keys->custody, &old_vendor, &old_data, &got));
	ck_ok(c, vendor_key_current(c, h.db, str_of(h.vendor.s), &vendor));
	ck_ok(c, data_key_by_id(c, h.db, str_of(id[0].s), &data));
	ck_ok(c, custody_data_key_open(c, h.server.keys->custody, &vendor, &data, &got));
	ck_assert(!custody_data_key_open(c, h.server.keys->custody, &vendor, &old_data, &got));
	ck_assert_uint_eq(house_audited(c, &h, "keys.rotate"), 1);
	ck_assert_uint_eq(house_audited(c, &h, "keys.rotated"), 1);
	ck_ok(c, keys_checkpoint(c, h.server.keys));
	house_close(&h);
}
END_TEST

enum { ROUNDS = 5 };

/* The custodian is killed at random moments of a rotation while keys are made and opened. */
START_TEST(rotation_survives_kills)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.rotate");
	static struct key256 key[MANY + ROUNDS];
	static struct id id[MANY + ROUNDS];
	struct house h;
	int version = 1;

	open_new_house(c, &h, test_folder());
	house_data_keys(c, &h, MANY, id, key);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t now = custodian();
		unsigned char moment;

		ck_ok(c, keys_rotate(c, h.server.keys, &who));
		version++;
		os_random(&moment, 1);
		pause_ms(moment * 5);
		kill(now, SIGKILL);
		ck_until(is_back(&h, now), 20);
		id[MANY + round] = house_data_key(c, &h, &key[MANY + round]);
		wait_for_rotation(&h);
	}
	for (int i = 0; i < MANY + ROUNDS; i++)
		ck_assert(opens_as(c, &h, id[i], &key[i]));
	ck_assert_int_eq(h.server.keys->keyring, version);
	house_close(&h);
}
END_TEST

START_TEST(rotation_goes_on_after_a_stop)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.rotate");
	const char *folder = test_folder();
	static struct key256 key[MANY];
	static struct id id[MANY];
	struct house h;

	open_new_house(c, &h, folder);
	house_data_keys(c, &h, MANY, id, key);
	ck_ok(c, keys_rotate(c, h.server.keys, &who));
	ck_fails(c, E_CONFLICT, keys_rotate(c, h.server.keys, &who));
	house_close(&h);
	house_open(c, &h, folder, NULL);
	ck_assert(is_rotating(&h));
	wait_for_rotation(&h);
	ck_assert_int_eq(h.server.keys->keyring, 2);
	for (int i = 0; i < MANY; i++)
		ck_assert(opens_as(c, &h, id[i], &key[i]));
	ck_assert_uint_eq(house_audited(c, &h, "keys.rotated"), 1);
	house_close(&h);
}
END_TEST

/* ---- Checkpoints ---------------------------------------------------------------------------- */

static bool
signature(struct ctx *c, const struct checkpoint *point, void *arg)
{
	return keys_checkpoint_verify(c, arg, point);
}

START_TEST(checkpoints_prove_the_audit)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.rotate");
	struct audit_check check = { .signature = signature };
	struct checkpoint point = { 0 }, other;
	int64_t rows, bad;
	struct house h;
	bool found;

	open_new_house(c, &h, test_folder());
	check.arg = h.db;
	ck_ok(c, keys_checkpoint(c, h.server.keys));
	ck_ok(c, checkpoint_last(c, h.db, &found, &point));
	ck_assert(found);
	/* Nothing new: no new one, and signing made nothing new. */
	ck_ok(c, keys_checkpoint(c, h.server.keys));
	ck_ok(c, checkpoint_last(c, h.db, &found, &other));
	ck_assert_int_eq(other.seq, point.seq);
	/* After a rotation the old ones still prove. */
	ck_ok(c, keys_rotate(c, h.server.keys, &who));
	wait_for_rotation(&h);
	ck_ok(c, keys_checkpoint(c, h.server.keys));
	ck_ok(c, audit_verify(c, h.db, &check, &rows, &bad));
	ck_ok(c, keys_checkpoint_verify(c, h.db, &point));
	other = point;
	other.seq++;
	ck_fails(c, E_INTEGRITY, keys_checkpoint_verify(c, h.db, &other));
	other = point;
	other.hash.b[7] ^= 1;
	ck_fails(c, E_INTEGRITY, keys_checkpoint_verify(c, h.db, &other));
	other = point;
	other.jws.n -= 4;
	ck_fails(c, E_INTEGRITY, keys_checkpoint_verify(c, h.db, &other));
	house_close(&h);
}
END_TEST

MAIN("keys", ONE(file_opens_by_itself), ONE(seal_holds), ONE(custodian_comes_back),
    ONE(silent_custodian_is_replaced), ONE(silent_custodian_with_shares_is_waited_for),
    ONE(missing_root_key_is_sealed), ONE(other_root_key_is_told), ONE(shares_open),
    ONE(shares_do_not_overwrite_a_file), ONE(rotation_leaves_nothing_old),
    ONE(rotation_survives_kills), ONE(rotation_goes_on_after_a_stop),
    ONE(checkpoints_prove_the_audit))
