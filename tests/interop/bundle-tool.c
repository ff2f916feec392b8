/*
 * A custodian that vouches for one release, for other implementations to judge: prints its
 * manifest, its bundle and the public keys as one line of JSON. For tests only.
 *
 *	bundle-tool PROGRAMS FOLDER NAME SHA256 BYTES
 */
#include <stdio.h>

#include "custody.h"

MUST static bool
vouch(struct ctx *c, struct custody *cu, char **argv, struct buf *out)
{
	struct custody_release r = { .release = STR("rel_0198a000-0000-7000-8000-000000000001"),
		.model = STR("mod_0198a000-0000-7000-8000-000000000002"),
		.name = str_of(argv[0]),
		.at = c->now() };
	struct js j = { .out = out };
	struct str manifest, bundle, jwks;

	if (!hex_decode(c, str_of(argv[1]), r.artifact.b, sizeof r.artifact.b))
		return false;
	if (!str_number(str_of(argv[2]), 1, INT64_MAX, &r.bytes))
		return fail(c, E_INPUT, "no size: %s", argv[2]);
	if (!custody_sign_release(c, cu, &r, &manifest, &bundle) ||
	    !custody_jwks(c, cu, &jwks) || !take_buf(c, 64 << 10, out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "manifest", manifest);
	js_raw(&j, "bundle", bundle);
	js_raw(&j, "jwks", jwks);
	js_close(&j, '}');
	return buf_ok(c, out);
}

MUST static bool
run(struct ctx *c, char **argv, struct buf *out)
{
	struct custody_conf conf = { .programs = argv[1],
		.root = take_printf(c, "file:%s/root.key", argv[2]) };
	struct custody_birth birth = { 0 };
	struct custody *cu = NULL;
	bool ok = custody_start(c, &conf, true, &cu) && custody_init(c, cu, 0, 0, &birth) &&
	    custody_load(c, cu, &birth.keyring, 1, &birth.signing, 1) &&
	    vouch(c, cu, argv + 3, out);

	custody_birth_done(&birth);
	if (cu != NULL)
		custody_stop(&cu);
	return ok;
}

int
main(int argc, char **argv)
{
	struct arena *mem = arena_new((size_t)16 << 20);
	struct ctx c = ctx_real(mem, "bundle-tool");
	struct buf out;

	if (argc != 6 || mem == NULL)
		return EXIT_FAILURE;
	if (!run(&c, argv, &out)) {
		fprintf(stderr, "bundle-tool: %s\n", c.err.text);
		return EXIT_FAILURE;
	}
	printf("%.*s\n", STRF(buf_str(&out)));
	arena_free(&mem);
	return EXIT_SUCCESS;
}
