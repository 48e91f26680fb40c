#include "lab/characterise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/rng.h"
#include "device/core.h"
#include "device/devicetable.h"

static const double time_s[CHARACTERISE_TIMES] = { 0, 3600, 86400, 30 * 86400 };  // [0]: t0

const struct param characterise_param_table[] = {
  PARAM_CHOICE(struct characterise_params, preset, PCM_HERMES, pcm_preset_names, "device model"),
  PARAM_TEXT(struct characterise_params, table, "", "INI file of a measured device model, used instead of the preset"),
  PARAM_CHOICE(struct characterise_params, programming, VERIFY_STATISTICAL, verify_programming_names,
               "how devices are written: with the error of a statistical model, or pulse by pulse with verify reads"),
  PARAM_I64(struct characterise_params, points, 21, 2, 1000, "number of conductances, from 0 to g_max"),
  PARAM_I64(struct characterise_params, seed, 1, 0, 9007199254740992, "seed of the random numbers"),
  { 0 },
};

enum { SIDE = 64, UNITS = SIDE * SIDE };

static double mean_of(const float *v) {
  double sum = 0;
  for (int i = 0; i < UNITS; i++) sum += (double)v[i];
  return sum / UNITS;
}

static double spread_of(const float *v, double mean) {
  double sum = 0;
  for (int i = 0; i < UNITS; i++) sum += ((double)v[i] - mean) * ((double)v[i] - mean);
  return sqrt(sum / (UNITS - 1));
}

// Noise of single units, read one row at a time: root of the mean variance over all of them, uS.
static double measured_noise(struct core_work *w, const struct tile *t, const struct tile_design *d, struct rng *r) {
  double sum = 0, square = 0, total = 0;
  struct core_inputs in;
  for (int row = 0; row < SIDE; row++) {
    memset(w->level, 0, CORE_BLOCK * SIDE * sizeof(real));
    for (int b = 0; b < CORE_BLOCK; b++) w->level[b * SIDE + row] = 1;
    core_look(&in, d, w->level, SIDE, CORE_BLOCK);
    core_codes(w, t, d, &in, CORE_BLOCK, r);
    for (int o = 0; o < SIDE; o++) {
      sum = square = 0;
      for (int b = 0; b < CORE_BLOCK; b++) {  // from the first read: a device without noise gives exactly 0
        const double v = (double)w->sum[b * SIDE + o] - (double)w->sum[o];
        sum += v;
        square += v * v;
      }
      total += (square - sum * sum / CORE_BLOCK) / (CORE_BLOCK - 1);
    }
  }
  return sqrt(total / UNITS);
}

static void formulas(struct characterise_row *row, const struct pcm *p) {
  const double g = row->target_uS, mu = pcm_drift_mean(p, g), s = pcm_drift_spread(p, g);
  const double l0 = pcm_log_ratio(p, p->t0_s);
  row->prog_sigma_uS[0] = pcm_sigma_prog_uS(p, g);
  row->drift_mu[0] = mu;
  row->drift_s[0] = s;
  for (int k = 0; k < CHARACTERISE_TIMES; k++) {
    const double t = p->t0_s + time_s[k], l = pcm_log_ratio(p, t);
    row->kept[k][0] =
      exp(-mu * l + s * s * l * l / 2 + mu * l0 - s * s * l0 * l0 / 2);  // E exp(-nu l), nu ~ N(mu, s), over that at t0
    row->read_sigma_uS[k][0] = pcm_sigma_read_uS(p, g * exp(-mu * l), pcm_read_q(p, g), t);
  }
}

static void measure(struct characterise_row *row, struct tile *t, const struct tile_design *d, struct core_work *w,
                    struct rng *r) {
  static _Thread_local _Alignas(64) real weights[UNITS];
  struct tile_count count = { 0 };
  for (int i = 0; i < UNITS; i++) weights[i] = (real)(row->target_uS / d->pcm.g_max_uS);
  tile_write(t, d, weights, NULL, true, false, 0, r, &count);
  row->prog_mean_uS = mean_of(t->g_uS);
  row->prog_sigma_uS[1] = spread_of(t->g_uS, row->prog_mean_uS);
  row->drift_mu[1] = mean_of(t->nu);
  row->drift_s[1] = spread_of(t->nu, row->drift_mu[1]);
  // without the RESET of the other sign
  row->pulses = ((double)count.verify.pulses - (d->by_verify ? UNITS : 0)) / UNITS;
  memset(t->g_uS + UNITS, 0, UNITS * sizeof(float));  // read the units of one sign alone
  double first = 1;
  for (int k = 0; k < CHARACTERISE_TIMES; k++) {
    double sum = 0;
    tile_settle(t, d, d->pcm.t0_s + time_s[k]);
    for (int i = 0; i < UNITS; i++) sum += (double)t->g[0][i];
    if (k == 0) first = sum;
    row->kept[k][1] = first > 0 ? sum / first : 1;
    row->read_sigma_uS[k][1] = measured_noise(w, t, d, r);
  }
}

int characterise_run(struct characterise *c, const struct characterise_params *p, const struct verify_params *v) {
  struct tile_design d = { .units = 1, .verify = *v, .by_verify = p->programming == VERIFY_PULSES };
  struct tile t;
  struct core_work w;
  if (*p->table) TRY(devicetable_load(&d.pcm, p->table));
  else pcm_preset(&d.pcm, (int)p->preset);
  *c = (struct characterise){ .g_max_uS = d.pcm.g_max_uS,
                              .t0_s = d.pcm.t0_s,
                              .t_read_s = d.pcm.t_read_s,
                              .devices = d.pcm.devices,
                              .n = (int)p->points };
  snprintf(c->name, sizeof c->name, "%s", d.pcm.name);
  snprintf(c->source, sizeof c->source, "%.*s", (int)sizeof c->source - 1, *p->table ? p->table : d.pcm.source);
  c->rows = err_calloc((size_t)c->n, sizeof *c->rows);
  struct rng r = rng_stream((uint64_t)p->seed, RNG_PROGRAM, 0);
  tile_init(&t, &d, SIDE, SIDE, &r);
  core_work_init(&w, SIDE, SIDE);
  for (int k = 0; k < c->n; k++) {
    c->rows[k].target_uS = d.pcm.g_max_uS * k / (c->n - 1);
    formulas(&c->rows[k], &d.pcm);
    measure(&c->rows[k], &t, &d, &w, &r);
  }
  core_work_release(&w);
  tile_release(&t);
  return 0;
}

void characterise_release(struct characterise *c) {
  free(c->rows);
  c->rows = NULL;
}

// Every column of the tables with its value.
// clang-format off
#define COLUMNS(X)                                                                                 \
  X("g_target_uS", r->target_uS)                                                                   \
  X("sigma_prog_uS", r->prog_sigma_uS[0]) X("sigma_prog_measured_uS", r->prog_sigma_uS[1])         \
  X("mean_prog_measured_uS", r->prog_mean_uS)                                                      \
  X("drift_mean", r->drift_mu[0]) X("drift_mean_measured", r->drift_mu[1])                         \
  X("drift_std", r->drift_s[0]) X("drift_std_measured", r->drift_s[1])                             \
  X("kept_1h", r->kept[1][0]) X("kept_1h_measured", r->kept[1][1])                                 \
  X("kept_1day", r->kept[2][0]) X("kept_1day_measured", r->kept[2][1])                             \
  X("kept_30day", r->kept[3][0]) X("kept_30day_measured", r->kept[3][1])                           \
  X("sigma_read_t0_uS", r->read_sigma_uS[0][0]) X("sigma_read_t0_measured_uS", r->read_sigma_uS[0][1])         \
  X("sigma_read_1day_uS", r->read_sigma_uS[2][0]) X("sigma_read_1day_measured_uS", r->read_sigma_uS[2][1])     \
  X("pulses", r->pulses)
// clang-format on

void characterise_csv(const struct characterise *c, FILE *out) {
  const char *separator = "";
#define X(name, value) fprintf(out, "%s%s", separator, name), separator = ",";
  COLUMNS(X)
#undef X
  fputc('\n', out);
  for (int k = 0; k < c->n; k++) {
    const struct characterise_row *r = &c->rows[k];
    separator = "";
#define X(name, value) fprintf(out, "%s%.8g", separator, value), separator = ",";
    COLUMNS(X)
#undef X
    fputc('\n', out);
  }
}

struct json_t *characterise_json(const struct characterise *c) {
  struct json_t *o = json_object_new();
  json_put_text(o, "device", c->name);
  json_put_text(o, "source", c->source);
  json_put_i64(o, "devices", c->devices);
  json_put_f64(o, "g_max_uS", c->g_max_uS);
  json_put_f64(o, "t0_s", c->t0_s);
  json_put_f64(o, "t_read_s", c->t_read_s);
  struct json_t *rows = json_add_array(o, "rows");
  for (int k = 0; k < c->n; k++) {
    const struct characterise_row *r = &c->rows[k];
    struct json_t *row = json_add_object(rows, NULL);
#define X(name, value) json_put_f64(row, name, value);
    COLUMNS(X)
#undef X
  }
  return o;
}

// ---- plots

// The device's name may hold anything: it is data of the script, behind a letter, so that it cannot end the block.
static void plot_script(const struct characterise *c, FILE *g, const char *terminal) {
  fprintf(g, "set encoding utf8\nset terminal %s\nset datafile separator ','\n$data << EOD\n", terminal);
  characterise_csv(c, g);
  fprintf(g, "EOD\n$name << EOD\n=%s\nEOD\n", c->name);
  fprintf(g, "set multiplot layout 2,2 title substr($name[1], 2, strlen($name[1])) noenhanced\n"
             "set key bottom right\nset xlabel 'conductance (uS)'\n");
  static const char *const panels[4][3] = {
    // title, formula, measured
    { "programming error (uS)", "sigma_prog_uS", "sigma_prog_measured_uS" },
    { "mean drift exponent", "drift_mean", "drift_mean_measured" },
    { "part of the conductance kept after a day", "kept_1day", "kept_1day_measured" },
    { "read noise at t0 (uS)", "sigma_read_t0_uS", "sigma_read_t0_measured_uS" },
  };
  for (int k = 0; k < 4; k++)
    fprintf(g,
            "set ylabel '%s'\nplot $data using 'g_target_uS':'%s' with lines title 'formula', '' using "
            "'g_target_uS':'%s' "
            "with points title 'measured'\n",
            panels[k][0], panels[k][1], panels[k][2]);
}

// gnuplot's name of the form that a path ends in; NULL: none.
static const char *terminal_of(const char *path) {
  static const struct {
    const char *ending, *terminal;
  } forms[] = {
    { ".png", "pngcairo size 1200,900" },
    { ".pdf", "pdfcairo size 20cm,15cm" },
    { ".svg", "svg size 1200,900 background '#ffffff'" },
  };
  const char *ending = strrchr(path, '.');
  for (size_t k = 0; ending && k < sizeof forms / sizeof *forms; k++)
    if (!strcmp(ending, forms[k].ending)) return forms[k].terminal;
  return NULL;
}

int characterise_plot_check(const char *path) {
  return terminal_of(path) ? 0 : err_set(ERR_SETTING, "%s: a plot must end in .png, .pdf or .svg", path);
}

int characterise_plot(const struct characterise *c, const char *path) {
  static const char *const gnuplot[] = { "gnuplot", "-d", NULL };  // -d: without ~/.gnuplot
  struct file_out out;
  struct process p;
  TRY(characterise_plot_check(path));
  TRY(file_out_open(&out, path));
  int rc = process_start(&p, gnuplot, "gnuplot-nox");
  if (rc == 0) {
    plot_script(c, p.in, terminal_of(path));
    rc = process_finish(&p, out.stream);
  }
  if (rc == 0) return file_out_commit(&out);
  file_out_abort(&out);
  return err_set(rc, "%s: %s", path, err_message());
}
