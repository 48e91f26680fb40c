// eval_arm.c - metaxbar eval arm: how well movements are performed after one update.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "commands.h"
#include "experiment/arm/result.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar eval arm --model FILE [-c FILE] [section.name=value ...] [--json] [--out FILE.csv]\n"
  "\n"
  "Show the model a movement once, update the trainee once, let it perform, and print how far the tip of the arm\n"
  "was from where it should have been: mean and standard deviation over random movements, or for the path in target.file.\n"
  "With synapse.kind=chip the trainee lies on simulated chips; synapse.state=STATE takes one that 'chip export' saved.\n"
  "--out writes the first movement step by step (tools/figure_arm.sh).\n";

// A single movement has no spread.
static void print_score(const char *when, const struct reach_score *s, int n) {
  const struct reach_spread *cm = &s->rms_distance_cm, *omega = s->omega_rmse_rad_s;
  if (n > 1) printf("%-7s %8.2f +- %-6.2f  %7.4f +- %-7.4f  %7.4f +- %.4f\n", when, cm->mean, cm->std, omega[0].mean, omega[0].std, omega[1].mean, omega[1].std);
  else printf("%-7s %8.2f            %7.4f             %7.4f\n", when, cm->mean, omega[0].mean, omega[1].mean);
}

static void print_table(const struct reach_result *r) {
  printf("%d movement%s\n", r->n_trajectories, r->n_trajectories > 1 ? "s" : "");
  printf("update  tip distance, cm   base, rad/s         shoulder, rad/s     (RMS over time%s)\n", r->n_trajectories > 1 ? "; mean +- std over movements" : "");
  print_score("before", &r->before, r->n_trajectories);
  print_score("after", &r->after, r->n_trajectories);
  printf("firing rates: trainee %.1f Hz, learning signal generator %.1f Hz\n", r->trainee_Hz, r->lsg_Hz);
  printf("weights changed: %.1f %% of W_in, %.1f %% of W_rec\n", 100*r->changed_in, 100*r->changed_rec);
}

static void print_chips(const struct reach_result *r, const struct reach *f) {
  const struct ledger_counts once = ledger_total(&r->deployment);
  printf("chips: %d x %s, updated %.6g s after writing, performing %.6g s later\n", r->n_chips,
         f->chip.table[0] ? f->chip.table : pcm_preset_names[f->chip.preset], r->updated_s, f->eval.later_s);
  printf("written: %.1f %% error beside %.3f of the weights kept; %lld of %ld devices\n", 100*r->programmed_error, r->programmed_kept,
         (long long)once.devices_written, r->devices_total);
}

// The deployment is that of the first chip, the rest are means over movements.
static void print_ledger(const struct reach_result *r, const struct reach *f) {
  static const char *const names[] = { "pass 1", "update", "waiting", "pass 2" };
  const struct ledger_mean once = ledger_mean(&r->deployment, 1, &f->ledger), all = ledger_mean(&r->movements, r->n_trajectories, &f->ledger);
  struct ledger_mean part[REACH_PARTS];
  struct ledger_column columns[2 + REACH_PARTS] = { { 0, "deployment", &once }, { 0, "movement", &all } };
  for (int k = 0; k < REACH_PARTS; k++) {
    part[k] = ledger_mean(&r->part[k], r->n_trajectories, &f->ledger);
    columns[2 + k] = (struct ledger_column){ k ? '+' : '=', names[k], &part[k] };
  }
  printf("\n");
  ledger_print_means(columns, 2 + REACH_PARTS, &f->ledger, stdout);
}

static int print_result(const struct reach_result *r, const struct reach *f, bool as_json) {
  if (as_json) {
    struct json_t *j = reach_result_json(r, f);
    const int rc = json_print(j, stdout);
    json_release(j);
    return rc;
  }
  print_table(r);
  if (r->n_chips) {
    print_chips(r, f);
    print_ledger(r, f);
  }
  return 0;
}

int eval_arm(const struct options *o) {
  struct reach f;
  struct reach_model m;
  struct reach_result r;
  reach_init(&f);
  if (o->help) {
    fputs(usage, stdout);
    printf("\nsettings:\n");
    settings_help(f.sections, stdout);
    return options_finish("eval");
  }
  if (!o->model) return options_fail("eval", err_set(ERR_SETTING, "--model FILE is missing"));
  int rc = o->config ? settings_load(f.sections, o->config) : 0;
  if (rc == 0) rc = reach_model_load(&m, &f, o->model, o->n_assignments, o->assignments);
  if (rc < 0) return options_fail("eval", rc);
  rc = reach_eval(&r, &f, &m, NULL);
  reach_model_release(&m);
  if (rc < 0) return options_fail("eval", rc);
  if (o->out) rc = reach_result_write_csv(&r, &f, o->out);
  if (rc == 0) rc = print_result(&r, &f, o->json);
  reach_result_release(&r);
  return rc < 0 ? options_fail("eval", rc) : options_finish("eval");
}
