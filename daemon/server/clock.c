/*
 * The latest moment seen, kept in memory. It begins with the time of the audit's last row, so that
 * a clock that was set back while the daemon was down is noticed, too. Who has set a clock right
 * that was ahead restarts the daemon: by then the last row has the right time.
 */
#include <stdatomic.h>

#include "clock.h"

enum { STEP_MS = 5 * 60 * 1000 };

static void
note_step(struct server *s, int64_t now, int64_t seen)
{
	struct ctx c = ctx_real(NULL, "clock");
	struct audit_entry a = {
		.actor = STR("system"),
		.action = STR("clock.back"),
		.outcome = str_of(err_wire(E_NONE)),
	};
	char text[128];
	struct buf detail = BUF(text);
	struct js j = { &detail, false };

	if (atomic_exchange(&s->clock_back, true))
		return;
	js_open(&j, NULL, '{');
	js_time(&j, "now", now);
	js_time(&j, "seen", seen);
	js_close(&j, '}');
	a.detail = buf_str(&detail);
	log_event(LOG_LEVEL_WARNING, "clock", "clock-stepped-back", "behind_ms=%lld",
	    (long long)(seen - now));
	if (!store_note(&c, s->store, &a)) {
		log_failure(&c, "clock-step-without-row");
		atomic_store(&s->clock_back, false);
	}
}

int64_t
clock_seen(struct server *s, int64_t now)
{
	int64_t seen = atomic_load(&s->last_seen);

	while (seen < now)
		if (atomic_compare_exchange_weak(&s->last_seen, &seen, now)) {
			seen = now;
			break;
		}
	if (seen - now > STEP_MS)
		note_step(s, now, seen);
	else if (seen == now && atomic_load_explicit(&s->clock_back, memory_order_relaxed))
		atomic_store(&s->clock_back, false);
	return seen;
}

bool
clock_start(struct ctx *c, struct server *s)
{
	owned(reader_close) struct db *db = NULL;
	struct audit_row *last;
	struct digest256 hash;
	int64_t seq;
	size_t n;

	if (!reader_open(c, s->store, &db) || !audit_head(c, db, &seq, &hash) ||
	    !audit_list(c, db, STR(""), seq - 1, 1, &last, &n))
		return false;
	if (n > 0)
		s->last_seen = last[0].at;
	(void)clock_seen(s, c->now());
	return true;
}
