/*
 * Customers' copies of a release, for bench/verify.
 *
 *	verify MODEL SECRET RELEASE FOLDER NUMBER…
 *
 * The artifact of MODEL under the sealed lock, by the 32 bytes in the file SECRET, and for each
 * customer NUMBER its unlock key and the model that this opens: FOLDER/NUMBER.key and
 * FOLDER/NUMBER.onnx. Prints one JSON object.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "release.h"

static void
secret_read(const char *path, struct key256 *ret)
{
	struct str bytes = { 0 };

	need(file_read(ctx, AT_FDCWD, path, sizeof ret->b, &bytes), path);
	if (bytes.n != sizeof ret->b)
		stop("a secret has 32 bytes");
	memcpy(ret->b, bytes.p, bytes.n);
}

/* With the key out of its file, as the customer does it. */
static void
copy(int artifact, const char *key, const char *path)
{
	int out = opened(path, O_RDWR | O_CREAT | O_TRUNC);
	struct str bytes = { 0 };
	struct unlock_key k;

	need(file_read(ctx, AT_FDCWD, key, 1 << 25, &bytes) && unlock_key_read(ctx, bytes, &k),
	    key);
	need(unlock_apply(ctx, artifact, &k, out, NULL), path);
	unlock_key_done(&k);
	close(out);
}

static void
customer(const char *folder, const char *number, const struct key256 *release, struct id id,
    const struct sealed_result *made, int artifact)
{
	char *key = take_printf(ctx, "%s/%s.key", folder, number);
	char *path = take_printf(ctx, "%s/%s.onnx", folder, number);

	need(key != NULL && path != NULL, "memory");
	key_put(key, release, id, (uint32_t)strtoul(number, NULL, 10), made, artifact);
	copy(artifact, key, path);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new((size_t)1 << 30), "verify");
	const struct sealed_options o = { 0 };
	struct sealed_result made;
	struct key256 release;
	struct plain p;
	struct id id;
	char *path;
	int artifact;

	ctx = &c;
	if (argc < 6)
		stop("verify MODEL SECRET RELEASE FOLDER NUMBER...");
	need(crypto_start(&c), "crypto");
	plain_open(argv[1], &p);
	secret_read(argv[2], &release);
	need(id_parse(&c, str_of(argv[3]), "rel", &id), argv[3]);
	path = take_printf(&c, "%s/artifact.onnx", argv[4]);
	need(path != NULL, "memory");
	artifact = opened(path, O_RDWR | O_CREAT | O_TRUNC);
	need(sealed_artifact(&c, p.fd, &p.model, p.graph, &release, id, &o, NULL, 0, NULL, 0,
		 artifact, NULL, &made),
	    argv[1]);
	for (int i = 5; i < argc; i++)
		customer(argv[4], argv[i], &release, id, &made, artifact);
	printf("{\"weights\":%llu,\"marked\":%llu,\"kappa\":%g,\"log_l\":%u}\n",
	    (unsigned long long)made.weights, (unsigned long long)made.marked, made.terms.kappa,
	    made.terms.log_l);
	close(artifact);
	plain_done(&p);
	arena_free(&c.mem);
	return 0;
}
