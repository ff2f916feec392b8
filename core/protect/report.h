/*
 * The report's parts: numbers and names as text that is safe to show, the sentences, the figures.
 */
#ifndef PROTECT_REPORT_H
#define PROTECT_REPORT_H

#include <math.h>

#include "protect.h"

/* What a person still reads; the rest is counted. */
enum { SHOW_CUSTOMERS = 64, SHOW_LAYERS = 32, SHOW_ATTACKS = 16, SHOW_POINTS = 32 };
enum { SHOW_BASELINES = 16, SHOW_NAME = 80 };

/* ---- Text -------------------------------------------------------------------------------- */

/* A foreign name as text: cut to SHOW_NAME bytes, whatever is no text replaced; in the arena. */
MUST bool show_name(struct ctx *, struct str, struct str *ret);
/* The same as HTML, kept apart from the direction of what stands around it. */
MUST bool html_name(struct ctx *, struct buf *, struct str);
/* Text of our own as HTML. */
void html_text(struct buf *, struct str);
PRINTF(2, 3) void html_printf(struct buf *, const char *fmt, ...);

/* Numbers; one that is not finite becomes a dash. */
void put_real(struct buf *, double, int decimals);
void put_percent(struct buf *, double share);   /* "91.7 %" */
void put_count(struct buf *, uint64_t);         /* "61,706" */
void put_share(struct buf *, double share);     /* of something tiny: "0.023 %" */
void put_seconds(struct buf *, double seconds); /* "0.79 s", "2 min 5 s" */
void put_chance(struct buf *, double p);        /* a p-value */

/* ---- What the report says ---------------------------------------------------------------- */

/* The attack with that id, if it was run and has points; else NULL. */
const struct attack_result *report_attack(const struct protect_report *, const char *id);
/* The largest advantage of the file over training from scratch, as a share; NAN: not measured. */
double report_gap(const struct protect_report *);
/* Up to this gap the file is called no help. */
#define GAP_NONE 0.02
double report_chance(const struct protect_report *);
/* There were samples to judge by; else no accuracy means anything. */
bool report_measured(const struct protect_report *);

/* A sentence as plain text. */
enum { SENTENCE_MAX = 600 };
void say_before(struct buf *, const struct protect_report *);
void say_locked(struct buf *, const struct protect_report *);
void say_thief(struct buf *, const struct protect_report *);
void say_unlocked(struct buf *, const struct protect_report *);
/* In a few words. */
const char *say_verdict(const struct protect_report *);
const char *say_locks(unsigned locks);

/* What the locks do not protect against; those that apply. */
struct limit {
	unsigned locks; /* any of these */
	const char *title, *text;
};
const struct limit *report_limits(size_t *ret_n);
bool limit_applies(const struct limit *, unsigned locks);

/* The page's style sheet. */
void report_style(struct buf *);

/* ---- Figures ----------------------------------------------------------------------------- */

/* Accuracy against the share of data, of the attack L1. */
void svg_curves(struct buf *, const struct protect_report *, const struct attack_result *);
/* A layer before and after. */
void svg_histogram(struct buf *, const struct protect_layer *);

/* ---- Tables ------------------------------------------------------------------------------ */

void table_curves(struct buf *, const struct attack_result *);
void table_facts(struct buf *, const struct protect_report *);
void table_baselines(struct buf *, const struct protect_report *);
void table_customers(struct buf *, const struct protect_report *);
MUST bool table_layers(struct ctx *, struct buf *, const struct protect_report *);
void table_attacks(struct buf *, const struct protect_report *);
void table_files(struct buf *, const struct protect_report *);

#endif
