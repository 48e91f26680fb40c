// demo.c - metaxbar demo: the idea of the program in a few minutes, without any data set.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "experiment/fewshot.h"
#include "options.h"
#include "shipped.h"

static const char usage[] =
  "usage: metaxbar demo [--run DIR] [--quiet]\n"
  "\n"
  "Meta-trains a network from nothing on invented characters, then lets it, and the models shipped in\n"
  "models/, learn five characters they have never seen from five drawings each. DIR (default runs/demo)\n"
  "receives the training run; it is continued where it stopped.\n";

enum { ITERATIONS = 400 };

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

static int demo(const char *folder) {
  char path[FILE_PATH_SIZE];
  printf("1. Meta-training from nothing: %d iterations of 32 tasks on invented characters.\n", ITERATIONS);
  fflush(stdout);
  TRY(learn(folder));
  printf("\n2. Five unseen characters, five drawings each, four updates of the last layer alone.\n"
         "   Accuracy in %% on 25 other drawings after 0..4 updates, 500 tasks, 95 %% interval:\n\n");
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  TRY(evaluate("trained just now", path, "eval.batchnorm=task"));
  static const struct { const char *name, *path, *extra; } shipped[] = {
    { "shipped: trained on invented characters", "models/builtin-5w5s.safetensors", "eval.batchnorm=task" },
    { "shipped: trained on Omniglot", "models/omniglot-5w5s.safetensors", "eval.batchnorm=task" },
    { "  the same, support statistics only", "models/omniglot-5w5s.safetensors", "eval.batchnorm=support" },
    { "shipped: weights of 4 bits", "models/omniglot-5w5s-4bit.safetensors", "synapse.kind=quantised" },
  };
  for (size_t k = 0; k < sizeof shipped / sizeof *shipped; k++) {
    const char *model = shipped_path(path, shipped[k].path);
    if (file_exists(model)) TRY(evaluate(shipped[k].name, model, shipped[k].extra));
    else printf("%-44s (no %s here)\n", shipped[k].name, shipped[k].path);
    fflush(stdout);
  }
  printf("\nNext: metaxbar data fetch omniglot\n"
         "      metaxbar eval fewshot --model models/omniglot-5w5s.safetensors\n");
  return 0;
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
