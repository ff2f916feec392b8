/*
 * conf: the configuration of hallmarkd. One table of keys; a file of `key = value` lines; anything
 * unknown or out of range refuses with file:line before the daemon touches anything.
 */
#ifndef CONF_H
#define CONF_H

#include "base.h"

struct conf {
	const char *state, *listen, *public_url, *certificate, *certificate_key, *client_ca,
	    *root_key, *programs, *admin_socket, *worker_socket, *metrics_listen,
	    *webhook_networks, *webhook_ca, *suspects_allow, *suspects_ca;
	int64_t admin_gid, threads, connections, connections_per_address, header_seconds,
	    body_seconds, response_seconds, token_rate, token_burst, customer_rate,
	    customer_burst, address_rate, address_burst, failure_rate, failure_burst, group_max,
	    queue_max, audit_lazy_ms, check_ms, checkpoint_rows, checkpoint_seconds,
	    jobs_at_once, viewers, jobs_queued_max, idempotency_hours, revocation_hours,
	    job_days, disk_reserve_mb, uploads, upload_max_mb, upload_hours, webhook_plain,
	    webhook_seconds, webhook_days, log_level;
};

/* The standard values. */
void conf_standard(struct conf *);
/* Reads a file on top of the standard values; strings live in c->mem. */
MUST bool conf_read(struct ctx *, const char *path, struct conf *ret);
/* The names of the keys that differ and take effect at the next start only. */
MUST bool conf_next_start(
    struct ctx *, const struct conf *now, const struct conf *fresh, struct str *ret);
/* Prints the table as a configuration file: every key, its help, its standard value. */
void conf_print(void);

#endif
