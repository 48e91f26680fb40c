// The model of a training on ranks: values worked out by hand, its limits, and the batch that reaches an efficiency.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/experiment.h"
#include "lab/scaling.h"
#include "base/err.h"
#include "test.h"

static const struct scaling_load load = { .calls = 2, .items = 9, .item_s = 0.03, .rest_s = 0.004, .gradient_B = 3.7e6,
                                          .records_B = 500 };
static const struct scaling_network network = { 3e-5, 1.25e9 };

static bool near(double a, double b) { return fabs(a - b) <= 1e-12*fabs(b); }

static void test_formula(void) {
  const struct scaling_time one = scaling_predict(&load, &network, 1), four = scaling_predict(&load, &network, 4),
                            many = scaling_predict(&load, &network, 64);
  CHECK(near(one.computation_s, 2*9*0.03 + 0.004) && one.communication_s == 0, "%g", one.computation_s);
  // Three items for the busiest rank, two steps of the tree: 3*2 messages of meetings; up and down 2*2 times
  // 3e-5 + 2.96e-3 s; records 2*(6e-5 + 3e-7) s.
  CHECK(near(four.computation_s, 0.184), "%.17g", four.computation_s);
  CHECK(near(four.communication_s, 1.8e-4 + 4*2.99e-3 + 2*6.03e-5), "%.17g", four.communication_s);
  CHECK(near(scaling_efficiency(&load, &network, 4), 0.544/(4*(0.184 + 0.0122606))), "%g",
        scaling_efficiency(&load, &network, 4));
  // More ranks than items: six steps between ranks, four between items.
  CHECK(near(many.computation_s, 0.064), "%g", many.computation_s);
  CHECK(near(many.communication_s, 18*3e-5 + 10*2.99e-3 + 2*(18e-5 + 500.0*63/64/1.25e9)), "%.17g",
        many.communication_s);
}

static void test_limits(void) {
  const struct scaling_network perfect = { 0, INFINITY };
  struct scaling_load even = load;
  even.items = 64, even.rest_s = 0;
  CHECK(near(scaling_efficiency(&even, &perfect, 64), 1), "%g", scaling_efficiency(&even, &perfect, 64));
  CHECK(near(scaling_efficiency(&even, &perfect, 128), 0.5), "%g", scaling_efficiency(&even, &perfect, 128));
}

static void test_items(void) {
  const double n = scaling_items_for(&load, &network, 16, 0.8);
  struct scaling_load more = load;
  CHECK(n > 0 && fmod(n, 16) == 0, "%g", n);
  more.items = n, more.records_B = 500*n/9;
  CHECK(scaling_efficiency(&more, &network, 16) >= 0.8, "%g", n);
  more.items = n - 16, more.records_B = 500*(n - 16)/9;
  CHECK(more.items == 0 || scaling_efficiency(&more, &network, 16) < 0.8, "%g", n);
  CHECK(scaling_items_for(&load, &network, 16, 1.01) == 0, "reached");
}

// One process: what a training has is counted, not estimated.
static void test_measured(void) {
  struct experiment_case x;
  struct scaling_measured m;
  char *text;
  size_t size;
  char *const sources[] = { (char[]){ "train.tasks=7" }, (char[]){ "net.hidden=5" },
                                   (char[]){ "run.threads=1" } };
  experiment_open(&x, experiment_find("sine"));
  CHECK(experiment_start(&x, &(struct run_sources){ .n_assignments = 3, .assignments = sources }) == 0, "%s",
        err_message());
  CHECK(scaling_measure(&m, &x, 3) == 0, "%s", err_message());
  CHECK(m.ranks == 1 && m.load.calls == 1 && m.load.items == 7 && m.load.records_B == 7*sizeof(double) &&
            m.load.item_s > 0 && m.load.rest_s >= 0 && m.load.gradient_B > 0,
        "%g calls of %g items", m.load.calls, m.load.items);
  FILE *out = open_memstream(&text, &size);
  scaling_print(&m, out);
  fclose(out);
  CHECK(strstr(text, "1 calls of 7 items") && strstr(text, "  1024  "), "%s", text);
  free(text);
  experiment_close(&x);
}

int main(void) {
  test_formula();
  test_limits();
  test_items();
  test_measured();
  return test_summary();
}
