// Tasks learned on the chip and beside it: each way's scores from an evaluation of that way alone, differences and
// intervals from the scores, costs from the ledger of that evaluation and from counts by hand; text, CSV and JSON.
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/settings.h"
#include "experiment/experiment.h"
#include "experiment/fewshot/result.h"
#include "folder.h"
#include "lab/alternatives.h"
#include "test.h"

enum { TASKS = 6, CHIPS = 2, CHANNELS = 7, WAYS = 5, S = WAYS*3, Q = WAYS*2, UPDATES = 4 };

static struct digital_params prices;

static void set(struct experiment_case *x, const char *assignment) {
  CHECK(settings_set(x->settings.sections, assignment) == 0, "%s", err_message());
}

static void prepare(struct experiment_case *x, const char *more) {
  static const char *const settings[] = { "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30",
                                          "data.drawings=10", "net.channels=7", "eval.tasks=6", "eval.shots=3",
                                          "eval.queries=2", "eval.chips=2", "eval.later_s=60,1e6",
                                          "chip.calibration_rows=32", "chip.headroom=4", "run.threads=2", "run.seed=13",
                                          "train.inner_rate=0.5", "synapse.kind=exact" };
  experiment_open(x, experiment_find("fewshot"));
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) set(x, settings[k]);
  if (more) set(x, more);
  CHECK(experiment_start(x, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  param_defaults(digital_param_table, &prices);
}

// What `eval fewshot` finds on the chip.
static struct fewshot_result *evaluate(struct experiment_case *x) {
  void *r;
  x->settings.synapse->kind = RUN_CHIP;
  CHECK(experiment_eval(&r, x) == 0, "%s", err_message());
  x->settings.synapse->kind = RUN_EXACT;
  return r;
}

// Alternative k has the scores of the evaluation.
static void check_equal(const struct alternatives *a, int k, const struct fewshot_result *r) {
  for (int time = 0; time <= 2; time++)
    for (int i = 0; i < TASKS; i++) {
      const double expected = time ? r->task_later[i*2 + time - 1] : r->task_accuracy[i*(UPDATES + 1) + UPDATES],
                   found = experiment_alternative_scores(&a->e, k, time)[i];
      CHECK(found == expected, "%s, time %d, task %d: %g, not %g", a->e.of[k].name, time, i, found, expected);
    }
  CHECK(a->row[k].score[0].mean == r->accuracy[UPDATES] && a->row[k].score[0].ci95 == r->ci95[UPDATES] &&
            a->row[k].score[2].mean == r->later_accuracy[1] && a->row[k].score[2].ci95 == r->later_ci95[1],
        "%s: %g +- %g, later %g +- %g", a->e.of[k].name, a->row[k].score[0].mean, a->row[k].score[0].ci95,
        a->row[k].score[2].mean, a->row[k].score[2].ci95);
  CHECK(a->e.of[k].learning.chip.devices_written == r->task.devices_written, "%g devices written",
        a->e.of[k].learning.chip.devices_written);
}

static void check_differences(const struct alternatives *a) {
  bool differs = false, ages = false;
  for (int k = 1; k < a->e.n; k++)
    for (int time = 0; time <= 2; time++) {
      const double *v = experiment_alternative_scores(&a->e, k, time),
                   *first = experiment_alternative_scores(&a->e, 0, time);
      const struct stat_difference d = stat_paired(v, first, TASKS, 1, CHIPS, Q),
                                   *found = &a->row[k].from_first[time];
      CHECK(found->mean == d.mean && found->ci95 == d.ci95 && found->p == d.p, "%g +- %g, p %g", found->mean,
            found->ci95, found->p);
      CHECK(fabs(a->row[k].score[time].mean - a->row[0].score[time].mean - d.mean) < 1e-12, "the sign of %g", d.mean);
      differs = differs || d.mean != 0;
      for (int i = 0; i < TASKS; i++) ages = ages || v[i] != experiment_alternative_scores(&a->e, k, 0)[i];
    }
  CHECK(ages, "the read-outs beside the chip see the features of the first day");
  CHECK(differs, "all ways alike: nothing is tested");
}

// Counts by hand of a read-out of 7 features and 5 classes, 15 support images, 4 updates.
static void check_costs(const struct alternatives *a, const struct fewshot_result *r) {
  const double pJ = 1e-12, product = S*CHANNELS*WAYS, delta = S*CHANNELS, softmax = S*WAYS, weights = CHANNELS*WAYS;
  const struct alternatives_row *chip = &a->row[0], *digital = &a->row[1], *few_bits = &a->row[2], *means = &a->row[3];
  const double update = UPDATES*((softmax + delta + product)*3.7 + (2*softmax + product + weights)*0.9);
  const double stored = 10/8.0*(4*delta + UPDATES*(4*delta + 8*product + 12*weights));
  CHECK_REL(chip->learning.digital_J, (update + stored)*pJ, 1e-9);
  CHECK_REL(digital->learning.digital_J,
            (update + stored + UPDATES*(product*4.6 + 10/8.0*4*(delta + product)))*pJ, 1e-9);
  CHECK_REL(few_bits->learning.digital_J,
            (update + 10/8.0*(delta + UPDATES*(delta + 8*product + 6*weights)) +
             UPDATES*(product*0.3 + softmax*3.7 + 10/8.0*(delta + product)))*pJ, 1e-9);
  CHECK_REL(means->learning.digital_J, (delta*0.9 + weights*3.7 + 10/8.0*8*(delta + weights))*pJ, 1e-9);
  CHECK(chip->query.digital_J == 0, "the chip classifies by itself");
  CHECK_REL(digital->query.digital_J, (weights*4.6 + 10/8.0*4*(CHANNELS + weights))*pJ, 1e-9);
  CHECK_REL(few_bits->query.digital_J, (weights*0.3 + WAYS*3.7 + 10/8.0*(CHANNELS + weights))*pJ, 1e-9);
  CHECK_REL(means->query.digital_J, (weights*(3.7 + 1.8) + 10/8.0*4*(CHANNELS + weights))*pJ, 1e-9);

  CHECK_REL(chip->learning.chip_J, r->support.cost.read_energy_J + r->updates.cost.read_energy_J, 1e-12);
  for (int k = 1; k < 4; k++) {
    CHECK_REL(a->row[k].learning.chip_J, r->support.cost.read_energy_J, 1e-12);
    CHECK_REL(a->row[k].learning.chip_s, r->support.cost.read_time_s, 1e-12);
    CHECK(a->row[k].learning.write_J == 0 && a->e.of[k].learning.chip.devices_written == 0, "%s writes",
          a->e.of[k].name);
    CHECK(a->row[k].query.chip_J < chip->query.chip_J, "%s reads the read-out of the chip", a->e.of[k].name);
  }
  CHECK(isnan(chip->learning.write_J) && chip->learning.chip_s > digital->learning.chip_s, "writing has a price");
  // Features once, and one of the five classifications
  const double features = digital->query.chip_J*Q, classifying = (chip->query.chip_J - digital->query.chip_J)*Q;
  CHECK_REL(features + (UPDATES + 1)*classifying, r->inference.cost.read_energy_J, 1e-9);
}

static char *text_of(const struct alternatives *a) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  alternatives_print(a, out);
  fclose(out);
  return text;
}

static void check_text(const struct alternatives *a) {
  char row[200], ci95[STAT_TEXT], difference_ci95[STAT_TEXT];
  char *text = text_of(a);
  const struct alternatives_row *r = &a->row[2];
  snprintf(row, sizeof row, "\n8bit      %10.2f  %7s  %+10.2f  %7s  %7.2g\n", 100*r->score[0].mean,
           stat_ci95_text(ci95, 100*r->score[0].ci95, 2), 100*r->from_first[0].mean,
           stat_ci95_text(difference_ci95, 100*r->from_first[0].ci95, 2), r->from_first[0].p);
  CHECK(strstr(text, row), "no '%s' in %s", row, text);
  snprintf(row, sizeof row, "\ndigital         0.0  %9.4g          0  %9.4g  %9.4g  %9.4g  %9.4g  %9.4g\n",
           a->row[1].learning.chip_J, a->row[1].learning.digital_J, a->row[1].learning.chip_s, a->row[1].query.chip_J,
           a->row[1].query.digital_J, a->row[1].query.chip_s);
  CHECK(strstr(text, row), "no '%s' in %s", row, text);
  CHECK(strstr(text, "6 tasks on 2 chips, after 4 updates; difference from chip, task by task\n") &&
            strstr(text, "\n1000000 s later\n") &&
            strstr(text, "writing: cost unknown (no published figure; set ledger.") &&
            strstr(text, "(horowitz2014: Horowitz, ISSCC 2014") && strstr(text, "(legallo2023: Le Gallo"),
        "%s", text);
  free(text);
}

static void check_files(const struct alternatives *a) {
  struct folder folder = folder_make();
  struct json_t *j = alternatives_json(a), *list, *row, *learning;
  char *text, line[300];
  size_t size;
  double v;
  CHECK(alternatives_save(a, folder_path(&folder, "a.csv")) == 0, "%s", err_message());
  CHECK(file_read(folder_path(&folder, "a.csv"), 1 << 16, &text, &size) == 0, "%s", err_message());
  CHECK(!strncmp(text, "task,chip_number,chip,chip_60_s,chip_1000000_s,digital,", 54), "%s", text);
  snprintf(line, sizeof line, "\n4,2,%.15g,", experiment_alternative_scores(&a->e, 0, 0)[3]);
  CHECK(strstr(text, line), "no '%s' in %s", line, text);
  free(text);
  CHECK(json_field_array(j, "json", "alternatives", &list) == 0 && json_length(list) == (size_t)a->e.n, "JSON");
  CHECK(json_item_object(list, "json", 1, &row) == 0 && json_field_object(row, "json", "learning", &learning) == 0 &&
            json_field_f64(learning, "json", "digital_energy_J", 0, 1, &v) == 0 && v == a->row[1].learning.digital_J,
        "the energy in JSON");
  CHECK(json_field_array(row, "json", "difference", &row) == 0 && json_item_f64(row, "json", 2, -1, 1, &v) == 0 &&
            v == a->row[1].from_first[2].mean,
        "the difference in JSON");
  CHECK(json_item_object(list, "json", 0, &row) == 0 && json_field_object(row, "json", "learning", &learning) == 0 &&
            !json_has(learning, "write_energy_J") && !json_has(row, "difference"),
        "what is unknown in JSON");
  json_release(j);
  folder_remove(&folder);
}

static void test_ways(void) {
  struct experiment_case x;
  struct alternatives a;
  prepare(&x, NULL);
  struct fewshot_result *r = evaluate(&x);
  CHECK(alternatives_run(&a, &prices, &x) == 0, "%s", err_message());
  CHECK(a.e.n == 4 && a.e.n_items == TASKS && a.e.n_chips == CHIPS && a.e.trials == Q, "%d ways of %d tasks", a.e.n,
        a.e.n_items);
  CHECK(x.settings.synapse->kind == RUN_EXACT, "synapse.kind is not back");
  check_equal(&a, 0, r);
  check_differences(&a);
  check_costs(&a, r);
  check_text(&a);
  check_files(&a);
  experiment_result_free(&x, r);
  alternatives_release(&a);
  experiment_close(&x);
}

// On a chip without errors the exact read-out and the means find what software finds. A start from class means costs
// these means more.
static void test_ideal(const char *start) {
  static const char *const ideal[] = { "chip.prog_scale=0", "chip.drift_scale=0", "chip.read_scale=0",
                                       "chip.dac_bits=0", "chip.adc_bits=0", "chip.correction=none",
                                       "eval.later_s=60", "eval.batchnorm=support" };
  struct experiment_case x;
  struct alternatives a;
  struct fewshot_result r;
  prepare(&x, start);
  for (size_t k = 0; k < sizeof ideal / sizeof *ideal; k++) set(&x, ideal[k]);
  CHECK(alternatives_run(&a, &prices, &x) == 0, "%s", err_message());
  static double learned;
  const double additions = a.e.of[1].learning.digital.additions;
  if (!start) learned = additions;
  else CHECK(additions == learned + a.e.of[3].learning.digital.additions, "%g, %g", additions, learned);
  set(&x, "eval.later_s=");
  set(&x, "eval.chips=1");
  for (int k = 1; k <= 3; k += 2) {
    set(&x, k == 1 ? "eval.method=adapt" : "eval.method=centroid");
    CHECK(fewshot_eval(&r, x.set, x.model, x.data) == 0, "%s", err_message());
    int same = 0;
    for (int i = 0; i < TASKS; i++)
      for (int time = 0; time <= 1; time++)
        same += fabs(experiment_alternative_scores(&a.e, k, time)[i] -
                     r.task_accuracy[i*(r.n_updates + 1) + r.n_updates]) < 1e-9;
    CHECK(same >= 2*TASKS - 1, "%s, %s: %d of %d as in software", start ? start : "net.start=learned", a.e.of[k].name,
          same, 2*TASKS);
    fewshot_result_release(&r);
  }
  alternatives_release(&a);
  experiment_close(&x);
}

// A model all of whose layers adapt has a row more, and the others are those of its read-out alone.
static void test_layers(void) {
  struct experiment_case x, readout;
  struct alternatives a, b;
  prepare(&x, "train.adapt=all");
  prepare(&readout, NULL);
  const struct fewshot_model *all = x.model, *one = readout.model;
  for (int s = 0; s < UPDATES; s++) {
    for (int l = 0; l <= all->net.readout; l++)
      all->parameters[convnet_rate(&all->net, s, l)] = (real)(0.1*(l + 1) + 0.05*s);
    one->parameters[convnet_rate(&one->net, s, one->net.readout)] = (real)(0.1*(one->net.readout + 1) + 0.05*s);
  }
  struct fewshot_result *r = evaluate(&x);
  CHECK(alternatives_run(&a, &prices, &x) == 0 && alternatives_run(&b, &prices, &readout) == 0, "%s", err_message());
  CHECK(a.e.n == 5 && !strcmp(a.e.of[4].name, "layers") && isnan(a.row[4].learning.digital_J), "%d ways", a.e.n);
  check_equal(&a, 4, r);
  CHECK_REL(a.row[4].learning.chip_J, r->support.cost.read_energy_J + r->updates.cost.read_energy_J, 1e-12);
  CHECK_REL(a.row[4].query.chip_J, r->inference.cost.read_energy_J/(UPDATES + 1)/Q, 1e-9);
  for (int k = 0; k < 4; k++)
    for (int i = 0; i < 3*TASKS; i++)
      CHECK(experiment_alternative_scores(&a.e, k, 0)[i] == experiment_alternative_scores(&b.e, k, 0)[i],
            "%s is not that of the read-out alone", a.e.of[k].name);
  char *text = text_of(&a);
  CHECK(strstr(text, "\nlayers: back-propagation is not counted\n"), "%s", text);
  free(text);
  experiment_result_free(&x, r);
  alternatives_release(&a);
  alternatives_release(&b);
  experiment_close(&x);
  experiment_close(&readout);
}

// Without an energy of an operation the result is no number; with one it is as by hand.
static void test_prices(void) {
  struct experiment_case x;
  struct alternatives a;
  prepare(&x, "eval.later_s=");
  set(&x, "ledger.preset=none");
  prices.preset = DIGITAL_NONE;
  CHECK(alternatives_run(&a, &prices, &x) == 0, "%s", err_message());
  const struct alternatives_cost *c = &a.row[1].learning;
  CHECK(isnan(c->chip_J) && isnan(c->digital_J) && isnan(a.row[1].query.chip_s), "a price");
  char *text = text_of(&a), row[120];
  snprintf(row, sizeof row, "\ndigital         0.0  %9s          0  %9s  %9s  %9s  %9s  %9s\n", "-", "-", "-", "-", "-",
           "-");
  CHECK(strstr(text, row), "no '%s' in %s", row, text);
  free(text);
  alternatives_release(&a);
  param_defaults(digital_param_table, &prices);
  set(&x, "chip.programming=verify");
  set(&x, "ledger.pulse_energy_J=1e-12");
  CHECK(alternatives_run(&a, &prices, &x) == 0, "%s", err_message());
  CHECK(a.e.of[0].learning.chip.pulses > 0, "no pulses");
  CHECK_REL(a.row[0].learning.write_J, a.e.of[0].learning.chip.pulses*1e-12, 1e-9);
  alternatives_release(&a);
  experiment_close(&x);
}

static void refused(const char *assignment, const char *expected) {
  struct experiment_case x;
  struct alternatives a;
  prepare(&x, NULL);
  set(&x, assignment);
  CHECK(alternatives_run(&a, &prices, &x) == ERR_SETTING && strstr(err_message(), expected), "'%s'", err_message());
  CHECK(x.settings.synapse->kind == RUN_EXACT, "synapse.kind is not back");
  experiment_close(&x);
}

int main(void) {
  test_ways();
  if (TEST_RACES_ONLY) return test_summary();
  test_ideal(NULL);
  test_ideal("net.start=prototype");
  test_layers();
  test_prices();
  refused("eval.method=centroid", "eval.method=centroid");
  refused("eval.ways=3", "eval.ways=3");
  refused("eval.chips=7", "eval.chips=7: more chips than tasks");
  CHECK(alternatives_check(experiment_find("arm"), "a") == ERR_SETTING, "accepted");
  CHECK(!strncmp(err_message(), "a: a model of 'arm'", 19), "%s", err_message());
  return test_summary();
}
