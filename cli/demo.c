// demo.c - metaxbar demo: what the program does, in a minute and without a data set.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/stat.h"
#include "commands.h"
#include "experiment/experiment.h"
#include "shipped.h"

static const char text[] =
  "Meta-train a network from random weights on invented characters, then let it, and the models shipped in models/,\n"
  "learn five characters that they have never seen from five drawings each, in software and on a simulated chip; do\n"
  "the same with a small network for characters in colours; let the spiking networks learn movements of an arm from\n"
  "one demonstration each; and write a page with figures.\n"
  "DIR (default runs/demo) receives the training runs, that of colours in DIR/colour, which continue where they\n"
  "stopped, and report.html.\n";

// A minute and a half in all on two cores.
enum { ITERATIONS = 400, TASKS = 8, COLOUR_ITERATIONS = 1000, COLOUR_TASKS = 2, DEMO_EXTRA = 4, DEMO_SETTINGS = 16 };
#define ARM "models/arm.safetensors"
#define ARM_CHIP "models/arm-chip.safetensors"

// Evaluate a model file and print a row.
static int evaluate(const char *name, const char *path, const char *const *extra, int n_extra) {
  struct experiment_case x;
  const struct experiment *e;
  struct experiment_headline h;
  char texts[DEMO_EXTRA][64], *assignments[DEMO_EXTRA], interval[STAT_TEXT];
  void *result;
  for (int k = 0; k < n_extra; k++) {
    snprintf(texts[k], sizeof texts[k], "%s", extra[k]);
    assignments[k] = texts[k];
  }
  TRY(experiment_of_file(&e, path));
  experiment_open(&x, e);
  int rc = experiment_load(&x, path, &(struct run_sources){ .n_assignments = n_extra, .assignments = assignments });
  if (rc == 0) rc = experiment_eval(&result, &x);
  if (rc == 0) {
    e->headline(&h, result);
    printf("%-44s %s %s %s\n", name, stat_text(interval, h.value, h.ci95, 2), h.unit, h.name);
    experiment_result_free(&x, result);
  }
  experiment_close(&x);
  return rc;
}

static const char drawn_settings[] = "data.kind=builtin";
// A network of the form of that for CIFAR100-FS (docs/cifar.md), an eighth as wide, and images of the same size.
#define COLOUR_CLASSES "data.classes=800"
static const char colour_settings[] =
  "data.kind=builtin data.channels=3 data.size=32 " COLOUR_CLASSES " net.channels=32 net.hidden=64 net.bias=digital "
  "net.steps=5 train.learn_inner_rate=yes train.batchnorm=support train.log_every=20 train.validate_every=500";

// settings: with blanks between.
static int learn(const char *folder, const char *settings, int n_iterations, int n_tasks) {
  struct experiment_case x;
  char text_of_all[512], *assignments[DEMO_SETTINGS], path[FILE_PATH_SIZE];
  int n = 0;
  snprintf(text_of_all, sizeof text_of_all, "%s train.iterations=%d train.tasks=%d", settings, n_iterations, n_tasks);
  for (char *at = text_of_all, *word; n < DEMO_SETTINGS && (word = strsep(&at, " ")) != NULL;) assignments[n++] = word;
  snprintf(path, sizeof path, "%s/settings.ini", folder);
  experiment_open(&x, experiments[0]);
  int rc = run_resolve_training(x.settings.sections, folder, false,
                                &(struct run_sources){ .n_assignments = n, .assignments = assignments });
  if (rc == 0) rc = x.e->train(x.set, folder, file_exists(path));
  experiment_close(&x);
  return rc;
}

struct row {
  const char *name, *path, *extra[DEMO_EXTRA];
};
static const struct row characters[] = {
  { "shipped: trained on invented characters", "models/builtin-5w5s.safetensors", { "synapse.kind=exact" } },
  { "  the same on a phase-change-memory chip", "models/builtin-5w5s.safetensors", { "synapse.kind=chip" } },
  { "shipped: trained on Omniglot", "models/omniglot-learned.safetensors", { "synapse.kind=exact" } },
  { "  the same, normalised with all 25 drawings", "models/omniglot-learned.safetensors", { "eval.batchnorm=task" } },
  { "shipped: weights of 4 bits", "models/omniglot-learned-4bit.safetensors", { "synapse.kind=quantised" } },
};
static const struct row movements[] = {
  { "shipped: in software", ARM, { "synapse.kind=exact" } },
  { "shipped: on a phase-change-memory chip", ARM_CHIP, { "synapse.kind=chip" } },
};

static int shipped(const struct row *rows, size_t n, const char *const *common, int n_common) {
  for (size_t k = 0; k < n; k++) {
    const char *extra[DEMO_EXTRA] = { rows[k].extra[0] };
    char found[FILE_PATH_SIZE];
    const char *model = shipped_path(found, rows[k].path);
    for (int i = 0; i < n_common; i++) extra[1 + i] = common[i];
    if (file_exists(model)) TRY(evaluate(rows[k].name, model, extra, 1 + n_common));
    else printf("%-44s (no %s here)\n", rows[k].name, rows[k].path);
    fflush(stdout);
  }
  return 0;
}

// The network for colours that was trained here, on unseen characters.
static int coloured(const char *folder) {
  static const char *const kinds[][2] = { { "trained just now", "synapse.kind=exact" },
                                          { "  weights of 4 bits", "synapse.kind=quantised" },
                                          { "  on a phase-change-memory chip", "synapse.kind=chip" } };
  char path[FILE_PATH_SIZE];
  snprintf(path, sizeof path, "%.*s/model.safetensors", FILE_PATH_SIZE / 2, folder);
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    const char *const extra[] = { kinds[k][1], "data.kind=builtin", COLOUR_CLASSES, "eval.tasks=200" };
    TRY(evaluate(kinds[k][0], path, extra, 4));
    fflush(stdout);
  }
  return 0;
}

// The report about what was trained here and about the arm; its path ends the output.
static int page(const char *folder, const char *colour_folder, bool quiet) {
  char run[FILE_PATH_SIZE], colour[FILE_PATH_SIZE], arm[FILE_PATH_SIZE], path[FILE_PATH_SIZE];
  char kind[] = "data.kind=builtin", tasks[] = "report.tasks=100";
  char run_option[] = "--run", out_option[] = "--out", quiet_option[] = "--quiet";
  snprintf(run, sizeof run, "%s", folder);
  snprintf(colour, sizeof colour, "%s", colour_folder);
  snprintf(path, sizeof path, "%s/report.html", folder);
  char found[FILE_PATH_SIZE];
  snprintf(arm, sizeof arm, "%s", shipped_path(found, ARM_CHIP));
  char *words[10] = { run, colour, kind, tasks, out_option, path };
  int n = 6;
  if (quiet) words[n++] = quiet_option;
  if (file_exists(arm)) words[n++] = run_option, words[n++] = run, words[n++] = arm;
  return options_main(&report_command, n, words) == 0 ? 0 : err_set(ERR_IO, "%s: no page", path);
}

static int demo(const char *folder, bool quiet) {
  char path[FILE_PATH_SIZE], colour[FILE_PATH_SIZE];
  if (snprintf(colour, sizeof colour, "%s/colour", folder) > FILE_PATH_SIZE / 2)
    return err_set(ERR_IO, "%.60s...: path too long", folder);
  printf("1. Meta-training from random weights: %d iterations of %d tasks on invented characters.\n", ITERATIONS,
         TASKS);
  fflush(stdout);
  TRY(learn(folder, drawn_settings, ITERATIONS, TASKS));
  printf("\n2. Five unseen characters, five drawings each, four updates of the last layer alone.\n"
         "   Accuracy on 25 other drawings, each classified alone, 200 tasks, 95 %% interval:\n\n");
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  static const char *const tasks[] = { "data.kind=builtin", "eval.tasks=200" };
  static const char *const paths[] = { "eval.trajectories=100" };
  TRY(evaluate("trained just now", path, tasks, 2));
  TRY(shipped(characters, sizeof characters / sizeof *characters, tasks, 2));
  printf("\n3. The same with characters in colours, in place of CIFAR100-FS: %d iterations of %d tasks for a small\n"
         "   network, then five updates.\n\n",
         COLOUR_ITERATIONS, COLOUR_TASKS);
  fflush(stdout);
  TRY(learn(colour, colour_settings, COLOUR_ITERATIONS, COLOUR_TASKS));
  TRY(coloured(colour));
  printf("\n4. An arm that sees a path once and then performs it: 100 paths.\n\n");
  TRY(shipped(movements, sizeof movements / sizeof *movements, paths, 1));
  printf("\n5. What was learned, on what, and what it cost, as a page:\n");
  fflush(stdout);
  return page(folder, colour, quiet);
}

static int run(const struct options *o) { return demo(o->run ? o->run : "runs/demo", o->quiet); }

static const struct options_flag flags[] = {
  OPTIONS_VALUE("--run", run, "DIR", "folder of the training run and the page"), OPTIONS_QUIET, { 0 }
};
static const struct options_action actions[] = { { .name = "", .flags = flags, .run = run }, { 0 } };
const struct options_command demo_command = { "demo", "show in a minute what this program does", text,
                                              .actions = actions };
