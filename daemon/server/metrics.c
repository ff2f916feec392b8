/*
 * Metrics: counters that any thread may raise, and their Prometheus text. Labels are few and fixed;
 * no id, name or address is ever one.
 */
#include "uploads.h"
#include "viewers.h"

static const int64_t bounds_us[] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 1000000, 10000000 };

enum { SHARDS = 16 };

/* What every request raises: a part for each thread, so that they do not wait for each other. */
struct requests {
	_Alignas(128) _Atomic uint64_t status[6]; /* by first digit */
	_Atomic uint64_t bucket[COUNT(bounds_us) + 1], sum_us;
};

struct metrics {
	struct requests shard[SHARDS];
	_Atomic int64_t connections;
	_Atomic uint64_t accepted, cut, received, sent;
};

bool
metrics_start(struct ctx *c, struct server *s, struct metrics **ret)
{
	struct metrics *m = aligned_alloc(_Alignof(struct metrics), sizeof *m);

	(void)s;
	if (m == NULL)
		return fail(c, E_MEMORY, "no memory for metrics");
	memset(m, 0, sizeof *m);
	*ret = m;
	return true;
}

void
metrics_stop(struct metrics **m)
{
	free(*m);
	*m = NULL;
}

static struct requests *
own_shard(struct metrics *m)
{
	static _Atomic unsigned threads;
	static _Thread_local unsigned mine;

	if (mine == 0)
		mine = ++threads;
	return &m->shard[mine % SHARDS];
}

void
metrics_request(struct metrics *m, int status, int64_t us)
{
	struct requests *r = own_shard(m);
	size_t i = 0;

	while (i < COUNT(bounds_us) && us > bounds_us[i])
		i++;
	r->bucket[i]++;
	r->sum_us += (uint64_t)us;
	r->status[status >= 100 && status < 600 ? status / 100 : 0]++;
}

void
metrics_connection(struct metrics *m, int delta)
{
	m->connections += delta;
	if (delta > 0)
		m->accepted++;
}

void
metrics_cut(struct metrics *m)
{
	m->cut++;
}

void
metrics_bytes(struct metrics *m, int64_t received, int64_t sent)
{
	m->received += (uint64_t)received;
	m->sent += (uint64_t)sent;
}

static void
describe(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
one(struct buf *b, const char *name, const char *type, const char *help, int64_t value)
{
	describe(b, name, type, help);
	buf_printf(b, "%s %lld\n", name, (long long)value);
}

static struct requests
requests_sum(const struct metrics *m)
{
	struct requests sum = { 0 };

	for (size_t k = 0; k < SHARDS; k++) {
		for (size_t i = 0; i < COUNT(sum.status); i++)
			sum.status[i] += m->shard[k].status[i];
		for (size_t i = 0; i < COUNT(sum.bucket); i++)
			sum.bucket[i] += m->shard[k].bucket[i];
		sum.sum_us += m->shard[k].sum_us;
	}
	return sum;
}

static void
requests_print(struct buf *b, const struct metrics *all)
{
	struct requests sum = requests_sum(all), *m = &sum;
	uint64_t total = 0;

	describe(b, "hallmark_requests_total", "counter", "Answers by class of status.");
	for (int i = 1; i < 6; i++)
		buf_printf(b, "hallmark_requests_total{class=\"%dxx\"} %llu\n", i,
		    (unsigned long long)m->status[i]);
	describe(b, "hallmark_request_duration_seconds", "histogram",
	    "From a request's head to the last byte of its answer.");
	for (size_t i = 0; i < COUNT(bounds_us); i++) {
		total += m->bucket[i];
		buf_printf(b, "hallmark_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
		    (double)bounds_us[i] / 1e6, (unsigned long long)total);
	}
	total += m->bucket[COUNT(bounds_us)];
	buf_printf(b,
	    "hallmark_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n"
	    "hallmark_request_duration_seconds_sum %.6f\n"
	    "hallmark_request_duration_seconds_count %llu\n",
	    (unsigned long long)total, (double)m->sum_us / 1e6, (unsigned long long)total);
}

static void
hooks_print(struct buf *b, struct server *s)
{
	struct hooks_counts n = { 0 };

	if (s->hooks != NULL)
		n = hooks_counts(s->hooks);
	describe(b, "hallmark_webhook_attempts_total", "counter",
	    "Attempts to deliver a message to a webhook.");
	buf_printf(b,
	    "hallmark_webhook_attempts_total{outcome=\"delivered\"} %llu\n"
	    "hallmark_webhook_attempts_total{outcome=\"failed\"} %llu\n",
	    (unsigned long long)n.delivered, (unsigned long long)n.failed);
	one(b, "hallmark_webhook_messages_given_up_total", "counter",
	    "Messages that no attempt could deliver.", (int64_t)n.given_up);
	one(b, "hallmark_couriers_total", "counter", "Couriers that were started.",
	    (int64_t)n.couriers);
}

static void
viewers_print(struct buf *b, struct server *s)
{
	struct viewers_counts n = { 0 };

	if (s->viewers != NULL)
		n = viewers_counts(s->viewers);
	describe(b, "hallmark_viewer_questions_total", "counter",
	    "Key images to make or to look at, by how that ended.");
	buf_printf(b,
	    "hallmark_viewer_questions_total{outcome=\"answered\"} %llu\n"
	    "hallmark_viewer_questions_total{outcome=\"refused\"} %llu\n",
	    (unsigned long long)n.answered, (unsigned long long)n.refused);
	one(b, "hallmark_viewer_questions_late_total", "counter",
	    "Those refused because nobody could answer in time.", (int64_t)n.late);
	one(b, "hallmark_viewer_questions_waiting", "gauge", "Those that wait for an answer.",
	    n.waiting);
	one(b, "hallmark_viewers", "gauge", "Workers that stay for key images.", n.running);
	one(b, "hallmark_viewers_started_total", "counter", "How many were started.",
	    (int64_t)n.started);
	one(b, "hallmark_viewers_died_total", "counter", "How many ended against our will.",
	    (int64_t)n.died);
}

MUST static bool
jobs_print(struct ctx *c, struct server *s, struct buf *b)
{
	int64_t n[JOB_CANCELLED + 1];
	struct db *db;

	if (!server_reader(c, s, &db) || !job_count(c, db, n))
		return false;
	describe(b, "hallmark_jobs", "gauge", "Jobs in the store by state.");
	for (int i = 0; i <= JOB_CANCELLED; i++)
		buf_printf(b, "hallmark_jobs{state=\"%s\"} %lld\n", job_state_names[i],
		    (long long)n[i]);
	return true;
}

bool
metrics_print(struct ctx *c, struct server *s, struct buf *b)
{
	const struct metrics *m = s->metrics;
	struct store_counts n = store_counts(s->store);
	struct keys_status k;

	keys_status(s->keys, &k);
	describe(b, "hallmark_build_info", "gauge", "The program's version.");
	buf_printf(b, "hallmark_build_info{version=\"%s\"} 1\n", HALLMARK_VERSION);
	one(b, "hallmark_start_time_seconds", "gauge", "When the daemon started.",
	    s->started / 1000);
	one(b, "hallmark_sealed", "gauge", "1 while the root key is not here.",
	    k.state != KEYS_OPEN);
	one(b, "hallmark_keyring_version", "gauge", "The keyring's current version.",
	    k.keyring);
	one(b, "hallmark_connections", "gauge", "Open HTTPS connections.", m->connections);
	one(b, "hallmark_connections_accepted_total", "counter", "HTTPS connections so far.",
	    (int64_t)m->accepted);
	one(b, "hallmark_connections_cut_total", "counter", "Connections ended by a deadline.",
	    (int64_t)m->cut);
	one(b, "hallmark_uploads", "gauge", "Files that are open for their senders.",
	    s->uploads == NULL ? 0 : (int64_t)uploads_open(s->uploads));
	one(b, "hallmark_upload_bytes_total", "counter", "Bytes of uploads that have come.",
	    (int64_t)m->received);
	one(b, "hallmark_download_bytes_total", "counter", "Bytes of files that were sent.",
	    (int64_t)m->sent);
	one(b, "hallmark_store_commits_total", "counter", "Durable commits.",
	    (int64_t)n.commits);
	one(b, "hallmark_store_acts_total", "counter", "Acts in them.", (int64_t)n.acts);
	one(b, "hallmark_store_notes_total", "counter", "Audit rows of plain reads.",
	    (int64_t)n.notes);
	one(b, "hallmark_store_failed_commits_total", "counter", "Commits that failed.",
	    (int64_t)n.failed);
	one(b, "hallmark_store_healthy", "gauge", "1 while the last commit went well.",
	    store_health(s->store) == E_NONE);
	hooks_print(b, s);
	viewers_print(b, s);
	requests_print(b, m);
	return jobs_print(c, s, b) && buf_ok(c, b);
}
