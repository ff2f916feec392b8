/*
 * Any bytes as CSV or JSON lines, the first byte being the size of the pieces in which they come.
 * The records must not depend on the pieces; their lines must rise and be there; what is given as
 * good must be text.
 */
#include "records.h"
#include "fuzz.h"

const size_t target_memory = 4 << 20;

struct pieces {
	struct str rest;
	size_t most;
};

static ssize_t
piece(void *arg, char *to, size_t n)
{
	struct pieces *p = arg;

	n = n < p->most ? n : p->most;
	n = n < p->rest.n ? n : p->rest.n;
	memcpy(to, p->rest.p, n);
	p->rest.p += n;
	p->rest.n -= n;
	return (ssize_t)n;
}

static int64_t
lines_of(struct str bytes)
{
	int64_t n = 1;

	for (size_t i = 0; i < bytes.n; i++)
		n += bytes.p[i] == '\n';
	return n;
}

/* A sum over everything that was read. */
static uint64_t
add(uint64_t sum, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		sum = (sum ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return (sum ^ s.n) * UINT64_C(1099511628211);
}

static uint64_t
read_all(struct ctx *c, struct str bytes, size_t most)
{
	struct pieces p = { bytes, most };
	struct records r = { .read = piece, .arg = &p };
	int64_t line = 0, lines = lines_of(bytes);
	uint64_t sum = 0;
	struct record rec;
	bool any = true;

	must(records_begin(c, &r), "not begun", c);
	while (any) {
		if (!records_next(c, &r, &any, &rec)) {
			refused(c);
			return sum + 1;
		}
		if (!any)
			break;
		must(rec.line > line && rec.line <= lines, "a line that is not there", c);
		must(rec.cells <= RECORD_CELLS, "too many cells", c);
		line = rec.line;
		sum = (sum ^ (uint64_t)rec.line ^ (rec.why != NULL)) * UINT64_C(1099511628211);
		for (size_t i = 0; rec.why == NULL && i < rec.cells; i++) {
			must(text_valid(rec.cell[i]), "no text", c);
			sum = add(sum, rec.cell[i]);
		}
	}
	return sum;
}

void
target(struct ctx *c, struct str bytes)
{
	size_t most = bytes.n > 0 ? (unsigned char)bytes.p[0] + 1 : 1;

	if (bytes.n > 0)
		bytes = (struct str){ bytes.p + 1, bytes.n - 1 };
	must(read_all(c, bytes, most) == read_all(c, bytes, RECORD_MAX), "pieces matter", c);
}
