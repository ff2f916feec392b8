/*
 * Bundles made by hand; see onnx_tar.h.
 */
#include <stdio.h>

#include "onnx_tar.h"

/* ---- Tar, written with nothing of the module under test ------------------------------------ */

static void
fill(struct buf *tar, size_t to_multiple_of)
{
	while (tar->n % to_multiple_of != 0)
		buf_char(tar, '\0');
}

void
tar_sign(char *header)
{
	unsigned sum = 0;

	memset(header + 148, ' ', 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (uint8_t)header[i];
	snprintf(header + 148, 8, "%06o", sum);
}

char *
tar_put(struct buf *tar, char type, const char *name, struct str bytes)
{
	char *h = tar->p + tar->n;

	for (int i = 0; i < TAR_BLOCK; i++)
		buf_char(tar, '\0');
	snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644", 7);
	snprintf(h + 124, 12, "%011zo", bytes.n);
	memcpy(h + 136, "00000000000", 11);
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	tar_sign(h);
	buf_put(tar, bytes);
	fill(tar, TAR_BLOCK);
	ck_assert(!tar->full);
	return h;
}

struct str
tar_finished(struct buf *tar)
{
	for (int i = 0; i < 2 * TAR_BLOCK; i++)
		buf_char(tar, '\0');
	fill(tar, 20 * TAR_BLOCK);
	ck_assert(!tar->full);
	return buf_str(tar);
}

/* ---- A model with its weights outside ------------------------------------------------------ */

void
tensor_external(struct buf *tensor, const char *key, const char *value)
{
	struct buf pair = pb_new();

	if (value == NULL)
		return;
	pb_text(&pair, 1, key);
	pb_text(&pair, 2, value);
	pb_message(tensor, 13, &pair);
}

struct buf
tensor_outside(const char *name, const int64_t dim[], int rank, const char *const place[3])
{
	struct buf t = pb_new();

	for (int i = 0; i < rank; i++)
		pb_int(&t, 1, dim[i]);
	pb_int(&t, 2, 1);
	pb_text(&t, 8, name);
	tensor_external(&t, "location", place[0]);
	tensor_external(&t, "offset", place[1]);
	tensor_external(&t, "length", place[2]);
	tensor_external(&t, "checksum", "whatever");
	pb_int(&t, 14, 1);
	return t;
}

struct sample
sample_outside(void)
{
	struct sample s = sample_new();

	s.tensor = tensor_outside(
	    "w", (int64_t[]){ 2, 3 }, 2, (const char *const[]){ "weights", "4", "24" });
	return s;
}

struct str
weights(void)
{
	static float f[8];

	for (int i = 0; i < 8; i++)
		f[i] = (float)i - 0.5F;
	return (struct str){ (const char *)f, sizeof f };
}

void
tar_plain(struct buf *tar, struct str model)
{
	tar_put(tar, '0', "model.onnx", model);
	tar_put(tar, '0', "weights", weights());
}
