/*
 * The names of roles, and lists of them as bits.
 */
#include "roles.h"

const char *const role_names[ROLES] = { "admin", "issuer", "verifier", "auditor" };
_Static_assert(ROLE_ADMIN == 1 && ROLE_AUDITOR == 1 << (ROLES - 1), "names stand in bit order");

bool
roles_parse(struct ctx *c, const struct str_list *names, const char *at, unsigned *ret)
{
	unsigned roles = 0;

	for (size_t i = 0; i < names->n; i++) {
		unsigned bit = 0;

		for (unsigned k = 0; k < ROLES; k++)
			if (str_same(names->v[i], str_of(role_names[k])))
				bit = 1u << k;
		if (bit == 0 || roles & bit)
			return fail_at(c, E_INPUT, at,
			    "roles are admin, issuer, verifier, auditor, each once");
		roles |= bit;
	}
	if (roles == 0)
		return fail_at(c, E_INPUT, at, "at least one role is wanted");
	*ret = roles;
	return true;
}
