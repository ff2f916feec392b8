/*
 * The fixture of the tests of keys, jobs and upkeep; see keys_house.h.
 */
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "blobs.h"
#include "keys_house.h"

void
pause_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* The name of a process; empty if it has ended. */
static void
name_of(long pid, char *ret, size_t n)
{
	char path[64];
	FILE *f;

	ret[0] = '\0';
	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(ret, (int)n, f) == NULL)
		ret[0] = '\0';
	fclose(f);
}

pid_t
house_child(const char *program)
{
	char path[300], name[32];
	struct dirent *e;
	long pid, oldest = 0;
	DIR *tasks = opendir("/proc/self/task");

	while ((e = readdir(tasks)) != NULL) {
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%s/children", e->d_name);
		f = fopen(path, "re");
		while (f != NULL && fscanf(f, "%ld", &pid) == 1) {
			name_of(pid, name, sizeof name);
			if (strncmp(name, program, 15) == 0 && (oldest == 0 || pid < oldest))
				oldest = pid;
		}
		if (f != NULL)
			fclose(f);
	}
	closedir(tasks);
	return (pid_t)oldest;
}

static const char *
programs(void)
{
	const char *folder = getenv("PROGRAMS");

	if (folder == NULL)
		ck_abort_msg("PROGRAMS names the folder of the programs under test");
	return folder;
}

void
house_open(struct ctx *c, struct house *h, const char *folder, const char *root)
{
	struct store_conf store = { folder, 256, 8192, 20, 0 };
	struct server *s = &h->server;

	*s = (struct server){ .started = clock_now() };
	s->conf = (struct conf){
		.state = folder,
		.root_key = root != NULL ? root : take_printf(c, "file:%s/root.key", folder),
		.programs = programs(),
		.worker_socket = "",
		.checkpoint_rows = 5,
		.checkpoint_seconds = 60,
		.jobs_at_once = 2,
		.idempotency_hours = 24,
		.job_days = 1,
		.disk_reserve_mb = 0,
	};
	h->db = NULL;
	ck_ok(c, store_open(c, &store, &s->store));
	ck_ok(c, reader_open(c, s->store, &h->db));
	ck_ok(c, keys_start(c, s, &s->keys));
	ck_ok(c, blobs_start(c, s));
}

void
house_work(struct ctx *c, struct house *h)
{
	ck_ok(c, jobs_start(c, &h->server, &h->server.jobs));
	ck_ok(c, upkeep_start(c, &h->server, &h->server.upkeep));
}

void
house_close(struct house *h)
{
	upkeep_stop(&h->server.upkeep);
	jobs_stop(&h->server.jobs);
	blobs_stop();
	keys_stop(&h->server.keys);
	reader_close(&h->db);
	store_close(&h->server.store);
}

void
house_new(struct ctx *c, struct house *h, const char *folder)
{
	struct audit_entry who = house_who("keys.init");
	struct shares none = { .n = 0 };

	house_open(c, h, folder, NULL);
	ck_ok(c, keys_init(c, h->server.keys, &who, 0, 0, &none));
	house_vendor(c, h, "Aurora");
	house_work(c, h);
}

struct audit_entry
house_who(const char *action)
{
	return (struct audit_entry){
		.actor = STR("admin:0"), .action = str_of(action), .request = STR("r-1")
	};
}

/* ---- Vendors and data keys --------------------------------------------------------------- */

struct rows {
	struct act act;
	struct vendor vendor;
	struct vendor_key_row vendor_key;
	struct data_key_row data_key;
	struct job_row job;
};

static bool
vendor_rows(struct ctx *c, struct db *db, struct act *act)
{
	struct rows *r = (struct rows *)(void *)act;

	return vendor_insert(c, db, &r->vendor) && vendor_key_insert(c, db, &r->vendor_key);
}

static bool
data_rows(struct ctx *c, struct db *db, struct act *act)
{
	return data_key_insert(c, db, &((struct rows *)(void *)act)->data_key);
}

static bool
job_rows(struct ctx *c, struct db *db, struct act *act)
{
	struct rows *r = (struct rows *)(void *)act;

	return data_key_insert(c, db, &r->data_key) && job_insert(c, db, &r->job);
}

void
house_vendor(struct ctx *c, struct house *h, const char *name)
{
	struct rows r = { .act = { .run = vendor_rows, .c = c } };

	r.act.audit = house_who("vendor.create");
	r.vendor = (struct vendor){
		.id = id_new(c, "ven"), .name = str_of(name), .created = 1, .version = 1
	};
	ck_ok(c, keys_vendor_new(c, h->server.keys, str_of(r.vendor.id.s), &r.vendor_key));
	ck_ok(c, store_do(c, h->server.store, &r.act));
	h->vendor = r.vendor.id;
}

struct id
house_data_key(struct ctx *c, struct house *h, struct key256 *ret)
{
	struct str vendor = str_of(h->vendor.s);

	for (int i = 0; i < 3; i++) {
		struct rows r = { .act = { .run = data_rows, .c = c, .unaudited = true } };

		ck_ok(c,
		    keys_data_new(
			c, h->server.keys, h->db, vendor, id_new(c, "key"), ret, &r.data_key));
		if (store_do(c, h->server.store, &r.act))
			return r.data_key.id;
		ck_err(c, E_BUSY);
	}
	ck_abort_msg("three times overtaken");
	abort();
}

struct many {
	struct act act;
	struct data_key_row row[200];
	int n;
};

static bool
many_rows(struct ctx *c, struct db *db, struct act *act)
{
	struct many *m = (struct many *)(void *)act;

	for (int i = 0; i < m->n; i++)
		if (!data_key_insert(c, db, &m->row[i]))
			return false;
	return true;
}

void
house_data_keys(struct ctx *c, struct house *h, int n, struct id ret[], struct key256 ret_key[])
{
	static struct many m;

	for (int at = 0; at < n; at += m.n) {
		m.act = (struct act){ .run = many_rows, .c = c, .unaudited = true };
		m.n = n - at < (int)COUNT(m.row) ? n - at : (int)COUNT(m.row);
		for (int i = 0; i < m.n; i++) {
			ret[at + i] = id_new(c, "key");
			ck_ok(c,
			    keys_data_new(c, h->server.keys, h->db, str_of(h->vendor.s),
				ret[at + i], &ret_key[at + i], &m.row[i]));
		}
		ck_ok(c, store_do(c, h->server.store, &m.act));
	}
}

/* ---- Jobs --------------------------------------------------------------------------------- */

struct id
house_job(struct ctx *c, struct house *h, const char *params)
{
	struct rows r = { .act = { .run = job_rows, .c = c } };

	r.act.audit = house_who("job.create");
	ck_ok(c,
	    job_new(c, &h->server, h->db, str_of(h->vendor.s), STR("selftest"), str_of(params),
		&r.job, &r.data_key));
	ck_ok(c, store_do(c, h->server.store, &r.act));
	jobs_wake(h->server.jobs);
	return r.job.id;
}

struct job_row
house_job_row(struct ctx *c, struct house *h, struct id id)
{
	struct job_row row = { 0 };

	ck_ok(c, job_by_id(c, h->db, STR(""), str_of(id.s), &row));
	return row;
}

static bool
has_ended(struct ctx *c, struct house *h, struct id id)
{
	enum job_state state = house_job_row(c, h, id).state;

	return state != JOB_QUEUED && state != JOB_RUNNING;
}

struct job_row
house_job_end(struct ctx *c, struct house *h, struct id id)
{
	ck_until(has_ended(c, h, id), 20);
	return house_job_row(c, h, id);
}

size_t
house_audited(struct ctx *c, struct house *h, const char *action)
{
	struct audit_row *row;
	size_t n, found = 0;

	ck_ok(c, audit_list(c, h->db, STR(""), 0, 100000, &row, &n));
	for (size_t i = 0; i < n; i++)
		found += str_same(row[i].e.action, str_of(action));
	return found;
}
