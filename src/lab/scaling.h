// scaling.h - how long a training iteration takes on several ranks (base/par_ranks.h): a model with four measured
// numbers of the computation and two of the network, and its measurement on the ranks at hand.
//
// R ranks, n items in each of c calls of par_map or par_sum, one thread a rank:
//   computation    (c ceil(n/R) t_item + t_rest)                          t_rest: what every rank does by itself
//   communication  (c + 1) h L                                            meetings before each call and each iteration
//                + 2 h (L + G/B)                                          the gradient, up the tree and back
//                + c (h L + D (R - 1)/(R B))                              the records of the items, to all
// h = ceil(log2 R): steps of a tree over the ranks; L: latency of a message, s; B: bandwidth, byte/s; G: bytes of the
// gradient; D: bytes of the records of a call. Of the gradient no more than ceil(log2 n) steps lie between items.
// Efficiency: T(1)/(R T(R)).
#ifndef LAB_SCALING_H
#define LAB_SCALING_H

#include <stdio.h>

struct experiment_case;

struct scaling_load {
  double calls, items;           // c, n
  double item_s, rest_s;         // t_item, t_rest
  double gradient_B, records_B;  // G, D
};
struct scaling_network {
  double latency_s, bandwidth_Bps;  // L, B
};
struct scaling_time {
  double computation_s, communication_s;
};

struct scaling_time scaling_predict(const struct scaling_load *load, const struct scaling_network *network, int ranks);
double scaling_efficiency(const struct scaling_load *load, const struct scaling_network *network, int ranks);
// The least multiple of `ranks` items with which the efficiency is at least `least`; 0: not up to 4096 items a rank.
double scaling_items_for(const struct scaling_load *load, const struct scaling_network *network, int ranks,
                         double least);

// What was measured on the ranks at hand.
struct scaling_measured {
  int ranks, iterations;
  struct scaling_load load;        // of rank 0 alone, from processor time
  struct scaling_network network;  // between ranks 0 and 1, the fastest messages; 0 with one rank
  double seconds, fastest_s;       // of an iteration on all ranks: median, least
  double items_s;                  // processor time of the items of the rank with most, mean
  double waiting_s, sending_s;     // of rank 0 on the clock, means
  double sent_B, meetings;         // of rank 0 in an iteration
};

// All ranks: `iterations` of a training, first by rank 0 alone while the others wait, then by all.
int scaling_measure(struct scaling_measured *m, const struct experiment_case *x, int iterations);
// Measured beside predicted, then predictions for 8 to 1024 ranks.
void scaling_print(const struct scaling_measured *m, FILE *out);

#endif
