#include "device/devicetable.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/param.h"
#include "base/settings.h"
#include "base/text.h"
#include "device/pcm.h"

enum { MAX_FILE = 1 << 20, MAX_LINE = 256, COLUMNS = 5, DRIFT_MEAN = 2 };
static const char *const columns[COLUMNS] = { "g_uS", "sigma_prog_uS", "drift_mean", "drift_std", "read_q" };

struct constants {
  char name[PARAM_TEXT_SIZE];
  int64_t devices;
  double g_max_uS, t0_s, t_read_s, read_white;
  char data[PARAM_TEXT_SIZE];
};

static const struct param constants_table[] = {
  PARAM_TEXT(struct constants, name, "measured", "name of the device"),
  PARAM_I64(struct constants, devices, 1, 1, 2, "devices in parallel that one row describes"),
  PARAM_F64(struct constants, g_max_uS, 0, 0, 1e6, "largest conductance that is written, uS"),
  PARAM_F64(struct constants, t0_s, 20, 1e-9, 1e9, "time of the first read after writing, s"),
  PARAM_F64(struct constants, t_read_s, 250e-9, 1e-12, 1, "duration of one read, s"),
  PARAM_F64(struct constants, read_white, 0, 0, 1, "white noise of one device in one read, relative to its g_max"),
  PARAM_TEXT(struct constants, data, "", "CSV file of the curves"),
  { 0 },
};

// The next line that is neither empty nor a comment, without blanks at its end.
static int next_line(struct lines *r, char text[MAX_LINE], bool *found) {
  do {
    TRY(lines_next(r, text, MAX_LINE, found));
    for (size_t n = *found ? strlen(text) : 0; n > 0 && isspace((unsigned char)text[n - 1]); n--) text[n - 1] = 0;
  } while (*found && (!*text || *text == '#'));
  return 0;
}

static void remove_blanks(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++)
    if (*from != ' ' && *from != '\t') *to++ = *from;
  *to = 0;
}

static int read_header(struct lines *r) {
  char text[MAX_LINE], expected[MAX_LINE] = "";
  bool found;
  TRY(next_line(r, text, &found));
  if (found) remove_blanks(text);
  for (int k = 0; k < COLUMNS; k++) {
    const size_t used = strlen(expected);
    snprintf(expected + used, sizeof expected - used, "%s%s", k ? "," : "", columns[k]);
  }
  if (!found || strcmp(text, expected))
    return err_set(ERR_FORMAT, "%s:%d: first line must be %s, not '%s'", r->name, r->line, expected,
                   found ? text : "");
  return 0;
}

static int read_row(const struct lines *r, const char *text, double row[COLUMNS]) {
  for (int k = 0; k < COLUMNS; k++) {
    char *end;
    row[k] = strtod(text, &end);
    while (end > text && (*end == ' ' || *end == '\t')) end++;
    if (end == text || *end != (k < COLUMNS - 1 ? ',' : 0))
      return err_set(ERR_FORMAT, "%s:%d: %s: number %d of %d expected at '%s'", r->name, r->line, columns[k], k + 1,
                     COLUMNS, text);
    const double least = k == DRIFT_MEAN ? -1 : 0;
    if (!isfinite(row[k]) || row[k] < least || row[k] > 1e9)
      return err_set(ERR_FORMAT, "%s:%d: %s=%g: must be finite and in [%g, 1e9]", r->name, r->line, columns[k], row[k],
                     least);
    text = end + 1;
  }
  return 0;
}

static int check_order(const struct lines *r, double g_uS, double before_uS, int n) {
  if (n == 0 && g_uS > 0) return err_set(ERR_FORMAT, "%s:%d: g_uS=%g: must begin at 0", r->name, r->line, g_uS);
  if (n > 0 && g_uS <= before_uS)
    return err_set(ERR_FORMAT, "%s:%d: g_uS=%g: must be larger than %g before it", r->name, r->line, g_uS, before_uS);
  if (n == PCM_MAX_POINTS) return err_set(ERR_FORMAT, "%s:%d: more than %d rows", r->name, r->line, PCM_MAX_POINTS);
  return 0;
}

static int read_curves(struct pcm *p, struct lines *r) {
  struct pcm_curve *const curves[COLUMNS] = { NULL, &p->sigma_prog, &p->mu, &p->s, &p->q };
  double before_uS = -1;
  int n = 0;
  bool found;
  TRY(read_header(r));
  for (;; n++) {
    char text[MAX_LINE];
    double row[COLUMNS];
    TRY(next_line(r, text, &found));
    if (!found) break;
    TRY(read_row(r, text, row));
    TRY(check_order(r, row[0], before_uS, n));
    before_uS = row[0];
    for (int k = 1; k < COLUMNS; k++) {
      curves[k]->x[n] = row[0] / p->g_max_uS;
      curves[k]->value[n] = k == 1 ? row[k] / p->g_max_uS : row[k];
    }
  }
  if (n < 2) return err_set(ERR_FORMAT, "%s: %d row%s: at least 2 are needed", r->name, n, text_s(n));
  if (before_uS < p->g_max_uS)
    return err_set(ERR_FORMAT, "%s: ends at g_uS=%g, below g_max_uS=%g", r->name, before_uS, p->g_max_uS);
  for (int k = 1; k < COLUMNS; k++) {
    curves[k]->form = PCM_TABLE;
    curves[k]->n = n;
  }
  p->sigma_reset = p->sigma_prog.value[0];
  return 0;
}

static int take_constants(struct pcm *p, const struct constants *c, const char *name) {
  if (c->g_max_uS < 1e-6)
    return err_set(ERR_SETTING, "%s: device.g_max_uS=%g: must be at least 1e-6", name, c->g_max_uS);
  if (strlen(c->name) >= sizeof p->name || !*c->name)
    return err_set(ERR_SETTING, "%s: device.name: 1 to %zu characters", name, sizeof p->name - 1);
  *p = (struct pcm){ .source = "device table", .devices = (int)c->devices, .g_max_uS = c->g_max_uS, .t0_s = c->t0_s,
                     .t_read_s = c->t_read_s, .read_white = c->read_white, .prog_scale = 1, .drift_scale = 1,
                     .read_scale = 1 };
  if (p->t_read_s > p->t0_s)
    return err_set(ERR_SETTING, "%s: device.t_read_s=%g: longer than t0_s=%g", name, p->t_read_s, p->t0_s);
  memcpy(p->name, c->name, strlen(c->name) + 1);
  return 0;
}

int devicetable_parse(struct pcm *p, const char *ini, size_t ini_size, const char *ini_name, const char *csv,
                      size_t csv_size, const char *csv_name) {
  struct constants c;
  const struct settings_section all[] = { { "device", constants_table, &c }, { 0 } };
  settings_defaults(all);
  TRY(settings_parse(all, ini, ini_size, ini_name));
  struct pcm q;
  TRY(take_constants(&q, &c, ini_name));
  struct lines lines = lines_of(csv, csv_size, csv_name);
  TRY(read_curves(&q, &lines));
  *p = q;
  return 0;
}

// The CSV file's path: as given, or beside the INI file.
static int data_path(char out[FILE_PATH_SIZE], const char *ini_path, const char *data) {
  const char *slash = strrchr(ini_path, '/');
  const int folder = *data == '/' || !slash ? 0 : (int)(slash - ini_path) + 1;
  if (!*data) return err_set(ERR_SETTING, "%s: device.data: missing, must name the CSV file", ini_path);
  if (snprintf(out, FILE_PATH_SIZE, "%.*s%s", folder, ini_path, data) >= FILE_PATH_SIZE)
    return err_set(ERR_SETTING, "%s: device.data=%s: path too long", ini_path, data);
  return 0;
}

int devicetable_load(struct pcm *p, const char *path) {
  struct constants c;
  const struct settings_section all[] = { { "device", constants_table, &c }, { 0 } };
  char *ini = NULL, *csv = NULL, csv_path[FILE_PATH_SIZE];
  size_t ini_size = 0, csv_size = 0;
  TRY(file_read(path, MAX_FILE, &ini, &ini_size));
  settings_defaults(all);
  int rc = settings_parse(all, ini, ini_size, path);
  if (rc == 0) rc = data_path(csv_path, path, c.data);
  if (rc == 0) rc = file_read(csv_path, MAX_FILE, &csv, &csv_size);
  if (rc == 0) rc = devicetable_parse(p, ini, ini_size, path, csv, csv_size, csv_path);
  free(csv);
  free(ini);
  return rc;
}
