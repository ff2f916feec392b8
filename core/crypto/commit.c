/*
 * Commitments: what may be shown to have been fixed before something else was known. Items and
 * the keys that may be revealed one day make one digest; only from that follows the key of all
 * labels, so that nobody can have chosen the items to fit them.
 */
#include "crypto.h"

bool
commit_root(struct ctx *c, struct digest256 leaf[], size_t n, struct digest256 *ret)
{
	while (n > 1) {
		size_t pairs = n / 2;

		for (size_t i = 0; i < pairs; i++) {
			struct str part[] = { { "\1", 1 },
				{ (const char *)leaf[2 * i].b, sizeof leaf[0].b },
				{ (const char *)leaf[2 * i + 1].b, sizeof leaf[0].b } };

			if (!sha256_parts(c, part, COUNT(part), &leaf[i]))
				return false;
		}
		if (n % 2 == 1)
			leaf[pairs] = leaf[n - 1];
		n = pairs + n % 2;
	}
	*ret = leaf[0];
	return true;
}

bool
commit_items(struct ctx *c, const struct key256 *secret, const struct digest256 *root,
    struct digest256 *ret)
{
	static const char *const names[] = { "label", "pool", "bias", "code", "spread" };
	static const char label[] = "hallmark/1/commit"; /* with its zero byte */
	static const char no_round[8];
	struct digest256 d[1 + COUNT(names)] = { *root };
	struct str part[2 + COUNT(d)] = { { label, sizeof label } };

	for (size_t i = 0; i < COUNT(names); i++) {
		struct key256 sub = { { 0 } };
		bool ok = prf_subkey(c, secret, names[i], &sub) &&
		    sha256(c, (struct str){ (const char *)sub.b, sizeof sub.b }, &d[1 + i]);

		key256_done(&sub);
		if (!ok)
			return false;
	}
	for (size_t i = 0; i < COUNT(d); i++)
		part[1 + i] = (struct str){ (const char *)d[i].b, sizeof d[i].b };
	part[1 + COUNT(d)] = (struct str){ no_round, sizeof no_round };
	return sha256_parts(c, part, COUNT(part), ret);
}

bool
commit_label_key(struct ctx *c, const struct key256 *secret, const struct digest256 *commitment,
    struct key256 *ret)
{
	static const char label[] = "hallmark/1/labels"; /* with its zero byte */
	char message[sizeof label + sizeof commitment->b];
	struct key256 sub = { { 0 } };
	struct digest256 d;
	bool ok;

	memcpy(message, label, sizeof label);
	memcpy(message + sizeof label, commitment->b, sizeof commitment->b);
	ok = prf_subkey(c, secret, "label", &sub) &&
	    hmac_sha256(c, (struct str){ (const char *)sub.b, sizeof sub.b },
		(struct str){ message, sizeof message }, &d);
	key256_done(&sub);
	if (!ok)
		return false;
	memcpy(ret->b, d.b, sizeof ret->b);
	explicit_bzero(&d, sizeof d);
	return true;
}
