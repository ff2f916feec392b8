/*
 * The admin socket's file, and who may speak on it. The kernel says who a peer is; the file's mode
 * keeps others out as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin.h"
#include "listen.h"

enum { GROUPS_MAX = 1024 };

/* ---- The file -------------------------------------------------------------------------------- */

MUST static bool
address_of(struct ctx *c, const char *path, struct sockaddr_un *ret)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof a.sun_path)
		return fail(c, E_USAGE, "the path of the admin socket has at most %zu bytes",
		    sizeof a.sun_path - 1);
	memcpy(a.sun_path, path, n);
	*ret = a;
	return true;
}

/* What lies at the path is a dead daemon's socket, or it is refused. */
MUST static bool
make_room(struct ctx *c, const char *path, const struct sockaddr_un *at)
{
	owned(fd_done) int fd = -1;
	struct stat st;

	if (lstat(path, &st) != 0 && errno == ENOENT)
		return true;
	if (!S_ISSOCK(st.st_mode))
		return fail(c, E_CONFLICT, "%s is in the way: it is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(c, "make", "a socket");
	if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN)
		return fail(c, E_CONFLICT, "another daemon listens at %s", path);
	if (errno != ECONNREFUSED)
		return fail_errno(c, "look at", path);
	if (unlink(path) != 0)
		return fail_errno(c, "remove", path);
	log_event(LOG_LEVEL_WARNING, c->tag, "stale-socket-removed", "path=%s",
	    log_quote(str_of(path)));
	return true;
}

/* Bound under the daemon's umask, hence closed to everybody else until its mode is set. */
MUST static bool
bind_at(struct ctx *c, int fd, const char *path, const struct sockaddr_un *at, int64_t group)
{
	if (bind(fd, (const struct sockaddr *)at, sizeof *at) != 0)
		return fail_errno(c, "make the admin socket", path);
	if (group >= 0 && chown(path, (uid_t)-1, (gid_t)group) != 0)
		return fail_errno(c, "give to the admin group", path);
	if (chmod(path, group >= 0 ? 0660 : 0600) != 0)
		return fail_errno(c, "set the mode of", path);
	if (listen(fd, 2 * ADMIN_CONNECTIONS) != 0)
		return fail_errno(c, "listen at", path);
	return true;
}

bool
admin_socket_open(struct ctx *c, const struct conf *conf, struct admin_socket *ret)
{
	owned(fd_done) int fd = listen_inherited("admin");
	const char *path = conf->admin_socket;
	struct sockaddr_un at;
	struct stat st = { 0 };

	if (fd >= 0) {
		if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
			return fail_errno(c, "prepare", "the admin socket");
		*ret = (struct admin_socket){ .fd = fd };
		fd = -1;
		return true;
	}
	if (!address_of(c, path, &at) || !make_room(c, path, &at))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(c, "make", "a socket");
	if (!bind_at(c, fd, path, &at, conf->admin_gid))
		return false;
	if (lstat(path, &st) != 0)
		return fail_errno(c, "examine", path);
	*ret = (struct admin_socket){ fd, path, st.st_dev, st.st_ino };
	fd = -1;
	return true;
}

void
admin_socket_close(struct admin_socket *s)
{
	struct stat st;

	fd_done(&s->fd);
	if (s->path != NULL && lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->path);
	s->path = NULL;
}

/* ---- The peer -------------------------------------------------------------------------------- */

static bool
in_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof groups[0]; i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool
admin_peer(struct ctx *c, int fd, const struct conf *conf, uid_t *ret)
{
	struct ucred who;
	socklen_t size = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return fail_errno(c, "learn who is at", "the admin socket");
	*ret = who.uid;
	if (who.uid == 0 || who.uid == geteuid())
		return true;
	if (conf->admin_gid >= 0 &&
	    (who.gid == (gid_t)conf->admin_gid || in_group(fd, (gid_t)conf->admin_gid)))
		return true;
	return fail(c, E_DENIED,
	    "user %u may not administer this daemon: root, its own user and admin-group may",
	    (unsigned)who.uid);
}
