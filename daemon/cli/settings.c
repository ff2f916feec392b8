/*
 * What hallmark remembers: the server's address and authority in a readable file, the token in one
 * that only its user may read. A token is never an argument and never the value of a variable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static const char *
in_folder(struct cli *t, const char *name)
{
	return take_printf(&t->c, "%s/%s", t->folder, name);
}

bool
settings_folder(struct cli *t)
{
	const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
	struct str given;

	if (parsed_option(&t->parsed, "--config", &given))
		t->folder = take_cstr(&t->c, given);
	else if (config != NULL && config[0] == '/')
		t->folder = take_printf(&t->c, "%s/hallmark", config);
	else if (home != NULL && home[0] == '/')
		t->folder = take_printf(&t->c, "%s/.config/hallmark", home);
	else
		return fail(&t->c, E_FILE, "there is no home folder: say --config FOLDER");
	return t->folder != NULL;
}

bool
settings_server(struct ctx *c, struct str url, const char **ret)
{
	struct str host = url;

	if (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	if (!str_starts(url, STR("https://")) || url.n == strlen("https://"))
		return fail(
		    c, E_USAGE, "the server is https://HOST[:PORT]: nothing else is spoken");
	host.p += strlen("https://");
	host.n = url.n - strlen("https://");
	for (size_t i = 0; i < host.n; i++)
		if (strchr("/?#@ \\", host.p[i]) != NULL)
			return fail(c, E_USAGE,
			    "the server is https://HOST[:PORT], without path, query or user");
	*ret = take_cstr(c, url);
	return *ret != NULL;
}

/* ---- Reading --------------------------------------------------------------------------------- */

MUST static bool
config_pair(struct cli *t, const struct pairs *p)
{
	if (p->value.p == NULL)
		return fail(&t->c, E_FILE, "%s/config:%d: a line is \"key = value\"", t->folder,
		    p->line);
	if (str_same(p->key, STR("server")))
		return settings_server(&t->c, p->value, &t->server);
	if (!str_same(p->key, STR("ca")))
		return fail(&t->c, E_FILE, "%s/config:%d: the keys are server and ca",
		    t->folder, p->line);
	t->ca = take_cstr(&t->c, p->value);
	return t->ca != NULL;
}

/* The token's file, which must be its user's alone; a pipe is whoever's made it. */
MUST static bool
token_read(struct cli *t, const char *path)
{
	owned(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	struct str from;

	if (fd < 0 || fstat(fd, &st) != 0)
		return fail_errno(&t->c, "open the token's file", path);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		return fail(
		    &t->c, E_FILE, "others may read the token in %s: chmod 0600 it", path);
	from.p = take_printf(&t->c, "@%s", path);
	if (from.p == NULL)
		return false;
	from.n = strlen(from.p);
	return output_secret(&t->c, from, "token", TOKEN_MAX, &t->token);
}

/* --token-file, $HALLMARK_TOKEN_FILE, the folder's own. */
MUST static bool
token_find(struct cli *t)
{
	const char *path = getenv("HALLMARK_TOKEN_FILE");
	struct str given;

	if (parsed_option(&t->parsed, "--token-file", &given)) {
		if (str_same(given, STR("-")))
			return output_secret(&t->c, given, "token", TOKEN_MAX, &t->token);
		path = take_cstr(&t->c, given);
	} else if (path == NULL || *path == '\0') {
		path = in_folder(t, "token");
	}
	return path != NULL && token_read(t, path);
}

bool
settings_server_read(struct cli *t)
{
	const char *path = in_folder(t, "config");
	struct pairs p = { 0 };

	if (path == NULL)
		return false;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return fail(
		    &t->c, E_FILE, "there is no %s: begin with hallmark login URL", path);
	if (!file_read(&t->c, AT_FDCWD, path, 1 << 16, &p.rest))
		return false;
	while (pairs_next(&p))
		if (!config_pair(t, &p))
			return false;
	if (t->server == NULL)
		return fail(&t->c, E_FILE, "%s names no server", path);
	return true;
}

bool
settings_read(struct cli *t)
{
	return settings_server_read(t) && token_find(t);
}

/* ---- Writing --------------------------------------------------------------------------------- */

bool
folder_make(struct ctx *c, const char *folder)
{
	char *path = take_cstr(c, str_of(folder));

	if (path == NULL)
		return false;
	for (char *p = path + 1;; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return fail_errno(c, "make", path);
		*p = was;
		if (was == '\0')
			return true;
	}
}

bool
settings_write(struct cli *t, struct str ca)
{
	const char *config = in_folder(t, "config"), *token = in_folder(t, "token"),
		   *authority = in_folder(t, "ca.pem");
	char *text = NULL;

	if (config == NULL || token == NULL || authority == NULL ||
	    !folder_make(&t->c, t->folder))
		return false;
	if (ca.n > 0)
		text = take_printf(&t->c, "server = %s\nca = %s\n", t->server, authority);
	else
		text = take_printf(&t->c, "server = %s\n", t->server);
	return text != NULL &&
	    (ca.n == 0 || file_replace(&t->c, AT_FDCWD, authority, 0600, ca)) &&
	    file_replace(&t->c, AT_FDCWD, token, 0600, t->token) &&
	    file_replace(&t->c, AT_FDCWD, config, 0600, str_of(text));
}
