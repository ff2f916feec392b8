/*
 * The report's parts: the sentences, the figures, the tables.
 */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

#include "protect.h"
#include "report.h"

/* What a person still reads; the rest is counted. */
enum { SHOW_CUSTOMERS = 64, SHOW_LAYERS = 32, SHOW_ATTACKS = 16, SHOW_POINTS = 32 };
enum { SHOW_BASELINES = 16 };

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
