// eval.c - metaxbar eval fewshot|arm. fewshot: accuracy of a model after each inner update, on unseen classes; arm: eval_arm.c.
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "commands.h"
#include "experiment/fewshot/fewshot.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar eval fewshot --model FILE [-c FILE] [section.name=value ...] [--json]\n"
  "\n"
  "Adapt the model to tasks of classes it has never seen and print the accuracy on their queries\n"
  "after each update, with a 95 % confidence interval over the tasks.\n"
  "With synapse.kind=chip: eval.chips chips, eval.later_s seconds after the adaptation, and what the chip was asked to do.\n";

static void print_tasks(const struct fewshot_result *r) {
  const int columns = r->n_updates + 1;
  int same = 0;
  printf("task  accuracy after 0..%d updates%s\n", r->n_updates, r->expected ? "  | expected" : "");
  for (int k = 0; k < r->n_tasks; k++) {
    const double *a = r->task_accuracy + k*columns, *e = r->expected ? r->expected + k*columns : NULL;
    int equal = 1;
    printf("%4d ", k + 1);
    for (int s = 0; s < columns; s++) printf(" %5.3f", a[s]);
    for (int s = 0; e && s < columns; s++) {
      printf("%s %5.3f", s ? "" : "  |", e[s]);
      equal = equal && fabs(a[s] - e[s]) < 1e-6;
    }
    printf("%s\n", e && !equal ? "  differs" : "");
    same += equal;
  }
  if (!r->expected) return;
  printf("%d of %d tasks exactly as expected; expected mean", same, r->n_tasks);
  for (int s = 0; s < columns; s++) {
    double sum = 0;
    for (int k = 0; k < r->n_tasks; k++) sum += r->expected[k*columns + s];
    printf(" %.2f", 100 * sum / r->n_tasks);
  }
  printf(" %%\n");
}

// The deployment is a mean over chips, the rest are means over tasks.
static void print_ledger(const struct fewshot_result *r, const struct fewshot *f) {
  const struct ledger_column parts[] = { { 0, "deployment", &r->deployment }, { 0, "task", &r->task }, { '=', "support", &r->support },
                                         { '+', "updates", &r->updates }, { '+', "inference", &r->inference } };
  printf("\n");
  deploy_devices_print(&r->devices, stdout);
  ledger_print_means(parts, sizeof parts / sizeof *parts, &f->ledger, stdout);
  if (r->n_later == 0) return;
  const struct ledger_column later[] = { { 0, "chip", &r->later_chip }, { 0, "read-out", &r->later_readout }, { '+', "inference", &r->later_inference } };
  printf("\n%d time%s later: the chip recalibrated (once for all tasks); in a task, the read-out recalibrated, then the queries\n", r->n_later, r->n_later > 1 ? "s" : "");
  ledger_print_means(later, sizeof later / sizeof *later, &f->ledger, stdout);
}

static void print_chips(const struct fewshot_result *r) {
  printf("%d chips:", r->n_chips);
  for (int c = 0; c < r->n_chips && c < 16; c++) printf(" %.2f", 100 * r->chip_accuracy[c]);
  printf("%s %%, standard deviation %.2f\n", r->n_chips > 16 ? " ..." : "", 100 * r->chip_std);
}

static void print_table(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  if (f->eval.tasks_file[0]) print_tasks(r);
  printf("%d tasks, %d-way %d-shot, %s classes%s, batch norm '%s'%s\n", r->n_tasks, m->net.ways, r->shots,
         f->eval.split ? "validation" : "evaluation",
         f->data.preprocessing == IMAGESET_PUBLISHED ? ", published preprocessing" : "",
         convnet_rule_names[f->eval.batchnorm], f->eval.batchnorm == CONVNET_TASK ? " (needs balanced queries)" : "");
  const bool chip = f->synapse.kind == FEWSHOT_CHIP;
  printf("updates  accuracy %%   +- 95%%   query loss%s\n", chip ? "   devices written  addressed" : "");
  for (int s = 0; s <= r->n_updates; s++) {
    printf("%7d  %10.2f  %7.2f   %10.4f", s, 100 * r->accuracy[s], 100 * r->ci95[s], r->loss[s]);
    if (chip && s > 0) printf("   %15.1f  %9.1f", r->devices_written[s - 1], r->devices_addressed[s - 1]);
    printf("\n");
  }
  for (int k = 0; k < r->n_later; k++)
    printf("%s%12.10g %10.2f  %7.2f\n", k ? "" : "seconds later\n", r->later_s[k], 100 * r->later_accuracy[k], 100 * r->later_ci95[k]);
  if (r->n_chips > 1) print_chips(r);
  if (chip) print_ledger(r, f);
}

static int eval_fewshot(const struct options *o) {
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  fewshot_init(&f);
  if (o->help) {
    fputs(usage, stdout);
    fprintf(stdout, "\nsettings:\n");
    settings_help(f.sections, stdout);
    return options_finish("eval");
  }
  if (!o->model) return options_fail("eval", err_set(ERR_SETTING, "--model FILE is missing"));
  int rc = o->config ? settings_load(f.sections, o->config) : 0;
  if (rc == 0) rc = fewshot_model_load(&m, &f, o->model, o->n_assignments, o->assignments);
  if (rc < 0) return options_fail("eval", rc);
  rc = fewshot_eval(&r, &f, &m);
  const int measured = rc == 0;
  if (measured && o->json) {
    struct json_t *j = fewshot_result_json(&r, &f, &m);
    rc = json_print(j, stdout);
    json_release(j);
  } else if (measured) {
    print_table(&r, &f, &m);
  }
  if (measured) fewshot_result_release(&r);
  fewshot_model_release(&m);
  return rc < 0 ? options_fail("eval", rc) : options_finish("eval");
}

int eval_command(int argc, char **argv) {
  struct options o;
  const int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("eval", rc);
  if (o.n_words == 1 && !strcmp(o.words[0], "fewshot")) return eval_fewshot(&o);
  if (o.n_words == 1 && !strcmp(o.words[0], "arm")) return eval_arm(&o);
  if (o.n_words) return options_fail("eval", err_set(ERR_SETTING, "%s: no such experiment; there are fewshot and arm", o.words[o.n_words > 1]));
  fputs(usage, o.help ? stdout : stderr);
  return o.help ? options_finish("eval") : 2;
}
