/*
 * load: sends one HTTPS request again and again over many kept connections, from one thread, and
 * says how fast the answers came and what they cost. The request is a file, sent as it is, except
 * that every run of UNIQUE in it becomes a text that no other request of this run has.
 *
 * Closed loop: each connection sends its next request when its answer is there. Open loop (--rate):
 * requests are due at fixed times whether or not answers come, and latency counts from the time
 * that a request was due, so that a stalled server cannot hide behind a waiting client.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "load.h"

_Noreturn static void
give_up(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- One connection ---------------------------------------------------------------------- */

enum state { DIALLING, SHAKING, IDLE, SENDING, READING };
enum { HEAD_MAX = 16 << 10 };

struct conn {
	int fd;
	SSL *tls;
	enum state state;
	int64_t due; /* when the request under way should have been sent */
	char *request;
	size_t size, room, sent;
	char nonce[LOAD_NONCE]; /* for the next proof */
	char head[HEAD_MAX];
	size_t got;
	int status;
	int64_t left; /* of the answer's body; -1: the head is not complete */
};

struct load {
	struct load_options o;
	SSL_CTX *tls;
	int poll;
	struct conn *conn;
	struct conn **idle;
	size_t idles;
	uint64_t run, serial, asked; /* asked: requests handed out */
	int64_t began, measure_from, end;
	bool measuring;
	struct load_result r;
};

/* A new socket in the place of the old one; its source address is one of o.sources. */
static void
dial(struct load *l, struct conn *c)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int on = 1;

	if (c->tls != NULL)
		SSL_free(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		give_up("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (l->o.sources > 0) {
		from.sin_addr = l->o.source;
		from.sin_addr.s_addr = htonl(
		    ntohl(from.sin_addr.s_addr) + (uint32_t)((c - l->conn) % l->o.sources));
		if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0)
			give_up("bind");
	}
	if (connect(c->fd, (struct sockaddr *)&l->o.to, sizeof l->o.to) != 0 &&
	    errno != EINPROGRESS)
		give_up("connect");
	c->tls = SSL_new(l->tls);
	if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1)
		give_up("TLS");
	SSL_set_connect_state(c->tls);
	c->state = DIALLING;
	if (epoll_ctl(l->poll, EPOLL_CTL_ADD, c->fd,
		&(struct epoll_event){ EPOLLIN | EPOLLOUT | EPOLLET, { .ptr = c } }) != 0)
		give_up("epoll");
}

/* The connection is no use any more: counts why, and dials anew while there is time. */
static void
lost(struct load *l, struct conn *c)
{
	bool asked = c->state == SENDING || c->state == READING;

	ERR_clear_error();
	for (size_t i = 0; i < l->idles; i++)
		if (l->idle[i] == c)
			l->idle[i--] = l->idle[--l->idles];
	if (l->measuring)
		*(asked ? &l->r.broken : &l->r.reconnects) += 1;
	if (c->state < IDLE)
		usleep(1000);
	if (++l->r.lost > l->o.lost_max) {
		fprintf(stderr, "load: %lld connections were lost; is the server there?\n",
		    (long long)l->r.lost);
		exit(2);
	}
	dial(l, c);
}

/* True if the library wants to wait for the socket; otherwise the connection is lost. */
static bool
must_wait(struct load *l, struct conn *c, int rc)
{
	int why = SSL_get_error(c->tls, rc);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return true;
	if (why == SSL_ERROR_SSL && SSL_get_verify_result(c->tls) != X509_V_OK) {
		fprintf(stderr, "load: the certificate is not what --ca says\n");
		exit(2);
	}
	lost(l, c);
	return false;
}

/* ---- Requests and answers ------------------------------------------------------------------ */

/* Whether another request may be sent now; *ret_due is the time from which its latency counts. */
static bool
next_due(struct load *l, int64_t now, int64_t *ret_due)
{
	int64_t due = now;

	if (l->o.requests > 0 && l->asked >= l->o.requests)
		return false;
	if (l->o.rate > 0)
		due = l->began + (int64_t)((double)l->asked * 1e9 / l->o.rate);
	if (due > now || (l->o.requests == 0 && due >= l->end))
		return false;
	l->asked++;
	*ret_due = due;
	return true;
}

static void
fill_in(struct load *l, struct conn *c)
{
	char unique[LOAD_UNIQUE + 1];

	snprintf(unique, sizeof unique, "%08x%016llx", (unsigned)l->run,
	    (unsigned long long)++l->serial);
	for (size_t i = 0; i < l->o.holes; i++)
		memcpy(l->o.request + l->o.hole[i], unique, LOAD_UNIQUE);
	c->size = l->o.size;
	if (l->o.customers != NULL)
		c->size = load_customers_request(l->o.customers, (size_t)(c - l->conn),
		    c->nonce, l->o.request, l->o.size, c->request, c->room);
	else
		memcpy(c->request, l->o.request, l->o.size);
}

static void
answered(struct load *l, struct conn *c)
{
	int64_t now = load_clock(CLOCK_MONOTONIC);

	if (c->status >= 0 && c->status < 600)
		l->r.status[c->status] += l->measuring;
	if (l->measuring) {
		l->r.requests++;
		load_note(&l->r, now - c->due);
	}
	c->state = IDLE;
	l->idle[l->idles++] = c;
	l->r.last = now;
}

/* The nonce that an answer brings for the next proof. */
static void
keep_nonce(struct conn *c)
{
	char *at = strcasestr(c->head, "\r\nhallmark-nonce:");
	size_t n;

	c->nonce[0] = '\0';
	if (at == NULL)
		return;
	at += 17;
	at += strspn(at, " ");
	n = strcspn(at, "\r");
	if (n < sizeof c->nonce)
		snprintf(c->nonce, sizeof c->nonce, "%.*s", (int)n, at);
}

/* Cuts the head off what has come, and finds status and length; false if it is not HTTP. */
static bool
read_head(struct conn *c, size_t *ret_body)
{
	char *end, *length;

	c->head[c->got] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL)
		return c->got < HEAD_MAX - 1;
	*end = '\0';
	if (sscanf(c->head, "HTTP/1.1 %d", &c->status) != 1)
		return false;
	keep_nonce(c);
	length = strcasestr(c->head, "\r\ncontent-length:");
	c->left = length == NULL ? 0 : strtoll(length + 17, NULL, 10);
	*ret_body = c->got - (size_t)(end + 4 - c->head);
	c->got = 0;
	return length != NULL || c->status == 204;
}

/* Takes what has come; false once nothing more is there or the connection is lost. */
static bool
take_in(struct load *l, struct conn *c)
{
	char skip[HEAD_MAX];
	bool head = c->left < 0;
	size_t body;
	int n = head ? SSL_read(c->tls, c->head + c->got, (int)(HEAD_MAX - 1 - c->got))
		     : SSL_read(c->tls, skip, sizeof skip);

	if (n <= 0) {
		(void)must_wait(l, c, n);
		return false;
	}
	body = (size_t)n;
	if (head) {
		c->got += (size_t)n;
		body = 0;
		if (!read_head(c, &body)) {
			lost(l, c);
			return false;
		}
	}
	if (c->left < 0)
		return true;
	c->left -= (int64_t)body;
	if (c->left > 0)
		return true;
	answered(l, c);
	return false;
}

static void
send_out(struct load *l, struct conn *c)
{
	int n = SSL_write(c->tls, c->request + c->sent, (int)(c->size - c->sent));

	if (n <= 0) {
		(void)must_wait(l, c, n);
		return;
	}
	c->sent += (size_t)n;
	if (c->sent == c->size)
		c->state = READING;
}

/* Something has happened on the connection: goes on until it must wait. */
static void
go_on(struct load *l, struct conn *c)
{
	char byte;
	int n;

	if (c->state == DIALLING || c->state == SHAKING) {
		c->state = SHAKING;
		n = SSL_do_handshake(c->tls);
		if (n != 1) {
			(void)must_wait(l, c, n);
			return;
		}
		c->state = IDLE;
		l->idle[l->idles++] = c;
	}
	if (c->state == IDLE) {
		/* Session tickets come here, and the server's goodbye. */
		n = SSL_peek(c->tls, &byte, 1);
		if (n > 0)
			lost(l, c);
		else
			(void)must_wait(l, c, n);
		return;
	}
	if (c->state == SENDING)
		send_out(l, c);
	while (c->state == READING && take_in(l, c))
		;
}

static void
hand_out(struct load *l)
{
	int64_t due, now = load_clock(CLOCK_MONOTONIC);

	while (l->idles > 0 && next_due(l, now, &due)) {
		struct conn *c = l->idle[--l->idles];

		fill_in(l, c);
		c->due = due;
		c->sent = c->got = 0;
		c->left = -1;
		c->state = SENDING;
		send_out(l, c);
	}
}

/* ---- The run --------------------------------------------------------------------------------- */

static void
start_measuring(struct load *l)
{
	l->measuring = true;
	l->measure_from = load_clock(CLOCK_MONOTONIC);
	l->r.cpu = -load_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static bool
over(struct load *l, int64_t now)
{
	bool open = l->o.requests > 0 ? l->asked < l->o.requests : now < l->end;

	return now > l->end + 10 * INT64_C(1000000000) ||
	    (!open && l->idles == (size_t)l->o.connections);
}

static void
run(struct load *l)
{
	struct epoll_event event[256];
	/* In an open loop a request may be due within microseconds; else answers wake us. */
	struct timespec wait = { 0, l->o.rate > 0 ? 200000 : 50000000 };

	while (!over(l, load_clock(CLOCK_MONOTONIC))) {
		int n = epoll_pwait2(l->poll, event, 256, &wait, NULL);

		if (n < 0 && errno != EINTR)
			give_up("epoll");
		for (int i = 0; i < n; i++)
			go_on(l, event[i].data.ptr);
		if (l->began == 0 && l->idles == (size_t)l->o.connections) {
			l->began = load_clock(CLOCK_MONOTONIC);
			l->end = l->began + (int64_t)((l->o.warmup + l->o.seconds) * 1e9);
		}
		if (l->began == 0)
			continue;
		if (!l->measuring &&
		    load_clock(CLOCK_MONOTONIC) >= l->began + (int64_t)(l->o.warmup * 1e9))
			start_measuring(l);
		hand_out(l);
	}
	l->r.cpu += load_clock(CLOCK_PROCESS_CPUTIME_ID);
	l->r.seconds = (double)(l->r.last - l->measure_from) / 1e9;
}

static void
end(struct load *l)
{
	for (int i = 0; i < l->o.connections; i++) {
		SSL_free(l->conn[i].tls);
		close(l->conn[i].fd);
		free(l->conn[i].request);
	}
	free(l->conn);
	free(l->idle);
	free(l->o.request);
	load_customers_free(l->o.customers);
	SSL_CTX_free(l->tls);
	close(l->poll);
}

int
main(int argc, char **argv)
{
	struct load l = { .poll = epoll_create1(EPOLL_CLOEXEC) };

	load_options(argc, argv, &l.o);
	l.tls = load_tls(&l.o);
	if (l.poll < 0 || getrandom(&l.run, sizeof l.run, 0) != sizeof l.run)
		give_up("start");
	l.conn = calloc((size_t)l.o.connections, sizeof *l.conn);
	l.idle = calloc((size_t)l.o.connections, sizeof(struct conn *));
	if (l.conn == NULL || l.idle == NULL)
		give_up("memory");
	l.end = load_clock(CLOCK_MONOTONIC) + 30 * INT64_C(1000000000); /* for all handshakes */
	for (int i = 0; i < l.o.connections; i++) {
		l.conn[i].fd = -1;
		l.conn[i].room = l.o.size + LOAD_MORE;
		l.conn[i].request = malloc(l.conn[i].room);
		if (l.conn[i].request == NULL)
			give_up("memory");
		dial(&l, &l.conn[i]);
	}
	run(&l);
	load_print(&l.r);
	end(&l);
	return l.r.requests == 0;
}
