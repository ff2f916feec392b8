/*
 * Requests. One table: an op, its name, in which states it may be asked, who answers it. Nothing
 * is signed, opened or sealed but by a row of this table, and each row's handler reads typed
 * fields to the last byte before it acts. A failed handler leaves nothing in the answer but why.
 */
#include "custodian.h"

enum { SEALED = 1 << STATE_SEALED, ROOT = 1 << STATE_ROOT, UNSEALED = 1 << STATE_UNSEALED };
#define ANY (SEALED | ROOT | UNSEALED)

/* clang-format off */
static const struct {
	const char *name;
	unsigned states;
	handler *run;
} ops[] = {
	[OP_STATUS]      = { "status",          ANY,             status_get      },
	[OP_INIT]        = { "init",            SEALED | ROOT,   init_do         },
	[OP_SHARE]       = { "unseal-share",    SEALED,          share_take      },
	[OP_LOAD]        = { "load",            ROOT | UNSEALED, load_do         },
	[OP_SEAL]        = { "seal",            ANY,             seal_do         },
	[OP_ROTATE]      = { "rotate",          UNSEALED,        rotate_begin    },
	[OP_RESEAL]      = { "signing-reseal",  UNSEALED,        signing_reseal  },
	[OP_VENDOR_NEW]  = { "vendor-key-new",  UNSEALED,        vendor_new      },
	[OP_DATA_NEW]    = { "data-key-new",    UNSEALED,        data_new        },
	[OP_DATA_OPEN]   = { "data-key-open",   UNSEALED,        data_open       },
	[OP_DATA_REWRAP] = { "data-key-rewrap", UNSEALED,        data_rewrap     },
	[OP_CHECKPOINT]  = { "sign-checkpoint", UNSEALED,        checkpoint_sign },
	[OP_JWKS]        = { "public-keys",     UNSEALED,        jwks_get        },
	[OP_SIGN_RELEASE] = { "sign-release",   UNSEALED,        release_sign    },
	[OP_UNLOCK_KEY]  = { "unlock-key",      UNSEALED,        unlock_key_make },
	[OP_LICENSE]     = { "license",         UNSEALED,        license_make    },
	[OP_SIGN_REVOCATIONS] = { "sign-revocations", UNSEALED,  revocations_sign },
	[OP_SIGN_EVIDENCE] = { "sign-evidence", UNSEALED,        evidence_sign   },
};
/* clang-format on */
_Static_assert(COUNT(ops) == OP_COUNT, "one row per op");

enum state
custodian_state(const struct custodian *k)
{
	if (!k->has_root)
		return STATE_SEALED;
	return k->loaded.keyrings == 0 ? STATE_ROOT : STATE_UNSEALED;
}

bool
request_end(struct ctx *c, const struct wire *in)
{
	if (in->bad || in->rest.n != 0)
		return fail(c, E_USAGE, "the request's fields are malformed");
	return true;
}

void
answer_failure(const struct ctx *c, uint64_t id, struct buf *out)
{
	explicit_bzero(out->p, out->n);
	out->n = 0;
	out->full = false;
	wire_put_u8(out, CUSTODY_PROTOCOL);
	wire_put_u64(out, id);
	wire_put_u8(out, false);
	wire_put_str(out, str_of(err_wire(c->err.code)));
	wire_put_str(out, str_of(c->err.text));
	wire_put_str(out, str_of(c->err.detail));
}

MUST static bool
state_allows(struct ctx *c, const struct custodian *k, uint32_t op)
{
	enum state state = custodian_state(k);

	if ((ops[op].states & 1u << state) != 0)
		return true;
	switch (state) {
	case STATE_SEALED:
		return fail(c, E_SEALED, "the root key is not here");
	case STATE_ROOT:
		if ((ops[op].states & UNSEALED) != 0)
			return fail(c, E_SEALED, "no keys are loaded");
		return fail(c, E_CONFLICT, "%s: the root key is here already", ops[op].name);
	case STATE_UNSEALED:
		return fail(c, E_CONFLICT, "%s: keys are loaded", ops[op].name);
	}
	abort();
}

MUST static bool
answer(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out, uint64_t *ret_id)
{
	uint8_t protocol = wire_u8(in);
	uint32_t op = wire_u32(in);
	uint64_t id = wire_u64(in);

	if (in->bad)
		return fail(c, E_USAGE, "the request has no head");
	*ret_id = id;
	if (protocol != CUSTODY_PROTOCOL)
		return fail(
		    c, E_USAGE, "protocol %u instead of %u", protocol, CUSTODY_PROTOCOL);
	if (op >= OP_COUNT)
		return fail(c, E_USAGE, "there is no op %u", op);
	if (!state_allows(c, k, op))
		return false;
	wire_put_u8(out, CUSTODY_PROTOCOL);
	wire_put_u64(out, id);
	wire_put_u8(out, true);
	return ops[op].run(c, k, in, out) && buf_ok(c, out);
}

void
request_answer(struct ctx *c, struct custodian *k, struct str request, struct buf *out)
{
	struct wire in = { request, false };
	uint64_t id = 0;

	if (!answer(c, k, &in, out, &id))
		answer_failure(c, id, out);
}
