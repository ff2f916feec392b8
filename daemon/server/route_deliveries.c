/*
 * Deliveries: codes that are good for one unlock key each, to be handed over by other ways than
 * this API. The code is shown once; the store keeps its digest.
 */
#include <stdio.h>

#include "licenses.h"

enum { HOURS = 72, HOURS_MAX = 8760 };
static const int64_t hour_ms = 3600 * 1000;

struct delivery_wanted {
	int64_t hours;
	struct token_secret secret;
	struct delivery_row row;
};

/* clang-format off */
static const struct json_field delivery_fields[] = {
	{ "hours", FIELD_NUMBER, offsetof(struct delivery_wanted, hours), 1, HOURS_MAX },
};
/* clang-format on */

static void
delivery_json(struct js *j, const struct delivery_row *d, const char *secret)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(d->id.s));
	js_text(j, "license", str_of(d->license.s));
	js_time(j, "created", d->created);
	js_time(j, "expires", d->expires);
	if (d->spent != 0)
		js_time(j, "spent", d->spent);
	else
		js_null(j, "spent");
	if (secret != NULL)
		js_text(j, "secret", str_of(secret));
	js_close(j, '}');
}

bool
deliveries_get(struct ctx *c, struct request *rq)
{
	struct license_row r;
	struct delivery_row *d;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "dlv", &page) || !server_reader(c, rq->server, &db) ||
	    !license_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) ||
	    !delivery_list(c, db, str_of(r.id.s), page.after, page.limit + 1, &d, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		delivery_json(&j, &d[i], NULL);
	return list_end(rq, &j, n > shown ? str_of(d[shown - 1].id.s) : STR(""));
}

static bool
delivery_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct delivery_wanted *w = rq->arg;
	struct license_row r;
	struct buf out;
	struct js j = { &out, false };

	rq->act.audit.object = str_of(w->row.id.s);
	if (!license_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) ||
	    !license_lives(c, &r) || !take_buf(c, 512, &out))
		return false;
	w->row.license = r.id;
	delivery_json(&j, &w->row, w->secret.s);
	return delivery_insert(c, db, &w->row) && reply_json(rq, 201, &out);
}

bool
deliveries_post(struct ctx *c, struct request *rq)
{
	struct delivery_wanted *w = take(c, sizeof *w);

	if (w == NULL)
		return false;
	w->hours = HOURS;
	if (rq->body.n > 0 &&
	    !json_decode(c, rq->body, delivery_fields, COUNT(delivery_fields), w))
		return false;
	w->row.id = id_new(c, "dlv");
	w->row.created = c->now();
	w->row.expires = w->row.created + w->hours * hour_ms;
	rq->arg = w;
	rq->write = delivery_write;
	return token_secret_new(c, "hmd_", &w->secret, &w->row.digest);
}
