/*
 * The local socket of administrators: one thread waits for connections and gives each a thread of
 * its own, sixteen at most; whoever comes beyond that hears so and is sent away.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin.h"

struct client {
	struct admin *admin;
	pthread_t thread;
	int fd;
	bool used;
	_Atomic bool done;
};

struct admin {
	struct server *server;
	struct admin_socket socket;
	int stop; /* an eventfd that nobody empties */
	pthread_t thread;
	bool running;
	int64_t clock_offset;
	struct client client[ADMIN_CONNECTIONS];
};

/* ---- Connections ----------------------------------------------------------------------------- */

static void *
serve(void *arg)
{
	struct client *s = arg;

	admin_call(s->admin->server, s->fd, s->admin->stop, s->admin->clock_offset);
	shutdown(s->fd, SHUT_RDWR);
	s->done = true;
	return NULL;
}

static void
client_join(struct client *s)
{
	pthread_join(s->thread, NULL);
	fd_done(&s->fd);
	s->used = false;
}

static struct client *
client_free(struct admin *a)
{
	struct client *found = NULL;

	for (size_t i = 0; i < ADMIN_CONNECTIONS; i++) {
		if (a->client[i].used && a->client[i].done)
			client_join(&a->client[i]);
		if (!a->client[i].used)
			found = &a->client[i];
	}
	return found;
}

static void
send_away(int fd)
{
	char line[512];
	struct buf b = BUF(line);

	frame_put(&b,
	    &(struct frame){ .kind = FRAME_ERROR,
		.code = E_BUSY,
		.detail = STR("sixteen administrators are connected already: try again") });
	(void)!send(fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
take_one(struct admin *a)
{
	owned(fd_done) int fd = accept4(a->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *s;

	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED)
			poll(NULL, 0, 100); /* no descriptors left: some will come back */
		return;
	}
	s = client_free(a);
	if (s == NULL) {
		send_away(fd);
		return;
	}
	s->admin = a;
	s->fd = fd;
	s->done = false;
	if (pthread_create(&s->thread, NULL, serve, s) != 0) {
		send_away(fd);
		return;
	}
	s->used = true;
	fd = -1;
}

static void *
wait_for_connections(void *arg)
{
	struct admin *a = arg;
	struct pollfd p[2] = { { a->socket.fd, POLLIN, 0 }, { a->stop, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		if (p[0].revents != 0)
			take_one(a);
	}
	return NULL;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

void
admin_stop(struct admin **admin)
{
	struct admin *a = *admin;
	uint64_t one = 1;

	if (a == NULL)
		return;
	(void)!write(a->stop, &one, sizeof one);
	if (a->running)
		pthread_join(a->thread, NULL);
	for (size_t i = 0; i < ADMIN_CONNECTIONS; i++)
		if (a->client[i].used) {
			shutdown(a->client[i].fd, SHUT_RD);
			client_join(&a->client[i]);
		}
	admin_socket_close(&a->socket);
	fd_done(&a->stop);
	free(a);
	*admin = NULL;
}

bool
admin_start(struct ctx *c, struct server *server, struct admin **ret)
{
	owned(admin_stop) struct admin *a = calloc(1, sizeof *a);

	if (a == NULL)
		return fail(c, E_MEMORY, "no memory for the admin socket");
	a->server = server;
	a->socket.fd = -1;
	a->clock_offset = admin_clock_offset();
	a->stop = eventfd(0, EFD_CLOEXEC);
	if (a->stop < 0)
		return fail_errno(c, "make", "an event descriptor");
	if (!admin_table_check(c) || !admin_socket_open(c, &server->conf, &a->socket))
		return false;
	if (pthread_create(&a->thread, NULL, wait_for_connections, a) != 0)
		return fail(c, E_MEMORY, "no memory for the admin socket's thread");
	a->running = true;
	*ret = steal(a);
	return true;
}
