/*
 * Data sets that are read once, whole, and stay; see tool.h.
 */
#include <fcntl.h>

#include "tool.h"

/* The descriptor and the source stay open until the end. */
static struct data_reader *
reader(const char *path, enum data_role role)
{
	struct data_source *source = take(ctx, sizeof *source);
	int *fd = take(ctx, sizeof *fd);
	struct data_reader *r = NULL;

	need(source != NULL && fd != NULL, "memory");
	*fd = opened(path, O_RDONLY);
	need(data_source_fd(ctx, fd, source) &&
		data_open(ctx, source, role, (struct str){ 0 }, &r),
	    path);
	return r;
}

void
load_samples(const char *path, struct data_samples *ret)
{
	struct data_reader *r = reader(path, DATA_SAMPLES);

	need(data_samples_load(ctx, r, (size_t)1 << 30, ret), path);
	data_close(&r);
}

void
load(const char *images, const char *labels, const struct nn_graph *g, struct train_data *ret)
{
	struct data_samples *s = take(ctx, sizeof *s);
	struct data_labels *l = take(ctx, sizeof *l);
	struct data_reader *r;

	need(s != NULL && l != NULL, "memory");
	load_samples(images, s);
	r = reader(labels, DATA_LABELS);
	need(data_labels_load(ctx, r, CLASSES, l), labels);
	data_close(&r);
	*ret = (struct train_data){ .samples = s, .labels = l };
	need(train_fit(ctx, g, &s->shape, DATA_ORDER_AUTO, false, &ret->form), images);
}
