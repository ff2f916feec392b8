/*
 * Collecting a machine's fingerprint from the files in which Linux shows it. Everything is read
 * relative to a root folder, bounded, and may be missing: a container, a virtual machine or an
 * ordinary user sees less than root on bare metal.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "rules.h"

enum { SMALL = 256, DISKS = 4, DISKS_SEEN = 256 };

/* What makers leave where a number should be; compared without case. */
static const char *const placeholders[] = {
	"none",
	"n/a",
	"unknown",
	"default string",
	"not specified",
	"not applicable",
	"to be filled by o.e.m.",
	"system serial number",
	"0123456789",
	"123456789",
	"1234567890",
	"uninitialized", /* machine-id(5), at first boot */
	"03000200-0400-0500-0006-000700080009",
	"12345678-1234-5678-90ab-cddeefaabbcc",
};

static bool
placeholder(struct str s)
{
	bool one = true;

	for (size_t i = 0; i < COUNT(placeholders); i++)
		if (s.n == strlen(placeholders[i]) &&
		    strncasecmp(s.p, placeholders[i], s.n) == 0)
			return true;
	/* Nothing but zeros, or nothing but Fs. */
	for (size_t i = 0; i < s.n; i++)
		one = one && (s.p[i] == '-' || tolower(s.p[i]) == tolower(s.p[0]));
	return s.n < 4 || one;
}

/* Shorter than asked is fine, and so is not there: files in sysfs do not know their size. */
bool
small_file(struct ctx *c, int dir, const char *name, struct str *ret)
{
	owned(fd_done) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char bytes[SMALL];
	ssize_t n = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
	struct str s = { bytes, n > 0 ? (size_t)n : 0 };

	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\0'))
		s.n--;
	return take_copy(c, str_trim(s), ret);
}

/* The first of the places that says something; letters small, so that firmware's taste is none. */
MUST static bool
value_of(struct ctx *c, int root, const char *const places[], size_t n, struct str *ret)
{
	*ret = (struct str){ 0 };
	for (size_t i = 0; i < n && ret->n == 0; i++) {
		char *p;

		if (!small_file(c, root, places[i], ret))
			return false;
		p = (char *)(uintptr_t)ret->p;
		for (size_t k = 0; k < ret->n; k++)
			p[k] = (char)tolower((unsigned char)p[k]);
		if (placeholder(*ret))
			*ret = (struct str){ 0 };
	}
	return true;
}

/* ---- Disks ------------------------------------------------------------------------------- */

static void
dir_done(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
	*d = NULL;
}

/* A fixed disk's serial number, wherever its driver shows it: virtio, NVMe, SCSI and SATA. */
MUST static bool
disk_serial(struct ctx *c, int block, const char *name, struct str *ret)
{
	static const char *const places[] = { "serial", "device/serial", "device/wwid",
		"wwid" };
	owned(fd_done) int dir = openat(block, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct str removable;

	*ret = (struct str){ 0 };
	if (dir < 0)
		return true;
	if (!small_file(c, dir, "removable", &removable))
		return false;
	return str_same(removable, STR("1")) || value_of(c, dir, places, COUNT(places), ret);
}

static int
by_text(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* The lowest few serial numbers: which disk is called sda changes from boot to boot. */
MUST static bool
disks(struct ctx *c, int root, const struct id *license, struct fingerprint *f)
{
	int fd = openat(root, "sys/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	owned(dir_done) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct str *serial = take(c, DISKS_SEEN * sizeof *serial);
	const struct dirent *e;
	size_t n = 0;

	if (serial == NULL)
		return false;
	while (dir != NULL && n < DISKS_SEEN && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (!disk_serial(c, fd, e->d_name, &serial[n]))
			return false;
		n += serial[n].n > 0;
	}
	qsort(serial, n, sizeof *serial, by_text);
	for (size_t i = 0; i < n && i < DISKS; i++)
		if (!fingerprint_add(c, license, MACHINE_DISK, serial[i], f))
			return false;
	return true;
}

/* ---- All of it --------------------------------------------------------------------------- */

MUST static bool
add_value(struct ctx *c, int root, const struct id *license, enum component part,
    const char *const places[], size_t n, struct fingerprint *f)
{
	struct str value;

	return value_of(c, root, places, n, &value) &&
	    fingerprint_add(c, license, part, value, f);
}

bool
machine_collect(
    struct ctx *c, const char *root, const struct id *license, struct fingerprint *ret)
{
	static const char *const product[] = { "sys/class/dmi/id/product_uuid",
		"sys/firmware/devicetree/base/serial-number" };
	static const char *const ids[] = { "etc/machine-id", "var/lib/dbus/machine-id" };
	owned(fd_done) int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct fingerprint f = { 0 };
	struct str container, tpm;
	bool shared;

	if (dir < 0)
		return fail_errno(c, "open", root);
	if (!container_id(c, dir, &container, &shared) || !tpm_endorsement(c, dir, &tpm) ||
	    !add_value(c, dir, license, MACHINE_PRODUCT, product, COUNT(product), &f))
		return false;
	if ((container.n == 0 || shared) &&
	    !add_value(c, dir, license, MACHINE_ID, ids, COUNT(ids), &f))
		return false;
	if (!disks(c, dir, license, &f) || !fingerprint_add(c, license, MACHINE_TPM, tpm, &f) ||
	    !fingerprint_add(c, license, MACHINE_CONTAINER, container, &f))
		return false;
	*ret = f;
	return true;
}
