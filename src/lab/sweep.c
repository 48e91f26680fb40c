#include "lab/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/note.h"
#include "base/numbers.h"
#include "base/par_ranks.h"
#include "base/signals.h"
#include "base/stat.h"
#include "base/text.h"
#include "experiment/experiment.h"
#include "lab/compare.h"
#include "lab/sweepcheck.h"
#include "report/sweeppage.h"
#include "run/rundir.h"

static int path_of(char path[FILE_PATH_SIZE], const char *folder, const char *point, const char *file) {
  const int n = snprintf(path, FILE_PATH_SIZE, "%s%s%s/%s", folder, *point ? "/" : "", point, file);
  return n < FILE_PATH_SIZE / 2 ? 0 : err_set(ERR_IO, "%.60s...: path too long", folder);
}

// ---- one point

struct point {
  const struct sweepplan *plan;
  const char *sweep;  // folder
  int number;
  bool quiet;
  char name[SWEEPPLAN_NAME];
  char folder[FILE_PATH_SIZE];
};

static int begin_point(struct point *at, const struct sweepplan *p, const char *folder, int number) {
  *at = (struct point){ .plan = p, .sweep = folder, .number = number };
  sweepplan_name(p, number, at->name);
  TRY(path_of(at->folder, folder, at->name, "sweep.json"));  // is it short enough?
  at->folder[strlen(at->folder) - strlen("/sweep.json")] = 0;
  return 0;
}

static bool has(const struct point *at, const char *file) {
  char path[FILE_PATH_SIZE];
  return path_of(path, at->folder, "", file) == 0 && file_exists(path);
}

static bool is_done(const struct point *at) { return has(at, "scores.json") || has(at, "failed.json"); }

static int train(const struct point *at) {
  const struct experiment *e = at->plan->e;
  const bool resume = has(at, RUNDIR_SETTINGS);
  struct experiment_case x;
  struct run_sources from = sweepplan_sources(at->plan, at->number, true);
  experiment_open(&x, e);
  int rc = run_resolve_training(x.settings.sections, at->folder, resume, &from);
  if (rc == 0) rc = e->train(x.set, at->folder, resume);
  experiment_close(&x);
  sweepplan_free_sources(&from);
  return rc;
}

// The files of an evaluation; the one that says that the point is done comes last.
static int save_result(const struct point *at, struct experiment_case *x, const void *result) {
  struct experiment_headline h;
  char path[FILE_PATH_SIZE];
  TRY(path_of(path, at->folder, "", "eval.json"));
  struct json_t *o = x->e->result_json(result, x->set, x->model);
  const int rc = json_write(o, path);
  json_release(o);
  TRY(rc);
  TRY(path_of(path, at->folder, "", "scores.json"));
  TRY(compare_save(path, x, result));
  x->e->headline(&h, result);
  if (!at->quiet) note("%s: %s %.4g%s%s", at->name, h.name, h.value, *h.unit ? " " : "", h.unit);
  return 0;
}

static int evaluate(const struct point *at) {
  char path[FILE_PATH_SIZE];
  struct experiment_case x;
  struct run_sources from = sweepplan_sources(at->plan, at->number, false);
  void *result;
  TRY(path_of(path, at->folder, "", RUNDIR_MODEL));
  experiment_open(&x, at->plan->e);
  int rc = experiment_load(&x, at->plan->trains ? path : at->plan->own.model, &from);
  if (rc == 0) rc = experiment_eval(&result, &x);
  if (rc == 0) {
    rc = save_result(at, &x, result);
    experiment_result_free(&x, result);
  }
  experiment_close(&x);
  sweepplan_free_sources(&from);
  return rc;
}

// What has diverged would diverge again.
static int save_failure(const struct point *at) {
  char path[FILE_PATH_SIZE];
  const size_t n = strlen(at->folder);
  const char *message = err_message();
  struct json_t *o = json_object_new();
  if (!strncmp(message, at->folder, n)) message += n + 1;  // the table is the same in every place
  note("%s: failed: %s", at->name, message);
  json_put_text(o, "message", message);
  int rc = path_of(path, at->folder, "", "failed.json");
  if (rc == 0) rc = json_write(o, path);
  json_release(o);
  return rc;
}

static int run_point(const struct point *at) {
  char message[1000];
  TRY(file_make_dirs(at->folder));
  int rc = at->plan->trains ? train(at) : 0;
  if (rc == 0) rc = evaluate(at);
  if (rc == ERR_DIVERGED) return save_failure(at);
  if (rc == 0 || rc == ERR_INTERRUPTED) return rc;
  snprintf(message, sizeof message, "%s", err_message());
  return err_set((enum err)rc, "%s: %s", at->name, message);
}

// ---- all points

// The points of this rank. Where another one has failed, it says so to all.
static int run_own(const struct sweepplan *p, const char *folder, bool quiet, const char *done, int rank, int n_ranks) {
  struct point at;
  int unfinished = 0;
  for (int k = 0; k < p->n_points; k++) {
    bool stop;
    if (done[k] || unfinished++ % n_ranks != rank) continue;
    TRY(par_ranks_stop(&stop));
    if (stop) return signals_caught() ? err_set(ERR_INTERRUPTED, "stopped") : 0;
    TRY(begin_point(&at, p, folder, k));
    at.quiet = quiet;
    const int rc = run_point(&at);
    if (rc == ERR_INTERRUPTED && !signals_caught()) return 0;
    TRY(rc);
  }
  return 0;
}

static int write_plan(const struct sweepplan *p, const char *path) {
  struct file_out out;
  TRY(file_out_open(&out, path));
  sweepplan_print(p, out.stream);
  return file_out_commit(&out);
}

// The folder is new, or holds this sweep.
static int open_folder(const struct sweepplan *p, const char *folder) {
  char path[FILE_PATH_SIZE];
  struct sweepplan then;
  TRY(path_of(path, folder, "", "sweep.ini"));
  TRY(file_refuse_link(path));
  if (!file_exists(path)) {
    TRY(sweepcheck(p));
    TRY(file_make_dirs(folder));
    return write_plan(p, path);
  }
  TRY(sweepplan_read(&then, path, 0, NULL));
  const int rc = sweepplan_same(&then, p, path);
  sweepplan_release(&then);
  return rc;
}

// All ranks see the same plan, and the list of what rank 0 finds done.
static int agree(const struct sweepplan *p, const char *folder, char *done) {
  char *text;
  size_t size;
  struct point at;
  FILE *out = open_memstream(&text, &size);
  if (!out) abort();
  sweepplan_print(p, out);
  fclose(out);
  int rc = par_ranks_same(text);
  free(text);
  TRY(rc);
  const bool first = par_ranks_first();
  par_ranks_part();
  rc = first ? open_folder(p, folder) : 0;
  TRY(par_ranks_rejoin(rc));
  for (int k = 0; k < p->n_points && rc == 0 && first; k++) {
    rc = begin_point(&at, p, folder, k);
    if (rc == 0) done[k] = is_done(&at);
  }
  TRY(par_ranks_agree(rc, -1));
  return par_ranks_share(done, (size_t)p->n_points);
}

static int check_driver(const struct sweepplan *p) {
  if (par_ranks_count() == 1) return 0;
  for (int k = 0; k < p->n_settings; k++)
    if (!strcmp(p->setting[k].key, "chip.driver"))
      return err_set(ERR_SETTING, "chip.driver=%s: is one chip, and cannot be divided among %d ranks",
                     p->setting[k].value[0], par_ranks_count());
  return 0;
}

int sweep_run(const struct sweepplan *p, const char *folder, bool quiet) {
  const int rank = par_ranks_number(), n_ranks = par_ranks_count();
  char *done = err_calloc((unsigned long)p->n_points, 1);
  signals_watch();
  int rc = check_driver(p);
  if (rc == 0) rc = agree(p, folder, done);
  if (rc == 0) {
    par_ranks_part();
    rc = run_own(p, folder, quiet, done, rank, n_ranks);
    rc = par_ranks_rejoin(rc);
  }
  signals_unwatch();
  free(done);
  return rc == ERR_INTERRUPTED ? err_set(ERR_INTERRUPTED, "%s: stopped; the same command continues it", folder) : rc;
}

// ---- the table

static void put_settings(struct json_t *row, const struct sweepplan *p, int point, bool with_seed) {
  struct json_t *o = json_add_object(row, "settings");
  for (int k = 0; k < p->n_settings; k++)
    if (sweepplan_varies(p, k) && (with_seed || strcmp(p->setting[k].key, "run.seed")))
      json_put_text(o, p->setting[k].key, sweepplan_value(p, point, k));
}

static int put_failure(struct json_t *row, const char *path) {
  struct json_t *o;
  const char *message;
  TRY(json_read(&o, path, 1 << 16));
  const int rc = json_field_text(o, path, "message", &message);
  json_put_text(row, "status", "failed");
  if (rc == 0) json_put_text(row, "message", message);
  json_release(o);
  return rc;
}

// A row of the table; *score: NAN where the point has failed.
static int put_point(struct json_t *row, const struct point *at, double *score) {
  struct compare_scores s;
  char path[FILE_PATH_SIZE];
  *score = NAN;
  json_put_text(row, "point", at->name);
  put_settings(row, at->plan, at->number, true);
  TRY(path_of(path, at->folder, "", "failed.json"));
  if (file_exists(path)) return put_failure(row, path);
  TRY(path_of(path, at->folder, "", "scores.json"));
  if (!file_exists(path)) return err_set(ERR_IO, "%s: is missing: all processes must see the same folder", path);
  TRY(compare_load(&s, path));
  json_put_text(row, "status", "done");
  json_put_f64(row, "score", *score = s.mean.mean);
  json_put_known(row, "ci95", s.mean.ci95);
  json_put_i64(row, "items", s.n);
  compare_release(&s);
  return 0;
}

// The mean over the seeds, which are the points that follow one another.
static void put_means(struct json_t *list, const struct sweepplan *p, const double *score) {
  int n_seeds = 1;
  for (int k = 0; k < p->n_settings; k++)
    if (!strcmp(p->setting[k].key, "run.seed")) n_seeds = p->setting[k].n;
  for (int first = 0; first < p->n_points; first += n_seeds) {
    struct json_t *row = json_add_object(list, NULL);
    struct stat_moments moments = { 0 };
    for (int k = first; k < first + n_seeds; k++)
      if (isfinite(score[k])) stat_add(&moments, score[k]);
    const struct stat_interval mean = stat_interval(&moments);
    put_settings(row, p, first, false);
    json_put_i64(row, "seeds", moments.n);
    json_put_i64(row, "failed", n_seeds - moments.n);
    json_put_known(row, "mean", moments.n ? mean.mean : INFINITY);
    json_put_known(row, "ci95", mean.ci95);
  }
}

int sweep_table(struct json_t **table, const struct sweepplan *p, const char *folder) {
  struct json_t *o = json_object_new(), *points = json_array_new(), *means = json_array_new();
  double *score = err_calloc((unsigned long)p->n_points, sizeof *score);
  struct point at;
  int rc = 0;
  json_put_text(o, "experiment", p->e->name);
  json_put_text(o, "score", p->e->score);
  json_put_bool(o, "higher_is_better", p->e->higher_is_better);
  for (int k = 0; k < p->n_points && rc == 0; k++) {
    rc = begin_point(&at, p, folder, k);
    if (rc == 0) rc = put_point(json_add_object(points, NULL), &at, &score[k]);
  }
  put_means(means, p, score);
  json_put(o, "points", points);
  json_put(o, "means", means);
  free(score);
  if (rc == 0) *table = o;
  else json_release(o);
  return rc;
}

// ---- files of the table

static void put_cell(FILE *out, const char *text) {
  if (strpbrk(text, ",\"")) text_quote(text, out);
  else fputs(text, out);
  fputc(',', out);
}

static int save_csv_rows(FILE *out, struct json_t *table, const struct sweepplan *p, const char *where) {
  struct json_t *points, *row;
  TRY(json_field_array(table, where, "points", &points));
  fputs("point,", out);
  for (int k = 0; k < p->n_settings; k++)
    if (sweepplan_varies(p, k)) put_cell(out, p->setting[k].key);
  fputs("status,score,ci95,items\n", out);
  for (int k = 0; k < p->n_points; k++) {
    char name[SWEEPPLAN_NAME];
    const char *status;
    double cell[3] = { NAN, NAN, NAN };
    TRY(json_item_object(points, where, (size_t)k, &row));
    TRY(json_field_text(row, where, "status", &status));
    if (json_has(row, "items")) {
      TRY(json_field_f64(row, where, "score", -HUGE_VAL, HUGE_VAL, &cell[0]));
      if (json_field_f64(row, where, "ci95", 0, HUGE_VAL, &cell[1]) < 0) cell[1] = NAN;  // not known
      TRY(json_field_f64(row, where, "items", 0, 1e9, &cell[2]));
    }
    sweepplan_name(p, k, name);
    put_cell(out, name);
    for (int s = 0; s < p->n_settings; s++)
      if (sweepplan_varies(p, s)) put_cell(out, sweepplan_value(p, k, s));
    fputs(status, out);
    numbers_cells(out, cell, 3);
    fputc('\n', out);
  }
  return 0;
}

static int save_csv(struct json_t *table, const struct sweepplan *p, const char *path) {
  struct file_out out;
  TRY(file_out_open(&out, path));
  const int rc = save_csv_rows(out.stream, table, p, path);
  if (rc < 0) file_out_abort(&out);
  return rc < 0 ? rc : file_out_commit(&out);
}

int sweep_save(struct json_t *table, const struct sweepplan *p, const char *folder) {
  static const char *const files[] = { "sweep.csv", "sweep.json", "report.html" };
  char path[3][FILE_PATH_SIZE];
  for (int k = 0; k < 3; k++) {
    TRY(path_of(path[k], folder, "", files[k]));
    TRY(file_refuse_link(path[k]));
  }
  TRY(save_csv(table, p, path[0]));
  TRY(json_write(table, path[1]));
  return sweeppage_write(path[2], table, path[1]);
}
