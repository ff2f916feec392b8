/*
 * The custodian as the server uses it, with real processes: where the root key comes from, shares,
 * the states, shares. What is done with keys is in custody_keys.c, what the walls hold in
 * custody_walls.c, what strangers may send in custody_hostile.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "custody_house.h"

/* ---- The root key ------------------------------------------------------------------------ */

static void
start_fails(struct ctx *c, const char *spec, bool create, enum err_code want, const char *text)
{
	struct custody_conf conf = { .programs = test_programs(), .root = spec };
	struct custody *custody = NULL;

	ck_assert(!custody_start(c, &conf, create, &custody));
	ck_assert_ptr_null(custody);
	/* No part of a key in what an operator sees. */
	ck_assert_ptr_null(strstr(c->err.text, "0011"));
	ck_assert_ptr_null(strstr(c->err.detail, "0011"));
	ck_says(c, want, text, false);
}

START_TEST(root_file_is_made_once_and_kept)
{
	struct ctx *c = test_ctx();
	const char *path = test_path(test_folder(), "root");
	const char *spec = take_printf(c, "file:%s", path);
	struct custody_birth birth = { 0 };
	struct custody *cu;
	struct stat st;
	struct str first, second;

	start_fails(c, spec, false, E_FILE, "root");
	ck_assert_int_ne(access(path, F_OK), 0);
	cu = test_custody(c, spec, true);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 65);
	ck_ok(c, file_read(c, AT_FDCWD, path, 65, &first));
	ck_ok(c, custody_init(c, cu, 0, 0, &birth));
	ck_assert_uint_eq(birth.shares, 0);
	/* --create again, and a new process, leave the key as it is. */
	ck_ok(c, custody_restart(c, cu, true));
	ck_ok(c, file_read(c, AT_FDCWD, path, 65, &second));
	ck_assert(str_same(first, second));
	ck_assert_int_eq(test_state(c, cu), CUSTODY_ROOT);
	ck_ok(c, custody_load(c, cu, &birth.keyring, 1, &birth.signing, 1));
	custody_stop(&cu);
}
END_TEST

static const struct {
	const char *content;
	mode_t mode;
	const char *text;
} bad_roots[] = {
	{ "", 0600, "is not a root key" },
	{ "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 0600,
	    "is not a root key" },
	{ "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n\n", 0600,
	    "is not a root key" },
	{ "0011223344556677889xaabbccddeeff00112233445566778899aabbccddeeff\n", 0600,
	    "is not a root key" },
	{ "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff ", 0600,
	    "is not a root key" },
	{ "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0640, "mode" },
	{ "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0604, "mode" },
};

START_TEST(root_file_that_is_not_one_is_refused)
{
	struct ctx *c = test_ctx();
	const char *path = test_path(test_folder(), "root");
	const char *spec = take_printf(c, "file:%s", path);

	ck_ok(c, file_create(c, AT_FDCWD, path, 0600, str_of(bad_roots[_i].content)));
	ck_assert_int_eq(chmod(path, bad_roots[_i].mode), 0);
	start_fails(c, spec, true, E_FILE, bad_roots[_i].text);
}
END_TEST

START_TEST(root_file_is_not_followed_to_elsewhere)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	const char *link = test_path(folder, "link");

	ck_ok(c,
	    file_create(c, AT_FDCWD, test_path(folder, "root"), 0600,
		STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n")));
	ck_assert_int_eq(symlink("root", link), 0);
	start_fails(c, take_printf(c, "file:%s", link), true, E_FILE, "link");
}
END_TEST

START_TEST(root_of_a_credential)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct custody_birth birth = { 0 };
	struct custody *cu;

	unsetenv("CREDENTIALS_DIRECTORY");
	start_fails(c, "credential:root", false, E_INPUT, "CREDENTIALS_DIRECTORY");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	start_fails(c, "credential:root", true, E_FILE, "root");
	start_fails(c, "credential:../root", false, E_INPUT, "not the name");
	ck_ok(c,
	    file_create(c, AT_FDCWD, test_path(folder, "root"), 0400,
		STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n")));
	cu = test_custody(c, "credential:root", false);
	ck_ok(c, custody_init(c, cu, 0, 0, &birth));
	ck_ok(c, custody_load(c, cu, &birth.keyring, 1, &birth.signing, 1));
	/* Sealed, it cannot read the credential again: a new process can. */
	ck_ok(c, custody_seal(c, cu));
	ck_assert_int_eq(test_state(c, cu), CUSTODY_SEALED);
	ck_fails(c, E_SEALED, custody_load(c, cu, &birth.keyring, 1, &birth.signing, 1));
	ck_fails(c, E_SEALED, custody_init(c, cu, 0, 0, &birth));
	ck_ok(c, custody_restart(c, cu, false));
	ck_ok(c, custody_load(c, cu, &birth.keyring, 1, &birth.signing, 1));
	custody_stop(&cu);
}
END_TEST

START_TEST(start_that_cannot_be)
{
	struct ctx *c = test_ctx();
	struct custody_conf nowhere = { .programs = "/nonexistent", .root = "shares" };
	struct custody *cu = NULL;

	start_fails(c, "file:", false, E_INPUT, "the root key comes from");
	start_fails(c, "tape:9", false, E_INPUT, "the root key comes from");
	ck_fails(c, E_PEER, custody_start(c, &nowhere, false, &cu));
	ck_assert_ptr_null(cu);
}
END_TEST

START_TEST(another_root_opens_nothing)
{
	struct ctx *c = test_ctx();
	struct house a = test_house(c), b = test_house(c);
	struct data_key_row row;
	struct vendor_key_row vendor;
	struct key256 key;

	ck_says(c, E_INTEGRITY, "root key does not open keyring version 1",
	    custody_load(c, b.custody, &a.ring, 1, &a.signing, 1));
	/* What was loaded before still is. */
	ck_ok(c, custody_vendor_key_new(c, b.custody, test_id("vnd_1"), 1, &vendor));
	ck_ok(c, custody_data_key_new(c, b.custody, &vendor, test_id("key_1"), &key, &row));
	house_done(&a);
	house_done(&b);
}
END_TEST

/* ---- Shares ------------------------------------------------------------------------------ */

static void
give(struct ctx *c, struct custody *cu, struct str share, unsigned have,
    enum custody_state state)
{
	struct custody_status s = { 0 };

	ck_ok(c, custody_unseal_share(c, cu, share, &s));
	ck_assert_uint_eq(s.have, have);
	ck_assert_int_eq(s.state, state);
	ck_assert(s.shares);
}

START_TEST(shares_open_and_open_again)
{
	struct ctx *c = test_ctx();
	struct custody *cu = test_custody(c, "shares", false);
	struct custody_status s = { 0 };
	struct custody_birth b = { 0 };

	ck_ok(c, custody_init(c, cu, 2, 3, &b));
	ck_assert_uint_eq(b.shares, 3);
	/* Only the shares know the root now. */
	ck_assert_int_eq(test_state(c, cu), CUSTODY_SEALED);
	ck_fails(c, E_SEALED, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	give(c, cu, b.share[0], 1, CUSTODY_SEALED);
	ck_fails(c, E_SEALED, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	ck_fails(c, E_INPUT, custody_unseal_share(c, cu, b.share[0], &s));
	ck_ok(c, custody_status(c, cu, &s));
	ck_assert_uint_eq(s.have, 1);
	ck_assert_uint_eq(s.need, 2);
	give(c, cu, b.share[2], 0, CUSTODY_ROOT);
	ck_fails(c, E_CONFLICT, custody_unseal_share(c, cu, b.share[1], &s));
	ck_fails(c, E_CONFLICT, custody_init(c, cu, 2, 3, &b));
	ck_ok(c, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	ck_assert_int_eq(test_state(c, cu), CUSTODY_UNSEALED);
	ck_ok(c, custody_seal(c, cu));
	give(c, cu, b.share[1], 1, CUSTODY_SEALED);
	give(c, cu, b.share[0], 0, CUSTODY_ROOT);
	ck_ok(c, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	custody_stop(&cu);
}
END_TEST

START_TEST(shares_that_are_wrong_are_refused_alone)
{
	struct ctx *c = test_ctx();
	struct custody *cu = test_custody(c, "shares", false);
	struct custody_status s = { 0 };
	struct custody_birth old = { 0 }, b = { 0 };
	char typo[SHARE_TEXT_MAX];

	ck_ok(c, custody_init(c, cu, 2, 2, &old));
	ck_ok(c, custody_init(c, cu, 3, 4, &b));
	ck_fails(c, E_INPUT, custody_unseal_share(c, cu, STR("hms1-nonsense"), &s));
	ck_fails(c, E_INPUT, custody_unseal_share(c, cu, STR(""), &s));
	give(c, cu, b.share[0], 1, CUSTODY_SEALED);
	ck_says(c, E_INPUT, "another set", custody_unseal_share(c, cu, old.share[0], &s));
	for (size_t i = 0; i < b.share[1].n; i++) {
		memcpy(typo, b.share[1].p, b.share[1].n);
		typo[i] = typo[i] == 'b' ? 'c' : 'b';
		ck_fails(c, E_INPUT,
		    custody_unseal_share(c, cu, (struct str){ typo, b.share[1].n }, &s));
	}
	give(c, cu, b.share[1], 2, CUSTODY_SEALED);
	give(c, cu, b.share[3], 0, CUSTODY_ROOT);
	ck_ok(c, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	custody_stop(&cu);
}
END_TEST

START_TEST(shares_of_a_former_init_open_nothing_and_are_forgotten)
{
	struct ctx *c = test_ctx();
	struct custody *cu = test_custody(c, "shares", false);
	struct custody_birth old = { 0 }, b = { 0 };

	ck_ok(c, custody_init(c, cu, 2, 2, &old));
	ck_ok(c, custody_init(c, cu, 2, 2, &b));
	give(c, cu, old.share[0], 1, CUSTODY_SEALED);
	give(c, cu, old.share[1], 0, CUSTODY_ROOT);
	ck_fails(c, E_INTEGRITY, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	ck_assert_int_eq(test_state(c, cu), CUSTODY_SEALED);
	/* A share of the wrong set is in the way until sealed again. */
	give(c, cu, old.share[0], 1, CUSTODY_SEALED);
	ck_ok(c, custody_seal(c, cu));
	give(c, cu, b.share[0], 1, CUSTODY_SEALED);
	give(c, cu, b.share[1], 0, CUSTODY_ROOT);
	ck_ok(c, custody_load(c, cu, &b.keyring, 1, &b.signing, 1));
	custody_stop(&cu);
}
END_TEST

/* A share with a right checksum whose value was changed: the commitment catches the joined key. */
START_TEST(shares_that_were_forged_drop_all)
{
	struct ctx *c = test_ctx();
	struct custody *cu = test_custody(c, "shares", false);
	struct custody_status s = { 0 };
	struct custody_birth b = { 0 };
	struct share forged;
	char text[SHARE_TEXT_MAX];
	struct buf out = BUF(text);

	ck_ok(c, custody_init(c, cu, 2, 3, &b));
	ck_ok(c, share_parse(c, b.share[1], &forged));
	forged.y[7] ^= 1;
	share_put(&out, &forged);
	give(c, cu, b.share[0], 1, CUSTODY_SEALED);
	ck_fails(c, E_INTEGRITY, custody_unseal_share(c, cu, buf_str(&out), &s));
	ck_ok(c, custody_status(c, cu, &s));
	ck_assert_uint_eq(s.have, 0);
	ck_assert_int_eq(s.state, CUSTODY_SEALED);
	give(c, cu, b.share[0], 1, CUSTODY_SEALED);
	give(c, cu, b.share[1], 0, CUSTODY_ROOT);
	custody_stop(&cu);
}
END_TEST

static const struct {
	unsigned k, n;
} bad_splits[] = { { 0, 0 }, { 0, 3 }, { 4, 3 }, { 1, 3 }, { 2, 17 }, { 17, 17 } };

START_TEST(shares_that_cannot_be_split)
{
	struct ctx *c = test_ctx();
	struct custody *cu = test_custody(c, "shares", false);
	struct house h = test_house(c);
	struct custody_birth b = { 0 };

	ck_fails(c, E_INPUT, custody_init(c, cu, bad_splits[_i].k, bad_splits[_i].n, &b));
	ck_ok(c, custody_init(c, cu, 16, 16, &b));
	ck_assert_uint_eq(b.shares, 16);
	/* And where there are none. */
	ck_ok(c, custody_restart(c, h.custody, false));
	ck_fails(c, E_INPUT, custody_init(c, h.custody, 2, 3, &b));
	custody_stop(&cu);
	house_done(&h);
}
END_TEST

MAIN("custody", ONE(root_file_is_made_once_and_kept),
    EACH(root_file_that_is_not_one_is_refused, bad_roots),
    ONE(root_file_is_not_followed_to_elsewhere), ONE(root_of_a_credential),
    ONE(start_that_cannot_be), ONE(another_root_opens_nothing), ONE(shares_open_and_open_again),
    ONE(shares_that_are_wrong_are_refused_alone),
    ONE(shares_of_a_former_init_open_nothing_and_are_forgotten),
    ONE(shares_that_were_forged_drop_all), EACH(shares_that_cannot_be_split, bad_splits))
