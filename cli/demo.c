// demo.c - metaxbar demo: the idea of the program in a few minutes, without any data set.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/result.h"
#include "options.h"
#include "shipped.h"

static const char usage[] =
  "usage: metaxbar demo [--run DIR] [--quiet]\n"
  "\n"
  "Meta-trains a network from nothing on invented characters, then lets it, and the models shipped in\n"
  "models/, learn five characters they have never seen from five drawings each, in software and on a simulated\n"
  "chip; lets the spiking networks learn movements of an arm from one showing each; and draws a page of figures.\n"
  "DIR (default runs/demo) receives the training run, continued where it stopped, and report.html.\n";

enum { ITERATIONS = 400 };
#define ARM "models/arm.safetensors"
#define ARM_CHIP "models/arm-chip.safetensors"

static void print_row(const char *name, const struct fewshot_result *r) {
  printf("%-44s", name);
  for (int s = 0; s <= r->n_updates; s++) printf(" %6.2f", 100 * r->accuracy[s]);
  printf("   +- %.2f\n", 100 * r->ci95[r->n_updates]);
}

// Evaluate a model file on the built-in evaluation characters and print a row.
static int evaluate(const char *name, const char *path, const char *extra) {
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  char kind[] = "data.kind=builtin", tasks[] = "eval.tasks=500", more[64];
  snprintf(more, sizeof more, "%s", extra);
  char *assignments[] = { kind, tasks, more };
  fewshot_init(&f);
  TRY(fewshot_model_load(&m, &f, path, 3, assignments));
  const int rc = fewshot_eval(&r, &f, &m);
  if (rc == 0) {
    print_row(name, &r);
    fewshot_result_release(&r);
  }
  fewshot_model_release(&m);
  return rc;
}

// How far the tip is from 100 paths, each seen once, before and after the update.
static int evaluate_arm(const char *name, const char *path, const char *extra) {
  struct reach f;
  struct reach_model m;
  struct reach_result r;
  char movements[] = "eval.trajectories=100", more[64];
  snprintf(more, sizeof more, "%s", extra);
  char *assignments[] = { movements, more };
  reach_init(&f);
  TRY(reach_model_load(&m, &f, path, 2, assignments));
  const int rc = reach_eval(&r, &f, &m, NULL);
  if (rc == 0) {
    const struct reach_spread *before = &r.before.rms_distance_cm, *after = &r.after.rms_distance_cm;
    printf("%-44s %6.1f cm before, %5.2f +- %.2f cm after one update\n", name, before->mean, after->mean, after->std);
    reach_result_release(&r);
  }
  reach_model_release(&m);
  return rc;
}

static int learn(const char *folder) {
  struct fewshot f;
  char assignment[64], path[FILE_PATH_SIZE];
  fewshot_init(&f);
  snprintf(assignment, sizeof assignment, "train.iterations=%d", ITERATIONS);
  TRY(settings_set(f.sections, "data.kind=builtin"));
  TRY(settings_set(f.sections, assignment));
  snprintf(path, sizeof path, "%s/settings.ini", folder);
  return fewshot_train(&f, folder, file_exists(path));
}

struct row { const char *name, *path, *extra; };
static const struct row characters[] = {
  { "shipped: trained on invented characters", "models/builtin-5w5s.safetensors", "eval.batchnorm=task" },
  { "  the same on a phase-change-memory chip", "models/builtin-5w5s.safetensors", "synapse.kind=chip" },
  { "shipped: trained on Omniglot", "models/omniglot-5w5s.safetensors", "eval.batchnorm=task" },
  { "  the same, support statistics only", "models/omniglot-5w5s.safetensors", "eval.batchnorm=support" },
  { "shipped: weights of 4 bits", "models/omniglot-5w5s-4bit.safetensors", "synapse.kind=quantised" },
};
static const struct row movements[] = {
  { "shipped: in software", ARM, "synapse.kind=exact" },
  { "shipped: on a phase-change-memory chip", ARM_CHIP, "synapse.kind=chip" },
};

static int shipped(const struct row *rows, size_t n, int (*print)(const char *name, const char *path, const char *extra)) {
  for (size_t k = 0; k < n; k++) {
    char found[FILE_PATH_SIZE];
    const char *model = shipped_path(found, rows[k].path);
    if (file_exists(model)) TRY(print(rows[k].name, model, rows[k].extra));
    else printf("%-44s (no %s here)\n", rows[k].name, rows[k].path);
    fflush(stdout);
  }
  return 0;
}

// The report about what was trained here and about the arm; its path ends the output.
static int page(const char *folder) {
  char run[FILE_PATH_SIZE], arm[FILE_PATH_SIZE], path[FILE_PATH_SIZE], kind[] = "data.kind=builtin", tasks[] = "report.tasks=200";
  char run_option[] = "--run", out_option[] = "--out";
  snprintf(run, sizeof run, "%s", folder);
  snprintf(path, sizeof path, "%s/report.html", folder);
  char found[FILE_PATH_SIZE];
  snprintf(arm, sizeof arm, "%s", shipped_path(found, ARM_CHIP));
  char *words[] = { run, kind, tasks, run_option, run, out_option, path, arm };
  return report_command(file_exists(arm) ? 8 : 7, words) == 0 ? 0 : err_set(ERR_IO, "%s: no page", path);
}

static int demo(const char *folder) {
  char path[FILE_PATH_SIZE];
  printf("1. Meta-training from nothing: %d iterations of 32 tasks on invented characters.\n", ITERATIONS);
  fflush(stdout);
  TRY(learn(folder));
  printf("\n2. Five unseen characters, five drawings each, four updates of the last layer alone.\n"
         "   Accuracy in %% on 25 other drawings after 0..4 updates, 500 tasks, 95 %% interval:\n\n");
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  TRY(evaluate("trained just now", path, "eval.batchnorm=task"));
  TRY(shipped(characters, sizeof characters/sizeof *characters, evaluate));
  printf("\n3. An arm shown a path once: 100 paths, RMS distance of its tip from the path.\n\n");
  TRY(shipped(movements, sizeof movements/sizeof *movements, evaluate_arm));
  printf("\n4. What was learned, on what, and what it cost, as a page:\n");
  fflush(stdout);
  return page(folder);
}

int demo_command(int argc, char **argv) {
  struct options o;
  int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("demo", rc);
  if (o.help || o.n_words || o.n_assignments) {
    fputs(usage, o.help ? stdout : stderr);
    return o.help ? 0 : 2;
  }
  rc = demo(o.run ? o.run : "runs/demo");
  return rc < 0 ? options_fail("demo", rc) : options_finish("demo");
}
