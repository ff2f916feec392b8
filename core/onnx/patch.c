/*
 * Weights changed in a file without its graph being read. A first pass over the heads of the fields
 * checks the whole structure; the second goes from tensor to tensor with one buffer, hands the raw
 * bytes to whoever changes them, and copies what lies between.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

enum { FLUSH_EVERY = 8 << 20 };

struct patch {
	struct scan scan;
	struct scan_model model;
	int out; /* -1: nothing is written */
	bool in_place, flush;
	uint64_t unflushed;
	uint64_t done;         /* of the input, when it goes to another file */
	uint64_t cut, cut_end; /* what is left out */
	struct buf piece;
	onnx_change *change;
	void *arg;
};

MUST static bool
write_at(struct ctx *c, int fd, const char *from, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t put = pwrite(fd, from, n, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fail_errno(c, "write", "a model");
		from += put;
		at += (uint64_t)put;
		n -= (size_t)put;
	}
	return true;
}

/* Everything from where we are up to `to`, unchanged. */
MUST static bool
copy_to(struct ctx *c, struct patch *p, uint64_t to)
{
	while (p->done < to) {
		uint64_t end = to;
		size_t n;

		if (p->done >= p->cut && p->done < p->cut_end) {
			p->done = p->cut_end;
			continue;
		}
		if (p->done < p->cut && to > p->cut)
			end = p->cut;
		n = end - p->done < p->piece.max ? (size_t)(end - p->done) : p->piece.max;
		if (!scan_read(c, &p->scan, p->done, p->piece.p, n) ||
		    !fd_write_all(c, p->out, p->piece.p, n))
			return false;
		p->done += n;
	}
	return true;
}

/* Keeps the disk at work while we go on; whether all is there, only fsync says. */
static void
flush(struct patch *p, size_t n)
{
	p->unflushed += n;
	if (!p->flush || p->unflushed < FLUSH_EVERY)
		return;
	(void)sync_file_range(p->out, 0, 0, SYNC_FILE_RANGE_WRITE);
	p->unflushed = 0;
}

MUST static bool
patch_tensor(struct ctx *c, struct patch *p, const struct scan_tensor *t)
{
	size_t size = onnx_type_size((enum onnx_type)t->type);
	struct onnx_place place = {
		.name = { t->name, t->name_n },
		.type = (enum onnx_type)t->type,
		.count = (int64_t)(t->raw_n / size),
		.index = t->index,
	};
	size_t n;

	if (!p->in_place && !copy_to(c, p, t->raw_at))
		return false;
	for (uint64_t i = 0; i < t->raw_n; i += n) {
		n = t->raw_n - i < p->piece.max ? (size_t)(t->raw_n - i) : p->piece.max;
		place.first = (int64_t)(i / size);
		if (!scan_read(c, &p->scan, t->raw_at + i, p->piece.p, n) ||
		    !p->change(c, p->arg, &place, p->piece.p, n / size))
			return false;
		if (p->out < 0)
			continue;
		if (p->in_place ? !write_at(c, p->out, p->piece.p, n, t->raw_at + i)
				: !fd_write_all(c, p->out, p->piece.p, n))
			return false;
		flush(p, n);
	}
	p->done = t->raw_at + t->raw_n;
	return true;
}

/* Raw data of a type that we know; anything else is left alone. */
MUST static bool
to_patch(struct ctx *c, const struct scan_tensor *t, bool *ret)
{
	enum onnx_type type;

	*ret = t->raw_at != 0 && type_known(t->type, &type);
	if (*ret && t->raw_n % onnx_type_size(type) != 0)
		return fail(c, E_INPUT, "'%.*s': its data end within an element",
		    (int)t->name_n, t->name);
	return true;
}

/* All initializers in turn; with `act`, they are changed, else only checked. */
MUST static bool
each_tensor(struct ctx *c, struct patch *p, bool act)
{
	struct scan_tensor t = { .index = 0 };
	bool found = p->model.graph.end != 0, wanted;

	p->scan.at = p->model.graph.at;
	for (; found; t.index++) {
		if (!scan_next_tensor(c, &p->scan, &p->model.graph, &t, &found))
			return false;
		if (!found)
			break;
		if (!to_patch(c, &t, &wanted))
			return false;
		if (act && wanted && !patch_tensor(c, p, &t))
			return false;
	}
	return true;
}

MUST static bool
prepare(struct ctx *c, struct patch *p, int in, unsigned flags)
{
	struct stat a, b;

	if (!scan_begin(c, in, &p->scan) || !scan_top(c, &p->scan, &p->model) ||
	    !take_buf(c, ONNX_PIECE, &p->piece))
		return false;
	if (p->model.graph.end == 0)
		return fail(c, E_INPUT, "the model has no graph");
	if (fstat(in, &a) != 0 || fstat(p->out < 0 ? in : p->out, &b) != 0)
		return fail_errno(c, "examine", "a model");
	p->flush = (flags & ONNX_PATCH_FLUSH) != 0;
	p->in_place = a.st_dev == b.st_dev && a.st_ino == b.st_ino;
	if ((flags & ONNX_PATCH_DETACH) != 0) {
		p->cut = p->model.attachment.begin;
		p->cut_end = p->model.attachment.end;
	}
	if (p->in_place && p->cut_end != 0 && p->cut_end != p->scan.size)
		return fail(c, E_INPUT, "the attachment is not the last thing in the file");
	return each_tensor(c, p, false);
}

bool
onnx_patch(struct ctx *c, int in, int out, unsigned flags, onnx_change *change, void *arg)
{
	struct patch p = { .out = out, .change = change, .arg = arg };

	if (!prepare(c, &p, in, flags) || !each_tensor(c, &p, true))
		return false;
	if (!p.in_place)
		return copy_to(c, &p, p.scan.size);
	if (p.cut_end != 0 && ftruncate(out, (off_t)p.cut) != 0)
		return fail_errno(c, "shorten", "a model");
	return true;
}

struct looking {
	onnx_see *see;
	void *arg;
};

static bool
look(struct ctx *c, void *arg, const struct onnx_place *place, void *bytes, size_t elements)
{
	const struct looking *l = arg;

	return l->see(c, l->arg, place, bytes, elements);
}

bool
onnx_look(struct ctx *c, int fd, onnx_see *see, void *arg)
{
	struct looking l = { see, arg };
	struct patch p = { .out = -1, .change = look, .arg = &l };

	return prepare(c, &p, fd, 0) && each_tensor(c, &p, true);
}

bool
onnx_attachment_find(struct ctx *c, int fd, uint64_t *ret_at, uint64_t *ret_n)
{
	struct scan_model m;
	struct scan s;

	if (!scan_begin(c, fd, &s) || !scan_top(c, &s, &m))
		return false;
	*ret_at = m.attachment.at;
	*ret_n = m.attachment.end - m.attachment.at;
	return true;
}
