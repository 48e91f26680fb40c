#include "chip/floorplan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

static int begin(int total, int n, int k) { return (int)((long)total * k / n); }

int floorplan_cut(struct floorplan_piece *pieces, int matrix, int I, int O, int rows, int columns) {
  const int down = (I + rows - 1) / rows, across = (O + columns - 1) / columns;
  for (int i = 0; pieces && i < down; i++)
    for (int o = 0; o < across; o++) {
      const int row = begin(I, down, i), column = begin(O, across, o);
      *pieces++ = (struct floorplan_piece){ .matrix = matrix, .row = row, .rows = begin(I, down, i + 1) - row,
                                            .column = column, .columns = begin(O, across, o + 1) - column, .band = i };
    }
  return down * across;
}

struct shelf {
  int core, row, height, used;  // columns used
};

static void put(struct floorplan_piece *p, struct shelf *s) {
  p->core = s->core;
  p->core_row = s->row;
  p->core_column = s->used;
  s->used += p->columns;
}

// On the first shelf with room, else on a new one: below the last of its core, or on a new core.
static int place(struct floorplan_piece *p, struct shelf *shelves, int n, int *free_row, int *n_cores, int rows, int columns) {
  for (int k = 0; k < n; k++)
    if (p->rows <= shelves[k].height && shelves[k].used + p->columns <= columns) {
      put(p, &shelves[k]);
      return n;
    }
  int core = 0;
  while (core < *n_cores && free_row[core] + p->rows > rows) core++;
  if (core == *n_cores) free_row[(*n_cores)++] = 0;
  shelves[n] = (struct shelf){ .core = core, .row = free_row[core], .height = p->rows };
  free_row[core] += p->rows;
  put(p, &shelves[n]);
  return n + 1;
}

int floorplan_place(struct floorplan_piece *pieces, int n, int rows, int columns) {
  struct shelf *shelves = err_calloc((size_t)n, sizeof *shelves);
  int *order = err_calloc((size_t)n, sizeof *order), *free_row = err_calloc((size_t)n, sizeof *free_row);
  for (int i = 0; i < n; i++) {  // highest first, equals in their order
    assert(pieces[i].rows <= rows && pieces[i].columns <= columns);
    int k = i;
    for (; k > 0 && pieces[order[k - 1]].rows < pieces[i].rows; k--) order[k] = order[k - 1];
    order[k] = i;
  }
  int n_shelves = 0, n_cores = 0;
  for (int i = 0; i < n; i++)
    n_shelves = place(&pieces[order[i]], shelves, n_shelves, free_row, &n_cores, rows, columns);
  free(shelves);
  free(order);
  free(free_row);
  return n_cores;
}

static char letter(int matrix) { return (char)(matrix < 26 ? 'A' + matrix : matrix < 52 ? 'a' + matrix - 26 : '#'); }

static long cells_used(const struct floorplan_piece *pieces, int n, int core) {
  long cells = 0;
  for (int i = 0; i < n; i++) cells += pieces[i].core == core ? (long)pieces[i].rows * pieces[i].columns : 0;
  return cells;
}

static void print_core(const struct floorplan_piece *pieces, int n, int core, int rows, int columns, FILE *out) {
  enum { DOWN = 16, ACROSS = 64 };
  for (int y = 0; y < DOWN; y++) {
    fputs("  |", out);
    for (int x = 0; x < ACROSS; x++) {
      char c = '.';
      for (int i = 0; i < n; i++) {  // the cell in the middle of this field
        const struct floorplan_piece *p = &pieces[i];
        const int row = (2*y + 1) * rows / (2*DOWN) - p->core_row, column = (2*x + 1) * columns / (2*ACROSS) - p->core_column;
        if (p->core == core && row >= 0 && row < p->rows && column >= 0 && column < p->columns) c = letter(p->matrix);
      }
      fputc(c, out);
    }
    fputs("|\n", out);
  }
}

void floorplan_print(const struct floorplan_piece *pieces, int n, const char *const *names, int n_cores, int rows,
                     int columns, FILE *out) {
  for (int core = 0; core < n_cores; core++) {
    const long used = cells_used(pieces, n, core), all = (long)rows * columns;
    fprintf(out, "core %d: %d x %d cells, %ld used (%.1f %%)\n", core, rows, columns, used, 100.0 * (double)used / (double)all);
    print_core(pieces, n, core, rows, columns, out);
  }
  fprintf(out, "matrix            rows        columns     core   at row, column\n");
  for (int i = 0; i < n; i++) {
    const struct floorplan_piece *p = &pieces[i];
    fprintf(out, "%c %-12s %4d..%-4d  %4d..%-4d    %4d   %4d, %d\n", letter(p->matrix), names[p->matrix], p->row,
            p->row + p->rows - 1, p->column, p->column + p->columns - 1, p->core, p->core_row, p->core_column);
  }
}

struct json_t *floorplan_json(const struct floorplan_piece *pieces, int n, const char *const *names, int n_cores, int rows,
                              int columns) {
  struct json_t *plan = json_object_new(), *cores = json_array_new(), *list = json_array_new();
  for (int core = 0; core < n_cores; core++) {
    struct json_t *c = json_object_new();
    const long used = cells_used(pieces, n, core), all = (long)rows * columns;
    json_put_i64(c, "core", core);
    json_put_i64(c, "cells_used", used);
    json_put_i64(c, "cells", all);
    json_put_f64(c, "fill", (double)used / (double)all);
    json_put(cores, NULL, c);
  }
  for (int i = 0; i < n; i++) {
    const struct floorplan_piece *p = &pieces[i];
    struct json_t *o = json_object_new();
    json_put_text(o, "matrix", names[p->matrix]);
    json_put_i64(o, "row", p->row);
    json_put_i64(o, "rows", p->rows);
    json_put_i64(o, "column", p->column);
    json_put_i64(o, "columns", p->columns);
    json_put_i64(o, "core", p->core);
    json_put_i64(o, "core_row", p->core_row);
    json_put_i64(o, "core_column", p->core_column);
    json_put(list, NULL, o);
  }
  json_put_i64(plan, "rows", rows);
  json_put_i64(plan, "columns", columns);
  json_put(plan, "cores", cores);
  json_put(plan, "pieces", list);
  return plan;
}
