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

// The first of n bins with room for something: a tree of the largest room among the bins below each node.
struct bins {
  int leaves;  // a power of two
  int *room;   // root at 1; bin k at leaves + k
};

static void bins_init(struct bins *b, int n) {
  for (b->leaves = 1; b->leaves < n; b->leaves *= 2) {}
  b->room = err_calloc(2 * (size_t)b->leaves, sizeof *b->room);
}

static void bins_set(struct bins *b, int bin, int room) {
  int k = b->leaves + bin;
  b->room[k] = room;
  while (k /= 2) b->room[k] = b->room[2*k] > b->room[2*k + 1] ? b->room[2*k] : b->room[2*k + 1];
}

static int bins_room(const struct bins *b, int bin) { return b->room[b->leaves + bin]; }

// -1: none.
static int bins_first(const struct bins *b, int need) {
  int k = 1;
  if (b->room[1] < need) return -1;
  while (k < b->leaves) k = b->room[2*k] >= need ? 2*k : 2*k + 1;
  return k - b->leaves;
}

// A shelf is as high as its first piece, hence high enough for all that come after.
struct shelf {
  int core, row;
};

struct packing {
  int rows, columns;            // of a core
  int n_shelves, n_cores;
  struct shelf *shelves;
  struct bins on_shelf, on_core;  // columns and rows that are free
};

static int new_shelf(struct packing *a, int height) {
  int core = bins_first(&a->on_core, height);
  if (core < 0) bins_set(&a->on_core, core = a->n_cores++, a->rows);
  const int room = bins_room(&a->on_core, core);
  a->shelves[a->n_shelves] = (struct shelf){ .core = core, .row = a->rows - room };
  bins_set(&a->on_core, core, room - height);
  bins_set(&a->on_shelf, a->n_shelves, a->columns);
  return a->n_shelves++;
}

// On the first shelf with room, else on a new one: below the last of its core, or on a new core.
static void place(struct floorplan_piece *p, struct packing *a) {
  int s = bins_first(&a->on_shelf, p->columns);
  if (s < 0) s = new_shelf(a, p->rows);
  const int room = bins_room(&a->on_shelf, s);
  p->core = a->shelves[s].core;
  p->core_row = a->shelves[s].row;
  p->core_column = a->columns - room;
  bins_set(&a->on_shelf, s, room - p->columns);
}

struct turn {
  int rows, piece;
};

// Highest first, equals in their order.
static int by_turn(const void *a, const void *b) {
  const struct turn *x = a, *y = b;
  return x->rows != y->rows ? y->rows - x->rows : x->piece - y->piece;
}

int floorplan_place(struct floorplan_piece *pieces, int n, int rows, int columns) {
  struct packing a = { .rows = rows, .columns = columns, .shelves = err_calloc((size_t)n, sizeof *a.shelves) };
  struct turn *turns = err_calloc((size_t)n, sizeof *turns);
  bins_init(&a.on_shelf, n);
  bins_init(&a.on_core, n);
  for (int i = 0; i < n; i++) {
    assert(pieces[i].rows <= rows && pieces[i].columns <= columns);
    turns[i] = (struct turn){ pieces[i].rows, i };
  }
  qsort(turns, (size_t)n, sizeof *turns, by_turn);
  for (int i = 0; i < n; i++) place(&pieces[turns[i].piece], &a);
  free(a.on_shelf.room);
  free(a.on_core.room);
  free(a.shelves);
  free(turns);
  return a.n_cores;
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
        const int row = (2*y + 1) * rows / (2*DOWN) - p->core_row,
                  column = (2*x + 1) * columns / (2*ACROSS) - p->core_column;
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
    fprintf(out, "core %d: %d x %d cells, %ld used (%.1f %%)\n", core, rows, columns, used,
            100.0 * (double)used / (double)all);
    print_core(pieces, n, core, rows, columns, out);
  }
  fprintf(out, "matrix            rows        columns     core   at row, column\n");
  for (int i = 0; i < n; i++) {
    const struct floorplan_piece *p = &pieces[i];
    fprintf(out, "%c %-12s %4d..%-4d  %4d..%-4d    %4d   %4d, %d\n", letter(p->matrix), names[p->matrix], p->row,
            p->row + p->rows - 1, p->column, p->column + p->columns - 1, p->core, p->core_row, p->core_column);
  }
}

struct json_t *floorplan_json(const struct floorplan_piece *pieces, int n, const char *const *names, int n_cores,
                              int rows, int columns) {
  struct json_t *plan = json_object_new();
  json_put_i64(plan, "rows", rows);
  json_put_i64(plan, "columns", columns);
  struct json_t *cores = json_add_array(plan, "cores"), *list = json_add_array(plan, "pieces");
  for (int core = 0; core < n_cores; core++) {
    struct json_t *c = json_add_object(cores, NULL);
    const long used = cells_used(pieces, n, core), all = (long)rows * columns;
    json_put_i64(c, "core", core);
    json_put_i64(c, "cells_used", used);
    json_put_i64(c, "cells", all);
    json_put_f64(c, "fill", (double)used / (double)all);
  }
  for (int i = 0; i < n; i++) {
    const struct floorplan_piece *p = &pieces[i];
    static const char *const fields[] = { "row", "rows", "column", "columns", "core", "core_row", "core_column" };
    const int values[] = { p->row, p->rows, p->column, p->columns, p->core, p->core_row, p->core_column };
    struct json_t *o = json_add_object(list, NULL);
    json_put_text(o, "matrix", names[p->matrix]);
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) json_put_i64(o, fields[k], values[k]);
  }
  return plan;
}
