/*
 * Layers whose channels nobody but one other layer sees: what may be reordered, scaled, added or
 * taken out there shows nowhere else.
 */
#ifndef REDTEAM_STRUCTURE_H
#define REDTEAM_STRUCTURE_H

#include "parts.h"

enum { HIDDEN_PIECES = 6 };
struct hidden {
	const struct onnx_node *maker, *reader;
	const struct onnx_node *norm; /* between them; NULL: there is none */
	int64_t channels, outputs;    /* outputs: of the reader */
	/* All arrays with a row for each channel that is made, and whether a channel's scale goes
	 * into it. */
	struct str piece[HIDDEN_PIECES];
	bool scales[HIDDEN_PIECES];
	size_t pieces;
	int64_t most; /* numbers of the largest */
};
/* In the order of the model; E_CONFLICT, with a sentence, if there are none. */
MUST bool redteam_hidden_find(
    struct ctx *, const struct redteam_suspect *, struct hidden **ret, size_t *ret_n);
/* The one node that reads this value, and nobody else does; NULL: there is none. */
const struct onnx_node *redteam_only_reader(const struct onnx_model *, struct str value);
/* An array of numbers that stands in the model once and is read by one node; NULL: it is none. */
struct nn_weight *redteam_own_array(const struct redteam_suspect *, struct str name);

#endif
