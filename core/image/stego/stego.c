/*
 * What the two carriers have in common: their names, and what was found in words.
 */
#include "stego.h"

const char *
stego_carrier_name(enum stego_carrier carrier)
{
	static const char *const names[] = { [STEGO_LSB] = "lsb", [STEGO_DCT] = "dct" };

	return names[carrier];
}

const char *
stego_found_name(enum stego_found found)
{
	static const char *const names[] = {
		[STEGO_NONE] = "no payload for this customer",
		[STEGO_DAMAGED] = "a payload of which too much is gone",
		[STEGO_FORGED] = "a payload that does not belong to this picture",
		[STEGO_OTHER_RELEASE] = "the payload of another release",
		[STEGO_FOUND] = "a payload",
	};

	return names[found];
}
