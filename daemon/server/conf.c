/*
 * The configuration table. Adding a key is one row here and one member in conf.h; the printed
 * conf/hallmark.conf follows.
 */
#include <fcntl.h>
#include <stdio.h>

#include "conf.h"
#include "hosts.h"

enum conf_type { CONF_TEXT, CONF_NUMBER };

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t at;
	int64_t min, max;
	const char *standard;
	const char *help;
	bool live; /* takes effect on SIGHUP */
};

#define TEXT(member) CONF_TEXT, offsetof(struct conf, member), 0, 4096
#define NUMBER(member, min, max) CONF_NUMBER, offsetof(struct conf, member), min, max
/* clang-format off */
static const struct conf_key conf_keys[] = {
	{ "state", TEXT(state), "/var/lib/hallmark",
	  "folder of the database, blobs and backups; owned by the daemon, mode 0700" },
	{ "listen", TEXT(listen), "127.0.0.1:8443",
	  "HTTPS addresses, separated by commas: 192.0.2.1:8443, [::1]:8443, *:8443" },
	{ "public-url", TEXT(public_url), "",
	  "where customers reach this server, https://licenses.example.com; license files name it" },
	{ "certificate", TEXT(certificate), "/etc/hallmark/certificate.pem",
	  "TLS certificate chain, PEM; read again on SIGHUP", true },
	{ "certificate-key", TEXT(certificate_key), "/etc/hallmark/certificate.key",
	  "its private key, PEM, readable by the daemon only; read again on SIGHUP", true },
	{ "client-ca", TEXT(client_ca), "",
	  "authorities of client certificates, PEM; if set, every client must show a valid one" },
	{ "root-key", TEXT(root_key), "shares",
	  "where the root key comes from: shares, credential:NAME (systemd), or file:PATH" },
	{ "programs", TEXT(programs), "",
	  "folder of hallmark-custodian and hallmark-worker; empty: the daemon's own" },
	{ "admin-socket", TEXT(admin_socket), "",
	  "socket of hallmarkctl; empty: admin.sock in the state folder" },
	{ "admin-group", NUMBER(admin_gid, -1, 0x7fffffff), "-1",
	  "number of a group whose members may use the admin socket, besides root and the daemon's user" },
	{ "worker-socket", TEXT(worker_socket), "",
	  "socket of the worker's systemd unit; empty: the daemon starts workers itself" },
	{ "metrics-listen", TEXT(metrics_listen), "",
	  "loopback address of plain-HTTP /metrics; empty: on the admin socket only" },
	{ "threads", NUMBER(threads, 1, 64), "6",
	  "threads that serve HTTPS" },
	{ "connections", NUMBER(connections, 16, 60000), "4096",
	  "open connections at most" },
	{ "connections-per-address", NUMBER(connections_per_address, 1, 60000), "512",
	  "open connections of one address at most" },
	{ "header-seconds", NUMBER(header_seconds, 1, 3600), "8",
	  "from a connection's start, or from its last answer, to the end of the next request's head", true },
	{ "body-seconds", NUMBER(body_seconds, 1, 3600), "8",
	  "for the body of a request, however it arrives", true },
	{ "response-seconds", NUMBER(response_seconds, 1, 3600), "30",
	  "for a client to take an answer", true },
	{ "token-rate", NUMBER(token_rate, 0, 10000000), "500",
	  "requests a second of one token in the long run; 0: unlimited", true },
	{ "token-burst", NUMBER(token_burst, 1, 10000000), "10000",
	  "requests that one token may make at once", true },
	{ "customer-rate", NUMBER(customer_rate, 1, 10000000), "100",
	  "the same of one customer; never more than token-rate", true },
	{ "customer-burst", NUMBER(customer_burst, 1, 10000000), "2000",
	  "requests that one customer may make at once; never more than token-burst", true },
	{ "address-rate", NUMBER(address_rate, 0, 10000000), "1000",
	  "requests a second of one address, or one IPv6 network (/64), in the long run; 0: unlimited", true },
	{ "address-burst", NUMBER(address_burst, 1, 10000000), "20000",
	  "requests that one address may make at once", true },
	{ "failure-rate", NUMBER(failure_rate, 0, 10000000), "10",
	  "refused credentials a second of one address in the long run; 0: unlimited", true },
	{ "failure-burst", NUMBER(failure_burst, 1, 10000000), "200",
	  "refused credentials of one address at once", true },
	{ "group-max", NUMBER(group_max, 1, 10000), "256",
	  "acts in one durable commit at most" },
	{ "queue-max", NUMBER(queue_max, 16, 1000000), "8192",
	  "acts that may wait for the writer" },
	{ "audit-lazy-ms", NUMBER(audit_lazy_ms, 0, 10000), "100",
	  "how long the audit row of a plain read may wait for its commit" },
	{ "check-ms", NUMBER(check_ms, 0, 3600000), "1500",
	  "time for the integrity check at start; 0: the whole database" },
	{ "checkpoint-rows", NUMBER(checkpoint_rows, 1, 1000000), "1000",
	  "audit rows after which the custodian signs a checkpoint" },
	{ "checkpoint-seconds", NUMBER(checkpoint_seconds, 1, 86400), "60",
	  "seconds after which it signs one if there are new rows" },
	{ "jobs-at-once", NUMBER(jobs_at_once, 1, 64), "1",
	  "workers that run at the same time" },
	{ "viewers", NUMBER(viewers, 1, 64), "4",
	  "releases whose key images are made and looked at at the same time, each by a worker that stays" },
	{ "jobs-queued", NUMBER(jobs_queued_max, 1, 1000000), "10000",
	  "jobs of one vendor that may wait" },
	{ "idempotency-hours", NUMBER(idempotency_hours, 24, 8760), "24",
	  "how long an answer is kept for a retry with the same Idempotency-Key" },
	{ "revocation-hours", NUMBER(revocation_hours, 1, 8760), "24",
	  "how long a signed list of revocations is good; a new one is made after half of it" },
	{ "job-days", NUMBER(job_days, 1, 36500), "90",
	  "how long ended jobs are kept" },
	{ "disk-reserve-mb", NUMBER(disk_reserve_mb, 0, 1000000), "64",
	  "free space below which the daemon reports its storage full" },
	{ "uploads", NUMBER(uploads, 1, 1000), "16",
	  "files that may be uploaded at the same time" },
	{ "upload-max-mb", NUMBER(upload_max_mb, 1, 16 << 20), "8192",
	  "size of the largest of them" },
	{ "upload-hours", NUMBER(upload_hours, 1, 8760), "24",
	  "how long an upload that nobody brings to its end is kept" },
	{ "webhook-networks", TEXT(webhook_networks), "",
	  "private networks that webhooks may go to all the same, separated by commas: 10.1.0.0/16, fd00::/8" },
	{ "webhook-plain", NUMBER(webhook_plain, 0, 1), "0",
	  "1: webhooks may go to http:// as well, where anybody on the way can read them" },
	{ "webhook-ca", TEXT(webhook_ca), "",
	  "authorities of webhooks' targets, PEM, besides the system's" },
	{ "webhook-seconds", NUMBER(webhook_seconds, 1, 60), "10",
	  "how long one attempt to deliver a message may take" },
	{ "webhook-days", NUMBER(webhook_days, 4, 3650), "30",
	  "how long events are kept for webhooks' delivery logs and replays" },
	{ "suspects-allow", TEXT(suspects_allow), "",
	  "hosts that verifications may ask, names and networks, separated by commas; private ones by network; empty: none" },
	{ "suspects-ca", TEXT(suspects_ca), "",
	  "authorities of these services, PEM, besides the system's" },
	{ "log-level", NUMBER(log_level, 3, 7), "6",
	  "3 errors, 4 warnings, 6 events, 7 everything", true },
};
/* clang-format on */

static void
put(struct conf *conf, const struct conf_key *k, const char *text, int64_t number)
{
	char *at = (char *)conf + k->at;

	if (k->type == CONF_TEXT)
		*(const char **)(void *)at = text;
	else
		*(int64_t *)(void *)at = number;
}

void
conf_standard(struct conf *ret)
{
	for (size_t i = 0; i < COUNT(conf_keys); i++)
		put(ret, &conf_keys[i], conf_keys[i].standard,
		    strtoll(conf_keys[i].standard, NULL, 10));
}

MUST static bool
key_number(struct ctx *c, const struct conf_key *k, const char *where, struct str text,
    struct conf *conf)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	int64_t n;

	if (negative) {
		text.p++;
		text.n--;
	}
	if (!str_number(text, 0, INT64_MAX / 2, &n) || (negative ? -n : n) < k->min ||
	    (negative ? -n : n) > k->max)
		return fail(c, E_USAGE, "%s: %s must be a number from %lld to %lld", where,
		    k->name, (long long)k->min, (long long)k->max);
	put(conf, k, NULL, negative ? -n : n);
	return true;
}

MUST static bool
pair_into(
    struct ctx *c, const char *where, const struct pairs *p, bool *seen, struct conf *conf)
{
	struct str name = p->key, text = p->value;

	if (text.p == NULL)
		return fail(c, E_USAGE, "%s: a line is \"key = value\"", where);
	for (size_t i = 0; i < COUNT(conf_keys); i++) {
		const struct conf_key *k = &conf_keys[i];
		char *value;

		if (!str_same(name, str_of(k->name)))
			continue;
		if (seen[i])
			return fail(c, E_USAGE, "%s: %s is set twice", where, k->name);
		seen[i] = true;
		if (k->type == CONF_NUMBER)
			return key_number(c, k, where, text, conf);
		if (!text_valid(text) || text.n > (size_t)k->max)
			return fail(c, E_USAGE, "%s: %s is not plain text", where, k->name);
		value = take_cstr(c, text);
		if (value == NULL)
			return false;
		put(conf, k, value, 0);
		return true;
	}
	return fail(c, E_USAGE, "%s: unknown key \"%.*s\"; hallmarkd --conf prints all keys",
	    where, (int)(name.n > 40 ? 40 : name.n), name.p);
}

bool
conf_next_start(
    struct ctx *c, const struct conf *now, const struct conf *fresh, struct str *ret)
{
	struct buf b;

	if (!take_buf(c, 1024, &b))
		return false;
	for (size_t i = 0; i < COUNT(conf_keys); i++) {
		const struct conf_key *k = &conf_keys[i];
		const char *a = (const char *)now + k->at, *z = (const char *)fresh + k->at;
		bool same = k->type == CONF_NUMBER
		    ? *(const int64_t *)(const void *)a == *(const int64_t *)(const void *)z
		    : strcmp(*(const char *const *)(const void *)a,
			  *(const char *const *)(const void *)z) == 0;

		if (!same && !k->live)
			buf_printf(&b, "%s%s", b.n > 0 ? " " : "", k->name);
	}
	*ret = buf_str(&b);
	return true;
}

bool
conf_read(struct ctx *c, const char *path, struct conf *ret)
{
	bool seen[COUNT(conf_keys)] = { false };
	struct pairs p = { 0 };
	struct networks networks;
	struct hosts hosts;
	struct conf conf;

	conf_standard(&conf);
	if (!file_read(c, AT_FDCWD, path, 1 << 20, &p.rest))
		return false;
	while (pairs_next(&p)) {
		const char *where = take_printf(c, "%s:%d", path, p.line);

		if (where == NULL || !pair_into(c, where, &p, seen, &conf))
			return false;
	}
	if (!networks_parse(c, str_of(conf.webhook_networks), &networks) ||
	    !hosts_parse(c, str_of(conf.suspects_allow), &hosts))
		return false;
	*ret = conf;
	return true;
}

void
conf_print(void)
{
	puts(
	    "# Configuration of hallmarkd: every key with its standard value.\n"
	    "# `hallmarkd -n -c FILE` checks a file. SIGHUP reads it again: keys marked (live) take effect,\n"
	    "# the others at the next start.");
	for (size_t i = 0; i < COUNT(conf_keys); i++)
		printf("\n# %s%s\n%s%s = %s\n", conf_keys[i].help,
		    conf_keys[i].live ? " (live)" : "",
		    conf_keys[i].standard[0] == '\0' ? "#" : "", conf_keys[i].name,
		    conf_keys[i].standard);
}
