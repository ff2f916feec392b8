/*
 * The fixture of the custodian's tests; see custody_house.h.
 */
#include <stdio.h>

#include "custody_house.h"

struct custody *
test_custody(struct ctx *c, const char *spec, bool create)
{
	struct custody_conf conf = { .programs = test_programs(), .root = spec };
	struct custody *custody = NULL;

	ck_ok(c, custody_start(c, &conf, create, &custody));
	return custody;
}

struct house
test_house(struct ctx *c)
{
	struct house h = { .spec = take_printf(
			       c, "file:%s", test_path(test_folder(), "root")) };
	struct custody_birth birth = { 0 };

	h.custody = test_custody(c, h.spec, true);
	ck_ok(c, custody_init(c, h.custody, 0, 0, &birth));
	h.ring = birth.keyring;
	h.signing = birth.signing;
	ck_ok(c, custody_load(c, h.custody, &h.ring, 1, &h.signing, 1));
	return h;
}

void
house_done(struct house *h)
{
	custody_stop(&h->custody);
}

struct id
test_id(const char *text)
{
	struct id id = { 0 };

	(void)snprintf(id.s, sizeof id.s, "%s", text);
	return id;
}

enum custody_state
test_state(struct ctx *c, struct custody *cu)
{
	struct custody_status s = { 0 };

	ck_ok(c, custody_status(c, cu, &s));
	return s.state;
}
