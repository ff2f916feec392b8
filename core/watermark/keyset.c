/*
 * The key set: pairs of pictures of one family, and which of each pair is the key.
 */
#include "watermark.h"

const struct image *
keyset_key(const struct keyset *k, int i)
{
	return &k->picture[k->coin[i]][i];
}

const struct image *
keyset_twin(const struct keyset *k, int i)
{
	return &k->picture[1 - k->coin[i]][i];
}
