/*
 * The license that the tests spoil: three seats, one of them taken, bound to one of its machines.
 */
#include "license_support.h"

struct fingerprint
machine_of_seed(unsigned n, uint8_t seed)
{
	struct fingerprint f = { .n = n };

	for (unsigned i = 0; i < n; i++) {
		f.part[i].component = (uint8_t)i;
		memset(f.part[i].digest.b, seed + (int)i, sizeof f.part[i].digest.b);
	}
	return f;
}

void
story_init(struct story *s, enum action action)
{
	*s = (struct story){ .p = policy_standard() };
	s->p.seats = 5;
	s->p.unlocks = 4;
	s->p.binding = BIND_TWO;
	s->p.approvals = 2;
	s->p.approvers = 3;
	s->p.transferable = true;
	s->p.image = IMAGE_UNLOCK;
	s->entitlement[0] = STR("run");
	s->entitlement[1] = STR("export:onnx");
	s->here = machine_of_seed(3, 10);
	s->bound[0] = machine_of_seed(3, 60);
	s->bound[1] = s->here;
	s->l = (struct license){
		.id = { LICENSE },
		.customer = { CUSTOMER },
		.release = { RELEASE },
		.state = action == ACTION_REINSTATE ? LICENSE_SUSPENDED : LICENSE_ACTIVE,
		.changed = NOW - 5 * DAY,
		.issued = NOW - 10 * DAY,
		.not_before = NOW - 10 * DAY,
		.expires = NOW + 10 * DAY,
		.seats = 3,
		.entitlements = { s->entitlement, COUNT(s->entitlement) },
		.bound = s->bound,
		.bound_n = COUNT(s->bound),
	};
	s->f = (struct facts){
		.now = NOW,
		.last_seen = NOW - 60,
		.vendor = PARTY_ACTIVE,
		.customer = PARTY_ACTIVE,
		.recipient = PARTY_ACTIVE,
		.enrolled = true,
		.release = OFFER_READY,
		.looked_up = true,
		.license = action == ACTION_ISSUE ? NULL : &s->l,
		.by = { CUSTOMER },
		.of = { RELEASE },
		.to = { RECIPIENT },
		.counted = true,
		.seats_used = action == ACTION_TRANSFER ? 0 : 1,
		.unlocks_done = 1,
		.approvals = 2,
		.image = SHOWING_GOOD,
		.watermarked = true,
		.seat = action == ACTION_HEARTBEAT ? SEAT_HELD : SEAT_NONE,
		.machine = &s->here,
		.entitlement = STR("run"),
		.list_until = NOW + DAY,
		.keys_ready = true,
		.ask_seats = 2,
		.ask_from = NOW,
		.ask_until = NOW + 100 * DAY,
	};
}

void
story_spoil(struct story *s, const struct spoilt spoilt[SPOILT])
{
	for (size_t i = 0; i < SPOILT && spoilt[i].size > 0; i++) {
		ck_assert_uint_le(spoilt[i].size, sizeof spoilt[i].value);
		memcpy((char *)s + spoilt[i].at, &spoilt[i].value, spoilt[i].size);
	}
}

struct license_claims
claims_example(void)
{
	static struct str words[] = { { "run", 3 }, { "export:onnx", 11 } };
	struct license_claims l = {
		.vendor = { VENDOR },
		.customer = { CUSTOMER },
		.release = { RELEASE },
		.license = { LICENSE },
		.issued = NOW - DAY,
		.not_before = NOW - DAY,
		.expires = NOW + 30 * DAY,
		.entitlements = { words, COUNT(words) },
		.seats = 2,
		.lease = 600,
		.offline = 7 * DAY,
		.tolerance = 300,
		.grace_revoked = 60,
		.stale_refused = true,
		.binding = BIND_MOST,
		.components = MACHINE_ANYTHING,
		.image = IMAGE_UNLOCK,
		.bound = machine_of_seed(3, 10),
		.revocations = STR("https://licenses.example/v1/revocations"),
		.epoch = 4,
	};

	memset(l.artifact.b, 0xa7, sizeof l.artifact.b);
	memset(l.key_image.b, 3, sizeof l.key_image.b);
	memset(l.key.b, 1, sizeof l.key.b);
	memset(l.next.b, 2, sizeof l.next.b);
	return l;
}
