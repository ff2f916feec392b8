/*
 * The one form in which sealed keys of all four kinds travel between server and custodian. What is
 * out of bounds is malformed: nobody later has to wonder about a negative version.
 */
#include "custody_wire.h"

void
sealed_row_put(struct buf *b, const struct sealed_row *r)
{
	wire_put_u8(b, (uint8_t)r->kind);
	wire_put_str(b, r->id);
	wire_put_str(b, r->vendor);
	wire_put_u64(b, (uint64_t)r->version);
	wire_put_u64(b, (uint64_t)r->under);
	wire_put_str(b, r->sealed);
	wire_put_str(b, r->jwk);
}

struct sealed_row
sealed_row_take(struct wire *w, enum sealed_kind kind)
{
	struct sealed_row r = { .kind = kind };

	if (wire_u8(w) != (uint8_t)kind)
		w->bad = true;
	r.id = wire_str(w, ID_MAX - 1);
	r.vendor = wire_str(w, ID_MAX - 1);
	r.version = (int64_t)wire_u64(w);
	r.under = (int64_t)wire_u64(w);
	r.sealed = wire_str(w, CUSTODY_SEALED_MAX);
	r.jwk = wire_str(w, 256);
	if (r.version < 0 || r.under < 0)
		w->bad = true;
	return r;
}
