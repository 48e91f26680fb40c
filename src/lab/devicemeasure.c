#include "lab/devicemeasure.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "base/rng.h"
#include "base/stat.h"
#include "base/text.h"

const struct param devicemeasure_param_table[] = {
  PARAM_I64(struct devicemeasure_params, points, 11, 3, 100, "number of conductances, from 0 to the largest"),
  PARAM_I64(struct devicemeasure_params, cells, 512, 16, 65536, "cells that are programmed to each of them"),
  PARAM_I64(struct devicemeasure_params, repeats, 16, 4, 1000, "products of each cell, for its read noise"),
  PARAM_F64(struct devicemeasure_params, tolerance, 0.02, 0, 1,
            "accepted error of a programmed weight, relative to the largest"),
  PARAM_F64(struct devicemeasure_params, t_read_s, 250e-9, 1e-12, 1,
            "duration of a read, which a driver does not report; it relates read noise to read_q"),
  PARAM_I64(struct devicemeasure_params, seed, 1, 0, 9007199254740992, "seed of simulators that take random numbers"),
  { 0 },
};

// Of max(0, z), z standard normal.
static const double REST_VARIANCE = 0.34084505690810466, REST_MEAN = 0.39894228040143268;

enum { READS = 4 };  // at the first time, for the spread of `read`

// Cells of one conductance on the chip.
struct level {
  double target, programmed_s, t_s[DEVICEMEASURE_TIMES];
  double *weight;        // (times, cells)
  double read_variance;  // of repeated reads
  double *noise;         // (cells) variance of one product, in weight; of the conductances above 0
};

struct bench {
  struct driver *d;
  const struct devicemeasure_params *p;
  struct rng draws;
  int rows, columns, cells, n_times;
  const double *times_s;
  struct level *level;
};

static int ask(struct bench *b, struct driver_call *c) { return driver_ask_drawing(b->d, c, &b->draws); }

// ---- what is read from the chip

// Regions of points x cells: side by side, then below, then on the next core.
static int place(struct bench *b) {
  const struct mx_driver_info *i = &b->d->info;
  const int n = (int)b->p->points, cells = (int)b->p->cells;
  b->columns = i->columns < 64 ? i->columns : 64;
  b->rows = (cells + b->columns - 1) / b->columns;
  const int across = i->columns / b->columns, down = i->rows / b->rows;
  if (n > across * down * i->cores)
    return err_set(ERR_SETTING, "measure.cells=%d, measure.points=%d: more cells than %s has: %d core%s of %d x %d",
                   cells, n, i->name, i->cores, text_s(i->cores), i->rows, i->columns);
  struct mx_region *regions = err_calloc((size_t)n, sizeof *regions);
  for (int k = 0; k < n; k++)
    regions[k] = (struct mx_region){ k / (across * down), k / across % down * b->rows, b->rows, k % across * b->columns,
                                     b->columns };
  struct driver_call call = { .op = DRIVER_PLACE, .n = n, .regions = regions };
  const int rc = ask(b, &call);
  free(regions);
  b->cells = b->rows * b->columns;
  return rc;
}

static int now(struct bench *b, double *now_s) {
  struct driver_call call = { .op = DRIVER_NOW };
  TRY(ask(b, &call));
  *now_s = call.now_s;
  return 0;
}

static int program(struct bench *b, int k) {
  struct level *l = &b->level[k];
  double *target = err_calloc(2 * (size_t)b->cells, sizeof *target);
  uint8_t *status = err_calloc((size_t)b->cells, 1);
  l->target = (double)k / (double)(b->p->points - 1);
  for (int i = 0; i < b->cells; i++) target[i] = l->target;
  struct driver_call call = { .op = DRIVER_PROGRAM,
                              .region = k,
                              .target = target,
                              .tolerance = b->p->tolerance,
                              .reached = target + b->cells,
                              .status = status };
  const int rc = ask(b, &call);
  free(status);
  free(target);
  TRY(rc);
  return now(b, &l->programmed_s);
}

static int read_level(struct bench *b, int k, int time) {
  struct level *l = &b->level[k];
  struct driver_call wait = { .op = DRIVER_WAIT, .until_s = l->programmed_s + b->times_s[time] };
  struct driver_call read = { .op = DRIVER_READ, .region = k, .reached = l->weight + (size_t)time * (size_t)b->cells };
  TRY(ask(b, &wait));
  TRY(now(b, &l->t_s[time]));
  l->t_s[time] -= l->programmed_s;
  return ask(b, &read);
}

// Variance of repeated reads, mean over the cells.
static int read_spread(struct bench *b, int k) {
  struct stat_moments *cell = err_calloc((size_t)b->cells, sizeof *cell);
  double *weight = err_calloc((size_t)b->cells, sizeof *weight), sum = 0;
  struct driver_call call = { .op = DRIVER_READ, .region = k, .reached = weight };
  int rc = 0;
  for (int r = 0; r < READS && rc == 0; r++) {
    rc = ask(b, &call);
    for (int i = 0; rc == 0 && i < b->cells; i++) stat_add(&cell[i], weight[i]);
  }
  for (int i = 0; i < b->cells; i++) sum += cell[i].m2 / (READS - 1);
  b->level[k].read_variance = sum / b->cells;
  free(weight);
  free(cell);
  return rc;
}

// Moments of the codes of every cell alone: a full input on its row.
static int single_codes(struct bench *b, int k, struct stat_moments *code) {
  const int32_t full = (1 << (b->d->info.input_bits - 1)) - 1;
  int32_t *input = err_calloc((size_t)b->rows * (size_t)b->rows, sizeof *input);
  int32_t *output = err_calloc((size_t)b->cells, sizeof *output);
  for (int i = 0; i < b->rows; i++) input[i * b->rows + i] = full;
  struct driver_call range = { .op = DRIVER_RANGE, .region = k, .n = b->rows, .input = input, .margin = 1.5 };
  struct driver_call call = { .op = DRIVER_PRODUCT, .region = k, .n = b->rows, .input = input, .output = output };
  int rc = b->d->can.range ? ask(b, &range) : 0;
  for (int64_t r = 0; r < b->p->repeats && rc == 0; r++) {
    rc = ask(b, &call);
    for (int i = 0; rc == 0 && i < b->cells; i++) stat_add(&code[i], output[i]);
  }
  free(output);
  free(input);
  return rc;
}

// l->noise. What a code is worth is the regression of codes on weights; rounding adds a variance of 1/12.
static int product_noise(struct bench *b, int k) {
  struct level *l = &b->level[k];
  struct stat_moments *code = err_calloc((size_t)b->cells, sizeof *code);
  double both = 0, square = 0;
  const int rc = single_codes(b, k, code);
  for (int i = 0; i < b->cells; i++) {
    both += code[i].mean * l->weight[i];
    square += l->weight[i] * l->weight[i];
  }
  const double codes = square > 0 ? both / square : 0;  // of a weight of 1
  for (int i = 0; i < b->cells; i++)
    l->noise[i] = codes > 0 ? (code[i].m2 / ((double)b->p->repeats - 1) - 1.0 / 12) / (codes * codes) : 0;
  free(code);
  return rc;
}

static int collect(struct bench *b) {
  const int n = (int)b->p->points;
  TRY(place(b));
  b->level = err_calloc((size_t)n, sizeof *b->level);
  for (int k = 0; k < n; k++) {
    b->level[k].weight = err_calloc((size_t)b->n_times * (size_t)b->cells, sizeof(double));
    b->level[k].noise = err_calloc((size_t)b->cells, sizeof(double));
  }
  for (int k = 0; k < n; k++) TRY(program(b, k));
  for (int time = 0; time < b->n_times; time++)
    for (int k = 0; k < n; k++) {
      TRY(read_level(b, k, time));
      if (time > 0) continue;
      TRY(read_spread(b, k));
      if (k > 0) TRY(product_noise(b, k));
    }
  return 0;
}

// ---- what follows from it

// Cells that conduct less than a tenth of the target are left out: stuck ones.
static bool conducts(const struct bench *b, const struct level *l, int i) {
  for (int time = 1; time < b->n_times; time++)
    if (l->weight[time * b->cells + i] <= 0) return false;
  return l->weight[i] >= 0.1 * l->target;
}

static struct devicemeasure_value mean_of(const struct stat_moments *s) {
  return (struct devicemeasure_value){ s->mean, stat_mean_se(s) };
}

// Square root of the variance less `known`; its error is that of the variance.
static struct devicemeasure_value spread_of(const struct stat_moments *s, double known) {
  if (s->n < 2) return (struct devicemeasure_value){ INFINITY, INFINITY };
  const double left = sqrt(fmax(stat_sd(s) * stat_sd(s) - known, 0)), error = stat_variance_se(s);
  return (struct devicemeasure_value){ left, left * left > error ? error / (2 * left) : sqrt(error) };
}

static void fit_drift(const struct bench *b, const struct level *l, struct devicemeasure_row *row) {
  struct stat_moments nu = { 0 };
  double mean = 0, square = 0, weight = 0;
  for (int time = 0; time < b->n_times; time++) mean += log(l->t_s[time]) / b->n_times;
  for (int time = 0; time < b->n_times; time++) square += pow(log(l->t_s[time]) - mean, 2);
  row->drift_mean = row->drift_std = (struct devicemeasure_value){ INFINITY, INFINITY };
  if (l->target <= 0 || b->n_times < 2 || square <= 0) return;
  for (int i = 0; i < b->cells; i++) {
    double both = 0;
    if (!conducts(b, l, i)) continue;
    for (int time = 0; time < b->n_times; time++)
      both += (log(l->t_s[time]) - mean) * log(l->weight[time * b->cells + i]);
    stat_add(&nu, -both / square);
    weight += l->weight[i];
  }
  if (nu.n < 2) return;
  weight /= (double)nu.n;
  row->drift_mean = mean_of(&nu);
  row->drift_std = spread_of(&nu, l->read_variance / (weight * weight * square));
}

static void fit_noise(const struct bench *b, const struct level *l, const struct devicemeasure *m,
                      struct devicemeasure_row *row) {
  struct stat_moments q = { 0 };  // of Q^2
  const double factor = log((l->t_s[0] + m->t_read_s) / (2 * m->t_read_s)), all = m->info.g_max_uS;
  row->read_q = (struct devicemeasure_value){ INFINITY, INFINITY };
  if (l->target <= 0 || factor <= 0) return;
  for (int i = 0; i < b->cells; i++) {
    const double g = l->weight[i] + m->rest_mean_uS / all;
    if (conducts(b, l, i)) stat_add(&q, l->noise[i] / (g * g * factor));
  }
  const struct devicemeasure_value square = mean_of(&q);
  if (square.value <= square.error) return;  // below the resolution of the converter
  row->read_q = (struct devicemeasure_value){ sqrt(square.value), square.error / (2 * sqrt(square.value)) };
}

static void say_missing(struct devicemeasure *m, const struct bench *b, int left_out) {
  int used = snprintf(m->missing, sizeof m->missing,
                      "drift and read noise at 0: the values of the next conductance\n"
                      "t_read_s: %g s is assumed (measure.t_read_s)\n"
                      "read_white: it is part of read_q\n",
                      m->t_read_s);
  if (left_out)
    used += snprintf(m->missing + used, sizeof m->missing - (size_t)used,
                     "%d of %d cells: they conduct less than a tenth of their target\n", left_out, m->n * b->cells);
  if (b->n_times < 2)
    used += snprintf(m->missing + used, sizeof m->missing - (size_t)used, "drift: it needs two times; 0 is written\n");
  for (int k = 1; k < m->n; k++)
    if (m->rows[k].read_q.value == INFINITY) {
      snprintf(m->missing + used, sizeof m->missing - (size_t)used,
               "read noise at %.4g uS and perhaps others: below one output code\n", m->rows[k].target_uS);
      break;
    }
}

// First weights of a conductance, of cells that conduct; any at 0.
static struct stat_moments first_weights(const struct bench *b, const struct level *l) {
  struct stat_moments s = { 0 };
  for (int i = 0; i < b->cells; i++)
    if (l->target <= 0 || conducts(b, l, i)) stat_add(&s, l->weight[i]);
  return s;
}

static void evaluate(struct devicemeasure *m, const struct bench *b) {
  double resting = 0;  // variance of a sign that rests, in weight
  int left_out = 0;
  m->t0_s = b->times_s[0];
  for (int k = 0; k < m->n; k++) {
    const struct level *l = &b->level[k];
    struct devicemeasure_row *row = &m->rows[k];
    const struct stat_moments s = first_weights(b, l);
    struct devicemeasure_value *v = &row->sigma_prog_uS;
    row->target_uS = l->target * m->info.g_max_uS;
    left_out += b->cells - (int)s.n;
    *v = spread_of(&s, resting + l->read_variance);
    if (k == 0) {  // both signs rest
      resting = v->value * v->value / 2;
      v->value /= sqrt(2 * REST_VARIANCE);
      v->error /= sqrt(2 * REST_VARIANCE);
      m->rest_mean_uS = REST_MEAN * v->value * m->info.g_max_uS;
    }
    v->value *= m->info.g_max_uS;
    v->error *= m->info.g_max_uS;
    fit_drift(b, l, row);
    fit_noise(b, l, m, row);
  }
  say_missing(m, b, left_out);
}

int devicemeasure_of(struct devicemeasure *m, struct driver *d, const struct devicemeasure_params *p,
                     const double *times_s, int n_times) {
  struct bench b = {
    .d = d, .p = p, .draws = rng_stream((uint64_t)p->seed, RNG_READ, 0), .n_times = n_times, .times_s = times_s
  };
  *m = (struct devicemeasure){ .info = d->info, .t_read_s = p->t_read_s, .n = (int)p->points };
  m->rows = err_calloc((size_t)m->n, sizeof *m->rows);
  const int rc = collect(&b);
  if (rc == 0) evaluate(m, &b);
  else devicemeasure_release(m);
  for (int k = 0; b.level && k < (int)p->points; k++) {
    free(b.level[k].weight);
    free(b.level[k].noise);
  }
  free(b.level);
  return rc;
}

int devicemeasure_run(struct devicemeasure *m, const char *text, const struct driver_options *o,
                      const struct devicemeasure_params *p, const double *times_s, int n_times) {
  struct driver *d;
  TRY(driver_open(&d, text, o));
  const int rc = devicemeasure_of(m, d, p, times_s, n_times), closed = driver_close(d);
  if (rc == 0 && closed < 0) devicemeasure_release(m);
  return rc < 0 ? rc : closed;
}

void devicemeasure_release(struct devicemeasure *m) {
  free(m->rows);
  m->rows = NULL;
}

int devicemeasure_times(double times_s[DEVICEMEASURE_TIMES], const char *text) {
  const int n = numbers_parse(times_s, DEVICEMEASURE_TIMES, text, 1e-6, 1e9, "--times");
  return n == 0 ? err_set(ERR_SETTING, "--times: no time") : n;
}

// ---- files

int devicemeasure_check(const char *path) {
  const char *ending = strrchr(path, '.');
  if (ending && !strcmp(ending, ".csv") && ending > path && ending[-1] != '/') return file_out_check(path);
  return err_set(ERR_SETTING, "%s: a device table must end in .csv", path);
}

// A value that is not measured: that of the nearest row above, else below, else 0.
static double known(const struct devicemeasure *m, int k, size_t at) {
  for (int step = 0; step < 2 * m->n; step++) {
    const int row = step < m->n ? k + step : k - (step - m->n);
    if (row < 0 || row >= m->n) continue;
    const double v = ((const struct devicemeasure_value *)((const char *)&m->rows[row] + at))->value;
    if (v != INFINITY) return fmax(v, 0);
  }
  return 0;
}
#define KNOWN(k, field) known(m, k, offsetof(struct devicemeasure_row, field))

static void put_table(FILE *out, const struct devicemeasure *m) {
  fprintf(out, "g_uS,sigma_prog_uS,drift_mean,drift_std,read_q\n");
  for (int k = 0; k < m->n; k++)
    fprintf(out, "%.8g,%.6g,%.6g,%.6g,%.6g\n", m->rows[k].target_uS, KNOWN(k, sigma_prog_uS), KNOWN(k, drift_mean),
            KNOWN(k, drift_std), KNOWN(k, read_q));
}

static void put_constants(FILE *out, const struct devicemeasure *m, const char *csv) {
  const char *slash = strrchr(csv, '/');
  char name[sizeof m->info.name];
  snprintf(name, sizeof name, "%s", m->info.name);
  for (char *c = name; *c; c++)
    if (!isalnum((unsigned char)*c) && !strchr(" .,_-+()", *c)) *c = '_';
  fprintf(out,
          "; measured by metaxbar device --driver\n[device]\nname = %s\ndevices = %d\ng_max_uS = %.8g\nt0_s = %.8g\n",
          name, m->info.devices >= 4 ? 2 : 1, m->rows[m->n - 1].target_uS, m->t0_s);
  fprintf(out, "t_read_s = %.8g\ndata = %s\n", m->t_read_s, slash ? slash + 1 : csv);
}

int devicemeasure_save(const struct devicemeasure *m, const char *path) {
  struct file_out out;
  char ini[FILE_PATH_SIZE];
  TRY(devicemeasure_check(path));
  TRY(file_out_open(&out, path));
  put_table(out.stream, m);
  TRY(file_out_commit(&out));
  snprintf(ini, sizeof ini, "%.*s.ini", (int)(strlen(path) - 4), path);
  TRY(file_out_open(&out, ini));
  put_constants(out.stream, m, path);
  return file_out_commit(&out);
}

// ---- printing

static void put_value(FILE *out, struct devicemeasure_value v) {
  if (v.value == INFINITY) fprintf(out, "  %18s", "?");
  else fprintf(out, "  %8.4f +- %.4f", v.value, v.error);
}

void devicemeasure_print(const struct devicemeasure *m, FILE *out) {
  fprintf(out, "%s: read first after %g s; standard errors after +-\n", m->info.name, m->t0_s);
  fprintf(out, "%8s  %18s  %18s  %18s  %18s\n", "g uS", "sigma_prog uS", "drift_mean", "drift_std", "read_q");
  for (int k = 0; k < m->n; k++) {
    fprintf(out, "%8.3f", m->rows[k].target_uS);
    put_value(out, m->rows[k].sigma_prog_uS);
    put_value(out, m->rows[k].drift_mean);
    put_value(out, m->rows[k].drift_std);
    put_value(out, m->rows[k].read_q);
    fputc('\n', out);
  }
  fprintf(out, "not measured:\n%s", m->missing);
}

static void put_json(struct json_t *o, const char *name, struct devicemeasure_value v) {
  char error[64];
  snprintf(error, sizeof error, "%s_error", name);
  json_put_known(o, name, v.value);
  json_put_known(o, error, v.error);
}

struct json_t *devicemeasure_json(const struct devicemeasure *m) {
  struct json_t *o = json_object_new();
  json_put_text(o, "device", m->info.name);
  json_put_i64(o, "devices", m->info.devices);
  json_put_f64(o, "g_max_uS", m->info.g_max_uS);
  json_put_f64(o, "t0_s", m->t0_s);
  json_put_f64(o, "t_read_s", m->t_read_s);
  struct json_t *missing = json_add_array(o, "missing");
  for (const char *line = m->missing; *line; line = strchr(line, '\n') + 1) {
    char text[sizeof m->missing];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
    json_put_text(missing, NULL, text);
  }
  struct json_t *rows = json_add_array(o, "rows");
  for (int k = 0; k < m->n; k++) {
    struct json_t *row = json_add_object(rows, NULL);
    json_put_f64(row, "g_target_uS", m->rows[k].target_uS);
    put_json(row, "sigma_prog_uS", m->rows[k].sigma_prog_uS);
    put_json(row, "drift_mean", m->rows[k].drift_mean);
    put_json(row, "drift_std", m->rows[k].drift_std);
    put_json(row, "read_q", m->rows[k].read_q);
  }
  return o;
}
