/*
 * Files on the way in, mapped so that only what is looked at is read, and on the way out.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "parts.h"

struct onnx_file {
	void *p;
	size_t n;
};

bool
onnx_file_open(struct ctx *c, int fd, struct onnx_file **ret)
{
	owned(onnx_file_close) struct onnx_file *f = calloc(1, sizeof *f);
	struct stat st;

	if (f == NULL)
		return fail(c, E_MEMORY, "no memory to open a model");
	if (fstat(fd, &st) != 0)
		return fail_errno(c, "examine", "a model");
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return fail(c, E_INPUT, "a model must be a file with something in it");
	if (st.st_size > ONNX_BYTES_MAX)
		return fail(c, E_LIMIT, "the model is larger than %lld bytes",
		    (long long)ONNX_BYTES_MAX);
	f->n = (size_t)st.st_size;
	f->p = mmap(NULL, f->n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (f->p == MAP_FAILED) {
		f->p = NULL;
		return fail_errno(c, "map", "a model");
	}
	*ret = steal(f);
	return true;
}

struct str
onnx_file_bytes(const struct onnx_file *f)
{
	return (struct str){ f->p, f->n };
}

void
onnx_file_close(struct onnx_file **f)
{
	if (*f == NULL)
		return;
	if ((*f)->p != NULL)
		munmap((*f)->p, (*f)->n);
	free(*f);
	*f = NULL;
}

bool
onnx_sink_fd(struct ctx *c, void *arg, struct str bytes)
{
	return fd_write_all(c, *(const int *)arg, bytes.p, bytes.n);
}
