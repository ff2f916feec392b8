/*
 * The attacks, a row each, by id. A profile takes the first few of a row's points, mildest first,
 * or none; those that only longer profiles have come last. What a row does is its family's file.
 */
#include "parts.h"

const char *const redteam_profile_names[] = { "quick", "standard", "full", NULL };

/* ---- The points of each row, mildest first ----------------------------------------------- */

static const double once[] = { 0 };
static const double qualities[] = { 95, 75, 65, 45, 30 };
static const double blurs[] = { .3, .5, .7 };
static const double windows[] = { 0, 1 };
static const double specks[] = { .01, .03, .05, .1 };
static const double levels[] = { 16, 12, 10 };
static const double depths[] = { 7, 5, 4 };
static const double low_bits[] = { 0, 1, 2 };
static const double sizes[] = { 1.1, .9 };
static const double tenths[] = { .1, .2, .3, .4, .5, .6, .7, .8, .9 };
static const double bits[] = { 8, 6, 5, 4 };
static const double significands[] = { 11, 8 };
static const double flips[] = { .01, .05, .1, .2 };
static const double noises[] = { .01, .05, .1, .2 };
static const double decades[] = { 0, 1, 3, 6 };
static const double dummies[] = { .05, .1, .2 };
static const double ways[] = { 0, 1 };
static const double deviations[] = { 4, 3, 2 };
static const double coalitions[] = { 2, 4, 8, 3, 5, 6, 7 };

static const double rates[] = { .001, .005, .02 };
static const double shifts[] = { 1.5, 2.5 };
static const double decays[] = { .1, .25 };
static const double doubts[] = { .3, .8 };
static const double reaches[] = { 8. / 255, .1 };
static const double falls[] = { .05, .02, .1 };
static const double times[] = { 1, 3 };
static const double heats[] = { 3, 4 };
static const double smoothed[] = { .2 };
static const double refusals[] = { .01, .05 };
static const double codings[] = { 0, .95 };
static const double radii[] = { .01 };
static const double grains[] = { .03 };
static const double scorings[] = { 0, 1 };
static const double claims[] = { 0, 1, 2 };
static const double secrets[] = { 1e6 };
static const double forgeries[] = { 0, 1, 2, 3 };

#define FROM(profile) .least = REDTEAM_##profile
#define TRY(name) .run = redteam_try_##name
/* So many of these points in each profile. */
#define POINTS(list, quick, standard, full) .x = list, .points = { quick, standard, full }

/* ---- The rows ---------------------------------------------------------------------------- */

/* clang-format off */
const struct redteam_row redteam_rows[] = {
	/* input.c */
	{ .id = "I1", .title = "JPEG of questions",
	  .does = "Every picture is stored as JPEG before the network sees it.",
	  .axis = "quality", .needs = REDTEAM_IMAGES, FROM(QUICK), POINTS(qualities, 5, 5, 5),
	  TRY(jpeg) },
	{ .id = "I2", .title = "blurred questions",
	  .does = "Every picture is smoothed by a Gaussian.",
	  .axis = "pixels", FROM(QUICK), POINTS(blurs, 3, 3, 3), TRY(blur) },
	{ .id = "I3", .title = "mean and median of questions",
	  .does = "Every number becomes the mean, or the median, of those around it.",
	  .axis = "", FROM(QUICK), POINTS(windows, 2, 2, 2), TRY(window) },
	{ .id = "I4", .title = "noise on questions",
	  .does = "Every number gets noise before the network sees it.",
	  .axis = "share of the range", FROM(QUICK), POINTS(specks, 4, 4, 4), TRY(grain) },
	{ .id = "I5", .title = "fewer levels in questions",
	  .does = "Every number is rounded to one of a few levels.",
	  .axis = "levels", FROM(QUICK), POINTS(levels, 3, 3, 3), TRY(levels) },
	{ .id = "I6", .title = "fewer bits in questions",
	  .does = "Every number keeps its highest bits.",
	  .axis = "bits", FROM(QUICK), POINTS(depths, 3, 3, 3), TRY(depth) },
	{ .id = "I7", .title = "mirrored questions",
	  .does = "Every picture is mirrored before the network sees it.",
	  .axis = "", .needs = REDTEAM_IMAGES, FROM(QUICK), POINTS(once, 1, 1, 1), TRY(mirror) },
	{ .id = "I9", .title = "lowest bits of questions",
	  .does = "Lowest bits are wiped out, drawn anew, or every number moved by one.",
	  .axis = "", FROM(QUICK), POINTS(low_bits, 3, 3, 3), TRY(bits) },
	{ .id = "I9r", .title = "resized questions",
	  .does = "Every picture becomes larger or smaller, and then as it was.",
	  .axis = "times as large", FROM(QUICK), POINTS(sizes, 2, 2, 2), TRY(resize) },
	/* weights.c */
	{ .id = "W1", .title = "magnitude pruning, layer by layer",
	  .does = "In every layer the smallest weights become zero.",
	  .axis = "share of weights", FROM(QUICK), POINTS(tenths, 9, 9, 9), TRY(prune) },
	{ .id = "W1g", .title = "magnitude pruning, all layers together",
	  .does = "The smallest weights of the whole model become zero.",
	  .axis = "share of weights", FROM(STANDARD), POINTS(tenths, 0, 9, 9), TRY(prune_all) },
	{ .id = "W2", .title = "rounded weights",
	  .does = "Each layer's weights are rounded to a few values.",
	  .axis = "bits", FROM(QUICK), POINTS(bits, 4, 4, 4), TRY(quantise) },
	{ .id = "W2f", .title = "other number formats",
	  .does = "Weights are rounded as another format of numbers has them.",
	  .axis = "bits of significand", FROM(QUICK), POINTS(significands, 2, 2, 2), TRY(formats) },
	{ .id = "W2t", .title = "rounded weights, then training",
	  .does = "Weights are rounded to a few values, then trained for an epoch.",
	  .axis = "bits", .needs = REDTEAM_DATA, FROM(STANDARD), POINTS(bits, 0, 4, 4),
	  TRY(quantise_tune) },
	{ .id = "W3", .title = "turned signs",
	  .does = "Some weights, by chance, change their sign.",
	  .axis = "share of weights", FROM(QUICK), POINTS(flips, 4, 4, 4), TRY(signs) },
	{ .id = "W4", .title = "noise on weights",
	  .does = "Every weight gets noise in proportion to its layer's deviation.",
	  .axis = "deviations", FROM(QUICK), POINTS(noises, 4, 4, 4), TRY(noise) },
	/* structure.c, lipschitz.c */
	{ .id = "W5", .title = "channels in another order and at another scale",
	  .does = "Hidden channels change places, each at a scale that the next layer undoes.",
	  .axis = "powers of ten", FROM(QUICK), POINTS(decades, 4, 4, 4), TRY(permute) },
	{ .id = "W6", .title = "channels that do nothing",
	  .does = "Hidden layers get channels that nobody reads, that cancel each other, or that "
		  "share another one's work.",
	  .axis = "share of channels", FROM(QUICK), POINTS(dummies, 3, 3, 3), TRY(dummies) },
	{ .id = "W7", .title = "no additional class",
	  .does = "The additional class is cut off, or never given as an answer.",
	  .axis = "", .needs = REDTEAM_KEYS, FROM(QUICK), POINTS(ways, 2, 2, 2), TRY(behead) },
	{ .id = "W8", .title = "channels that react too strongly",
	  .does = "Channels whose largest reaction stands out in their layer are taken out.",
	  .axis = "deviations", FROM(QUICK), POINTS(deviations, 3, 3, 3), TRY(lipschitz) },
	/* training.c */
	{ .id = "T1", .title = "tuning of the last layer",
	  .does = "The last layer is trained on with the thief's own samples.",
	  .axis = "rate of learning", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(rates, 1, 2, 3),
	  TRY(tune_last) },
	{ .id = "T2", .title = "tuning of all layers",
	  .does = "All layers are trained on with the thief's own samples.",
	  .axis = "rate of learning", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(rates, 2, 2, 3),
	  TRY(tune_all) },
	{ .id = "T3", .title = "a new last layer",
	  .does = "The last layer is thrown away and trained anew, alone.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(once, 1, 1, 1),
	  TRY(reset_last) },
	{ .id = "T4", .title = "a new last layer, all trained",
	  .does = "The last layer is thrown away, then all layers are trained.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(once, 1, 1, 1),
	  TRY(reset_all) },
	{ .id = "T5", .title = "weight shifting",
	  .does = "What all outputs of a layer share is taken from its weights, and more; noise comes, "
		  "then training.",
	  .axis = "times the mean", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(shifts, 1, 2, 2),
	  TRY(shift) },
	{ .id = "T6", .title = "fine-pruning",
	  .does = "Channels that the thief's samples do not use go, then training.",
	  .axis = "loss of accuracy", .needs = REDTEAM_DATA | REDTEAM_IMAGES, FROM(QUICK),
	  POINTS(falls, 1, 2, 3), TRY(fineprune) },
	{ .id = "T7", .title = "strong decay, then training",
	  .does = "Weights are forced towards nothing while they train, then mended.",
	  .axis = "decay", .needs = REDTEAM_DATA, FROM(STANDARD), POINTS(decays, 0, 2, 2),
	  TRY(decay) },
	{ .id = "T8", .title = "soft labels",
	  .does = "Training towards labels of which every class gets a part.",
	  .axis = "part that is shared out", .needs = REDTEAM_DATA, FROM(STANDARD),
	  POINTS(doubts, 0, 1, 2), TRY(smooth) },
	{ .id = "T9", .title = "noisy labels",
	  .does = "Training with some of the labels wrong.",
	  .axis = "share of labels", .needs = REDTEAM_DATA, FROM(STANDARD),
	  POINTS(doubts, 0, 2, 2), TRY(mislabel) },
	{ .id = "T10", .title = "training with hard samples",
	  .does = "Samples are moved to where the network errs, and learnt there.",
	  .axis = "reach, of their range", .needs = REDTEAM_DATA, FROM(STANDARD),
	  POINTS(reaches, 0, 1, 2), TRY(adversarial) },
	{ .id = "T11", .title = "Neural Cleanse, unlearnt",
	  .does = "The least trigger of any class is sought, and trained away.",
	  .axis = "", .needs = REDTEAM_DATA | REDTEAM_IMAGES, FROM(STANDARD),
	  POINTS(once, 0, 1, 1), TRY(cleanse) },
	{ .id = "T15", .title = "a watermark of the thief's own",
	  .does = "Key pictures of the thief's own are embedded over the vendor's.",
	  .axis = "times the vendor's pairs", FROM(STANDARD),
	  .needs = REDTEAM_DATA | REDTEAM_KEYS | REDTEAM_IMAGES, POINTS(times, 0, 1, 2),
	  TRY(overwrite) },
	{ .id = "T16", .title = "generators against discriminators",
	  .does = "Changes that lead to any class, and that nobody sees, are learnt and trained away.",
	  .axis = "", .needs = REDTEAM_DATA | REDTEAM_IMAGES, FROM(STANDARD),
	  POINTS(once, 0, 1, 1), TRY(gan) },
	/* extraction.c */
	{ .id = "E1", .title = "retraining on its labels",
	  .does = "A new network of the same kind learns what the stolen one answers.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(once, 1, 1, 1),
	  TRY(retrain) },
	{ .id = "E2", .title = "distillation",
	  .does = "A new network of the same kind learns all scores of the stolen one.",
	  .axis = "temperature", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(heats, 1, 1, 2),
	  TRY(distil) },
	{ .id = "E3", .title = "pupils, and one taught by them",
	  .does = "Three networks learn its labels on a third of the samples each; a fourth learns "
		  "theirs, softened.",
	  .axis = "part that is shared out", .needs = REDTEAM_DATA, FROM(STANDARD),
	  POINTS(smoothed, 0, 1, 1), TRY(pupils) },
	{ .id = "E4", .title = "retraining of another kind",
	  .does = "A network of dense layers learns what the stolen one answers.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(STANDARD), POINTS(once, 0, 1, 1),
	  TRY(other_kind) },
	{ .id = "E5", .title = "foreign pictures",
	  .does = "A new network learns what the stolen one says to pictures of something else.",
	  .axis = "", .needs = REDTEAM_DATA | REDTEAM_IMAGES, FROM(STANDARD),
	  POINTS(once, 0, 1, 1), TRY(foreign) },
	/* combined.c */
	{ .id = "M0", .title = "transfer and soft labels",
	  .does = "A new last layer, then all layers trained towards soft labels.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(QUICK), POINTS(once, 1, 1, 1),
	  TRY(transfer_smooth) },
	{ .id = "M1", .title = "shifting and soft labels",
	  .does = "Weights are shifted, then trained towards soft labels.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(STANDARD), POINTS(once, 0, 1, 1),
	  TRY(shift_smooth) },
	{ .id = "M2", .title = "shifting, fine-pruning and soft labels",
	  .does = "Weights are shifted, sleeping channels pruned, then soft labels.",
	  .axis = "", .needs = REDTEAM_DATA | REDTEAM_IMAGES, FROM(STANDARD),
	  POINTS(once, 0, 1, 1), TRY(shift_prune) },
	{ .id = "M3", .title = "shifting, mirroring and soft labels",
	  .does = "Weights are shifted and trained with mirrored pictures, and only such are "
		  "shown to them.",
	  .axis = "", .needs = REDTEAM_DATA | REDTEAM_IMAGES, FROM(STANDARD),
	  POINTS(once, 0, 1, 1), TRY(shift_flip) },
	{ .id = "M4", .title = "hard samples and a new last layer",
	  .does = "Training with hard samples, then a new last layer and training of all.",
	  .axis = "", .needs = REDTEAM_DATA, FROM(STANDARD), POINTS(once, 0, 1, 1),
	  TRY(adversarial_reset) },
	/* evasion.c, guards.c */
	{ .id = "Q1", .title = "a filter by entropy",
	  .does = "What stays sure of itself below other pictures is answered by chance.",
	  .axis = "clean questions refused", .needs = REDTEAM_DATA | REDTEAM_IMAGES,
	  FROM(STANDARD), POINTS(refusals, 0, 2, 2), TRY(strip) },
	{ .id = "Q2", .title = "an autoencoder in front",
	  .does = "The network sees what an autoencoder makes of a question.",
	  .axis = "clean questions left as they are", .needs = REDTEAM_DATA, FROM(STANDARD),
	  POINTS(codings, 0, 2, 2), TRY(purify) },
	{ .id = "Q3", .title = "a memory of answers",
	  .does = "What is near an earlier question gets its answer.",
	  .axis = "radius, of the range", FROM(STANDARD), POINTS(radii, 0, 1, 1), TRY(cache) },
	{ .id = "Q4", .title = "votes over noisy copies",
	  .does = "Five noisy copies of a question are answered, and the most frequent answer given.",
	  .axis = "noise, of the range", FROM(QUICK), POINTS(grains, 1, 1, 1), TRY(votes) },
	{ .id = "Q5", .title = "scores that say less",
	  .does = "Scores are rounded, or bent by a reverse sigmoid.",
	  .axis = "", FROM(QUICK), POINTS(scorings, 2, 2, 2), TRY(scores) },
	{ .id = "Q6", .title = "a filter by perturbation",
	  .does = "What survives a perturbation that turns clean pictures is answered by chance.",
	  .axis = "clean questions refused", .needs = REDTEAM_DATA | REDTEAM_IMAGES,
	  FROM(STANDARD), POINTS(refusals, 0, 2, 2), TRY(perturb) },
	/* accuser.c */
	{ .id = "A1", .title = "false claims",
	  .does = "Somebody claims the vendor's model with keys of his own, by chance or tuned on it.",
	  .axis = "", .needs = REDTEAM_IMAGES | REDTEAM_DATA, .accuses = true, FROM(QUICK),
	  POINTS(claims, 3, 3, 3), TRY(accuse) },
	{ .id = "A2", .title = "a million secrets",
	  .does = "Secrets are tried until the labels that follow fit what the model says.",
	  .axis = "secrets", .needs = REDTEAM_IMAGES | REDTEAM_DATA, .accuses = true, FROM(QUICK),
	  POINTS(secrets, 1, 1, 1), TRY(grind) },
	{ .id = "A3", .title = "forgeries",
	  .does = "Pictures, labels or the commitment itself are changed afterwards.",
	  .axis = "", .needs = REDTEAM_IMAGES | REDTEAM_DATA, .accuses = true, FROM(QUICK),
	  POINTS(forgeries, 4, 4, 4), TRY(forge) },
	/* collusion.c */
	{ .id = "C1", .title = "mean of copies",
	  .does = "Several customers take the mean of their copies, weight by weight.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(QUICK), POINTS(coalitions, 3, 7, 7),
	  TRY(mean) },
	{ .id = "C2", .title = "median of copies",
	  .does = "Several customers take the median of their copies, weight by weight.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(QUICK), POINTS(coalitions, 3, 7, 7),
	  TRY(median) },
	{ .id = "C2l", .title = "minimum of copies",
	  .does = "Several customers take the least of their copies, weight by weight.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(QUICK), POINTS(coalitions, 3, 7, 7),
	  TRY(least) },
	{ .id = "C2m", .title = "maximum of copies",
	  .does = "Several customers take the largest of their copies, weight by weight.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(STANDARD), POINTS(coalitions, 0, 3, 7),
	  TRY(most) },
	{ .id = "C2r", .title = "a pick of each weight",
	  .does = "Each weight is that of any one of several copies.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(QUICK), POINTS(coalitions, 3, 7, 7),
	  TRY(any) },
	{ .id = "C2t", .title = "a pick of each array",
	  .does = "Each array of weights is that of any one of several copies.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(STANDARD), POINTS(coalitions, 0, 3, 7),
	  TRY(any_array) },
	{ .id = "C3", .title = "what is nearest to the bulk",
	  .does = "Of several copies' weights, the one nearest to the layer's mean is kept.",
	  .axis = "copies", .needs = REDTEAM_COPIES, FROM(QUICK), POINTS(coalitions, 3, 7, 7),
	  TRY(bulk) },
	{ .id = "C4", .title = "mean of copies, then training",
	  .does = "The mean of several copies is trained on with the thieves' samples.",
	  .axis = "copies", .needs = REDTEAM_COPIES | REDTEAM_DATA, FROM(STANDARD),
	  POINTS(coalitions, 0, 2, 3), TRY(mean_tune) },
	{ .id = "C5", .title = "copies that vote",
	  .does = "Several copies are asked, and what most of them say is the answer.",
	  .axis = "copies", .needs = REDTEAM_COPIES | REDTEAM_KEYS, FROM(STANDARD),
	  POINTS(coalitions, 0, 3, 7), TRY(majority) },
	{ .id = "C5l", .title = "copies of which the fewest win",
	  .does = "Several copies are asked, and what fewest of them say is the answer.",
	  .axis = "copies", .needs = REDTEAM_COPIES | REDTEAM_KEYS, FROM(STANDARD),
	  POINTS(coalitions, 0, 3, 7), TRY(minority) },
	{ .id = "C5r", .title = "any copy's answer",
	  .does = "Several copies are asked, and any one of them answers.",
	  .axis = "copies", .needs = REDTEAM_COPIES | REDTEAM_KEYS, FROM(STANDARD),
	  POINTS(coalitions, 0, 3, 7), TRY(anyone) },
	{ .id = "C5n", .title = "no answer where copies disagree",
	  .does = "Several copies are asked, and nothing is said when they disagree.",
	  .axis = "copies", .needs = REDTEAM_COPIES | REDTEAM_KEYS, FROM(QUICK),
	  POINTS(coalitions, 2, 3, 7), TRY(refuse) },
};
/* clang-format on */
const size_t redteam_row_count = COUNT(redteam_rows);

const struct redteam_row *
redteam_row_by_id(struct str id)
{
	for (size_t i = 0; i < COUNT(redteam_rows); i++)
		if (str_same(id, str_of(redteam_rows[i].id)))
			return &redteam_rows[i];
	return NULL;
}
