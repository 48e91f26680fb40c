// The page of a report: velocities and path of the first movement before and after the update, all movements as
// numbers, the arm itself.
#include <math.h>
#include <string.h>

#include "arm/jointpath.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "experiment/arm/reach.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"
#include "report/report.h"

enum { KINDS = 2, MAX_STEPS = 100000, WIDTH = 360, HEIGHT = 260 };
static const char *const kinds[KINDS] = { "software", "chip" };
enum { JOINTS = KINDS };  // the table behind those of the kinds
static const char *const tables[] = { "arm_software", "arm_chip", "arm_joints", NULL };

// Before, after, target: the order of drawing.
static const char *const stages[] = { "before", "after", "target" };
static int stage_series(struct chart_series *s, const struct report_run *r, int kind, int stage, const char *x,
                        const char *y) {
  const int looks[] = { CHART_MUTED, kind, CHART_TARGET };
  TRY(report_series(s, r, kind, x, y, NULL));
  s->how = CHART_LINE;
  s->name = stages[stage];
  s->look = looks[stage];
  return 0;
}

static int put_velocity(FILE *out, const struct report_run *r, int kind, int joint) {
  struct chart_series s[3];
  char column[64], title[64];
  for (int stage = 0; stage < 3; stage++) {
    snprintf(column, sizeof column, "%s_%s_rad_s", stages[stage], jointpath_joint_names[joint]);
    TRY(stage_series(&s[stage], r, kind, stage, "time_s", column));
  }
  snprintf(title, sizeof title, "%s, %s", joint ? "Shoulder" : "Base", kinds[kind]);
  chart_draw(out, &(struct chart){ .title = title, .about = "Angular velocity of a joint over time",
                                   .x = { "time, s", 0, NAN, .log = false },
                                   .y = { "angular velocity, rad/s", NAN, NAN, .log = false }, .width = WIDTH,
                                   .height = HEIGHT }, s, 3);
  return 0;
}

static int put_path(FILE *out, const struct report_run *r, int kind) {
  struct chart_series s[3];
  char x[32], y[32], title[64];
  for (int stage = 0; stage < 3; stage++) {
    snprintf(x, sizeof x, "%s_y_m", stages[stage]);
    snprintf(y, sizeof y, "%s_z_m", stages[stage]);
    TRY(stage_series(&s[stage], r, kind, stage, x, y));
    s[stage].fx = -1;  // seen from the arm, y points to the left
  }
  snprintf(title, sizeof title, "Path of the tip, %s", kinds[kind]);
  chart_draw(out, &(struct chart){ .title = title, .about = "Path of the tip",
                                   .x = { "to the right, m", NAN, NAN, .log = false },
                                   .y = { "up, m", NAN, NAN, .log = false }, .equal = true,
                                   .width = WIDTH, .height = HEIGHT }, s, 3);
  return 0;
}

static int put_movement(FILE *out, const struct report_run *r, const char *command) {
  page_figure(out, "");
  fputs("<div class=\"grid\">\n", out);
  for (int kind = 0; kind < KINDS; kind++) {
    for (int joint = 0; joint < 2; joint++) TRY(put_velocity(out, r, kind, joint));
    TRY(put_path(out, r, kind));
  }
  fputs("</div>\n", out);
  page_caption(out, "One movement.", "The first of the evaluation: angular velocities of both joints and the path of "
                                     "the tip as seen from the arm, target, before and after the one update, "
               "in software and on the chip. It moves on a surface, so that two coordinates say all.", command);
  return 0;
}

// ---- all movements

static int put_spread(FILE *out, const struct json_t *score, const char *path) {
  double mean, std;
  TRY(json_field_f64(score, path, "mean", 0, 1e300, &mean));
  TRY(json_field_f64(score, path, "std", 0, 1e300, &std));
  html_cell(out, mean, std, 2);
  return 0;
}

// Tip distance and velocity errors of a score.
static int put_score(FILE *out, const struct json_t *score, const char *path) {
  struct json_t *distance, *joints, *pair;
  TRY(json_field_object(score, path, "rms_distance_cm", &distance));
  TRY(json_field_array(score, path, "omega_rmse_rad_s", &joints));
  TRY(put_spread(out, distance, path));
  for (size_t j = 0; j < 2; j++) {
    double v[2];
    TRY(json_item_array(joints, path, j, &pair));
    for (size_t k = 0; k < 2; k++) TRY(json_item_f64(pair, path, k, 0, 1e300, &v[k]));
    html_cell(out, v[0], v[1], 4);
  }
  return 0;
}

static int put_row(FILE *out, const struct report_run *r, int kind, bool before, bool with_run) {
  struct json_t *result, *score;
  const char *command, *path = r->facts_path;
  char name[64];
  double written;
  TRY(report_evaluation(&result, &command, r, kinds[kind]));
  score = result;
  if (before) TRY(json_field_object(result, path, "before", &score));
  TRY(json_field_f64(result, path, "devices_written", 0, 1e300, &written));
  snprintf(name, sizeof name, "%s, %s the update", kinds[kind], before ? "before" : "after");
  report_row(out, r, with_run, name);
  TRY(put_score(out, score, path));
  fputs("<td>", out);
  if (kind && !before) html_number(out, written, 0);
  fputs("</td></tr>\n", out);
  return 0;
}

// "3 of 250", what never spikes; of reports made before this was counted nothing.
static int silent_text(char text[64], const struct json_t *result, const char *path, const char *network) {
  struct json_t *all, *neurons;
  int64_t n, silent;
  snprintf(text, 64, "?");
  if (!json_has(result, "neurons")) return 0;
  TRY(json_field_object(result, path, "neurons", &all));
  TRY(json_field_object(all, path, network, &neurons));
  TRY(json_field_i64(neurons, path, "all", 0, INT32_MAX, &n));
  TRY(json_field_i64(neurons, path, "silent", 0, n, &silent));
  snprintf(text, 64, "%d of %d", (int)silent, (int)n);
  return 0;
}

static int put_table(FILE *out, const struct report_run *const *runs, int n) {
  struct json_t *result, *rate;
  const char *command, *generator, *path = runs[0]->facts_path;
  char text[512], silent[2][64];
  int64_t movements;
  double trainee, lsg;
  TRY(report_evaluation(&result, &command, runs[0], "chip"));
  TRY(json_field_i64(result, path, "trajectories", 1, INT32_MAX, &movements));
  TRY(json_field_text(result, path, "generator", &generator));
  TRY(json_field_object(result, path, "rate_hz", &rate));
  TRY(json_field_f64(rate, path, "trainee", 0, 1e6, &trainee));
  TRY(json_field_f64(rate, path, "lsg", 0, 1e6, &lsg));
  TRY(silent_text(silent[0], result, path, "trainee"));
  TRY(silent_text(silent[1], result, path, "lsg"));
  page_figure(out, "");
  report_table(out, n > 1);
  fputs("<th scope=\"col\">tip distance, cm</th><th scope=\"col\">base, rad/s</th>"
        "<th scope=\"col\">shoulder, rad/s</th><th scope=\"col\">devices rewritten</th></tr></thead><tbody>\n", out);
  for (int k = 0; k < n; k++)
    for (int kind = 0; kind < KINDS; kind++)
      for (int after = 0; after < 2; after++) TRY(put_row(out, runs[k], kind, !after, n > 1));
  fputs("</tbody></table></div>\n", out);
  snprintf(text, sizeof text, "Root mean square errors over the time of a movement, mean and standard deviation over "
                              "%d unseen movement%s (source: %.60s). The trainee fires at %.1f Hz, the learning "
                              "signal generator at %.1f Hz on the chip; %s and %s of their neurons never spike.",
           (int)movements, text_s(movements), generator, trainee, lsg, silent[0], silent[1]);
  page_caption(out, "How well movements are performed.", text, command);
  return 0;
}

// ---- the moving arm

static const char *const path_names[] = { "target", "before", "software", "chip" };
static const char *const path_labels[] = { "target", "before the update", "after it, software", "after it, chip" };
static const int path_looks[] = { CHART_TARGET, CHART_MUTED, 0, 1 };
enum { PATHS = 4 };

// Joint positions of a path, steps x 4 joints x 3, mm precision.
static int put_joints(FILE *out, const struct report_run *r, int p) {
  static const char *const joints[] = { "shoulder", "elbow", "wrist", "tip" };
  const struct csvtable *t = &r->table[JOINTS];
  const double *v[12];
  char column[64];
  for (int k = 0; k < 12; k++) {
    snprintf(column, sizeof column, "%s_%s_%c_m", path_names[p], joints[k/3], "xyz"[k%3]);
    TRY(report_column(&v[k], r, JOINTS, column));
  }
  fprintf(out, "{\"look\":%d,\"joints\":[", path_looks[p]);
  for (int i = 0; i < t->n_rows; i++)
    for (int k = 0; k < 12; k++) {
      const double x = v[k][i*t->n_columns];
      if (!isfinite(x)) return err_set(ERR_FORMAT, "%s/showcase/arm_joints.csv:%d: an empty cell", r->folder, i + 2);
      fprintf(out, "%s%.4g", i + k ? "," : "", x);
    }
  fputs("]}", out);
  return 0;
}

static void put_controls(FILE *out, int steps) {
  fputs("<div class=\"controls\"><button type=\"button\">Play</button>", out);
  fprintf(out, "<input type=\"range\" min=\"0\" max=\"%d\" step=\"1\" value=\"%d\" aria-label=\"time\">"
               "<output></output><button type=\"button\">Reset view</button></div>\n",
          steps - 1, steps - 1);
  fputs("<div class=\"controls\">", out);
  for (int p = 0; p < PATHS; p++)
    fprintf(out, "<label><input type=\"checkbox\"%s><i class=\"c%d\"></i>%s</label>", p == 1 ? "" : " checked",
            path_looks[p], path_labels[p]);
  fputs("</div>\n", out);
}

static int put_arm(FILE *out, const struct report_run *r) {
  double dt_s;
  TRY(json_field_f64(r->facts, r->facts_path, "dt_s", 1e-9, 1e9, &dt_s));
  if (r->table[JOINTS].n_rows < 1 || r->table[JOINTS].n_rows > MAX_STEPS)
    return err_set(ERR_FORMAT, "%s/showcase/arm_joints.csv: %d steps, expected 1 to %d", r->folder,
                   r->table[JOINTS].n_rows, MAX_STEPS);
  page_figure(out, "arm");
  fputs("<canvas tabindex=\"0\" role=\"img\" aria-label=\"The arm in three dimensions; arrow keys turn it, space "
        "plays\"></canvas>\n",
        out);
  put_controls(out, r->table[JOINTS].n_rows);
  fprintf(out, "<script type=\"application/json\">{\"dt_s\":%.9g,\"steps\":%d,\"paths\":[", dt_s,
          r->table[JOINTS].n_rows);
  for (int p = 0; p < PATHS; p++) {
    if (p) fputc(',', out);
    TRY(put_joints(out, r, p));
  }
  fputs("]}</script>\n", out);
  page_caption(out, "The arm.", "The same movement by the kinematic arm, with the trail of its tip. "
               "Drag or use the arrow keys to turn it, space to play; the squares of the ground are 25 cm wide.", NULL);
  return 0;
}

static int draw(FILE *out, const struct report_run *const *runs, int n) {
  TRY(put_table(out, runs, n));
  for (int k = 0; k < n; k++) {
    struct json_t *result;
    const char *command;
    TRY(report_evaluation(&result, &command, runs[k], "chip"));
    if (n > 1) page_heading(out, runs[k]->name);
    TRY(put_arm(out, runs[k]));
    TRY(put_movement(out, runs[k], command));
  }
  return 0;
}

const struct report_kind reach_report = {
  .name = "arm", .draw = draw,
  .task = "the arm learns a movement from one demonstration",
  .title = "The arm learns a movement from one demonstration",
  .tables = tables,
  .curve = { { "Task loss in training", "loss", 1, { "loss_task", NULL }, true },
             { "Distance of the tip after the update", "RMS distance, cm", 1, { "rms_distance_cm", "validation_cm" },
               true } },
  .curve_text = "Loss on the movements of each iteration, and how far the tip was from its target after the one "
                "update; marks: on "
                "movements held out. Axes of loss and distance are logarithmic.",
};
