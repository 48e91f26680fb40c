// bench.c - metaxbar bench: measured speed, beside the machine's own peak.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/pool.h"
#include "commands.h"
#include "lab/bench.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar bench [chip] [--model FILE] [-c FILE] [section.name=value ...] [--json]\n"
  "       metaxbar bench arm [--model FILE] [-c FILE] [section.name=value ...] [--json]\n"
  "       metaxbar bench learn [-c FILE] [section.name=value ...] [--json]\n"
  "\n"
  "Times this program on this machine: medians, the arithmetic done, and its fraction of the peak measured in the\n"
  "same run. Without a word: meta-training iterations of the classifier (8 to 64 tasks), its adaptation to one\n"
  "task, and the chip. Without data settings the built-in characters are used; without --model, untrained weights.\n"
  "chip: products of a full core beside exact ones, writing of two cores, and one task learned on the chip.\n"
  "arm: meta-training iterations of the arm, also at other firing rates and numbers of neurons, and one movement\n"
  "learned and performed in software and on the chip.\n"
  "learn: from random weights to a model measured on unseen classes, by default in 1500 iterations.\n";

static void print_text(const struct bench *b) {
  printf("%-40s %12s %12s  %-7s %10s %8s\n", "figure", "median", "fastest", "unit", "GFLOP", "of peak");
  for (int k = 0; k < b->n; k++) {
    const struct bench_figure *f = &b->figure[k];
    printf("%-40s %12.5g %12.5g  %-7s ", f->name, f->value, f->fastest, f->unit);
    if (f->work > 0) printf("%10.4g %6.1f %%", f->work * 1e-9, 100 * f->fraction);
    printf("%s%s\n", *f->note ? "  " : "", f->note);
  }
}

static struct json_t *to_json(const struct bench *b) {
  struct json_t *o = json_object_new(), *list = json_array_new();
  for (int k = 0; k < b->n; k++) {
    const struct bench_figure *f = &b->figure[k];
    struct json_t *j = json_object_new();
    json_put_text(j, "name", f->name);
    json_put_f64(j, "value", f->value);
    json_put_f64(j, "fastest", f->fastest);
    json_put_text(j, "unit", f->unit);
    if (f->work > 0) json_put_f64(j, "flop", f->work);
    if (f->work > 0) json_put_f64(j, "fraction_of_peak", f->fraction);
    if (*f->note) json_put_text(j, "note", f->note);
    json_put(list, NULL, j);
  }
  json_put(o, "figures", list);
  return o;
}

static int prepare(const struct options *o, struct fewshot *f, struct fewshot_model *m) {
  if (o->config) TRY(settings_load(f->sections, o->config));
  if (o->model) return fewshot_model_load(m, f, o->model, o->n_assignments, o->assignments);
  for (int k = 0; k < o->n_assignments; k++) TRY(settings_set(f->sections, o->assignments[k]));
  return fewshot_model_new(m, f);
}

enum mode { EVERYTHING, CHIP, ARM, LEARN, N_MODES };
static const char *const modes[] = { "", "chip", "arm", "learn" };

static void start(struct bench *b, int64_t threads) { bench_start(b, threads ? (int)threads : pool_cores()); }

static int run_timings(const struct options *o, enum mode mode, struct bench *b) {
  struct fewshot f;
  struct fewshot_model m;
  fewshot_init(&f);
  TRY(settings_set(f.sections, "data.kind=builtin"));
  TRY(prepare(o, &f, &m));
  start(b, f.run.threads);
  int rc = mode == EVERYTHING ? bench_fewshot(b, &f, &m) : 0;
  if (rc == 0) rc = bench_chip(b, &f, &m);
  fewshot_model_release(&m);
  return rc;
}

static int prepare_arm(const struct options *o, struct reach *f, struct reach_model *m) {
  if (o->config) TRY(settings_load(f->sections, o->config));
  if (o->model) return reach_model_load(m, f, o->model, o->n_assignments, o->assignments);
  for (int k = 0; k < o->n_assignments; k++) TRY(settings_set(f->sections, o->assignments[k]));
  reach_model_start(m, f);
  return 0;
}

static int run_arm(const struct options *o, struct bench *b) {
  struct reach f;
  struct reach_model m;
  reach_init(&f);
  TRY(prepare_arm(o, &f, &m));
  start(b, f.run.threads);
  const int rc = bench_arm(b, &f, &m);
  reach_model_release(&m);
  return rc;
}

static int run_learn(const struct options *o, struct bench *b) {
  static const char *const defaults[] = { "data.kind=builtin", "data.validation=0", "train.iterations=1500" };
  struct fewshot f;
  fewshot_init(&f);
  for (size_t k = 0; k < sizeof defaults / sizeof *defaults; k++) TRY(settings_set(f.sections, defaults[k]));
  TRY(options_apply(o, f.sections));
  b->n = 0;
  return bench_learn(b, &f);
}

static enum mode mode_of(const struct options *o) {
  enum mode mode = o->n_words > 1 ? N_MODES : EVERYTHING;
  for (int k = 1; o->n_words == 1 && k <= N_MODES; k++)
    if (k == N_MODES || !strcmp(o->words[0], modes[k])) return (enum mode)k;
  return mode;
}

int bench_command(int argc, char **argv) {
  struct options o;
  struct bench b;
  int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("bench", rc);
  const enum mode mode = mode_of(&o);
  if (o.help || mode == N_MODES) {
    fputs(usage, o.help ? stdout : stderr);
    return o.help ? 0 : 2;
  }
  rc = mode == LEARN ? run_learn(&o, &b) : mode == ARM ? run_arm(&o, &b) : run_timings(&o, mode, &b);
  if (rc < 0) return options_fail("bench", rc);
  if (o.json) {
    struct json_t *j = to_json(&b);
    rc = json_print(j, stdout);
    json_release(j);
  } else {
    print_text(&b);
  }
  return rc < 0 ? options_fail("bench", rc) : options_finish("bench");
}
