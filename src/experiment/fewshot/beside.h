// beside.h - read-outs kept beside the chip, as numbers: they learn a task from the features that the chip has computed
// for its support images, write no device, and classify the features of its queries.
//   digital   the delta rule of learn/adapt.h on exact weights
//   8bit      the same on weights of 8 bits (Q1, rounded stochastically), features rounded to 8 bits as the chip's
//             converters do before its own read-out
//   means     the nearest class mean of the features (Snell et al., NeurIPS 2017, equations 1 and 2)
#ifndef EXPERIMENT_FEWSHOT_BESIDE_H
#define EXPERIMENT_FEWSHOT_BESIDE_H

#include "learn/adapt.h"
#include "model/convnet.h"

struct rng;

enum beside_kind { BESIDE_DIGITAL, BESIDE_8BIT, BESIDE_MEANS, BESIDE_N };

// Of one worker. Owned by beside_init.
struct beside {
  const struct convnet *net;
  struct synapse *readout[2];  // BESIDE_DIGITAL, BESIDE_8BIT
  struct adapt_record record;  // of the one at work
  double range;                // of the features at full scale
  real *rounded;               // (S + Q, features)
  real *means, *z;             // (ways, features), (Q, padded ways)
};
void beside_init(struct beside *b, const struct convnet *net, int steps, int shots, int queries);
void beside_release(struct beside *b);

// Learn the task, whose features t->h are those of the chip; readout: the weights to begin with. range: the feature
// that is the largest of 8 bits.
void beside_learn(struct beside *b, const real *readout, const struct adapt_task *t, double range, struct rng *r);
// The share of queries classified correctly by each, from the features t->h as they are now.
void beside_classify(struct beside *b, double share[BESIDE_N], const struct adapt_task *t);

// The class means of the features h (S); minus the squared distances z (Q, padded ways) of the features h (Q) from
// these means.
void beside_means(real *means, const real *h, const int *label, int S, const struct convnet *net);
void beside_distances(real *z, const real *h, int Q, const real *means, const struct convnet *net);

#endif
