/*
 * A release without a server: its model, its artifact's digest, its customers' keys.
 */
#include <fcntl.h>
#include <unistd.h>

#include "release.h"

void
plain_open(const char *path, struct plain *ret)
{
	ret->fd = opened(path, O_RDONLY);
	ret->graph = NULL;
	need(onnx_file_open(ctx, ret->fd, &ret->file), path);
	need(onnx_read_any(ctx, onnx_file_bytes(ret->file), &ret->model), path);
	need(nn_import(ctx, &ret->model, &ret->graph), path);
}

void
plain_done(struct plain *p)
{
	nn_graph_free(&p->graph);
	onnx_file_close(&p->file);
	close(p->fd);
}

/* ---- Artifacts and keys ------------------------------------------------------------------ */

static void
file_digest(int fd, struct digest256 *ret)
{
	struct sha256 s = { 0 };
	static char piece[1 << 18];
	ssize_t n;

	need(sha256_init(ctx, &s), "digest");
	for (off_t at = 0; (n = pread(fd, piece, sizeof piece, at)) > 0; at += n)
		sha256_add(&s, (struct str){ piece, (size_t)n });
	need(n == 0 && sha256_end(ctx, &s, ret), "digest");
	sha256_done(&s);
}

void
key_put(const char *path, const struct key256 *release, struct id id, uint32_t customer,
    const struct sealed_result *made, int artifact)
{
	struct unlock_key k = { .release = id,
		.locks = LOCK_SEALED,
		.customer = customer,
		.issued = ctx->now(),
		.plain = made->plain,
		.terms = made->terms };
	uint32_t *table = NULL;
	struct buf b;
	int fd;

	file_digest(artifact, &k.artifact);
	need(mark_content_key(ctx, release, &k.content), "key");
	if (k.terms.log_l != 0) {
		table = calloc((size_t)1 << k.terms.log_l, sizeof *table);
		need(table != NULL && mark_table(ctx, release, &k.terms, customer, table),
		    "table");
		k.table = table;
	}
	need(take_buf(ctx, unlock_key_size(&k), &b) && unlock_key_put(ctx, &k, &b), "key");
	fd = opened(path, O_WRONLY | O_CREAT | O_TRUNC);
	need(fd_write_all(ctx, fd, b.p, b.n), path);
	close(fd);
	free(table);
}
