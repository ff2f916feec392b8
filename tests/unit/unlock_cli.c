/*
 * hallmark's commands for customers, as processes: key, unlock, exec. What opens, opens; what does
 * not ends with status 5 and a sentence, and leaves no file behind.
 */
#include "cli_support.h"
#include "unlock_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- A release and its customer ---------------------------------------------------------- */

struct house {
	const char *folder, *private, *key, *artifact, *model; /* model: where nothing is yet */
	struct story story;
	struct unlock_key unlock;
	struct str plain; /* what has to come of it */
};

static void
put(struct ctx *c, const char *path, struct str bytes)
{
	ck_ok(c, file_replace(c, AT_FDCWD, path, 0600, bytes));
}

/* An unlock key for the holder of a key file, as a token. */
static struct str
token(struct ctx *c, const char *private, const struct unlock_key *k, struct str release)
{
	owned(ec_key_free) struct ec_key *to = NULL;
	char text[2 * sizeof k->artifact.b];
	struct buf hex = BUF(text), payload, out;
	struct jose_member member[] = { { "release", release },
		{ "artifact", { text, sizeof text } } };
	struct said shown = RUN(c, "key", "show", private);
	size_t n = unlock_key_size(k);

	ck_assert_int_eq(shown.status, 0);
	hex_put(&hex, k->artifact.b, sizeof k->artifact.b);
	ck_ok(c, ec_key_from_jwk(c, shown.out, &to));
	ck_ok(c, take_buf(c, n, &payload));
	ck_ok(c, take_buf(c, jwe_size(n, 512), &out));
	ck_ok(c, unlock_key_put(c, k, &payload));
	ck_ok(c,
	    jwe_encrypt(
		c, to, STR(UNLOCK_TYP), member, COUNT(member), buf_str(&payload), &out));
	return buf_str(&out);
}

static const unsigned kinds[] = { LOCK_ADVPARAMS, LOCK_SEALED, LOCK_SEALED | LOCK_ADVPARAMS };

static struct house
house_new(struct ctx *c, unsigned locks)
{
	struct house h = { .folder = test_folder(), .story = story_new(c, locks, true) };
	owned(fd_done) int out = memory_file(STR(""));

	h.private = test_path(h.folder, "me.jwk");
	h.key = test_path(h.folder, "model.key");
	h.artifact = test_path(h.folder, "locked.onnx");
	h.model = test_path(h.folder, "model.onnx");
	ck_assert_int_eq(RUN(c, "key", "new", h.private, "--no-passphrase").status, 0);
	story_lock(c, &h.story);
	h.unlock = story_key(c, &h.story, 7);
	put(c, h.artifact, memory_bytes(c, h.story.artifact));
	put(c, h.key, token(c, h.private, &h.unlock, str_of(h.story.id.s)));
	ck_ok(c, unlock_apply(c, h.story.artifact, &h.unlock, out, NULL));
	h.plain = memory_bytes(c, out);
	return h;
}

static struct said
unlock(struct ctx *c, const struct house *h)
{
	return RUN(c, "artifact", "unlock", h->key, h->artifact, h->model, "--key", h->private);
}

/* Nothing but what the house put there. */
static void
check_nothing_left(const struct house *h)
{
	DIR *d = opendir(h->folder);
	const struct dirent *e;
	int files = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		files += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	ck_assert_int_eq(files, 3);
}

/* ---- unlock ------------------------------------------------------------------------------ */

START_TEST(a_model_comes_of_it)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, kinds[_i]);
	struct said s = unlock(c, &h);
	struct stat st;

	ck_assert_msg(s.status == 0, "%.*s", STRF(s.err));
	ck_assert(says(s.out, h.story.id.s));
	ck_assert(str_same(file_bytes(c, h.model), h.plain));
	ck_assert(kinds[_i] != LOCK_ADVPARAMS || str_same(h.plain, h.story.plain));
	ck_assert_int_eq(stat(h.model, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_says(unlock(c, &h), 1, "exists already");
	put(c, h.model, STR("old"));
	s = RUN(
	    c, "artifact", "unlock", h.key, h.artifact, h.model, "--key", h.private, "--force");
	ck_assert_msg(s.status == 0, "%.*s", STRF(s.err));
	ck_assert(str_same(file_bytes(c, h.model), h.plain));
	ck_assert_int_eq(unlink(h.model), 0);
	check_nothing_left(&h);
}
END_TEST

/* Each spoils one thing; nothing opens any more. */
static void
spoil_private(struct ctx *c, struct house *h)
{
	ck_assert_int_eq(unlink(h->private), 0);
	ck_assert_int_eq(RUN(c, "key", "new", h->private, "--no-passphrase").status, 0);
}

static void
spoil_artifact(struct ctx *c, struct house *h)
{
	struct house other = house_new(c, h->story.locks);

	put(c, h->artifact, file_bytes(c, other.artifact));
}

static void
cut_artifact(struct ctx *c, struct house *h)
{
	struct str s = file_bytes(c, h->artifact);

	put(c, h->artifact, (struct str){ s.p, s.n - 1 });
}

static void
cut_artifact_short(struct ctx *c, struct house *h)
{
	put(c, h->artifact, (struct str){ file_bytes(c, h->artifact).p, 100 });
}

static void
empty_artifact(struct ctx *c, struct house *h)
{
	put(c, h->artifact, STR(""));
}

static void
alter(struct ctx *c, const char *path, size_t from_end)
{
	struct str s = file_bytes(c, path), copy;
	char *at;

	ck_ok(c, take_copy(c, s, &copy));
	at = (char *)(uintptr_t)copy.p + copy.n - from_end;
	*at = *at == 'A' ? 'B' : 'A';
	put(c, path, copy);
}

static void
alter_artifact(struct ctx *c, struct house *h)
{
	alter(c, h->artifact, 5);
}

static void
alter_key(struct ctx *c, struct house *h)
{
	alter(c, h->key, 30);
}

static void
cut_key(struct ctx *c, struct house *h)
{
	struct str s = file_bytes(c, h->key);

	put(c, h->key, (struct str){ s.p, s.n - 4 });
}

static void
no_key(struct ctx *c, struct house *h)
{
	put(c, h->key, STR("{\"alg\":\"none\"}"));
}

/* On its envelope it is for another release than in it. */
static void
other_envelope(struct ctx *c, struct house *h)
{
	put(c, h->key, token(c, h->private, &h->unlock, STR("rel_other")));
}

static void
other_content(struct ctx *c, struct house *h)
{
	struct unlock_key k = h->unlock;

	if ((k.locks & LOCK_SEALED) != 0)
		k.content.b[3] ^= 1;
	else
		k.plain.b[3] ^= 1;
	put(c, h->key, token(c, h->private, &k, str_of(k.release.s)));
}

static const struct {
	void (*spoil)(struct ctx *, struct house *);
	const char *what;
} spoilt[] = {
	{ spoil_private, "made for another private key" },
	{ spoil_artifact, "not the one this key opens" },
	{ cut_artifact, "not the one this key opens" },
	{ cut_artifact_short, "not the one this key opens" },
	{ empty_artifact, "not the one this key opens" },
	{ alter_artifact, "not the one this key opens" },
	{ alter_key, "no unlock key" },
	{ cut_key, "no unlock key" },
	{ no_key, "no unlock key" },
	{ other_envelope, "no unlock key" },
	{ other_content, "" },
};

START_TEST(nothing_comes_of_what_is_spoilt)
{
	struct ctx *c = test_ctx();

	for (size_t kind = 0; kind < COUNT(kinds); kind++) {
		struct house h = house_new(c, kinds[kind]);
		struct said s;

		spoilt[_i].spoil(c, &h);
		s = unlock(c, &h);
		ck_says(s, 5, spoilt[_i].what);
		ck_assert_uint_gt(s.err.n, 30);
		ck_assert_uint_eq(s.out.n, 0);
		check_nothing_left(&h);
		put(c, h.model, STR("old"));
		s = RUN(c, "artifact", "unlock", h.key, h.artifact, h.model, "--key", h.private,
		    "--force");
		ck_says(s, 5, spoilt[_i].what);
		ck_str(file_bytes(c, h.model), "old");
		s = RUN(c, "artifact", "exec", h.key, h.artifact, "--key", h.private, "--",
		    "/bin/echo", "ran", "{model}");
		ck_says(s, 5, spoilt[_i].what);
		ck_assert_uint_eq(s.out.n, 0);
	}
}
END_TEST

START_TEST(expired_keys_are_refused)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, LOCK_SEALED);
	struct unlock_key k = h.unlock;

	k.expires = 1;
	put(c, h.key, token(c, h.private, &k, str_of(k.release.s)));
	ck_says(unlock(c, &h), 2, "expired");
	check_nothing_left(&h);
}
END_TEST

/* ---- key --------------------------------------------------------------------------------- */

START_TEST(passphrases)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, LOCK_SEALED);
	const char *word = take_printf(c, "@%s", test_path(test_folder(), "word"));
	const char *other = take_printf(c, "@%s", test_path(test_folder(), "other"));
	struct said s;

	put(c, word + 1, STR("correct horse\n"));
	put(c, other + 1, STR("wrong horse\n"));
	ck_assert_int_eq(unlink(h.private), 0);
	ck_assert_int_eq(RUN(c, "key", "new", h.private, "--passphrase", word).status, 0);
	ck_assert(!says(file_bytes(c, h.private), "\"d\""));
	put(c, h.key, token(c, h.private, &h.unlock, str_of(h.story.id.s)));
	ck_says(unlock(c, &h), 1, "has a passphrase");
	s = RUN(c, "artifact", "unlock", h.key, h.artifact, h.model, "--key", h.private,
	    "--passphrase", other);
	ck_says(s, 5, "not the passphrase");
	check_nothing_left(&h);
	s = RUN(c, "artifact", "unlock", h.key, h.artifact, h.model, "--key", h.private,
	    "--passphrase", word);
	ck_assert_msg(s.status == 0, "%.*s", STRF(s.err));
	ck_assert(str_same(file_bytes(c, h.model), h.plain));
}
END_TEST

START_TEST(key_files)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, LOCK_SEALED);
	struct str was = file_bytes(c, h.private);
	struct stat st;

	ck_assert_int_eq(stat(h.private, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_says(RUN(c, "key", "new", h.private, "--no-passphrase"), 1, "exists already");
	ck_assert(str_same(file_bytes(c, h.private), was));
	ck_says(RUN(c, "key", "new", h.model), 1, "--no-passphrase");
	ck_assert(!says(RUN(c, "key", "show", h.private).out, "\"d\""));
	ck_says(RUN(c, "key", "show", h.artifact), 1, "");
	ck_assert_int_eq(chmod(h.private, 0644), 0);
	ck_says(unlock(c, &h), 1, "chmod 600");
	ck_assert_int_eq(chmod(h.private, 0600), 0);
	alter(c, h.private, 10); /* of d */
	ck_says(unlock(c, &h), 5, "do not belong together");
	check_nothing_left(&h);
}
END_TEST

/* ---- exec -------------------------------------------------------------------------------- */

#define SHELL(text) "/bin/sh", "-c", text, "sh", "{model}"

START_TEST(exec_hands_it_on)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, kinds[_i]);
	struct said s = RUN(c, "artifact", "exec", h.key, h.artifact, "--key", h.private, "--",
	    "/bin/cat", "{model}");

	ck_assert_msg(s.status == 0, "%.*s", STRF(s.err));
	ck_assert(str_same(s.out, h.plain));
	check_nothing_left(&h);
}
END_TEST

/* What a program does, and what comes out. */
static const struct {
	const char *text;
	int status;
	const char *out;
} programs[] = {
	{ "exit 42", 42, "" }, { "ulimit -c", 0, "0\n" }, { "umask", 0, "0022\n" },
	{ "(echo x >> \"$1\") 2> /dev/null && echo written; exit 0", 0, "" },
	{ "(truncate -s 0 \"$1\") 2> /dev/null && echo cut; exit 0", 0, "" },
	{ "test -s \"$1\" && echo there", 0, "there\n" },
	{ "case $1 in /proc/self/fd/*) echo memory;; esac", 0, "memory\n" },
	{ "stat -L -c %h \"$1\"", 0, "0\n" }, /* no folder names it */
	{ "(chmod +x \"$1\" && \"$1\") 2> /dev/null && echo run; exit 0", 0, "" },
	{ "yes | head -n 1", 0, "y\n" },          /* a broken pipe ends a program as usual */
	{ "ls /proc/self/fd | wc -l", 0, "5\n" }, /* 0, 1, 2, the model, and ls's own */
};

START_TEST(exec_runs_programs)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, LOCK_SEALED);
	struct said s = RUN(c, "artifact", "exec", h.key, h.artifact, "--key", h.private, "--",
	    SHELL(programs[_i].text));

	ck_assert_msg(s.status == programs[_i].status, "%d: %.*s", s.status, STRF(s.err));
	ck_assert_msg(str_same(s.out, str_of(programs[_i].out)), "%.*s", STRF(s.out));
}
END_TEST

START_TEST(exec_refuses)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c, LOCK_SEALED);
	struct said s = RUN(
	    c, "artifact", "exec", h.key, h.artifact, "--key", h.private, "--", "/bin/echo");

	ck_says(s, 1, "{model}");
	ck_assert_uint_eq(s.out.n, 0);
	s = RUN(c, "artifact", "exec", h.key, h.artifact, "--key", h.private, "--", "/nowhere",
	    "{model}");
	ck_says(s, 1, "/nowhere");
	s = RUN(c, "artifact", "exec", h.key, h.artifact, "--key", h.private, "--", "/bin/echo",
	    "--model={model},{model}", "x{model");
	ck_assert_int_eq(s.status, 0);
	ck_assert(str_starts(s.out, STR("--model=/proc/self/fd/")));
	ck_assert(says(s.out, ",/proc/self/fd/") && says(s.out, " x{model\n"));
}
END_TEST

MAIN("unlock_cli", EACH(a_model_comes_of_it, kinds),
    EACH(nothing_comes_of_what_is_spoilt, spoilt), ONE(expired_keys_are_refused),
    ONE(passphrases), ONE(key_files), EACH(exec_hands_it_on, kinds),
    EACH(exec_runs_programs, programs), ONE(exec_refuses))
