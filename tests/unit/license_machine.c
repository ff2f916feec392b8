/*
 * Fingerprints of machines that are folders: hosts, virtual machines, containers, each with the
 * files that it would show; and which of them are one machine.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "license_support.h"

static const struct id license = { LICENSE };

/* ---- Machines of files ------------------------------------------------------------------- */

/* A file below the root, with the folders on its way. */
static void
put(struct ctx *c, const char *root, const char *name, struct str bytes)
{
	char *path = take_printf(c, "%s/%s", root, name);

	ck_assert_ptr_nonnull(path);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
	(void)unlink(path);
	ck_ok(c, file_create(c, AT_FDCWD, path, 0600, bytes));
}

#define PRODUCT "sys/class/dmi/id/product_uuid"
#define EK "the public area of a key"
/* What a TPM answers to the fourteen bytes that are asked, which a plain file lets us write on. */
#define TPM_FILE                     \
	"QQQQQQQQQQQQQQ"             \
	"\x80\x01\0\0\0\x24\0\0\0\0" \
	"\0\x18" EK

static const char *
host(struct ctx *c)
{
	const char *root = test_folder();

	put(c, root, PRODUCT, STR("4C4C4544-0042-3510-8052-B4C04F4B4D32\n"));
	put(c, root, "etc/machine-id", STR("3d1219c7c4c5404aaa1f6d2a48adfda4\n"));
	put(c, root, "sys/block/sda/removable", STR("0\n"));
	put(c, root, "sys/block/sda/device/wwid", STR("naa.5002538e40a1b2c3\n"));
	put(c, root, "sys/block/nvme0n1/device/serial", STR("S4EWNX0N123456      \n"));
	put(c, root, "sys/block/sdb/removable", STR("1\n"));
	put(c, root, "sys/block/sdb/device/wwid", STR("usb.stick.0815\n"));
	put(c, root, "sys/block/loop0/removable", STR("0\n"));
	put(c, root, "dev/tpmrm0", STR(TPM_FILE));
	put(c, root, "proc/self/mountinfo", STR("22 27 0:21 / /proc rw - proc proc rw\n"));
	put(c, root, "proc/self/cgroup", STR("0::/user.slice/user-1000.slice\n"));
	put(c, root, "proc/sys/kernel/hostname", STR("bench\n"));
	return root;
}

static struct fingerprint
of(struct ctx *c, const char *root)
{
	struct fingerprint f;

	ck_ok(c, machine_collect(c, root, &license, &f));
	return f;
}

/* The mask of what was found. */
static unsigned
found(const struct fingerprint *f)
{
	unsigned mask = 0;

	for (size_t i = 0; i < f->n; i++)
		mask |= 1u << f->part[i].component;
	return mask;
}

START_TEST(hosts_show_everything)
{
	struct ctx *c = test_ctx();
	const struct id other = id_new(c, "lic");
	const char *root = host(c);
	struct fingerprint f = of(c, root), g;

	ck_assert_uint_eq(found(&f), MACHINE_ANYTHING);
	ck_assert_uint_eq(f.n, 5); /* two disks; not the stick, not the loop */
	put(c, root, "dev/tpmrm0", STR(TPM_FILE));
	g = of(c, root);
	ck_assert_int_eq(memcmp(&f, &g, sizeof f), 0);
	ck_ok(c, machine_collect(c, root, &other, &g));
	ck_assert_int_eq(machine_match(&f, &g, BIND_ANY, MACHINE_ANYTHING), MATCH_NO);
}
END_TEST

/* Nothing of what was read lies in the fingerprint. */
START_TEST(fingerprints_hide_numbers)
{
	static const char *const numbers[] = { "4C4C4544", "4c4c4544", "3d1219c7", "naa.5002",
		"S4EWNX", "s4ewnx", "the public", "\x3d\x12\x19\xc7" };
	struct ctx *c = test_ctx();
	struct fingerprint f = of(c, host(c));
	char room[FINGERPRINT_MAX];
	struct buf b = BUF(room);

	fingerprint_put(&b, &f);
	for (size_t i = 0; i < COUNT(numbers); i++)
		ck_assert_ptr_null(memmem(b.p, b.n, numbers[i], strlen(numbers[i])));
}
END_TEST

START_TEST(nothing_is_no_failure)
{
	struct ctx *c = test_ctx();
	struct fingerprint f = of(c, test_folder());

	ck_assert_uint_eq(f.n, 0);
	ck_fails(c, E_FILE, machine_collect(c, "/nowhere/at/all", &license, &f));
	ck_ok(c, machine_collect(c, "/", &license, &f)); /* whatever this machine shows */
	ck_assert_uint_le(f.n, FINGERPRINT_PARTS);
}
END_TEST

/* Values that no maker wrote, or that all of a maker's machines have. */
START_TEST(placeholders_do_not_count)
{
	static const struct {
		const char *value;
		bool counts;
	} values[] = {
		{ "00000000-0000-0000-0000-000000000000\n", false },
		{ "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n", false },
		{ "ffffffff-FFFF-ffff-FFFF-ffffffffffff", false },
		{ "03000200-0400-0500-0006-000700080009\n", false },
		{ "To Be Filled By O.E.M.", false },
		{ "Default string\n", false },
		{ "Not Specified", false },
		{ "", false },
		{ "\n\n", false },
		{ "abc", false },
		{ "4C4C4544-0042-3510-8052-B4C04F4B4D32", true },
	};
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < COUNT(values); i++) {
		const char *root = test_folder();
		struct fingerprint f;

		put(c, root, PRODUCT, str_of(values[i].value));
		f = of(c, root);
		ck_assert_msg(f.n == values[i].counts, "%s", values[i].value);
	}
}
END_TEST

START_TEST(spelling_does_not_count)
{
	struct ctx *c = test_ctx();
	const char *root = test_folder();
	struct fingerprint a, b;

	put(c, root, PRODUCT, STR("4C4C4544-0042-3510-8052-B4C04F4B4D32\n"));
	a = of(c, root);
	put(c, root, PRODUCT, STR(" 4c4c4544-0042-3510-8052-b4c04f4b4d32"));
	b = of(c, root);
	ck_assert_int_eq(machine_match(&a, &b, BIND_ALL, MACHINE_ANYTHING), MATCH_YES);
}
END_TEST

/* A TPM that answers nonsense is none. */
START_TEST(tpms_are_not_believed)
{
	const struct str answers[] = {
		STR(""),
		STR("QQQQQQQQQQQQQQ"),
		STR("QQQQQQQQQQQQQQ\x80\x01\0\0\0\x0a\0\0\x01\x8b"),
		STR("QQQQQQQQQQQQQQ\x80\x01\0\0\0\x0c\0\0\0\0\0\0"),
		STR("QQQQQQQQQQQQQQ\x80\x01\0\0\0\x0d\0\0\0\0\xff\xffx"),
		STR("QQQQQQQQQQQQQQ\x80\x01\0\0\0\x24\0\0\0\0\0\x19" EK),
		STR("QQQQQQQQQQQQQQ\x80\x01\0\0\0\x23\0\0\0\0\0\x18" EK),
		STR("QQQQQQQQQQQQQQ\x80\x01\xff\xff\xff\xff\0\0\0\0\0\x18" EK),
	};
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < COUNT(answers); i++) {
		const char *root = test_folder();
		struct fingerprint f;

		put(c, root, "dev/tpmrm0", answers[i]);
		f = of(c, root);
		ck_assert_msg(f.n == 0, "answer %zu", i);
	}
}
END_TEST

/* Files that never end, are folders, or are full of anything. */
START_TEST(hostile_files_do_no_harm)
{
	struct ctx *c = test_ctx();
	const char *root = test_folder();
	char big[200000];
	struct fingerprint f;

	memset(big, 'a', sizeof big);
	put(c, root, "proc/self/mountinfo", (struct str){ big, sizeof big });
	memset(big, '\n', sizeof big);
	put(c, root, "proc/self/cgroup", (struct str){ big, sizeof big });
	memset(big, ' ', sizeof big);
	put(c, root, "proc/1/environ", (struct str){ big, sizeof big });
	put(c, root, "etc/machine-id/x", STR("a folder"));
	put(c, root, "sys/block/sda/serial/x", STR("a folder"));
	ck_assert_int_eq(symlink("/dev/zero", test_path(root, "sys/block/sdc")), 0);
	put(c, root, "sys/class/dmi/id/x", STR(""));
	ck_assert_int_eq(symlink("/dev/zero", test_path(root, PRODUCT)), 0);
	put(c, root, "run/x", STR(""));
	ck_assert_int_eq(mkfifo(test_path(root, "run/.containerenv"), 0600), 0);
	f = of(c, root);
	ck_assert_uint_eq(found(&f), 1u << MACHINE_CONTAINER);
}
END_TEST

/* ---- Containers -------------------------------------------------------------------------- */

#define ID_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define MOUNTS(id)                                     \
	"600 500 0:50 / / rw - overlay overlay rw\n"   \
	"601 600 254:1 /var/lib/docker/containers/" id \
	"/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"
#define BOTH (MACHINE_ANYTHING | 1u << MACHINE_CONTAINER)

/* A container on the same host: its disks and board show, its machine-id is the image's. */
static const char *
container(struct ctx *c, struct str mounts)
{
	const char *root = host(c);

	put(c, root, ".dockerenv", STR(""));
	put(c, root, "etc/machine-id", STR("aaaabbbbccccddddeeeeffff00001111\n"));
	put(c, root, "proc/self/cgroup", STR("0::/\n"));
	put(c, root, "proc/self/mountinfo", mounts);
	return root;
}

START_TEST(containers_of_one_host)
{
	struct ctx *c = test_ctx();
	struct fingerprint bare = of(c, host(c)), a = of(c, container(c, STR(MOUNTS(ID_A)))),
			   b = of(c, container(c, STR(MOUNTS(ID_B))));

	ck_assert_uint_eq(found(&a), BOTH & ~(1u << MACHINE_ID));
	/* Joined: the same machine, and the host's too, but for its machine-id. */
	ck_assert_int_eq(machine_match(&a, &b, BIND_ALL, MACHINE_ANYTHING), MATCH_YES);
	ck_assert_int_eq(machine_match(&bare, &a, BIND_MOST, MACHINE_ANYTHING), MATCH_YES);
	ck_assert_int_eq(machine_match(&bare, &a, BIND_ALL, MACHINE_ANYTHING), MATCH_NO);
	/* Told apart. */
	ck_assert_int_eq(machine_match(&a, &b, BIND_ANY, BOTH), MATCH_OTHER_CONTAINER);
	ck_assert_int_eq(machine_match(&bare, &a, BIND_ANY, BOTH), MATCH_OTHER_CONTAINER);
	ck_assert_int_eq(machine_match(&a, &bare, BIND_ANY, BOTH), MATCH_OTHER_CONTAINER);
	ck_assert_int_eq(machine_match(&a, &a, BIND_ALL, BOTH), MATCH_YES);
	ck_assert_int_eq(machine_match(&bare, &bare, BIND_ALL, BOTH), MATCH_YES);
	/* The container is beside the others, not one of them. */
	a.part[1] = a.part[a.n - 1];
	a.n = 2;
	ck_assert_uint_eq(found(&a), 1u << MACHINE_PRODUCT | 1u << MACHINE_CONTAINER);
	ck_assert_int_eq(machine_match(&a, &a, BIND_TWO, BOTH), MATCH_TOO_WEAK);
	ck_assert_int_eq(machine_match(&a, &a, BIND_ANY, BOTH), MATCH_YES);
}
END_TEST

START_TEST(the_host_s_machine_id_may_be_given)
{
	struct ctx *c = test_ctx();
	struct fingerprint f = of(c,
	    container(c,
		STR(MOUNTS(
		    ID_A) "602 600 254:1 /etc/machine-id /etc/machine-id ro - ext4 x rw\n")));

	ck_assert_uint_eq(found(&f), BOTH);
}
END_TEST

/* Where engines say which container it is. */
/* clang-format off */
#define TEXT(lit) { lit, sizeof(lit) - 1 }
static const struct {
	const char *file;
	struct str text;
	bool inside;
} marks[] = {
	{ "proc/self/cgroup", TEXT("12:pids:/docker/" ID_A "\n0::/\n"), true },
	{ "proc/self/cgroup", TEXT("0::/kubepods.slice/cri-containerd-" ID_A ".scope\n"), true },
	{ "run/.containerenv", TEXT("engine=\"podman-4.3\"\nname=\"x\"\nid=\"" ID_A "\"\n"), true },
	{ "run/systemd/container", TEXT("systemd-nspawn\n"), true },
	{ "proc/1/environ", TEXT("HOME=/\0container=lxc\0"), true },
	{ "proc/1/environ", TEXT("HOME=/\0mycontainer=lxc\0"), false },
	{ "proc/self/cgroup", TEXT("0::/" ID_A "0\n"), false }, /* 65 digits */
	{ "proc/self/mountinfo", TEXT("1 2 0:1 /" ID_A " /mnt rw - ext4 x rw\n"), false },
	{ "proc/self/mountinfo", TEXT("1 2 0:1 /x/" ID_A "/r /etc/resolv.conf rw\n"), true },
};
/* clang-format on */

START_TEST(engines_leave_marks)
{
	struct ctx *c = test_ctx();
	const char *root = host(c);
	struct fingerprint f;

	put(c, root, marks[_i].file, marks[_i].text);
	f = of(c, root);
	ck_assert_int_eq((found(&f) & 1u << MACHINE_CONTAINER) != 0, marks[_i].inside);
	ck_assert_int_eq((found(&f) & 1u << MACHINE_ID) != 0, !marks[_i].inside);
}
END_TEST

/* ---- Matching ---------------------------------------------------------------------------- */

/*
 * Five components bound, of which some are the same here, some differ and some are missing; the
 * container is not asked for.
 */
static const struct {
	unsigned bound, same, missing; /* how many */
	enum match any, two, most, all;
} matches[] = {
	{ 0, 0, 0, MATCH_TOO_WEAK, MATCH_TOO_WEAK, MATCH_TOO_WEAK, MATCH_TOO_WEAK },
	{ 1, 1, 0, MATCH_YES, MATCH_TOO_WEAK, MATCH_TOO_WEAK, MATCH_YES },
	{ 1, 0, 0, MATCH_NO, MATCH_TOO_WEAK, MATCH_TOO_WEAK, MATCH_NO },
	{ 1, 0, 1, MATCH_NO, MATCH_TOO_WEAK, MATCH_TOO_WEAK, MATCH_NO },
	{ 2, 2, 0, MATCH_YES, MATCH_YES, MATCH_YES, MATCH_YES },
	{ 2, 1, 0, MATCH_YES, MATCH_NO, MATCH_NO, MATCH_NO },
	{ 2, 1, 1, MATCH_YES, MATCH_NO, MATCH_NO, MATCH_NO },
	{ 3, 2, 0, MATCH_YES, MATCH_YES, MATCH_YES, MATCH_NO },
	{ 3, 2, 1, MATCH_YES, MATCH_YES, MATCH_YES, MATCH_NO },
	{ 3, 1, 2, MATCH_YES, MATCH_NO, MATCH_NO, MATCH_NO },
	{ 4, 4, 0, MATCH_YES, MATCH_YES, MATCH_YES, MATCH_YES },
	{ 4, 3, 1, MATCH_YES, MATCH_YES, MATCH_YES, MATCH_NO },
	{ 4, 2, 0, MATCH_YES, MATCH_YES, MATCH_NO, MATCH_NO },
	{ 4, 0, 4, MATCH_NO, MATCH_NO, MATCH_NO, MATCH_NO },
};

START_TEST(machines_match)
{
	struct fingerprint bound = machine_of_seed(matches[_i].bound, 1), here = bound;

	here.n -= matches[_i].missing;
	for (size_t i = matches[_i].same; i < here.n; i++)
		here.part[i].digest.b[31] ^= 1;
	ck_assert_int_eq(machine_match(&bound, &here, BIND_NONE, 31), MATCH_YES);
	ck_assert_int_eq(machine_match(&bound, &here, BIND_ANY, 31), matches[_i].any);
	ck_assert_int_eq(machine_match(&bound, &here, BIND_TWO, 31), matches[_i].two);
	ck_assert_int_eq(machine_match(&bound, &here, BIND_MOST, 31), matches[_i].most);
	ck_assert_int_eq(machine_match(&bound, &here, BIND_ALL, 31), matches[_i].all);
}
END_TEST

/* A disk seen by two paths is one; of many, only the lowest numbers count, in whatever order. */
START_TEST(disks_are_sorted)
{
	struct ctx *c = test_ctx();
	const char *root = test_folder(), *other = test_folder();
	struct fingerprint a, b;

	for (char k = 'a'; k <= 'h'; k++) {
		char *serial = take_printf(c, "serial-%c", k < 'c' ? 'a' : k);

		put(c, root, take_printf(c, "sys/block/sd%c/device/serial", k), str_of(serial));
		put(c, other, take_printf(c, "sys/block/sd%c/serial", 'h' - (k - 'a')),
		    str_of(serial));
	}
	a = of(c, root);
	b = of(c, other);
	ck_assert_uint_eq(a.n, 3); /* four numbers, two of them the same */
	ck_assert_int_eq(memcmp(&a, &b, sizeof a), 0);
}
END_TEST

START_TEST(one_disk_in_common_is_enough)
{
	struct ctx *c = test_ctx();
	const char *root = host(c);
	struct fingerprint before = of(c, root), after;

	put(c, root, "sys/block/sda/device/wwid", STR("naa.1000000000000001\n"));
	put(c, root, "dev/tpmrm0", STR(TPM_FILE));
	after = of(c, root);
	ck_assert_int_eq(machine_match(&before, &after, BIND_ALL, MACHINE_ANYTHING), MATCH_YES);
	put(c, root, "sys/block/nvme0n1/device/serial", STR("S4EWNX0N999999\n"));
	put(c, root, "dev/tpmrm0", STR(TPM_FILE));
	after = of(c, root);
	ck_assert_int_eq(machine_match(&before, &after, BIND_ALL, MACHINE_ANYTHING), MATCH_NO);
	ck_assert_int_eq(
	    machine_match(&before, &after, BIND_MOST, MACHINE_ANYTHING), MATCH_YES);
}
END_TEST

/* ---- In bytes ---------------------------------------------------------------------------- */

START_TEST(fingerprints_have_one_form)
{
	struct ctx *c = test_ctx();
	struct fingerprint f = of(c, host(c)), back;
	char room[FINGERPRINT_MAX + 1], again[FINGERPRINT_MAX];
	struct buf b = BUF(room);

	fingerprint_put(&b, &f);
	ck_ok(c, fingerprint_read(c, buf_str(&b), &back));
	ck_assert_int_eq(memcmp(&f, &back, sizeof f), 0);
	for (size_t n = 0; n < b.n; n++)
		ck_fails(c, E_INPUT, fingerprint_read(c, (struct str){ room, n }, &back));
	ck_fails(c, E_INPUT, fingerprint_read(c, (struct str){ room, b.n + 1 }, &back));
	for (size_t i = 0; i < b.n * 8; i++) {
		struct buf out = BUF(again);

		room[i / 8] ^= (char)(1 << i % 8);
		if (fingerprint_read(c, buf_str(&b), &back)) {
			fingerprint_put(&out, &back);
			ck_assert(str_same(buf_str(&out), buf_str(&b)));
		}
		room[i / 8] ^= (char)(1 << i % 8);
	}
	memset(room, 0, sizeof room);
	room[0] = room[1] = 1;
	ck_ok(c, fingerprint_read(c, (struct str){ room, 35 }, &back));
	/* As many as there is room for, and one more. */
	f = (struct fingerprint){ .n = FINGERPRINT_PARTS };
	for (size_t i = 0; i < f.n; i++) {
		f.part[i].component = MACHINE_DISK;
		f.part[i].digest.b[0] = (uint8_t)i;
	}
	b.n = 0;
	fingerprint_put(&b, &f);
	ck_ok(c, fingerprint_read(c, buf_str(&b), &back));
	room[1]++;
	ck_fails(c, E_INPUT, fingerprint_read(c, buf_str(&b), &back));
	room[1] = 1;
	room[2] = MACHINE_COUNT;
	ck_fails(c, E_INPUT, fingerprint_read(c, (struct str){ room, 35 }, &back));
	room[0] = 1;
	room[1] = (char)200;
	ck_fails(c, E_INPUT, fingerprint_read(c, (struct str){ room, sizeof room }, &back));
}
END_TEST

MAIN("license_machine", ONE(hosts_show_everything), ONE(fingerprints_hide_numbers),
    ONE(nothing_is_no_failure), ONE(placeholders_do_not_count), ONE(spelling_does_not_count),
    ONE(tpms_are_not_believed), ONE(hostile_files_do_no_harm), ONE(containers_of_one_host),
    ONE(the_host_s_machine_id_may_be_given), EACH(engines_leave_marks, marks),
    EACH(machines_match, matches), ONE(disks_are_sorted), ONE(one_disk_in_common_is_enough),
    ONE(fingerprints_have_one_form))
