// Write policies beside each other: `all` is the yardstick, a threshold of nothing equals it, coarser policies write less; the
// file is complete or not there; bad lists are refused.
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "lab/tradeoff.h"
#include "folder.h"
#include "test.h"

static struct fewshot f;
static struct fewshot_model m;

static void prepare(void) {
  static const char *const settings[] = { "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30", "data.drawings=10",
                                          "net.channels=7", "eval.tasks=6", "eval.shots=3", "eval.queries=2", "eval.chips=2",
                                          "chip.calibration_rows=32", "chip.headroom=4", "run.threads=2" };
  struct rng r = rng_stream(13, RNG_TEST, 0);
  fewshot_init(&f);
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) CHECK(settings_set(f.sections, settings[k]) == 0, "%s", err_message());
  CHECK(convnet_init(&m.net, &f.net, (int)f.data.size) == 0, "%s", err_message());
  m.parameters = err_aligned(m.net.n, sizeof(real));
  convnet_start(&m.net, m.parameters, 0.5, &r);
}

static void test_policies(void) {
  const struct tradeoff_params p = { .thresholds = "0,0.1,10", .levels = "1,1048576" };
  struct tradeoff t;
  CHECK(tradeoff_run(&t, &p, &f, &m) == 0, "%s", err_message());
  CHECK(t.n == 1 + 3 + 2 + 2 && t.n_tasks == 6 && t.n_updates == 4 && t.n_chips == 2, "%d rows of %d tasks", t.n, t.n_tasks);
  const struct tradeoff_row *all = &t.row[0], *zero = &t.row[1], *some = &t.row[2], *none = &t.row[3];
  CHECK(all->share == 1 && all->below == 0 && all->written > 0 && all->written <= all->addressed, "all writes %g of %g", all->written, all->addressed);
  CHECK(zero->written == all->written && zero->accuracy == all->accuracy, "a threshold of 0 is `all`");
  CHECK(some->written < all->written && some->written > 0 && none->written == 0 && none->share == 0, "thresholds: %g, %g", some->written, none->written);
  CHECK(t.row[4].update == CHIP_STOCHASTIC && t.row[6].update == CHIP_NEAREST && t.row[7].value == 1048576, "the order of the rows");
  CHECK(t.row[4].written < t.row[5].written && t.row[6].written < t.row[7].written, "a finer grid writes more");
  CHECK(fabs(some->share * all->written - some->written) < 1e-9 && fabs(all->accuracy - some->accuracy - some->below) < 1e-12, "share and difference");

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

static void refused(const char *thresholds, const char *levels, const char *expected) {
  struct tradeoff_params p = { { 0 }, { 0 } };
  struct tradeoff t;
  strcpy(p.thresholds, thresholds);
  strcpy(p.levels, levels);
  CHECK(tradeoff_run(&t, &p, &f, &m) == ERR_SETTING && strstr(err_message(), expected), "'%s'", err_message());
}

int main(void) {
  prepare();
  test_policies();
  refused("0.2,0.1", "4", "tradeoff.thresholds=0.2,0.1: item 2");
  refused("11", "4", "tradeoff.thresholds=11");
  refused("0.1", "4.5", "tradeoff.levels=4.5: 4.5 is not a whole number");
  refused("0.1", "0", "tradeoff.levels=0");
  f.eval.method = 1;
  refused("0.1", "4", "eval.method");
  fewshot_model_release(&m);
  return test_summary();
}
