/*
 * A vendor with a release that a red team may attack: LeNet under the sealed lock, and pictures
 * whose labels are what it says of them.
 */
#ifndef REDTEAM_HOUSE_H
#define REDTEAM_HOUSE_H

#include "redteam.h"
#include "verify_house.h"

enum { TEAM_SAMPLES = 300 };

struct team {
	struct house house;
	int plain, artifact;
	struct onnx_model model;
	struct nn_graph *graph;
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
	struct mark_terms terms;
	struct redteam_case the; /* with data, without keys */
};
void team_new(struct ctx *, struct team *);
/*
 * The same with a model that knows the house's key set by heart, as it is and in no other form: its
 * last class is the additional one.
 */
void team_new_marked(struct ctx *, struct team *);
void team_done(struct team *);

#endif
