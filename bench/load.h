/*
 * load: what the load generator is told, and what it has found.
 */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>

enum {
	LOAD_UNIQUE = 24, /* characters of a unique text, and of its place in the request */
	LOAD_HOLES = 8,   /* such places */
	LOAD_BUCKETS = 64 * 32, /* 32 steps to each doubling: latencies within 3 % */
};

struct load_options {
	struct sockaddr_in to;
	const char *ca;
	struct in_addr source; /* the first of `sources` source addresses */
	int sources, connections;
	uint64_t requests; /* 0: until the time is over */
	double seconds, warmup, rate;
	int64_t lost_max;
	char *request;
	size_t size, hole[LOAD_HOLES], holes;
	struct load_customers *customers; /* NULL: the request is nobody's in particular */
};

struct load_result {
	uint64_t requests, status[600], broken, reconnects;
	int64_t lost, cpu, last, max;
	double seconds;
	uint64_t bucket[LOAD_BUCKETS];
};

/* ---- Customers (load_customers.c) --------------------------------------------------------- */

enum {
	LOAD_NONCE = 160,
	LOAD_FILE = 64 << 10, /* of a customer's own, in the request's body */
	/* A proof, an id and a file make a request so much longer. */
	LOAD_MORE = LOAD_FILE + 4096,
};

struct load_customers *load_customers_read(const char *path);
void load_customers_free(struct load_customers *);
/*
 * The request of one of them, in the file's words: {license}, {proof}, {file} and {length} are
 * replaced. How long it is; ends the program if it cannot be made.
 */
size_t load_customers_request(struct load_customers *, size_t who, const char *nonce,
    const char *request, size_t n, char *to, size_t max);

/* ---- The run and its result ---------------------------------------------------------------- */

/* Reads the command line and the request's file; ends the program when they make no sense. */
void load_options(int argc, char **argv, struct load_options *ret);
/* A client's TLS 1.3 that trusts options->ca alone. */
SSL_CTX *load_tls(const struct load_options *);
/* Nanoseconds of a clock. */
int64_t load_clock(clockid_t);
/* One answer came `ns` after it was due. */
void load_note(struct load_result *, int64_t ns);
/* One JSON object on standard output. */
void load_print(const struct load_result *);

#endif
