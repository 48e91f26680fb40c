// bench.c - metaxbar bench: measured speed, compared with the peak of the machine.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "commands.h"
#include "experiment/experiment.h"
#include "lab/bench.h"
#include "lab/scaling.h"
#include "run/timings.h"

static const char text[] =
  "Measure the speed of this program on this machine: medians, the number of arithmetic operations, and the fraction\n"
  "of the peak that was measured in the same run. With the name of an experiment, only that experiment is measured;\n"
  "without it, the experiment of the model, or else the first one, and the chip: products of a full core beside exact\n"
  "ones and beside its devices alone, and the writing of two cores and of 256, which needs 1.6 GB of memory.\n"
  "Without --model the weights are untrained.\n";

static void print_text(const struct timings *b) {
  printf("%-40s %12s %12s  %-7s %10s %8s\n", "figure", "median", "fastest", "unit", "GFLOP", "of peak");
  for (int k = 0; k < b->n; k++) {
    const struct timings_figure *f = &b->figure[k];
    printf("%-40s %12.5g %12.5g  %-7s ", f->name, f->value, f->fastest, f->unit);
    if (f->work > 0) printf("%10.4g %6.1f %%", f->work * 1e-9, 100 * f->fraction);
    printf("%s%s\n", *f->note ? "  " : "", f->note);
  }
}

static struct json_t *to_json(const struct timings *b) {
  struct json_t *o = json_object_new(), *list = json_add_array(o, "figures");
  for (int k = 0; k < b->n; k++) {
    const struct timings_figure *f = &b->figure[k];
    struct json_t *j = json_add_object(list, NULL);
    json_put_text(j, "name", f->name);
    json_put_f64(j, "value", f->value);
    json_put_f64(j, "fastest", f->fastest);
    json_put_text(j, "unit", f->unit);
    if (f->work > 0) json_put_f64(j, "flop", f->work);
    if (f->work > 0) json_put_f64(j, "fraction_of_peak", f->fraction);
    if (*f->note) json_put_text(j, "note", f->note);
  }
  return o;
}

static int prepare(const struct options *o, struct experiment_case *x, const char *what) {
  const struct run_sources from = options_sources(o);
  if (x->e->bench_defaults) x->e->bench_defaults(x->set, what);
  return o->model ? experiment_load(x, o->model, &from) : experiment_start(x, &from);
}

static int print(const struct timings *b, bool as_json) {
  if (as_json) return options_json(to_json(b));
  print_text(b);
  return 0;
}

static int time_case(struct timings *b, const struct options *o, const struct experiment *e, const char *what,
                     bool chip) {
  struct experiment_case x;
  experiment_open(&x, e);
  int rc = prepare(o, &x, what);
  if (rc == 0) rc = bench_experiment(b, &x, what);
  if (rc == 0 && chip) rc = bench_chip(b, &x.settings);
  experiment_close(&x);
  return rc;
}

// bench NAME [WORD]
static int run_named(const struct experiment *e, const struct options *o) {
  struct timings b = { 0 };
  TRY(time_case(&b, o, e, o->n_words ? o->words[0] : "", false));
  return print(&b, o->json);
}

// bench [WORD]: of the model's experiment, or the first, and the chip.
static int run(const struct options *o) {
  struct timings b = { 0 };
  const struct experiment *e = experiments[0];
  const char *what = o->n_words ? o->words[0] : "";
  if (o->model) TRY(experiment_of_file(&e, o->model));
  TRY(time_case(&b, o, e, what, !*what || !strcmp(what, "chip")));
  return print(&b, o->json);
}

// bench ranks [NAME [WORD]]
static int run_ranks(const struct options *o) {
  enum { ITERATIONS = 4 };
  const struct run_sources from = options_sources(o);
  const struct experiment *e = o->n_words ? experiment_find(o->words[0]) : experiments[0];
  const char *what = o->n_words > 1 ? o->words[1] : "";
  struct experiment_case x;
  struct scaling_measured m;
  if (!e) return err_set(ERR_SETTING, "%s: no such experiment", o->words[0]);
  experiment_open(&x, e);
  const bool chooses = e->bench_defaults && e->bench_defaults(x.set, what);
  int rc = *what && !chooses ? err_set(ERR_SETTING, "%s: '%.60s': no network of this name", e->name, what)
                             : experiment_start(&x, &from);
  x.settings.run->threads = 1;
  if (rc == 0) rc = run_same_on_ranks(x.settings.sections, NULL, NULL, "");
  if (rc == 0) rc = scaling_measure(&m, &x, ITERATIONS);
  if (rc == 0) scaling_print(&m, stdout);
  experiment_close(&x);
  return rc;
}

static const struct options_flag ranks_flags[] = { OPTIONS_CONFIG, { 0 } };
static const struct options_flag flags[] = {
  OPTIONS_VALUE("--model", model, "FILE", "model file in place of untrained weights"),
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  OPTIONS_QUIET,
  { 0 },
};

static void each(struct options_action *a, const struct experiment *e) {
  a->name = e->name;
  a->text = e->bench_help ? e->bench_help
                          : "Others: an outer update, and one task of an evaluation in software and on the chip.\n";
}

static const struct options_action actions[] = {
  { .name = "NAME", OPTIONS_WORDS("[WORD]", 0, 1), .flags = flags, .reads = options_all, .run_experiment = run_named },
  { .name = "ranks",
    OPTIONS_WORDS("[NAME [WORD]]", 0, 2),
    .text = "ranks  under mpirun: the time of a training iteration on one process and on all, one thread each;\n"
            "       latency and bandwidth of messages; the time that follows from these for up to 1024 processes.\n"
            "       WORD chooses the network of the bench of that name\n",
    .flags = ranks_flags,
    .reads = options_all,
    .divides = true,
    .run = run_ranks },
  { .name = "", OPTIONS_WORDS("[WORD]", 0, 1), .flags = flags, .reads = options_all, .run = run },
  { 0 },
};
const struct options_command bench_command = { "bench", "measure the speed of this program", text, .actions = actions,
                                               .each = each };
