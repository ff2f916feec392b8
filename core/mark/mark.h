/*
 * mark: the customer's identity that an unlock key writes into every weight as it decrypts. A
 * release has one secret table E; its ciphertext is each weight plus four entries of E, chosen by
 * a public stream. A customer's table D is E less the customer's own small random values G, so
 * that decrypting with D leaves the weight plus four entries of G: the mark. Nobody but the owner
 * ever has E or G.
 *
 * Anderson and Manifavas 1997 (Chameleon); Celik, Lemma, Katzenbeisser, van der Veen 2008. Here it
 * is plain arithmetic on 32-bit words; files and networks are not known. The key custodian links
 * this to make unlock keys, which therefore are defined here, too.
 */
#ifndef MARK_H
#define MARK_H

#include "base.h"
#include "crypto.h"

enum {
	MARK_TERMS = 4, /* entries of the table that are added to a weight */
	MARK_ONE = 20,  /* a weight of one standard deviation is 2^20 */
	MARK_LOG_MIN = 14,
	MARK_LOG_MAX = 22, /* of the table's length */
};

/* What a release's marks are like; part of the artifact. */
struct mark_terms {
	unsigned log_l; /* the table has 2^log_l entries */
	double kappa;   /* the mark's standard deviation, in those of its tensor */
};
/* kappa for so many marked weights, and the table's length for that kappa. */
double mark_kappa(uint64_t weights);
unsigned mark_log_l(uint64_t weights, double kappa);

/* ---- The secret of a release ------------------------------------------------------------- */

/*
 * All keys of a release follow from one: "spread" makes E, "code" the customers' G, "content" the
 * key of the ciphertext, "lock" and "pool" what the parameter lock draws.
 */
MUST bool mark_content_key(struct ctx *, const struct key256 *release, struct key256 *ret);
/* E, G of one customer (by number), and D = E - G; `to` has 2^log_l entries. All are secret. */
MUST bool mark_master(
    struct ctx *, const struct key256 *release, const struct mark_terms *, uint32_t to[]);
MUST bool mark_values(struct ctx *, const struct key256 *release, const struct mark_terms *,
    uint32_t customer, int32_t to[]);
MUST bool mark_table(struct ctx *, const struct key256 *release, const struct mark_terms *,
    uint32_t customer, uint32_t to[]);

/* ---- Weights on their way in and out ----------------------------------------------------- */

/*
 * Goes through the marked weights of a release in their order; the choice of table entries follows
 * from the release's public id. The table stays the caller's.
 */
struct mark_walk;
MUST bool mark_walk_new(struct ctx *, struct str release_id, const struct mark_terms *,
    const uint32_t table[], struct mark_walk **ret);
void mark_walk_free(struct mark_walk **);
/* The next n words plus (hide) or less (show) their entries. */
MUST bool mark_hide(struct ctx *, struct mark_walk *, uint32_t v[], size_t n);
MUST bool mark_show(struct ctx *, struct mark_walk *, uint32_t v[], size_t n);

/* Fixed point: w / sigma in units of 2^-MARK_ONE, and back. Beyond +-2047 sigma it saturates. */
void mark_fixed(const float w[], size_t n, double sigma, uint32_t to[]);
void mark_float(const uint32_t v[], size_t n, double sigma, float to[]);

/* ---- The unlock key ---------------------------------------------------------------------- */

enum unlock_locks { LOCK_ADVPARAMS = 1, LOCK_SEALED = 2 };

/* One locked parameter: initializer (in the order of the file), flat index, bits to flip. */
struct unlock_entry {
	uint32_t tensor, index, flip;
};
enum { UNLOCK_ENTRIES_MAX = 65535 };

struct unlock_key {
	struct id release;
	unsigned locks;            /* enum unlock_locks */
	uint32_t customer;         /* the number by which the mark is known */
	int64_t issued, expires;   /* milliseconds; 0: never */
	struct digest256 artifact; /* of the file that it opens */
	struct digest256 plain;    /* parameter lock alone: of the weights, see unlock_digest */
	struct key256 content;     /* sealed lock */
	struct mark_terms terms;   /* zero if nothing is marked */
	const uint32_t *table;     /* 2^log_l entries; NULL if nothing is marked */
	const struct unlock_entry *entry; /* by tensor and index, strictly rising */
	uint32_t entries;
};
/* What a JWE that holds an unlock key calls itself. */
#define UNLOCK_TYP "hallmark-unlock+jwt"
/*
 * The key as bytes, the payload of a JWE; and back, into the arena. Secret both. Members that do
 * not belong to its locks are zero. E_INTEGRITY for bytes that are no unlock key.
 */
size_t unlock_key_size(const struct unlock_key *);
MUST bool unlock_key_put(struct ctx *, const struct unlock_key *, struct buf *out);
/* The same, piece by piece; the table, if there is none, is made on the way from the secret. */
MUST bool unlock_key_write(struct ctx *, const struct unlock_key *,
    const struct key256 *release, byte_sink *, void *arg);
MUST bool unlock_key_read(struct ctx *, struct str bytes, struct unlock_key *ret);
void unlock_key_done(struct unlock_key *); /* wipes the table and the entries too */

/* ---- Tracing ----------------------------------------------------------------------------- */

/*
 * Adds d (the suspect's deviation from the original, in robust deviations of its layer, clipped)
 * of the next n weights to the sums of their table entries; sums has 2^log_l entries.
 */
MUST bool mark_gather(
    struct ctx *, struct mark_walk *, const float d[], size_t n, double sums[]);
struct mark_score {
	double z;     /* in standard deviations of an innocent's score */
	double log_p; /* ln of the rigorous bound on an innocent's chance of it */
};
/*
 * The same sums against many customers. Several threads may ask one scorer, each with a context of
 * its own. The sums, which stay the caller's, have to live as long. E_INPUT if they are not finite.
 */
struct mark_scorer;
MUST bool mark_scorer_new(struct ctx *, const struct key256 *release, const struct mark_terms *,
    const double sums[], struct mark_scorer **ret);
void mark_scorer_free(struct mark_scorer **);
MUST bool mark_scorer_z(
    struct ctx *, const struct mark_scorer *, uint32_t customer, double *ret);
/* The bound, ln, for a z; and about the z whose bound is that, INFINITY if there is none. */
double mark_scorer_bound(const struct mark_scorer *, double z);
double mark_scorer_threshold(const struct mark_scorer *, double log_p);
/* One customer's score against the sums; log_p is 0 where z is 4 or less. */
MUST bool mark_score(struct ctx *, const struct key256 *release, const struct mark_terms *,
    uint32_t customer, const double sums[], struct mark_score *ret);

#endif
