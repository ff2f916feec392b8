/*
 * A tar file is blocks of 512 bytes: for each file a header, whose fields are octal digits in
 * ASCII, and its bytes, filled up with zeros; two blocks of zeros are the end. Offsets are those of
 * POSIX.1-1988's ustar.
 */
#include <stdio.h>

#include "tar.h"

enum { BLOCK = 512, NAME_MAX_BYTES = 100, CHECKSUM_AT = 148 };

static const char zeros[2 * BLOCK];

/* The sum of all bytes, those of the checksum's own field taken as blanks. */
static unsigned
checksum(const char head[BLOCK])
{
	unsigned sum = 0;

	for (int i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? ' ' : (unsigned char)head[i];
	return sum;
}

bool
tar_file(struct ctx *c, const char *name, struct str bytes, byte_sink *sink, void *arg)
{
	char head[BLOCK] = { 0 };
	size_t gap = (BLOCK - bytes.n % BLOCK) % BLOCK;

	if (strlen(name) > NAME_MAX_BYTES || bytes.n > UINT32_MAX)
		return fail(c, E_INTERNAL, "a file in a tar has a long name or many bytes");
	memcpy(head, name, strlen(name));
	memcpy(head + 100, "0000644", 8);                        /* mode */
	memcpy(head + 108, "0000000", 8);                        /* owner */
	memcpy(head + 116, "0000000", 8);                        /* group */
	snprintf(head + 124, 12, "%011o", (unsigned)bytes.n);    /* size */
	memcpy(head + 136, "00000000000", 12);                   /* time */
	head[156] = '0';                                         /* a plain file */
	memcpy(head + 257, "ustar\00000", 8);                    /* magic and version */
	snprintf(head + CHECKSUM_AT, 8, "%06o", checksum(head)); /* and a blank */
	head[CHECKSUM_AT + 7] = ' ';
	return sink(c, arg, (struct str){ head, sizeof head }) && sink(c, arg, bytes) &&
	    sink(c, arg, (struct str){ zeros, gap });
}

bool
tar_end(struct ctx *c, byte_sink *sink, void *arg)
{
	return sink(c, arg, (struct str){ zeros, sizeof zeros });
}

/* Octal digits up to the first that is none. */
static size_t
octal(const char *field, size_t n)
{
	size_t v = 0;

	for (size_t i = 0; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		v = 8 * v + (size_t)(field[i] - '0');
	return v;
}

bool
tar_next(
    struct ctx *c, struct str *rest, bool *ret_end, struct str *ret_name, struct str *ret_bytes)
{
	const char *head = rest->p;
	size_t size, whole;

	*ret_end = rest->n >= BLOCK && head[0] == '\0';
	if (*ret_end)
		return true;
	if (rest->n < BLOCK || octal(head + CHECKSUM_AT, 6) != checksum(head))
		return fail(c, E_INTEGRITY, "a challenge's file is damaged");
	size = octal(head + 124, 11);
	whole = BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	if (size > rest->n || whole > rest->n)
		return fail(c, E_INTEGRITY, "a challenge's file is cut short");
	*ret_name = (struct str){ head, strnlen(head, NAME_MAX_BYTES) };
	*ret_bytes = (struct str){ head + BLOCK, size };
	*rest = (struct str){ rest->p + whole, rest->n - whole };
	return true;
}
