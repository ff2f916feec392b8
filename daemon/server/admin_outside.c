/*
 * doctor, from outside: what the state folder, the disk, the certificate and the root key look
 * like, with or without a running daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "admin.h"

enum { CERTIFICATE_MAX = 1 << 20, EXPIRY_DAYS = 21, FILES_FREE = 1000 };
#define DAY_MS INT64_C(86400000)

static const char *
path_in(struct ctx *c, const char *folder, const char *name)
{
	const char *path = take_printf(c, "%s/%s", folder, name);

	return path == NULL ? "" : path;
}

/* ---- Folder and files ------------------------------------------------------------------------ */

/* One file or folder: there, the owner's, and nobody else's. */
MUST static bool
owner_check(struct ctx *c, struct doctor *d, const char *path, uid_t owner, bool *ret_right)
{
	struct stat st;
	const char *next = take_printf(
	    c, "chown %u %s; chmod go= %s", (unsigned)owner, path, path);

	*ret_right = true;
	if (lstat(path, &st) != 0)
		return true; /* what has to be there is looked for elsewhere */
	*ret_right = st.st_uid == owner && (st.st_mode & 077) == 0;
	if (*ret_right)
		return true;
	if (st.st_uid != owner)
		return doctor_find(d, "error", "permissions", next == NULL ? "" : next,
		    "%s belongs to user %u, not to %u", path, (unsigned)st.st_uid,
		    (unsigned)owner);
	return doctor_find(d, "error", "permissions", next == NULL ? "" : next,
	    "%s is open to others (mode %04o)", path, (unsigned)(st.st_mode & 07777));
}

MUST static bool
folder_check(struct ctx *c, struct doctor *d, const struct conf *conf)
{
	static const char *const names[] = { "", "hallmark.db", "hallmark.db-wal",
		"hallmark.db-shm", "lock", "backup" };
	struct stat st;
	bool all = true, right;

	if (stat(conf->state, &st) != 0 || !S_ISDIR(st.st_mode))
		return doctor_find(d, "error", "state folder",
		    "make it: install -d -m 0700 -o USER FOLDER, or correct `state` in the "
		    "configuration",
		    "%s is not there: %s", conf->state, strerror(errno));
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = i == 0 ? conf->state : path_in(c, conf->state, names[i]);

		if (!owner_check(c, d, path, st.st_uid, &right))
			return false;
		all = all && right;
	}
	if (!all)
		return true;
	return doctor_find(d, "ok", "permissions", "", "%s is its owner's alone", conf->state);
}

MUST static bool
disk_check(struct ctx *c, struct doctor *d, const struct conf *conf)
{
	static const char next[] =
	    "make room, or move the state folder; old backups lie in its "
	    "folder backup";
	struct statvfs v;
	int64_t free_mb;

	(void)c;
	if (statvfs(conf->state, &v) != 0)
		return true;
	free_mb = (int64_t)v.f_bavail * (int64_t)v.f_frsize / (1 << 20);
	if (free_mb < conf->disk_reserve_mb)
		return doctor_find(d, "error", "disk", next,
		    "full: %lld MB free, %lld MB are kept in reserve", (long long)free_mb,
		    (long long)conf->disk_reserve_mb);
	if (v.f_files > 0 && v.f_favail < FILES_FREE)
		return doctor_find(d, "error", "disk", next,
		    "only %llu files may still be made", (unsigned long long)v.f_favail);
	return doctor_find(d, free_mb < 4 * conf->disk_reserve_mb ? "warning" : "ok", "disk",
	    free_mb < 4 * conf->disk_reserve_mb ? next : "", "%lld MB free",
	    (long long)free_mb);
}

MUST static bool
programs_check(struct ctx *c, struct doctor *d, const struct conf *conf)
{
	static const char *const names[] = { "hallmark-custodian", "hallmark-worker" };

	for (size_t i = 0; i < COUNT(names) && conf->programs[0] != '\0'; i++) {
		const char *path = path_in(c, conf->programs, names[i]);

		if (access(path, X_OK) != 0 &&
		    !doctor_find(d, "error", "programs",
			"install it there, or correct `programs` in the configuration",
			"%s cannot be run: %s", path, strerror(errno)))
			return false;
	}
	return true;
}

/* ---- Root key -------------------------------------------------------------------------------- */

MUST static bool
root_file_check(struct ctx *c, struct doctor *d, const char *path, bool outside)
{
	struct stat folder, st;
	bool right;

	if (stat(path, &st) != 0 && errno == ENOENT)
		return doctor_find(d, outside ? "warning" : "error", "root key",
		    "put the file back from your own copy: without it nothing opens; a new "
		    "installation makes it at `init`",
		    "%s is missing", path);
	if (stat(path, &st) != 0)
		return doctor_find(d, "error", "root key", "see who may enter its folders",
		    "%s: %s", path, strerror(errno));
	if (stat(d->call->server->conf.state, &folder) != 0)
		folder.st_uid = geteuid();
	if (!owner_check(c, d, path, folder.st_uid, &right))
		return false;
	return !right || doctor_find(d, "ok", "root key", "", "in %s", path);
}

MUST static bool
root_check(struct ctx *c, struct doctor *d, const struct conf *conf)
{
	struct str from = str_of(conf->root_key), kind;
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	bool outside = d->call->server->store == NULL;

	if (!str_cut(&from, ':', &kind))
		return doctor_find(d, "ok", "root key", "", "comes as shares");
	if (str_same(kind, STR("file")))
		return root_file_check(c, d, from.p, outside);
	if (outside)
		return true; /* systemd shows it to the daemon alone */
	if (folder != NULL && access(path_in(c, folder, from.p), R_OK) == 0)
		return doctor_find(d, "ok", "root key", "", "credential %s is here", from.p);
	return doctor_find(d, "error", "root key",
	    "LoadCredentialEncrypted= in the unit, and systemd-creds encrypt to make it",
	    "the credential %s is missing", from.p);
}

/* ---- Certificate ----------------------------------------------------------------------------- */

static void
certificate_free(gnutls_x509_crt_t *x)
{
	if (*x != NULL)
		gnutls_x509_crt_deinit(*x);
	*x = NULL;
}

static void
pair_free(gnutls_certificate_credentials_t *x)
{
	if (*x != NULL)
		gnutls_certificate_free_credentials(*x);
	*x = NULL;
}

MUST static bool
expiry_check(struct ctx *c, struct doctor *d, const char *path, struct str pem)
{
	static const char next[] = "put a new certificate in its place, then systemctl reload "
				   "hallmarkd (SIGHUP)";
	owned(certificate_free) gnutls_x509_crt_t x = NULL;
	const gnutls_datum_t data = { (unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n };
	int64_t left, begins;

	if (gnutls_x509_crt_init(&x) != 0 ||
	    gnutls_x509_crt_import(x, &data, GNUTLS_X509_FMT_PEM) != 0)
		return doctor_find(
		    d, "error", "certificate", next, "%s is not a certificate in PEM", path);
	left = (int64_t)gnutls_x509_crt_get_expiration_time(x) * 1000 - c->now();
	begins = (int64_t)gnutls_x509_crt_get_activation_time(x) * 1000 - c->now();
	if (left < 0)
		return doctor_find(d, "error", "certificate", next, "expired %lld days ago",
		    (long long)(-left / DAY_MS));
	if (begins > 0)
		return doctor_find(d, "error", "certificate", next,
		    "not valid for another %lld hours", (long long)(begins / 3600000));
	return doctor_find(d, left < EXPIRY_DAYS * DAY_MS ? "warning" : "ok", "certificate",
	    left < EXPIRY_DAYS * DAY_MS ? next : "", "valid for another %lld days",
	    (long long)(left / DAY_MS));
}

bool
doctor_certificate(struct ctx *c, struct doctor *d, const struct conf *conf)
{
	owned(pair_free) gnutls_certificate_credentials_t pair = NULL;
	struct str pem;
	struct stat st;

	if (!file_read(c, AT_FDCWD, conf->certificate, CERTIFICATE_MAX, &pem))
		return doctor_find(d, "error", "certificate",
		    "correct `certificate` in the configuration, or the file's mode", "%s",
		    c->err.text);
	if (!expiry_check(c, d, conf->certificate, pem))
		return false;
	if (stat(conf->certificate_key, &st) == 0 && (st.st_mode & 07) != 0)
		return doctor_find(d, "error", "certificate key", "chmod o= on it",
		    "everybody may read %s", conf->certificate_key);
	if (gnutls_certificate_allocate_credentials(&pair) == 0 &&
	    gnutls_certificate_set_x509_key_file(
		pair, conf->certificate, conf->certificate_key, GNUTLS_X509_FMT_PEM) == 0)
		return true;
	return doctor_find(d, "error", "certificate key",
	    "correct `certificate-key` in the configuration, or the file",
	    "%s cannot be read, or does not fit the certificate", conf->certificate_key);
}

bool
doctor_outside(struct ctx *c, struct doctor *d, const struct conf *conf)
{
	return folder_check(c, d, conf) && disk_check(c, d, conf) &&
	    programs_check(c, d, conf) && root_check(c, d, conf) &&
	    doctor_certificate(c, d, conf);
}
