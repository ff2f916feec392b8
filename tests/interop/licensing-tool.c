/*
 * A custodian that does for one license all that it does for licenses, for other implementations to
 * judge: prints the license, a list of revocations, two unlock keys of the same question, one of
 * another, and the public signing keys, as one line of JSON; and what the customer's proof says.
 * For tests only.
 *
 *	licensing-tool PROGRAMS FOLDER JWK PROOF
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "custody.h"
#include "license.h"

#define UUID "0198a000-0000-7000-8000-000000000001"
enum { SEALED = 2, TOKEN_MAX = 256 << 10 };

struct scene {
	struct custody *custody;
	struct vendor_key_row vendor;
	struct data_key_row secret;
	struct digest256 artifact, signer;
	struct str jwk, token, wrap;
};

MUST static bool
scene_fill(struct ctx *c, struct scene *s, const struct custody_birth *birth)
{
	struct key256 key;
	struct str thumbprint;

	if (!custody_load(c, s->custody, &birth->keyring, 1, &birth->signing, 1) ||
	    !custody_vendor_key_new(c, s->custody, (struct id){ "ven_" UUID }, 1, &s->vendor) ||
	    !custody_data_key_new(
		c, s->custody, &s->vendor, (struct id){ "key_" UUID }, &key, &s->secret) ||
	    !base64url_decode(c, birth->signing.kid, &thumbprint))
		return false;
	memcpy(s->signer.b, thumbprint.p, sizeof s->signer.b);
	memset(s->artifact.b, 0xa7, sizeof s->artifact.b);
	return true;
}

MUST static bool
license(struct ctx *c, struct scene *s)
{
	struct license_claims l = { .vendor = { "ven_" UUID },
		.customer = { "cus_" UUID },
		.release = { "rel_" UUID },
		.license = { "lic_" UUID },
		.issued = seconds_of(c->now()),
		.not_before = seconds_of(c->now()),
		.expires = seconds_of(c->now()) + DAY,
		.artifact = s->artifact,
		.seats = 2,
		.lease = 600,
		.components = MACHINE_ANYTHING,
		.image = IMAGE_UNLOCK,
		.key_image = s->artifact,
		.key = s->signer };
	struct custody_license asked = { .vendor = &s->vendor,
		.secret = &s->secret,
		.release = STR("rel_" UUID),
		.license = STR("lic_" UUID),
		.artifact = s->artifact,
		.jwk = s->jwk };
	struct buf b;

	if (!take_buf(c, LICENSE_MAX, &b) || !license_claims_put(c, &l, &b))
		return false;
	asked.claims = buf_str(&b);
	return custody_license(c, s->custody, &asked, &s->token, &s->wrap);
}

MUST static bool
unlock(struct ctx *c, struct scene *s, uint32_t customer, struct str *ret)
{
	const struct custody_unlock u = { .vendor = &s->vendor,
		.secret = &s->secret,
		.release = STR("rel_" UUID),
		.license = STR("lic_" UUID),
		.customer = customer,
		.locks = SEALED,
		.log_l = 14,
		.kappa = .03,
		.issued = 1,
		.artifact = s->artifact,
		.jwk = s->jwk,
		.wrap = s->wrap,
		.entries = -1 };
	owned(fd_done) int fd = memfd_create("key", MFD_CLOEXEC);
	uint64_t n;
	char *p;

	if (!custody_unlock_key(c, s->custody, &u, fd, &n))
		return false;
	p = take(c, n);
	*ret = (struct str){ p, n };
	return p != NULL && lseek(fd, 0, SEEK_SET) == 0 && fd_read_all(c, fd, p, n);
}

MUST static bool
revocations(struct ctx *c, struct scene *s, struct str *ret)
{
	const struct uuid one = { { 1, 2, 3 } };
	const struct revocations r = { .vendor = { "ven_" UUID },
		.number = 1,
		.this_update = seconds_of(c->now()),
		.next_update = seconds_of(c->now()) + DAY,
		.revoked = &one,
		.revoked_n = 1 };
	struct buf b;

	return take_buf(c, revocations_size(&r), &b) && revocations_put(c, &r, &b) &&
	    custody_sign_revocations(c, s->custody, buf_str(&b), ret);
}

/* What the proof, signed by somebody else's library, says to us. */
MUST static bool
proof(struct ctx *c, struct str jwk, struct str jws, struct js *j)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct proof p;
	struct str kid;

	if (!ec_key_from_jwk(c, jwk, &key) || !proof_peek(c, jws, &kid) ||
	    !proof_read(c, key, jws, &p))
		return false;
	js_open(j, "proof", '{');
	js_text(j, "kid", kid);
	js_text(j, "method", p.method);
	js_text(j, "path", p.path);
	js_text(j, "nonce", p.nonce);
	js_bytes(j, "digest", p.body.b, sizeof p.body.b);
	js_close(j, '}');
	return true;
}

MUST static bool
tell(struct ctx *c, struct scene *s, struct str jws, struct buf *out)
{
	struct js j = { .out = out };
	struct str list, jwks, key[3];

	if (!license(c, s) || !revocations(c, s, &list) ||
	    !custody_jwks(c, s->custody, &jwks) || !unlock(c, s, 7, &key[0]) ||
	    !unlock(c, s, 7, &key[1]) || !unlock(c, s, 8, &key[2]) ||
	    !take_buf(c, 4 * TOKEN_MAX, out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "license", s->token);
	js_text(&j, "revocations", list);
	js_raw(&j, "jwks", jwks);
	js_open(&j, "keys", '[');
	for (size_t i = 0; i < COUNT(key); i++)
		js_text(&j, NULL, key[i]);
	js_close(&j, ']');
	if (!proof(c, s->jwk, jws, &j))
		return false;
	js_close(&j, '}');
	return buf_ok(c, out);
}

MUST static bool
run(struct ctx *c, char **argv, struct buf *out)
{
	struct custody_conf conf = { .programs = argv[1],
		.root = take_printf(c, "file:%s/root.key", argv[2]) };
	struct custody_birth birth = { 0 };
	struct scene s = { .jwk = str_of(argv[3]) };
	bool ok = custody_start(c, &conf, true, &s.custody) &&
	    custody_init(c, s.custody, 0, 0, &birth) && scene_fill(c, &s, &birth) &&
	    tell(c, &s, str_of(argv[4]), out);

	custody_birth_done(&birth);
	custody_stop(&s.custody);
	return ok;
}

int
main(int argc, char **argv)
{
	struct arena *mem = arena_new((size_t)16 << 20);
	struct ctx c = ctx_real(mem, "licensing-tool");
	struct buf out;

	if (argc != 5 || mem == NULL)
		return EXIT_FAILURE;
	if (!run(&c, argv, &out)) {
		(void)fprintf(stderr, "licensing-tool: %s\n", c.err.text);
		return EXIT_FAILURE;
	}
	printf("%.*s\n", STRF(buf_str(&out)));
	arena_free(&mem);
	return EXIT_SUCCESS;
}
