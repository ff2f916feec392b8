/*
 * Webhooks: addresses that are told of events, each with a secret that signs what is sent, and a
 * log of how it went.
 */
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 16 << 10 };

/* Where the webhook is that the command names first, or a part of it. */
MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	return cli_place(t, "/v1/webhooks", NULL, part, ret);
}

bool
webhook_add_run(struct cli *t)
{
	owned(hideaway_done) struct hideaway secret = { NULL, -1 };
	struct api_answer a;
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "url", t->parsed.arg[0]);
	if (parsed_option(&t->parsed, "--event", NULL))
		js_options(&j, "events", &t->parsed, "--event");
	else
		js_raw(&j, "events", STR("[\"*\"]"));
	js_close(&j, '}');
	return hideaway_open(t, "--secret-file", &secret) &&
	    cli_post(t, "/v1/webhooks", &b, &a) && hideaway_row(t, &secret, a.body, "secret");
}

bool
webhook_list_run(struct cli *t)
{
	return cli_list(t, "/v1/webhooks", "cursor", "", INT64_MAX);
}

bool
webhook_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
webhook_change_run(struct cli *t)
{
	struct api_answer a;
	struct str value;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (parsed_option(&t->parsed, "--url", &value))
		js_text(&j, "url", value);
	js_options(&j, "events", &t->parsed, "--event");
	if (parsed_option(&t->parsed, "--paused", &value))
		js_bool(&j, "paused", str_same(value, STR("yes")));
	js_close(&j, '}');
	if (str_same(buf_str(&b), STR("{}")))
		return fail(&t->c, E_USAGE, "say what is to change: --url, --event, --paused");
	return place(t, "", &path) && cli_patch(t, path, &b, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
webhook_delete_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_delete(t, path, &a) && cli_row(t, a.body, NULL);
}

bool
webhook_messages_run(struct cli *t)
{
	char *path;

	return place(t, "/messages", &path) && cli_list(t, path, "cursor", "", INT64_MAX);
}

bool
webhook_replay_run(struct cli *t)
{
	bool one = parsed_option(&t->parsed, "--event-id", NULL);
	struct api_answer a;
	struct str value;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (one == parsed_option(&t->parsed, "--since", NULL))
		return fail(&t->c, E_USAGE, "say what to send again: --event-id or --since");
	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (parsed_option(&t->parsed, "--event-id", &value))
		js_text(&j, "event", value);
	if (!js_past_option(&t->c, &j, "since", &t->parsed, "--since"))
		return false;
	js_close(&j, '}');
	return place(t, "/replay", &path) && cli_post(t, path, &b, &a) &&
	    cli_row(t, a.body, NULL);
}

bool
webhook_ping_run(struct cli *t)
{
	char text[] = "{}";
	const struct buf b = { text, sizeof text - 1, sizeof text, false };
	struct api_answer a;
	char *path;

	return place(t, "/ping", &path) && cli_post(t, path, &b, &a) &&
	    cli_row(t, a.body, NULL);
}
