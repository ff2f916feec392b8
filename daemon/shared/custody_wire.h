/*
 * custody_wire: what server and custodian say to each other, byte for byte. One message is one
 * request or one answer:
 *	request: u8 protocol, u32 op, u64 id, the op's fields
 *	answer:  u8 protocol, u64 id, u8 done, then the op's results, or error code, text, detail
 * The first answer, id 0, comes unasked: the custodian's walls stand, or why it could not start.
 */
#ifndef CUSTODY_WIRE_H
#define CUSTODY_WIRE_H

#include "base.h"

#define CUSTODY_PROTOCOL 1
#define CUSTODY_MESSAGE_MAX (256 << 10)
#define CUSTODY_KID_MAX 48
#define CUSTODY_SEALED_MAX 128
#define CUSTODY_SHARE_MAX 128

/* clang-format off */
enum custody_op {	/* request fields			-> results */
	OP_STATUS,	/*					-> u8 state, shares, have, need, locked; u64 keyring */
	OP_INIT,	/* u8 k, n				-> keyring row, signing row, u8 n, n shares */
	OP_SHARE,	/* share				-> as OP_STATUS */
	OP_LOAD,	/* u32 n, keyring rows, u32 n, signing rows */
	OP_SEAL,
	OP_ROTATE,	/*					-> keyring row */
	OP_RESEAL,	/* signing row				-> signing row */
	OP_VENDOR_NEW,	/* vendor, u64 version			-> vendor row */
	OP_DATA_NEW,	/* vendor row, id			-> key, data row */
	OP_DATA_OPEN,	/* vendor row, data row			-> key */
	OP_DATA_REWRAP,	/* vendor row, vendor row, u32 n, rows	-> u32 n, rows */
	OP_CHECKPOINT,	/* u64 seq, digest, u64 at		-> JWS */
	OP_JWKS,	/*					-> JSON */
	OP_SIGN_RELEASE, /* release, model, name, digest,
			 * u64 bytes, u64 at			-> JWS, bundle */
	OP_UNLOCK_KEY,	/* vendor row, data row, the facts of
			 * custody_unlock_key; descriptors: where the
			 * JWE goes, the entries if there are any	-> u64 bytes of JWE */
	OP_LICENSE,	/* vendor row, data row, release, license,
			 * artifact, claims, jwk			-> JWS, head of a JWE; either empty */
	OP_SIGN_REVOCATIONS, /* vendor, u64 number, this_update,
			 * next_update, u32 revoked, suspended;
			 * descriptors: the entries, as bytes, one
			 * after the other; where the JWS goes		-> u64 bytes of JWS */
	OP_SIGN_EVIDENCE, /* verification, release, vendor,
			 * digest of the report, of the suspect,
			 * u8 verdict, u64 at, u32 n, n numbers	-> JWS */
	OP_COUNT
};
/* clang-format on */

enum sealed_kind { SEALED_KEYRING = 1, SEALED_SIGNING, SEALED_VENDOR, SEALED_DATA };

/*
 * Any sealed key, as the custodian sees it. All but `sealed` is bound to it as associated data.
 *	keyring: version; under is 0, the root
 *	signing: id is its kid, version the time it was made, under the keyring's version
 *	vendor:  vendor, version, under the keyring's version
 *	data:    id, vendor, under the vendor key's version
 */
struct sealed_row {
	enum sealed_kind kind;
	struct str id, vendor;
	int64_t version, under;
	struct str sealed;
	struct str jwk; /* signing: the public half, in answers; not bound, not read */
};
void sealed_row_put(struct buf *, const struct sealed_row *);
/* The next row, which must be of this kind; sets w->bad otherwise. Views into the message. */
struct sealed_row sealed_row_take(struct wire *, enum sealed_kind);

#endif
