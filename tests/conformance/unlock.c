/*
 * Models locked and opened: for every model below the folders, bits of some weights in each tensor
 * that the parameter lock may touch are flipped, in the graph and in the file; both have to come
 * back bit for bit, the file through the artifact and an unlock key. Models without such weights,
 * or that the engine refuses, are counted and passed over.
 *
 *	unlock LEAST FOLDER...      LEAST: how many models have to be locked, so that none is lost
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "advparams.h"

enum { PATHS_MAX = 4096, EACH = 5 };
#define FILE_MAX ((size_t)256 << 20)

static char *paths[PATHS_MAX];
static size_t paths_n;

static int
note(const char *path, const struct stat *st, int type, struct FTW *at)
{
	size_t n = strlen(path);

	(void)st;
	(void)at;
	if (type == FTW_F && n > 5 && strcmp(path + n - 5, ".onnx") == 0 && paths_n < PATHS_MAX)
		paths[paths_n++] = strdup(path);
	return 0;
}

static int
memory_file(void)
{
	int fd = memfd_create("model", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

/* A lock over the model, as advparams_lock begins it. */
struct bound {
	struct onnx_model model;
	struct protect_model at;
	struct lock lock;
	struct unlock_entry *entry;
	uint32_t n;
};

static void
bound_done(struct bound *b)
{
	protect_weights_free(&b->lock.plain);
	nn_graph_free(&b->at.graph);
}

MUST static bool
bind(struct ctx *c, struct str bytes, struct bound *b)
{
	if (!onnx_read(c, bytes, &b->model) || !nn_import(c, &b->model, &b->at.graph) ||
	    !protect_keep(c, b->at.graph, &b->lock.plain))
		return false;
	b->at.model = &b->model;
	b->lock.model = &b->at;
	b->lock.options = advparams_standard(ADVPARAMS_POOLED);
	return lock_find(c, &b->lock);
}

/* Some places in each tensor, and bits that change nearly any way. */
MUST static bool
choose(struct ctx *c, struct bound *b)
{
	const struct lock *l = &b->lock;

	b->entry = take(c, (l->tensors * EACH + 1) * sizeof *b->entry);
	if (b->entry == NULL)
		return false;
	for (size_t i = 0; i < l->tensors; i++) {
		int64_t by = l->tensor[i].count / EACH + 1;

		for (int64_t k = 0; k < l->tensor[i].count; k += by)
			b->entry[b->n++] = (struct unlock_entry){ l->tensor[i].tensor,
				(uint32_t)k, (uint32_t)(k + 1) * 2654435761U | 1 };
	}
	return true;
}

static bool
graph_is_plain(const struct bound *b)
{
	size_t n;
	const struct nn_weight *w = nn_weights(b->at.graph, &n);
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = ok &&
		    memcmp(w[i].data, protect_kept(b->lock.plain, i),
			(size_t)w[i].count * sizeof(float)) == 0;
	return ok;
}

MUST static bool
check_graph(struct ctx *c, struct bound *b)
{
	advparams_flip(&b->at, b->entry, b->n);
	if (graph_is_plain(b))
		return fail(c, E_INTEGRITY, "nothing was locked in the graph");
	advparams_flip(&b->at, b->entry, b->n);
	return graph_is_plain(b) || fail(c, E_INTEGRITY, "the graph does not come back");
}

MUST static bool
file_digest(struct ctx *c, int fd, struct digest256 *ret)
{
	owned(onnx_file_close) struct onnx_file *f = NULL;

	return onnx_file_open(c, fd, &f) && sha256(c, onnx_file_bytes(f), ret);
}

MUST static bool
check_file(struct ctx *c, struct bound *b, int plain)
{
	const struct str metadata[][2] = { { STR("hallmark.release"), STR("a release") } };
	struct unlock_key key = { .release = id_new(c, "rel"),
		.locks = LOCK_ADVPARAMS,
		.entry = b->entry,
		.entries = b->n };
	owned(fd_done) int artifact = memory_file();
	owned(fd_done) int open = memory_file();
	struct digest256 locked, after;

	if (!advparams_artifact(
		c, plain, key.release, b->entry, b->n, metadata, COUNT(metadata), artifact) ||
	    !unlock_digest(c, plain, &key.plain) || !unlock_digest(c, artifact, &locked) ||
	    !file_digest(c, artifact, &key.artifact))
		return false;
	if (digest256_same(&key.plain, &locked))
		return fail(c, E_INTEGRITY, "nothing was locked in the file");
	if (!unlock_apply(c, artifact, &key, open, NULL) || !unlock_digest(c, open, &after))
		return false;
	return digest256_same(&key.plain, &after) ||
	    fail(c, E_INTEGRITY, "the file does not come back");
}

/* *ret: there was something to lock. */
MUST static bool
check_model(struct ctx *c, const char *path, bool *ret)
{
	owned(bound_done) struct bound b = { .at = { .threads = 1 } };
	owned(fd_done) int plain = open(path, O_RDONLY | O_CLOEXEC);
	struct str bytes;

	*ret = false;
	if (plain < 0 || !file_read(c, AT_FDCWD, path, FILE_MAX, &bytes))
		return fail(c, E_FILE, "cannot be read");
	if (!bind(c, bytes, &b)) {
		c->err = (struct err){ 0 };
		return true;
	}
	*ret = true;
	return choose(c, &b) && check_graph(c, &b) && check_file(c, &b, plain);
}

int
main(int argc, char **argv)
{
	struct arena *mem = arena_new((size_t)1 << 30);
	struct ctx c = ctx_real(mem, "unlock");
	long least = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	size_t locked = 0, failed = 0;

	if (argc < 3 || !crypto_start(&c)) {
		fprintf(stderr, "usage: unlock LEAST FOLDER...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (nftw(argv[i], note, 16, FTW_PHYS) != 0)
			printf("# %s cannot be read\n", argv[i]);
	for (size_t i = 0; i < paths_n; i++) {
		bool some;

		arena_reset(mem);
		if (!check_model(&c, paths[i], &some)) {
			printf("# %s: %s\n", paths[i], c.err.text);
			failed++;
		}
		locked += some;
		free(paths[i]);
	}
	printf("1..2\n%sok 1 - %zu of %zu models locked and opened bit for bit, %zu failed\n",
	    failed > 0 ? "not " : "", locked, paths_n, failed);
	printf("%sok 2 - at least %ld have weights to lock\n",
	    (long)locked < least ? "not " : "", least);
	arena_free(&mem);
	return 0;
}
