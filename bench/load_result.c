/*
 * The load generator's two ends: the command line it is given, and the result that it prints.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char usage[] =
    "usage: load --to ADDRESS:PORT --ca FILE --request FILE [option…]\n"
    "  --connections N    kept open, from one thread (1)\n"
    "  --seconds S        how long (5)\n"
    "  --requests N       or how many\n"
    "  --rate R           requests a second, whether or not answers come; else as fast as they do\n"
    "  --warmup S         before anything counts (0)\n"
    "  --source ADDRESS   where connections come from\n"
    "  --sources N        and how many addresses from there on (1)\n"
    "  --lost-max N       lost connections that are too many (1000)\n"
    "  --customers FILE   each connection is a customer: lines of ID SECRET LICENSE\n"
    "In FILE, every UNIQUE.................. is replaced by as many characters of its own;\n"
    "with customers, {license} and {proof} by theirs.\n";

_Noreturn static void
refuse(const char *what)
{
	fprintf(stderr, "load: %s\n%s", what, usage);
	exit(2);
}

static void
read_request(const char *path, struct load_options *o)
{
	static const char hole[LOAD_UNIQUE + 1] = "UNIQUE..................";
	FILE *f = fopen(path, "r");
	char *at;

	o->request = calloc(1, 1 << 20);
	if (f == NULL || o->request == NULL)
		refuse("the request's file cannot be read");
	o->size = fread(o->request, 1, (1 << 20) - 1, f);
	fclose(f);
	for (at = o->request; (at = strstr(at, hole)) != NULL; at += LOAD_UNIQUE) {
		if (o->holes == LOAD_HOLES)
			refuse("too many places for a unique text");
		o->hole[o->holes++] = (size_t)(at - o->request);
	}
	if (o->size == 0)
		refuse("the request's file is empty");
}

static void
read_address(char *text, struct sockaddr_in *ret)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		refuse("--to is ADDRESS:PORT");
	*colon = '\0';
	ret->sin_family = AF_INET;
	ret->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, text, &ret->sin_addr) != 1)
		refuse("--to is ADDRESS:PORT");
}

static void
read_option(int which, char *text, struct load_options *o)
{
	switch (which) {
	case 't':
		read_address(text, &o->to);
		break;
	case 'a':
		o->ca = text;
		break;
	case 'f':
		read_request(text, o);
		break;
	case 'c':
		o->connections = (int)strtol(text, NULL, 10);
		break;
	case 's':
		o->seconds = strtod(text, NULL);
		break;
	case 'n':
		o->requests = strtoull(text, NULL, 10);
		break;
	case 'r':
		o->rate = strtod(text, NULL);
		break;
	case 'w':
		o->warmup = strtod(text, NULL);
		break;
	case 'i':
		if (inet_pton(AF_INET, text, &o->source) != 1)
			refuse("--source is an IPv4 address");
		o->sources = o->sources > 0 ? o->sources : 1;
		break;
	case 'm':
		o->sources = (int)strtol(text, NULL, 10);
		break;
	case 'l':
		o->lost_max = strtoll(text, NULL, 10);
		break;
	case 'u':
		o->customers = load_customers_read(text);
		break;
	default:
		refuse("unknown option");
	}
}

void
load_options(int argc, char **argv, struct load_options *ret)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "ca", required_argument, NULL, 'a' },
		{ "request", required_argument, NULL, 'f' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "requests", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "source", required_argument, NULL, 'i' },
		{ "sources", required_argument, NULL, 'm' },
		{ "lost-max", required_argument, NULL, 'l' },
		{ "customers", required_argument, NULL, 'u' },
		{ 0 },
	};
	int which;

	*ret = (struct load_options){ .connections = 1, .seconds = 5, .lost_max = 1000 };
	while ((which = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(which, optarg, ret);
	if (optind != argc || ret->to.sin_port == 0 || ret->ca == NULL || ret->size == 0)
		refuse("--to, --ca and --request are needed");
	if (ret->connections < 1 || ret->connections > 20000 || ret->seconds <= 0 ||
	    ret->seconds > 3600 || ret->warmup < 0 || ret->sources < 0 || ret->rate < 0)
		refuse("a number is out of its range");
	/* A number of requests has no time, but an end all the same. */
	if (ret->requests > 0)
		ret->seconds = 600;
}

SSL_CTX *
load_tls(const struct load_options *o)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	X509_VERIFY_PARAM *peer;
	char ip[INET_ADDRSTRLEN];

	if (tls == NULL || SSL_CTX_load_verify_file(tls, o->ca) != 1 ||
	    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1)
		refuse("TLS cannot start; is --ca a certificate?");
	peer = SSL_CTX_get0_param(tls);
	if (inet_ntop(AF_INET, &o->to.sin_addr, ip, sizeof ip) == NULL ||
	    X509_VERIFY_PARAM_set1_ip_asc(peer, ip) != 1)
		refuse("the server's address cannot be checked");
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_mode(
	    tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

int64_t
load_clock(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- Latencies: logarithmic buckets, 32 to each doubling of microseconds ------------------- */

static size_t
bucket_of(uint64_t ns)
{
	uint64_t v = ns / 100 + 32; /* tenths of microseconds */
	unsigned top = 63 - (unsigned)__builtin_clzll(v);

	return (size_t)(top - 5) * 32 + (size_t)((v >> (top - 5)) & 31);
}

static double
bucket_us(size_t i)
{
	uint64_t low = ((uint64_t)32 + i % 32) << (i / 32);

	return (double)(low - 32) / 10;
}

void
load_note(struct load_result *r, int64_t ns)
{
	r->bucket[bucket_of(ns > 0 ? (uint64_t)ns : 0)]++;
	if (ns > r->max)
		r->max = ns;
}

static double
quantile(const struct load_result *r, double q)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < LOAD_BUCKETS; i++) {
		seen += r->bucket[i];
		if ((double)seen >= q * (double)r->requests && seen > 0)
			return bucket_us(i);
	}
	return 0;
}

void
load_print(const struct load_result *r)
{
	const char *comma = "";

	printf("{\"requests\":%llu,\"seconds\":%.4f,\"rate\":%.1f,\"cpu_seconds\":%.4f,",
	    (unsigned long long)r->requests, r->seconds,
	    r->seconds > 0 ? (double)r->requests / r->seconds : 0, (double)r->cpu / 1e9);
	printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,",
	    quantile(r, 0.5), quantile(r, 0.9), quantile(r, 0.99), (double)r->max / 1e3);
	printf("\"broken\":%llu,\"reconnects\":%llu,\"status\":{",
	    (unsigned long long)r->broken, (unsigned long long)r->reconnects);
	for (int i = 0; i < 600; i++) {
		if (r->status[i] == 0)
			continue;
		printf("%s\"%d\":%llu", comma, i, (unsigned long long)r->status[i]);
		comma = ",";
	}
	printf("}}\n");
}
