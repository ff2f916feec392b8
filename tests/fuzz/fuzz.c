/*
 * Between a fuzzer and a target: a context for each input, and what counts as a finding.
 */
#include <stdio.h>

#include "fuzz.h"

void
must(bool held, const char *what, const struct ctx *c)
{
	if (held)
		return;
	fprintf(stderr, "%s: %s\n", what, c->err.text);
	abort();
}

void
refused(struct ctx *c)
{
	enum err_code code = c->err.code;

	must(code == E_INPUT || code == E_LIMIT || code == E_MEMORY, "an odd refusal", c);
	must(c->err.text[0] != '\0', "no sentence", c);
	c->err = (struct err){ 0 };
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct arena *mem;
	struct ctx c;

	if (mem == NULL)
		mem = arena_new(target_memory);
	c = ctx_real(mem, "fuzz");
	target(&c, (struct str){ (const char *)p, n });
	arena_reset(mem);
	return 0;
}
