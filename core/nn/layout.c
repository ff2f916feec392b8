/*
 * How values lie in memory: in ONNX's own order.
 */
#include "plan.h"
#include "kernel.h"

bool
plan_layout(struct ctx *c, struct nn_plan *p)
{
	(void)c;
	for (size_t i = 0; i < p->graph->values; i++)
		if (!p->value[i].known) {
			tensor_dense(&p->value[i].t);
			tensor_dense(&p->value[i].grad);
		}
	return true;
}
