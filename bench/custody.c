/*
 * What the custodian's process does in a second: licenses issued (claims signed, head wrapped), one
 * of the two alone, unlock keys of a sealed release with a table of 64 kB, with and without a head.
 * Asked by one thread or several, as the server's threads ask. Prints a line for each: name, how
 * many a second by the clock, microseconds of the custodian's own time for one.
 *
 *	custody FOLDER_OF_PROGRAMS THREADS MILLISECONDS [NAME]
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "custody.h"
#include "license.h"

#define UUID_TEXT "01a1f7b4-613b-78db-864f-cf642ca115e9"
enum { THREADS_MAX = 64, SEALED = 2, LOG_L = 14 };

struct scene {
	struct custody *custody;
	struct vendor_key_row vendor;
	struct data_key_row secret;
	struct str claims, jwk, wrap;
	struct digest256 artifact;
};
static struct scene scene;
static _Atomic bool enough;

/* ---- What is asked ----------------------------------------------------------------------- */

typedef void question(struct ctx *);

static void
license(struct ctx *c, bool claims, bool jwk)
{
	struct custody_license l = { .vendor = &scene.vendor,
		.secret = &scene.secret,
		.release = STR("rel_" UUID_TEXT),
		.license = STR("lic_" UUID_TEXT),
		.artifact = scene.artifact };
	struct str token, wrap;

	if (claims)
		l.claims = scene.claims;
	if (jwk)
		l.jwk = scene.jwk;
	need(custody_license(c, scene.custody, &l, &token, &wrap), "license");
}

static void
ask_both(struct ctx *c)
{
	license(c, true, true);
}

static void
ask_token(struct ctx *c)
{
	license(c, true, false);
}

static void
ask_wrap(struct ctx *c)
{
	license(c, false, true);
}

static void
unlock(struct ctx *c, struct str wrap)
{
	const struct custody_unlock u = { .vendor = &scene.vendor,
		.secret = &scene.secret,
		.release = STR("rel_" UUID_TEXT),
		.license = STR("lic_" UUID_TEXT),
		.customer = 7,
		.locks = SEALED,
		.log_l = LOG_L,
		.kappa = .03,
		.issued = clock_now(),
		.artifact = scene.artifact,
		.jwk = scene.jwk,
		.wrap = wrap,
		.entries = -1 };
	owned(fd_done) int out = memfd_create("key", MFD_CLOEXEC);
	uint64_t bytes;

	need(custody_unlock_key(c, scene.custody, &u, out, &bytes), "unlock key");
}

static void
ask_key(struct ctx *c)
{
	unlock(c, scene.wrap);
}

static void
ask_key_alone(struct ctx *c)
{
	unlock(c, STR(""));
}

static void
ask_status(struct ctx *c)
{
	struct custody_status s;

	need(custody_status(c, scene.custody, &s), "status");
}

/* ---- How often --------------------------------------------------------------------------- */

struct asker {
	pthread_t thread;
	question *ask;
	long done;
};

static void *
run(void *arg)
{
	struct asker *a = arg;
	owned(arena_free) struct arena *mem = arena_new(16 << 20);
	struct ctx c = ctx_real(mem, "bench");

	ctx = &c;
	while (!enough) {
		a->ask(&c);
		a->done++;
		arena_reset(mem);
	}
	return NULL;
}

static void
measure(const char *name, question *ask, long threads, long ms)
{
	struct asker asker[THREADS_MAX] = { 0 };
	double from = seconds(CLOCK_MONOTONIC), used;
	clockid_t custodian;
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
	long done = 0;

	if (clock_getcpuclockid(custody_pid(scene.custody), &custodian) != 0)
		stop("the custodian's time cannot be read");
	used = seconds(custodian);
	enough = false;
	for (long i = 0; i < threads; i++) {
		asker[i].ask = ask;
		if (pthread_create(&asker[i].thread, NULL, run, &asker[i]) != 0)
			stop("no threads");
	}
	(void)nanosleep(&pause, NULL);
	enough = true;
	for (long i = 0; i < threads; i++) {
		(void)pthread_join(asker[i].thread, NULL);
		done += asker[i].done;
	}
	printf("%s %.0f %.1f\n", name, (double)done / (seconds(CLOCK_MONOTONIC) - from),
	    (seconds(custodian) - used) * 1e6 / (double)done);
}

/* ---- The scene --------------------------------------------------------------------------- */

static void
claims_make(struct ctx *c, struct str kid)
{
	struct license_claims l = { .vendor = { "ven_" UUID_TEXT },
		.customer = { "cus_" UUID_TEXT },
		.release = { "rel_" UUID_TEXT },
		.license = { "lic_" UUID_TEXT },
		.issued = seconds_of(c->now()),
		.seats = 3,
		.lease = 600,
		.offline = 7 * DAY,
		.components = MACHINE_ANYTHING,
		.artifact = scene.artifact,
		.revocations = STR(
		    "https://licenses.example.com/v1/vendors/ven_" UUID_TEXT "/revocations") };
	struct str entitlement[] = { STR("run"), STR("export") }, thumbprint;
	struct buf b;

	l.not_before = l.issued;
	l.expires = l.issued + 365 * DAY;
	l.entitlements = (struct str_list){ entitlement, COUNT(entitlement) };
	need(base64url_decode(c, kid, &thumbprint), "key id");
	memcpy(l.key.b, thumbprint.p, sizeof l.key.b);
	need(take_buf(c, LICENSE_MAX, &b) && license_claims_put(c, &l, &b), "claims");
	scene.claims = buf_str(&b);
}

static void
scene_make(struct ctx *c, const char *programs, const char *root)
{
	const struct custody_conf conf = { .programs = programs, .root = root };
	owned(ec_key_free) struct ec_key *customer = NULL;
	struct custody_license l = { .vendor = &scene.vendor,
		.secret = &scene.secret,
		.release = STR("rel_" UUID_TEXT),
		.license = STR("lic_" UUID_TEXT),
		.artifact = scene.artifact };
	struct custody_birth birth;
	struct key256 key;
	struct str none;
	struct buf b;

	need(custody_start(c, &conf, true, &scene.custody) &&
		custody_init(c, scene.custody, 0, 0, &birth) &&
		custody_load(c, scene.custody, &birth.keyring, 1, &birth.signing, 1) &&
		custody_vendor_key_new(
		    c, scene.custody, (struct id){ "ven_" UUID_TEXT }, 1, &scene.vendor) &&
		custody_data_key_new(c, scene.custody, &scene.vendor,
		    (struct id){ "key_" UUID_TEXT }, &key, &scene.secret) &&
		ec_key_generate(c, &customer) && take_buf(c, JWK_MAX, &b),
	    "the custodian");
	ec_key_to_jwk(&b, customer);
	scene.jwk = l.jwk = buf_str(&b);
	claims_make(c, birth.signing.kid);
	need(custody_license(c, scene.custody, &l, &none, &scene.wrap), "license");
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		question *ask;
	} rows[] = {
		{ "round-trip", ask_status },
		{ "license", ask_both },
		{ "claims-alone", ask_token },
		{ "head-alone", ask_wrap },
		{ "unlock-key", ask_key },
		{ "unlock-key-without-head", ask_key_alone },
	};
	struct arena *mem = arena_new(16 << 20);
	struct ctx c = ctx_real(mem, "bench");
	char folder[] = "/tmp/bench-custody-XXXXXX", root[64];
	long threads = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
	long ms = argc > 3 ? strtol(argv[3], NULL, 10) : 0;

	ctx = &c;
	if (threads < 1 || threads > THREADS_MAX || ms < 1)
		stop("usage: custody FOLDER_OF_PROGRAMS THREADS MILLISECONDS [NAME]");
	if (!crypto_start(&c) || mkdtemp(folder) == NULL)
		stop("no place for a root key");
	(void)snprintf(root, sizeof root, "file:%s/root", folder);
	scene_make(&c, argv[1], root);
	(void)unlink(root + 5);
	(void)rmdir(folder);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (argc < 5 || strcmp(argv[4], rows[i].name) == 0)
			measure(rows[i].name, rows[i].ask, threads, ms);
	custody_stop(&scene.custody);
	return 0;
}
