/*
 * What lowest bits hide, byte for byte: who it was made for, by whom, and in what. Big-endian:
 *
 *	 0  "HM"            magic
 *	 2  2               version
 *	 3  release         stego_release
 *	 7  customer
 *	11  issued          seconds
 *	15  expires         seconds, 0: never
 *	19  serial
 *	23  MAC             first 16 bytes of HMAC-SHA-256 over 0 … 22 and lowest_digest
 *	39  CRC             CRC-16/CCITT-FALSE over 0 … 38
 *
 * The checksum tells a mended payload from noise; whom to believe is for the MAC to say.
 */
#include "parts.h"

enum { VERSION = 2, AT_RELEASE = 3, AT_CUSTOMER = 7, AT_ISSUED = 11, AT_EXPIRES = 15 };
enum { AT_SERIAL = 19, AT_CRC = PAYLOAD_SIGNED + PAYLOAD_MAC };

void
be32_put(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (24 - 8 * i));
}

uint32_t
be32_get(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 |
	    from[3];
}

uint16_t
crc16(struct str s)
{
	unsigned v = 0xffff;

	for (size_t i = 0; i < s.n; i++) {
		v ^= (unsigned)(uint8_t)s.p[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			v = (v & 0x8000) != 0 ? v << 1 ^ 0x1021 : v << 1;
		v &= 0xffff;
	}
	return (uint16_t)v;
}

bool
times_check(struct ctx *c, const struct stego_payload *p)
{
	if (p->issued < 0 || p->issued > UINT32_MAX || p->expires < 0 ||
	    p->expires > UINT32_MAX)
		return fail(c, E_INPUT, "a key image's times must lie between 1970 and 2106");
	return true;
}

/* What stands before the MAC, and what the upper bits say. */
MUST static bool
sign(struct ctx *c, const struct stego_keys *keys, const struct lowest *on, const uint8_t *from,
    struct digest256 *ret)
{
	uint8_t message[PAYLOAD_SIGNED + sizeof(struct digest256)];
	struct digest256 picture;

	if (!lowest_digest(c, on, &picture))
		return false;
	memcpy(message, from, PAYLOAD_SIGNED);
	memcpy(message + PAYLOAD_SIGNED, picture.b, sizeof picture.b);
	return hmac_sha256(c, (struct str){ (const char *)keys->mac.b, sizeof keys->mac.b },
	    (struct str){ (const char *)message, sizeof message }, ret);
}

void
payload_known(const struct stego_payload *p, uint8_t to[PAYLOAD_KNOWN])
{
	memcpy(to, "HM", 2);
	to[2] = VERSION;
	be32_put(to + AT_RELEASE, p->release);
	be32_put(to + AT_CUSTOMER, p->customer);
}

static uint16_t
checksum(const uint8_t *from)
{
	return crc16((struct str){ (const char *)from, AT_CRC });
}

bool
payload_put(struct ctx *c, const struct stego_keys *keys, const struct lowest *on,
    const struct stego_payload *p, uint8_t to[PAYLOAD_SIZE])
{
	struct digest256 mac;
	uint16_t crc;

	if (!times_check(c, p))
		return false;
	payload_known(p, to);
	be32_put(to + AT_ISSUED, (uint32_t)p->issued);
	be32_put(to + AT_EXPIRES, (uint32_t)p->expires);
	be32_put(to + AT_SERIAL, p->serial);
	if (!sign(c, keys, on, to, &mac))
		return false;
	memcpy(to + PAYLOAD_SIGNED, mac.b, PAYLOAD_MAC);
	crc = checksum(to);
	to[AT_CRC] = (uint8_t)(crc >> 8);
	to[AT_CRC + 1] = (uint8_t)crc;
	return true;
}

bool
payload_whole(const uint8_t from[PAYLOAD_SIZE])
{
	return from[0] == 'H' && from[1] == 'M' && from[2] == VERSION &&
	    checksum(from) == (from[AT_CRC] << 8 | from[AT_CRC + 1]);
}

struct stego_payload
payload_get(const uint8_t from[PAYLOAD_SIZE])
{
	return (struct stego_payload){ be32_get(from + AT_RELEASE),
		be32_get(from + AT_CUSTOMER), be32_get(from + AT_SERIAL),
		be32_get(from + AT_ISSUED), be32_get(from + AT_EXPIRES) };
}

bool
payload_genuine(struct ctx *c, const struct stego_keys *keys, const struct lowest *on,
    const uint8_t from[PAYLOAD_SIZE], bool *ret)
{
	struct digest256 mac;

	if (!sign(c, keys, on, from, &mac))
		return false;
	*ret = secret_same((struct str){ (const char *)mac.b, PAYLOAD_MAC },
	    (struct str){ (const char *)from + PAYLOAD_SIGNED, PAYLOAD_MAC });
	return true;
}
