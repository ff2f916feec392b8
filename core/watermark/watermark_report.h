/*
 * watermark, the part about reports: what is measured of a marked network once it is made, for its
 * vendor, and how that is written. Included by watermark.h, never alone.
 */
#ifndef WATERMARK_REPORT_H
#define WATERMARK_REPORT_H

#include "watermark.h"

/* What came of pictures to which something was done; shares of 1. */
struct watermark_stress {
	const char *name; /* "JPEG", "turned by 15°" */
	int level;        /* of compression, as lossy.h has it; 0: no matter */
	double bytes;     /* of a file, on average; 0: no matter */
	double keys;      /* key images that are still answered with the additional class */
	double twins;     /* twins that are: they ought not to be */
};
/* A key, with an identity in it, and the difference, magnified. */
struct watermark_shown {
	struct image key, copy, residual;
	double psnr, ssim;
};
enum {
	WATERMARK_SHOWN = 8,
	WATERMARK_LOSSY = 32,
	WATERMARK_SEEN = 16,
	WATERMARK_STRANGERS = 200,
};

struct watermark_report {
	/* The caller's. */
	struct str model_name; /* of the marked model, foreign */
	int64_t made;
	struct digest256 content; /* of the marked model's file */
	int64_t bytes;
	bool drawn; /* the pictures are ours, not the vendor's */
	const struct keyset *keys;
	const struct watermark_options *options;
	const struct watermark_result *result;
	int64_t samples;                 /* that accuracy was measured on */
	const struct triggers *triggers; /* NULL: there are none */
	const struct triggers_scores *triggered;

	/* watermark_report_measure's. */
	struct watermark_stress lossy[WATERMARK_LOSSY], seen[WATERMARK_SEEN];
	size_t lossies, seens;
	struct watermark_shown shown[WATERMARK_SHOWN];
	size_t shows;
	bool hidden;       /* identities fit into the pictures; else the copies are the keys */
	double psnr, ssim; /* of keys with an identity in them: on average */
	double strangers;  /* natural pictures of other seeds that trigger it */
	double seconds;
};

/* Shows the trained network key images and their twins in every state. */
MUST bool watermark_report_measure(struct ctx *, const struct watermark_case *,
    const struct key256 *secret, const struct watermark_options *,
    const struct watermark_watch *, struct watermark_report *);

/* For programs: every fact; what was not measured is null. */
MUST bool watermark_report_json(struct ctx *, const struct watermark_report *, struct buf *out);
/* The same for people, with the pictures in it. */
MUST bool watermark_report_html(struct ctx *, const struct watermark_report *, struct buf *out);
enum { WATERMARK_REPORT_MAX = 2 << 20, WATERMARK_PAGE_MAX = 12 << 20 };

#endif
