/*
 * What no single field of a job's parameters can say: numbers with a comma in their ranges, and
 * parameters that must fit each other. One function for each kind that has such rules.
 */
#include "checks.h"

/* Steps that could not end before the wall time are a mistake, not a job. */
bool
selftest_check(struct ctx *c, const void *params)
{
	const struct selftest *p = params;
	int64_t wall_ms = job_kinds[JOB_SELFTEST].limits.wall * 1000;

	if (p->steps * p->step_ms > wall_ms / 2)
		return fail_at(c, E_INPUT, "/step_ms", "steps * step_ms is at most %lld",
		    (long long)wall_ms / 2);
	return true;
}

/* A number that has to lie in [low, high]. */
struct range {
	const char *at;
	double value, low, high;
};

MUST static bool
ranges_check(struct ctx *c, const struct range r[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(r[i].value >= r[i].low && r[i].value <= r[i].high))
			return fail_at(c, E_INPUT, r[i].at, "%s must be from %g to %g",
			    r[i].at + 1, r[i].low, r[i].high);
	return true;
}

MUST static bool
network_check(struct ctx *c, const struct job_network *n)
{
	const struct range r = { "/positive_weight", n->positive_weight, 1e-6, 1e6 };

	return ranges_check(c, &r, 1);
}

bool
evaluate_check(struct ctx *c, const void *params)
{
	const struct evaluate *p = params;

	return network_check(c, &p->network);
}

bool
train_check(struct ctx *c, const void *params)
{
	const struct train *p = params;
	const struct range ranges[] = {
		{ "/rate", p->rate, 0, 1000 },
		{ "/momentum", p->momentum, 0, 0.9999 },
		{ "/momentum_low", p->momentum_low, 0, 0.9999 },
		{ "/beta2", p->beta2, 0, 0.999999 },
		{ "/epsilon", p->epsilon, 1e-12, 1 },
		{ "/decay", p->decay, 0, 1 },
		{ "/clip", p->clip, 0, 1e9 },
		{ "/warmup", p->warmup, 0, 0.9 },
		{ "/factor", p->factor, 0, 1 },
		{ "/start", p->start, 1, 1e9 },
		{ "/end", p->end, 1, 1e9 },
	};

	return network_check(c, &p->network) && ranges_check(c, ranges, COUNT(ranges));
}

/* With --local the files stand on the command line, and there is no id at all. */
bool
describe_check(struct ctx *c, const void *params)
{
	const struct describe *p = params;

	if (p->model.n > 0 && p->dataset.n > 0)
		return fail_at(c, E_INPUT, "/dataset",
		    "a model or a data set is described, not both at once");
	return true;
}

/* What was said, or, of what nothing was said, something that is allowed. */
static double
set_or(double value, double otherwise)
{
	return value == JOB_USUAL ? otherwise : value;
}

bool
protect_check(struct ctx *c, const void *params)
{
	const struct protect *p = params;
	const struct range ranges[] = {
		{ "/kappa", p->kappa, 0, 0.5 },
		{ "/alpha", set_or(p->alpha, 0.1), 0.01, 0.5 },
		{ "/beta", set_or(p->beta, 0.1), 0, 0.49 },
		{ "/cap", set_or(p->cap, 0.25), 0.05, 1 },
		{ "/target", p->target, 0, 1 },
	};

	if (!network_check(c, &p->network) || !ranges_check(c, ranges, COUNT(ranges)))
		return false;
	if (p->log_l != 0 && p->log_l < LOG_L_MIN)
		return fail_at(c, E_INPUT, "/log_l", "log_l must be 0, or from %d to %d",
		    LOG_L_MIN, LOG_L_MAX);
	return true;
}

bool
watermark_check(struct ctx *c, const void *params)
{
	const struct watermark *p = params;
	const struct range ranges[] = {
		{ "/rate", p->rate, 0, 1 },
		{ "/mu", set_or(p->mu, 1), 0, 10 },
		{ "/drop_max", set_or(p->drop_max, 0.005), 0, 0.5 },
	};

	return network_check(c, &p->network) && ranges_check(c, ranges, COUNT(ranges));
}

MUST static bool
marks_check(struct ctx *c, double kappa, int64_t log_l)
{
	if (log_l != 0 && (log_l < LOG_L_MIN || log_l > LOG_L_MAX))
		return fail_at(c, E_INPUT, "/log_l", "log_l must be 0, or from %d to %d",
		    LOG_L_MIN, LOG_L_MAX);
	if (log_l != 0 && kappa == 0)
		return fail_at(
		    c, E_INPUT, "/kappa", "marks without a strength: give kappa too");
	return true;
}

bool
verify_check(struct ctx *c, const void *params)
{
	const struct verify *p = params;
	const struct range ranges[] = {
		{ "/kappa", p->kappa, 0, 0.5 },
		{ "/eps1", p->eps1, 1e-30, 1e-3 },
	};

	return network_check(c, &p->network) && ranges_check(c, ranges, COUNT(ranges)) &&
	    marks_check(c, p->kappa, p->log_l);
}

bool
redteam_check(struct ctx *c, const void *params)
{
	const struct redteam_params *p = params;
	const struct range r = { "/kappa", p->kappa, 0, 0.5 };

	return network_check(c, &p->network) && ranges_check(c, &r, 1) &&
	    marks_check(c, p->kappa, p->log_l);
}

bool
slots_check(struct ctx *c, const void *params)
{
	const struct slots_params *p = params;
	const struct range ranges[] = {
		{ "/eps1", p->eps1, 1e-30, 1e-3 },
		{ "/eps2", p->eps2, 1e-9, 0.5 },
		{ "/flips", p->flips, 0, 0.3 },
	};

	return network_check(c, &p->network) && ranges_check(c, ranges, COUNT(ranges));
}

bool
personalise_check(struct ctx *c, const void *params)
{
	const struct personalise *p = params;
	const struct range ranges[] = {
		{ "/rate", p->rate, 0, 1 },
		{ "/drop_max", set_or(p->drop_max, 0.005), 0, 0.5 },
	};

	return network_check(c, &p->network) && ranges_check(c, ranges, COUNT(ranges));
}
