/*
 * login: tries server, authority and token together, and remembers them only if the server accepts
 * the token over a connection that this authority vouches for.
 */
#include <fcntl.h>
#include <stdio.h>

#include "cli.h"

/* A token is one word of printable ASCII: nothing that could end a header line. */
MUST static bool
token_check(struct ctx *c, struct str token)
{
	if (token.n == 0)
		return fail(c, E_USAGE, "no token came on standard input");
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] > '~')
			return fail(c, E_USAGE, "a token is one word of letters and digits");
	return true;
}

bool
login_run(struct cli *t)
{
	const struct api_request known = { "GET", "/v1/jobs?limit=1", STR(""), NULL };
	struct str file, ca = STR("");
	struct api_answer a;
	char row[2048];
	struct buf b = BUF(row);
	struct js j = { &b };

	if (!settings_server(&t->c, t->parsed.arg[0], &t->server))
		return false;
	if (parsed_option(&t->parsed, "--cacert", &file)) {
		t->ca = take_cstr(&t->c, file);
		if (t->ca == NULL || !file_read(&t->c, AT_FDCWD, t->ca, CA_MAX, &ca))
			return false;
	}
	if (!output_secret(&t->c, STR("-"), "token", TOKEN_MAX, &t->token) ||
	    !token_check(&t->c, t->token) || !api_call(t, &known, &a) || !settings_write(t, ca))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "server", str_of(t->server));
	js_text(&j, "token", STR("accepted"));
	js_text(&j, "stored", str_of(t->folder));
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}
