// Write policies compared: `all` is the reference, a threshold of 0 equals it, coarser policies write
// less; the file is complete or not there; bad lists are refused.
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/stat.h"
#include "experiment/experiment.h"
#include "lab/tradeoff.h"
#include "folder.h"
#include "test.h"

static struct experiment_case x;

static void prepare(void) {
  static const char *const settings[] = { "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30",
                                          "data.drawings=10", "net.channels=7",
                                    "eval.tasks=6", "eval.shots=3", "eval.queries=2", "eval.chips=2",
                                    "chip.calibration_rows=32",
                                    "chip.headroom=4", "run.threads=2", "run.seed=13", "train.inner_rate=0.5",
                                    "synapse.kind=exact",
                                    "chip.update=nearest", "chip.update_levels=7" };
  experiment_open(&x, experiment_find("fewshot"));
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
    CHECK(settings_set(x.settings.sections, settings[k]) == 0, "%s", err_message());
  CHECK(experiment_start(&x, &(struct run_sources){ 0 }) == 0, "%s", err_message());
}

// Intervals of a row: of its scores, and of the differences from `all`, both with the chip as the unit where that is
// wider.
static void check_intervals(const struct tradeoff_row *row) {
  struct chip_params *chip = x.settings.chip;
  const struct chip_params before = *chip;
  struct experiment_scores s[2];
  void *result[2];
  x.settings.synapse->kind = RUN_CHIP;
  for (int k = 0; k < 2; k++) {
    chip->update = k ? row->update : CHIP_ALL;
    chip->update_threshold = row->value;
    CHECK(experiment_eval(&result[k], &x) == 0, "%s", err_message());
    x.e->scores(&s[k], result[k]);
  }
  CHECK(s[1].trials == 5*2 && s[1].n == 6 && s[1].n_chips == 2, "%d trials", s[1].trials);
  const struct stat_difference d = stat_paired(s[0].first, s[1].first, 6, s[1].stride, 2, 5*2);
  CHECK(row->ci95 == stat_grouped(s[1].first, 6, s[1].stride, 2, 5*2).ci95 && row->worse_ci95 == d.ci95 &&
            row->worse == d.mean,
        "+- %g, below +- %g", row->ci95, row->worse_ci95);
  for (int k = 0; k < 2; k++) experiment_result_free(&x, result[k]);
  x.settings.synapse->kind = RUN_EXACT;
  *chip = before;
}

static void test_policies(void) {
  const struct tradeoff_params p = { .thresholds = "0,0.1,10", .levels = "1,1048576" };
  struct tradeoff t;
  CHECK(tradeoff_run(&t, &p, &x) == 0, "%s", err_message());
  CHECK(t.n == 1 + 3 + 2 + 2 && t.n_items == 6 && t.n_updates == 4 && t.n_chips == 2, "%d rows of %d tasks", t.n,
        t.n_items);
  const struct tradeoff_row *all = &t.row[0], *zero = &t.row[1], *some = &t.row[2], *none = &t.row[3];
  CHECK(all->share == 1 && all->worse == 0 && all->worse_ci95 == 0 && all->written > 0 &&
            all->written <= all->addressed,
        "all writes %g of %g", all->written, all->addressed);
  CHECK(zero->written == all->written && zero->score == all->score, "a threshold of 0 is `all`");
  CHECK(some->written < all->written && some->written > 0 && none->written == 0 && none->share == 0,
        "thresholds: %g, %g", some->written, none->written);
  CHECK(t.row[4].update == CHIP_STOCHASTIC && t.row[6].update == CHIP_NEAREST && t.row[7].value == 1048576,
        "the order of the rows");
  CHECK(t.row[4].written < t.row[5].written && t.row[6].written < t.row[7].written, "a finer grid writes more");
  CHECK(fabs(some->share * all->written - some->written) < 1e-9 && fabs(all->score - some->score - some->worse) < 1e-12,
        "share and difference");
  CHECK(all->share == 1 && fabs(some->share - some->written/all->written) < 1e-12, "%g of the devices", some->share);
  check_intervals(some);

  CHECK(x.settings.synapse->kind == RUN_EXACT && x.settings.chip->update == CHIP_NEAREST &&
            x.settings.chip->update_levels == 7,
        "the settings are not back");
  struct folder folder = folder_make();
  char *text, path[512];
  size_t size;
  CHECK(tradeoff_save(&t, folder_path(&folder, "t.csv")) == 0, "%s", err_message());
  CHECK(file_read(folder_path(&folder, "t.csv"), 1 << 16, &text, &size) == 0, "%s", err_message());
  CHECK(!strncmp(text, "policy,value,accuracy,", 22) && strstr(text, "\nthreshold,0.1,"), "%s", text);
  free(text);
  struct json_t *j = tradeoff_json(&t), *list;
  CHECK(json_field_array(j, "json", "policies", &list) == 0 && json_length(list) == 8, "JSON");
  json_release(j);
  snprintf(path, sizeof path, "%s/missing/t.csv", folder.path);
  CHECK(tradeoff_save(&t, path) == ERR_IO && strstr(err_message(), "missing"), "%s", err_message());
  folder_remove(&folder);
}

// The arm: less is better, and a policy that its settings do not allow is left out.
static void test_arm(void) {
  static const char *const settings[] = { "lsg.neurons=20", "trainee.neurons=12", "trajectory.steps=40",
                                          "eval.trajectories=4", "chip.calibration_rows=32", "run.threads=1",
                                          "update.grid=sparse", "update.step=0.01" };
  const struct tradeoff_params p = { .thresholds = "0.1", .levels = "2,4" };
  struct experiment_case arm;
  struct tradeoff t;
  experiment_open(&arm, experiment_find("arm"));
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
    CHECK(settings_set(arm.settings.sections, settings[k]) == 0, "%s", err_message());
  CHECK(experiment_start(&arm, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  CHECK(tradeoff_run(&t, &p, &arm) == 0, "%s", err_message());
  CHECK(t.n == 2 && t.row[1].update == CHIP_THRESHOLD && t.n_items == 4 && t.n_updates == 1, "%d rows of %d movements",
        t.n, t.n_items);
  CHECK(!strcmp(tradeoff_worse(&t), "above") && !strcmp(t.items, "movements") && !t.proportion, "%s all, %s",
        tradeoff_worse(&t), t.items);
  CHECK(fabs(t.row[1].score - t.row[0].score - t.row[1].worse) < 1e-9 && t.row[1].written < t.row[0].written, "%g, %g",
        t.row[1].worse, t.row[1].written);
  experiment_close(&arm);
}

static void refused(const char *thresholds, const char *levels, const char *expected) {
  struct tradeoff_params p = { { 0 }, { 0 } };
  struct tradeoff t;
  strcpy(p.thresholds, thresholds);
  strcpy(p.levels, levels);
  CHECK(tradeoff_run(&t, &p, &x) == ERR_SETTING && strstr(err_message(), expected), "'%s'", err_message());
}

// One policy, by two threads.
static int test_races(void) {
  const struct tradeoff_params p = { .thresholds = "0.1", .levels = "" };
  struct tradeoff t;
  CHECK(tradeoff_run(&t, &p, &x) == 0 && t.n == 2, "%d rows: %s", t.n, err_message());
  experiment_close(&x);
  return test_summary();
}

int main(void) {
  prepare();
  if (TEST_RACES_ONLY) return test_races();
  test_policies();
  test_arm();
  refused("0.2,0.1", "4", "tradeoff.thresholds=0.2,0.1: item 2");
  refused("11", "4", "tradeoff.thresholds=11");
  refused("0.1", "4.5", "tradeoff.levels=4.5: 4.5 is not a whole number");
  refused("0.1", "0", "tradeoff.levels=0");
  CHECK(settings_set(x.settings.sections, "eval.method=centroid") == 0, "%s", err_message());
  refused("0.1", "4", "no device is written");
  experiment_close(&x);
  return test_summary();
}
