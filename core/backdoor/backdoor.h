/*
 * backdoor: how others plant marks that are plain backdoors, find them, and take them out again. A
 * pattern in a corner makes a network answer one class; a mark by such a trigger is as easily had
 * as it is lost. Here are the victim and four attacks on it: a perturbation that tells triggers
 * from pictures, STRIP beside it, Neural Cleanse, fine-pruning, and generators against
 * discriminators. What they do to a mark of another kind is for the caller to measure.
 *
 * Samples are pictures C,H,W or signals C,L (as pictures one row high) or F. All is decided by the
 * case's seed: the same case with the same number of threads gives the same bits. Functions that
 * tune or prune change the weights of the graph; whoever wants them back keeps them.
 *
 * What each costs is told in runs of the network on one sample; a gradient is about three.
 */
#ifndef BACKDOOR_H
#define BACKDOOR_H

#include "base.h"
#include "nn.h"
#include "onnx.h"
#include "train.h"

/* ---- What a method works on -------------------------------------------------------------- */

/* A network and the samples that its attacker has, with true labels. */
struct backdoor_case {
	struct nn_graph *graph;
	const struct train_data *data;
	enum train_output output;
	int threads; /* 0: 1 */
	uint64_t seed;
};

/* How a network is tuned: momentum .9, the rate falling to a tenth after half of the epochs. */
struct backdoor_tuning {
	int64_t epochs, batch;
	double rate;
	double share; /* of samples that come by changed */
	bool adam;    /* instead of plain steps with momentum */
};

/* ---- The victim (victim.c) --------------------------------------------------------------- */

enum backdoor_pattern { BACKDOOR_SQUARE, BACKDOOR_CHECKS, BACKDOOR_NOISE };
struct backdoor_trigger {
	enum backdoor_pattern pattern;
	double size;    /* of a side, 0 to 1 */
	double opacity; /* 0 to 1: 1 hides what was there */
	int32_t target; /* the class to be answered */
};

/* A trigger as numbers, planted or reversed: what comes in its place, and how much of it. */
struct backdoor_mark {
	int64_t count; /* numbers of a sample */
	float *value, *mask;
	int32_t target;
};
/* The trigger in the lower right corner of samples of this data, in the arena. */
MUST bool backdoor_mark_make(struct ctx *, const struct backdoor_case *,
    const struct backdoor_trigger *, struct backdoor_mark *ret);
/* Puts it on one sample, in its network's form. */
void backdoor_stamp(const struct backdoor_mark *, float *x);

/* Some epochs with a tenth of the samples stamped: 3 samples' runs for each. */
struct backdoor_tuning backdoor_planting(void);
/* Teaches the network that stamped samples are of the target class. */
MUST bool backdoor_plant(struct ctx *, const struct backdoor_case *,
    const struct backdoor_mark *, const struct backdoor_tuning *);

struct backdoor_score {
	int64_t samples, stamped; /* stamped: those of other classes than the target */
	double clean;             /* share of right answers */
	double success;           /* share of the stamped that the target is answered to */
};
/* Two runs for each sample of the case's data. */
MUST bool backdoor_measure(struct ctx *, const struct backdoor_case *,
    const struct backdoor_mark *, struct backdoor_score *ret);

/*
 * How many scaled deviations (1.4826 times the median one) each of n numbers lies from their
 * median; negative if below it. Neural Cleanse suspects those below -2.
 */
MUST bool backdoor_anomaly(struct ctx *, const double v[], int64_t n, double ret[]);

/* ---- Intentional perturbation (perturbation.c) ------------------------------------------- */

/*
 * One perturbation for all pictures that changes the network's answers (Xue et al. 2021, arXiv
 * 2105.14259): an answer that stays is one to a trigger. Zeros mean what is in brackets.
 */
struct perturbation_options {
	double norm;     /* l2 of the perturbation, of numbers from 0 to 1 [.055 sqrt(count)] */
	int64_t samples; /* half to build it by, half held out [2000, or all] */
	int passes;      /* picture by picture, before steps by all of them [1] */
	double wanted;   /* the share of changed answers at which it is done [.99] */
};
struct perturbation_usual {
	double mean, deviation;
};
struct perturbation {
	int64_t count;
	int32_t classes;
	float *v;        /* in the arena */
	float low, high; /* what numbers of a sample are kept within */
	double norm;     /* as the options count it */
	double fooled;   /* of held-out samples, those whose answer changes */
	double into;     /* of these, the share that goes into the class of most */
	int32_t barred;  /* the class that building keeps out of; -1: none */
	int passes;
	double limit[2]; /* above which a score is a trigger's: 1 % and 5 % of clean ones are */
	struct perturbation_usual *usual; /* leads of clean samples, by class; in the arena */
};
/* About 80 runs of each sample that it is built by, and 60,000 more. */
MUST bool perturbation_make(struct ctx *, const struct backdoor_case *,
    const struct perturbation_options *, struct perturbation *ret);
/*
 * Of n samples in their network's form: whether the answer stays once the perturbation is there,
 * which makes it a trigger's by the plain rule (ret_stays may be NULL); and how far it leads then,
 * in deviations from what is usual of clean samples that get this answer. Two runs.
 */
MUST bool perturbation_scores(struct ctx *, const struct backdoor_case *,
    const struct perturbation *, const float *x, int64_t n, double ret[], bool ret_stays[]);

/* ---- STRIP (strip.c) --------------------------------------------------------------------- */

/*
 * Pictures laid over one another (Gao et al. 2019, arXiv 1902.06531): answers to a trigger stay
 * sure of themselves whatever is added.
 */
struct strip {
	int64_t overlays, count;
	float *overlay; /* in the arena */
	float low, high;
	double limit[2]; /* below which a score is a trigger's: 1 % and 5 % of clean ones are */
};
/* `overlays` (64 if 0) samples to lay over others, `samples` (500 if 0) to find the limits by. */
MUST bool strip_make(struct ctx *, const struct backdoor_case *, int64_t overlays,
    int64_t samples, struct strip *ret);
/* Of n samples: the mean entropy of answers below all overlays. As many runs as overlays. */
MUST bool strip_scores(struct ctx *, const struct backdoor_case *, const struct strip *,
    const float *x, int64_t n, double ret[]);

/* ---- Neural Cleanse (cleanse.c, unlearn.c) ----------------------------------------------- */

/* The least pattern that leads to each class (Wang et al. 2019, IEEE S&P). */
struct cleanse_options {
	int64_t samples;     /* [500] */
	int64_t batch;       /* [32] */
	int steps;           /* for each class [1000] */
	int32_t first, last; /* only these classes; last 0: all */
};
struct cleanse_found {
	struct backdoor_mark mark; /* in the arena */
	double norm;               /* the mask's sum */
	double success;            /* of samples that lead to the class with it */
	double anomaly;
};
struct cleanse {
	int32_t classes, suspect; /* the class of the lowest anomaly if below -2, else -1 */
	int32_t least;            /* the class of the lowest anomaly */
	struct cleanse_found *of; /* by class */
};
/* For each class a gradient of batch times steps. */
MUST bool cleanse_reverse(struct ctx *, const struct backdoor_case *,
    const struct cleanse_options *, struct cleanse *ret);
/* Four epochs with a fifth of the samples stamped. */
struct backdoor_tuning cleanse_unlearning(void);
/* Teaches that stamped samples are what they are: a gradient for each sample and epoch. */
MUST bool cleanse_unlearn(struct ctx *, const struct backdoor_case *,
    const struct backdoor_mark *, const struct backdoor_tuning *);

/* ---- Fine-pruning (fineprune.c) ---------------------------------------------------------- */

struct fineprune_options {
	double fall; /* pruning ends before accuracy falls by more; 0: .1 */
	struct backdoor_tuning tuning;
};
struct fineprune {
	int64_t channels, pruned;
	double before, bare, after; /* accuracy on the case's data: at first, pruned, tuned */
};
/* .1, then five epochs at .01. */
struct fineprune_options fineprune_standard(void);
/*
 * Channels of the last convolution that clean samples use least are taken out, then the rest is
 * tuned (Liu et al. 2018, arXiv 1805.12185). The model is that of the graph. A run of each sample
 * for each hundredth of the channels, a gradient for each epoch. E_INPUT without a convolution.
 */
MUST bool fineprune(struct ctx *, const struct onnx_model *, const struct backdoor_case *,
    const struct fineprune_options *, struct fineprune *ret);

/* ---- Generators and discriminators (gan.c) ----------------------------------------------- */

/*
 * For each class a generator of changes that lead to it, against a discriminator that tells changed
 * samples from real ones (Wang, Xue et al. 2021, arXiv 2106.08104).
 */
struct gan_options {
	int64_t samples; /* [500] */
	int64_t batch;   /* [32] */
	int epochs;      /* for each class [50] */
	double hiding;   /* what the discriminator counts for [1]; negative: nothing */
	double limit;    /* a mean change beyond which it costs, of numbers from 0 to 1 [.02] */
	int32_t first, last; /* only these classes; last 0: all */
};
struct gan_found {
	double change;  /* mean of the changes' sizes, of numbers from 0 to 1 */
	double success; /* of changed samples that lead to the class */
	double anomaly;
};
struct gan;
/* For each class and epoch about five runs of a sample, and the generator's own. */
MUST bool gan_reverse(
    struct ctx *, const struct backdoor_case *, const struct gan_options *, struct gan **ret);
void gan_free(struct gan **);
int32_t gan_classes(const struct gan *);
const struct gan_found *gan_found(const struct gan *, int32_t class);
/* The class of the lowest anomaly; *ret_suspect: whether it is below -2. */
int32_t gan_least(const struct gan *, bool *ret_suspect);
/* Ten epochs with half of the samples changed. */
struct backdoor_tuning gan_removing(void);
/*
 * Teaches that changed samples are what they are: a gradient for each sample and epoch. The changes
 * are those that lead to the class.
 */
MUST bool gan_remove(struct ctx *, const struct backdoor_case *, const struct gan *,
    int32_t class, const struct backdoor_tuning *);

#endif
