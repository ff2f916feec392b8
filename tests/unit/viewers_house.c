/*
 * Watermarks in a house, and questions about them; see viewers_house.h.
 */
#include "viewers_house.h"

static const struct id release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" };

/* ---- A watermark in the store ------------------------------------------------------------ */

struct marked {
	struct act act;
	struct blob_row keys;
	struct data_key_row keys_key, secret;
	struct watermark_row row;
};

static bool
marked_insert(struct ctx *c, struct db *db, struct act *act)
{
	struct marked *m = (struct marked *)(void *)act;

	return data_key_insert(c, db, &m->keys_key) && data_key_insert(c, db, &m->secret) &&
	    blob_insert(c, db, &m->keys) && watermark_insert(c, db, &m->row) &&
	    watermark_ready(c, db, &m->row);
}

/* A model with a key set beside it, as the job leaves them. */
struct id
watermark_put(struct ctx *c, struct house *h, const char *name)
{
	struct key256 secret;
	struct keyset keys;
	struct marked m = { .act = { .run = marked_insert, .c = c } };
	struct str bytes, vendor = str_of(h->vendor.s);

	m.act.audit = house_who("watermark");
	m.row = (struct watermark_row){ .id = id_new(c, "wmk"),
		.vendor = h->vendor,
		.model = model_put(c, h, name, bright_network(c, 1)),
		.keys = PAIRS,
		.classes = CLASSES,
		.facts = STR("{\"raw_bytes\":false}"),
		.created = 1 };
	m.row.source = m.row.model;
	m.row.job = id_new(c, "job");
	ck_ok(c,
	    keys_data_new(
		c, h->server.keys, h->db, vendor, id_new(c, "key"), &secret, &m.secret));
	m.row.key = m.secret.id;
	bytes = bright_keys(c, &secret, 28, 1, &keys);
	m.keys = blob_put(c, h, &m.row.model, "keys", bytes, &m.keys_key);
	ck_ok(c, store_do(c, h->server.store, &m.act));
	return m.row.id;
}

void
scene_new(struct ctx *c, struct house *h, int viewers)
{
	house_new(c, h, test_folder());
	h->server.conf.viewers = viewers;
	ck_ok(c, viewers_start(c, &h->server, &h->server.viewers));
}

/* Nothing is left behind: neither a question nor a worker. */
void
scene_end(struct house *h)
{
	ck_assert_int_eq(viewers_counts(h->server.viewers).waiting, 0);
	viewers_stop(&h->server.viewers);
	ck_assert_int_eq(house_child("hallmark-worker"), 0);
	house_close(h);
}

/* ---- Questions --------------------------------------------------------------------------- */

static void
is_done(void *arg)
{
	struct asked *a = arg;

	a->done++;
}

struct asked *
asked_new(struct ctx *c, struct house *h, const struct id *watermark)
{
	struct asked *a = take(c, sizeof *a);

	a->c = ctx_real(arena_new(4 << 20), "request");
	a->view = (struct viewing){ .vendor = h->vendor,
		.watermark = *watermark,
		.c = &a->c,
		.done = is_done,
		.arg = a,
		.ask = { .op = VIEW_MAKE, .claim = { release, 42, 7, 1700000000, 0 } } };
	return a;
}

void
asks(struct ctx *c, struct house *h, struct asked *a)
{
	ck_ok(c, viewers_ask(&a->c, h->server.viewers, &a->view));
}

void
answered(struct asked *a, int seconds)
{
	ck_until(a->done > 0, seconds);
	ck_assert_msg(a->view.ok, "%s: %s", err_wire(a->c.err.code), a->c.err.text);
	ck_assert_int_eq(a->done, 1);
}

void
refused(struct asked *a, enum err_code want, int seconds)
{
	ck_until(a->done > 0, seconds);
	ck_assert(!a->view.ok);
	ck_assert_int_eq(a->c.err.code, want);
	ck_assert_int_eq(a->done, 1);
}

/* The picture of a watermark. */
struct str
made(struct ctx *c, struct house *h, const struct id *watermark)
{
	struct asked *a = asked_new(c, h, watermark);

	asks(c, h, a);
	answered(a, 20);
	return a->view.said.picture;
}

struct asked *
looks(struct ctx *c, struct house *h, const struct id *watermark, struct str picture)
{
	struct asked *a = asked_new(c, h, watermark);

	a->view.ask.op = VIEW_LOOK;
	a->view.ask.picture = picture;
	asks(c, h, a);
	return a;
}

pid_t
viewer_pid(void)
{
	return house_child("hallmark-worker");
}
