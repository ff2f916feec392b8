/*
 * The worker's health check: reads its sealed input back and hashes it, step by step, with
 * progress. On request it crashes, hangs, eats memory or ends without a word halfway, so that
 * whoever runs Hallmark can see each wall of the worker hold.
 */
#include <inttypes.h>
#include <time.h>

#include "kinds.h"

#define PIECE 4096
#define BITE (1 << 20)

static void
sleep_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (ms > 0 && nanosleep(&t, &t) != 0)
		;
}

/* The whole input, opened anew. */
MUST static bool
hash_input(struct ctx *c, const struct job_run *r, struct digest256 *ret, int64_t *ret_bytes)
{
	owned(sealed_reader_free) struct sealed_reader *reader = NULL;
	owned(sha256_done) struct sha256 hash = { 0 };
	char piece[PIECE];
	int64_t bytes = 0;
	size_t n;

	if (!job_input_open(c, r, 0, &reader) || !sha256_init(c, &hash))
		return false;
	do {
		if (!sealed_read(c, reader, piece, sizeof piece, &n))
			return false;
		sha256_add(&hash, (struct str){ piece, n });
		bytes += (int64_t)n;
	} while (n > 0);
	if (bytes != r->message->blob[0].size)
		return fail(c, E_INTEGRITY, "the input has another size than was said");
	*ret_bytes = bytes;
	return sha256_end(c, &hash, ret);
}

/* Takes memory until the limit stops it; if none does, well beyond it, it says so. */
MUST static bool
eat_memory(struct ctx *c, int64_t limit)
{
	for (int64_t eaten = 0; eaten < 2 * limit; eaten += BITE) {
		/* Volatile, or a compiler sees that nobody reads it and takes none. */
		char *volatile bite = malloc(BITE);

		if (bite == NULL)
			return fail(c, E_MEMORY, "the memory limit holds");
		memset(bite, 0x5a, BITE);
	}
	return fail(
	    c, E_INTERNAL, "the memory limit of %lld bytes does not hold", (long long)limit);
}

MUST static bool
drill(struct ctx *c, const struct job_run *r, enum selftest_fail how)
{
	switch (how) {
	case SELFTEST_NONE:
		return true;
	case SELFTEST_CRASH:
		abort();
	case SELFTEST_HANG:
		for (;;)
			sleep_ms(1000);
	case SELFTEST_MEMORY:
		return eat_memory(c, r->message->limits.memory);
	case SELFTEST_EXIT:
		r->leave(WORKER_DRILL);
		return fail(c, E_INTERNAL, "the drill did not end the process");
	}
	abort();
}

MUST static bool
result_write(struct ctx *c, const struct digest256 *digest, int64_t bytes, int64_t steps,
    struct str *ret)
{
	char text[2 * sizeof digest->b];
	struct buf hex = BUF(text), out;
	struct js j = { .out = &out };

	if (!take_buf(c, 256, &out))
		return false;
	hex_put(&hex, digest->b, sizeof digest->b);
	js_open(&j, NULL, '{');
	js_text(&j, "sha256", buf_str(&hex));
	js_number(&j, "bytes", bytes);
	js_number(&j, "steps", steps);
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

bool
selftest_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	const struct selftest *p = r->params;
	struct digest256 digest, again;
	int64_t bytes = 0;

	if (!hash_input(c, r, &digest, &bytes))
		return false;
	for (int64_t step = 0; step < p->steps; step++) {
		if (step == p->steps / 2 && !drill(c, r, (enum selftest_fail)p->fail))
			return false;
		if (!hash_input(c, r, &again, &bytes))
			return false;
		if (!digest256_same(&digest, &again))
			return fail(c, E_INTEGRITY, "the input hashes differently each time");
		r->progress(r->arg, step + 1, p->steps, STR("hashing"));
		sleep_ms(p->step_ms);
	}
	return result_write(c, &digest, bytes, p->steps, ret_json);
}
