// The state of a chip as CSV (chip/chipstate.h).
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/lines.h"
#include "chip/chipstate_private.h"

enum { MAX_CSV = 1 << 30 };

#define CSV_HEADER "matrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault"
#define CSV_NOW ",now_uS"  // may be left out
static const double MOST_RANGES = 1000;  // of g_max: what no device conducts

static void save_tile(const struct chip *c, int k, FILE *out) {
  const struct tile *t = &c->tiles[k];
  const struct floorplan_piece *p = &c->pieces[k];
  struct chipstate_field f[CHIPSTATE_UNIT_FIELDS];
  chipstate_unit_fields(f, t, c);
  for (int plane = 0; plane < 2*c->design.units; plane++)
    for (int i = 0; i < t->rows; i++)
      for (int o = 0; o < t->columns; o++) {
        const size_t u = (size_t)plane * tile_plane(t) + (size_t)i * (size_t)t->ld + (size_t)o;
        fprintf(out, "%s,%d,%d,%c,%d", c->matrices[p->matrix].name, p->row + i, p->column + o,
                plane < c->design.units ? '+' : '-', plane % c->design.units);
        for (int n = 0; n < CHIPSTATE_UNIT_FIELDS; n++)
          fprintf(out, ",%.*g", f[n].kind == F32 ? 9 : 17, chipstate_get(&f[n], u));
        fprintf(out, ",%.9g\n", (double)chipstate_now_uS(t, c, u));
      }
}

static int check_csv(const struct chip *c, const char *path) {
  if (!c->door) return 0;
  return err_set(ERR_SETTING, "%s: a table lists simulated devices; chip.driver does not tell its own", path);
}

int chipstate_save_csv(const struct chip *c, const char *path) {
  struct file_out out;
  TRY(check_csv(c, path));
  TRY(file_out_open(&out, path));
  fprintf(out.stream, "# clock_s=%.17g\n", c->clock_s);
#define X(name, ...)                                                                               \
  fprintf(out.stream, "# " name "=");                                                              \
  fprintf(out.stream, __VA_ARGS__);                                                                \
  fputc('\n', out.stream);
  CHIPSTATE_IDENTITY(X)
#undef X
  for (int m = 0; m < c->n_matrices; m++) {
    char key[CHIPSTATE_KEY], text[CHIPSTATE_SUM];
    chipstate_weights_text(key, text, c, m);
    fprintf(out.stream, "# %s=%s\n", key, text);
  }
  fputs(CSV_HEADER CSV_NOW "\n", out.stream);
  for (int k = 0; k < c->n_pieces; k++) save_tile(c, k, out.stream);
  return file_out_commit(&out);
}

// One comma-separated field, in place; NULL when there is none left.
static char *cell(char **at) {
  char *start = *at;
  if (!start) return NULL;
  char *comma = strchr(start, ',');
  if (comma) *comma = 0;
  *at = comma ? comma + 1 : NULL;
  return start;
}

static int number(const struct lines *f, char **at, const char *what, double low, double high, double *v) {
  const char *text = cell(at);
  char *end;
  if (!text) return err_set(ERR_FORMAT, "%s:%d: %s missing", f->name, f->line, what);
  *v = strtod(text, &end);
  if (end == text || *end || !(*v >= low && *v <= high))
    return err_set(ERR_FORMAT, "%s:%d: %s=%s: must be a number in [%g, %g]", f->name, f->line, what, text, low, high);
  return 0;
}

// The tile and unit that a line is about; *tile is that of the line before, from where both are looked for.
static int locate(const struct lines *f, char **at, const struct chip *c, int *tile, size_t *unit) {
  const char *name = cell(at);
  double row, column, u;
  const int last = c->pieces[*tile].matrix;
  int skipped = 0;
  while (skipped < c->n_matrices && strcmp(c->matrices[(last + skipped) % c->n_matrices].name, name)) skipped++;
  const int m = (last + skipped) % c->n_matrices, first = c->matrices[m].first, n_tiles = c->matrices[m].n_tiles;
  if (skipped == c->n_matrices)
    return err_set(ERR_FORMAT, "%s:%d: matrix=%s: not on this chip", f->name, f->line, name);
  TRY(number(f, at, "row", 0, c->matrices[m].base.I - 1, &row));
  TRY(number(f, at, "column", 0, c->matrices[m].base.O - 1, &column));
  const char *sign = cell(at);
  if (!sign || (strcmp(sign, "+") && strcmp(sign, "-")))
    return err_set(ERR_FORMAT, "%s:%d: sign: must be + or -", f->name, f->line);
  const int minus = *sign == '-';
  TRY(number(f, at, "unit", 0, c->design.units - 1, &u));
  for (int t = 0, from = m == last ? *tile - first : 0; t < n_tiles; t++) {
    const int k = first + (from + t) % n_tiles;
    const struct floorplan_piece *p = &c->pieces[k];
    const int i = (int)row - p->row, o = (int)column - p->column;
    if (i < 0 || o < 0 || i >= p->rows || o >= p->columns) continue;
    *tile = k;
    *unit = (size_t)(minus*c->design.units + (int)u) * tile_plane(&c->tiles[k]) + (size_t)i * (size_t)c->tiles[k].ld +
            (size_t)o;
    return 0;
  }
  return err_set(ERR_FORMAT, "%s:%d: row=%g, column=%g: outside the matrix", f->name, f->line, row, column);
}

static int whole(const struct lines *f, const struct chipstate_field *field, double v) {
  if ((field->kind != U32 && field->kind != U8) || v == floor(v)) return 0;
  return err_set(ERR_FORMAT, "%s:%d: %s=%g: must be a whole number", f->name, f->line, field->name, v);
}

// A unit as a table gives it can be one of this chip.
static int check_unit(const struct lines *f, const struct chip *c, const struct tile *t, size_t u) {
  const double most_uS = MOST_RANGES * c->design.pcm.g_max_uS;
  bool set = false;
  if (!((double)t->g_uS[u] <= most_uS && (double)t->stuck_uS[u] <= most_uS))
    return err_set(ERR_FORMAT, "%s:%d: g_uS=%g, stuck_uS=%g: more than %g times the largest conductance, %g uS",
                   f->name, f->line, (double)t->g_uS[u], (double)t->stuck_uS[u], MOST_RANGES, c->design.pcm.g_max_uS);
  if (t->fault[u] >> 2*c->design.pcm.devices)
    return err_set(ERR_FORMAT, "%s:%d: fault=%d: two bits for each of %d devices", f->name, f->line, t->fault[u],
                   c->design.pcm.devices);
  for (int k = 0; k < c->design.pcm.devices; k++) set |= (t->fault[u] >> 2*k & 3) == TILE_STUCK_SET;
  if (set && t->stuck_uS[u] <= 0)
    return err_set(ERR_FORMAT, "%s:%d: fault=%d, stuck_uS=0: a device stuck at SET conducts", f->name, f->line,
                   t->fault[u]);
  return 0;
}

// Where the conductance at the clock is another than the other columns say, it was measured: g_uS follows from it.
static int take_now(const struct lines *f, char **at, struct chip *c, struct tile *t, size_t u) {
  double now_uS;
  TRY(number(f, at, "now_uS", 0, 1e9, &now_uS));
  if ((float)now_uS == chipstate_now_uS(t, c, u)) return 0;
  const double kept = pcm_drift_uS(&c->design.pcm, 1, (double)t->nu[u], c->clock_s - t->written_s[u]);
  t->g_uS[u] = (float)(fmax(now_uS - (double)t->stuck_uS[u], 0) / kept);
  return 0;
}

// has_now: the last column is the conductance at the clock.
static int load_line(const struct lines *f, char *text, struct chip *c, uint8_t **seen, int *tile, bool has_now) {
  struct chipstate_field fields[CHIPSTATE_UNIT_FIELDS];
  size_t u = 0;
  char *at = text;
  TRY(locate(f, &at, c, tile, &u));
  const int k = *tile;
  if (seen[k][u]++) return err_set(ERR_FORMAT, "%s:%d: this unit is listed twice", f->name, f->line);
  chipstate_unit_fields(fields, &c->tiles[k], c);
  for (int n = 0; n < CHIPSTATE_UNIT_FIELDS; n++) {
    double v;
    TRY(number(f, &at, fields[n].name, fields[n].low, fields[n].high, &v));
    TRY(whole(f, &fields[n], v));
    chipstate_set(&fields[n], u, v);
  }
  if (has_now) TRY(take_now(f, &at, c, &c->tiles[k], u));
  if (at)
    return err_set(ERR_FORMAT, "%s:%d: more than %d fields", f->name, f->line, 5 + CHIPSTATE_UNIT_FIELDS + has_now);
  return check_unit(f, c, &c->tiles[k], u);
}

// A line "# key=value" that says which chip this was, and with which weights; none need be there.
static int check_line(const struct lines *f, char *text, struct chip *c) {
  char expected[256], own[CHIPSTATE_KEY], *key = text + 2, *value = strchr(text, '=');
  if (!value) return err_set(ERR_FORMAT, "%s:%d: must be # key=value", f->name, f->line);
  *value++ = 0;
#define X(property, ...)                                                                               \
  if (!strcmp(key, property)) {                                                                        \
    snprintf(expected, sizeof expected, __VA_ARGS__);                                              \
    return chipstate_compare(f->name, key, value, expected);                                                 \
  }
  CHIPSTATE_IDENTITY(X)
#undef X
  const long m = strncmp(key, "chip.matrix.", 12) ? -1 : strtol(key + 12, NULL, 10);
  if (m >= 0 && m < c->n_matrices) {
    chipstate_weights_text(own, expected, c, (int)m);
    if (!strcmp(key, own)) return chipstate_take_weights(c, (int)m, f->name, value);
  }
  return err_set(ERR_FORMAT, "%s:%d: %s: no such property of a chip", f->name, f->line, key);
}

static int load_lines(struct lines *f, struct chip *c, uint8_t **seen) {
  char text[512];
  bool found;
  double clock_s;
  TRY(lines_next(f, text, sizeof text, &found));
  char *at = text + 10;
  if (!found || strncmp(text, "# clock_s=", 10))
    return err_set(ERR_FORMAT, "%s: not a chip state: the first line must be # clock_s=SECONDS", f->name);
  TRY(number(f, &at, "clock_s", 0, CHIP_LAST_S, &clock_s));
  if (at) return err_set(ERR_FORMAT, "%s:%d: clock_s: more than a number", f->name, f->line);
  c->clock_s = clock_s;
  for (int m = 0; m < c->n_matrices; m++) c->matrices[m].calibrated_s = fmin(c->matrices[m].calibrated_s, clock_s);
  TRY(lines_next(f, text, sizeof text, &found));
  while (found && !strncmp(text, "# ", 2)) {
    TRY(check_line(f, text, c));
    TRY(lines_next(f, text, sizeof text, &found));
  }
  const bool has_now = found && !strcmp(text, CSV_HEADER CSV_NOW);
  if (!has_now && (!found || strcmp(text, CSV_HEADER)))
    return err_set(ERR_FORMAT, "%s:%d: after the lines that begin with # must come " CSV_HEADER CSV_NOW, f->name,
                   f->line);
  long n = 0, all = 0;
  int tile = 0;
  for (;;) {
    TRY(lines_next(f, text, sizeof text, &found));
    if (!found) break;
    if (!*text) continue;
    TRY(load_line(f, text, c, seen, &tile, has_now));
    n++;
  }
  for (int k = 0; k < c->n_pieces; k++) all += 2L * c->design.units * c->tiles[k].rows * c->tiles[k].columns;
  if (n != all) return err_set(ERR_FORMAT, "%s: %ld units, this chip has %ld", f->name, n, all);
  for (int k = 0; k < c->n_pieces; k++) tile_settle(&c->tiles[k], &c->design, c->clock_s);
  return 0;
}

int chipstate_parse_csv(void *chip, const char *text, size_t size, const char *name) {
  struct chip *c = chip;
  assert(!c->origin && c->tiles);
  struct chip *fresh = chip_clone(c);
  uint8_t **seen = err_calloc((size_t)c->n_pieces, sizeof *seen);
  for (int k = 0; k < c->n_pieces; k++) seen[k] = err_calloc(tile_units(&c->tiles[k], &c->design), 1);
  fresh->ledger = c->ledger;
  struct lines lines = lines_of(text, size, name);
  const int rc = load_lines(&lines, fresh, seen);
  if (rc == 0) chip_adopt(c, fresh);
  for (int k = 0; k < c->n_pieces; k++) free(seen[k]);
  free(seen);
  chip_free(fresh);
  return rc;
}

int chipstate_load_csv(struct chip *c, const char *path) {
  TRY(check_csv(c, path));
  return file_parse(path, MAX_CSV, chipstate_parse_csv, c);
}
