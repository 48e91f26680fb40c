// Cutting and packing: pieces cover their matrices once, never overlap, stay on their cores; the picture.
#include <stdlib.h>

#include "base/rng.h"
#include "chip/floorplan.h"
#include "test.h"

enum { MAX = 64, ROWS = 40, COLUMNS = 24 };

static void test_cut(void) {
  struct floorplan_piece p[MAX];
  CHECK(floorplan_cut(p, 3, 504, 56, 256, 256) == 2, "504 x 56 is two pieces");
  CHECK(p[0].rows == 252 && p[1].row == 252 && p[1].rows == 252 && p[1].columns == 56 && p[1].matrix == 3, "even cuts");
  CHECK(floorplan_cut(p, 0, 256, 256, 256, 256) == 1 && floorplan_cut(NULL, 0, 257, 513, 256, 256) == 6, "counts");
}

static void test_packing(void) {
  struct rng r = rng_stream(8, RNG_TEST, 0);
  for (int round = 0; round < 50; round++) {
    struct floorplan_piece p[MAX];
    static char used[MAX][ROWS][COLUMNS];
    int n = 0, clash = 0;
    long cells = 0;
    memset(used, 0, sizeof used);
    for (int m = 0; m < 6; m++) {
      const int I = 1 + (int)(rng_uniform(&r) * 90), O = 1 + (int)(rng_uniform(&r) * 40);
      n += floorplan_cut(p + n, m, I, O, ROWS, COLUMNS);
      cells += (long)I*O;
    }
    const int cores = floorplan_place(p, n, ROWS, COLUMNS);
    for (int k = 0; k < n; k++) {
      CHECK(p[k].core < cores && p[k].core_row + p[k].rows <= ROWS && p[k].core_column + p[k].columns <= COLUMNS,
            "off the core");
      for (int i = 0; i < p[k].rows; i++)
        for (int o = 0; o < p[k].columns; o++, cells--)
          clash += used[p[k].core][p[k].core_row + i][p[k].core_column + o]++;
    }
    CHECK(clash == 0 && cells == 0, "round %d: %d cells twice, %ld missing", round, clash, cells);
    CHECK(cores <= n, "%d cores for %d pieces", cores, n);
  }
}

// The same by looking at all shelves and cores: on the first shelf with room, else on a new one below the last of the
// first core with room.
static int place_ref(struct floorplan_piece *pieces, int n, int rows, int columns) {
  static struct { int core, row, used; } shelf[MAX];
  int free_row[MAX], order[MAX], n_shelves = 0, n_cores = 0;
  for (int i = 0; i < n; i++) {
    int k = i;
    for (; k > 0 && pieces[order[k - 1]].rows < pieces[i].rows; k--) order[k] = order[k - 1];
    order[k] = i;
  }
  for (int i = 0; i < n; i++) {
    struct floorplan_piece *p = &pieces[order[i]];
    int s = 0, core = 0;
    while (s < n_shelves && shelf[s].used + p->columns > columns) s++;
    if (s == n_shelves) {
      while (core < n_cores && free_row[core] + p->rows > rows) core++;
      if (core == n_cores) free_row[n_cores++] = 0;
      shelf[n_shelves].core = core;
      shelf[n_shelves].row = free_row[core];
      shelf[n_shelves++].used = 0;
      free_row[core] += p->rows;
    }
    p->core = shelf[s].core;
    p->core_row = shelf[s].row;
    p->core_column = shelf[s].used;
    shelf[s].used += p->columns;
  }
  return n_cores;
}

static void test_reference(void) {
  struct rng r = rng_stream(9, RNG_TEST, 0);
  for (int round = 0; round < 200; round++) {
    struct floorplan_piece p[MAX] = { 0 }, q[MAX];
    const int n = 1 + (int)(rng_uniform(&r) * MAX), small = 1 + round % 3;
    for (int k = 0; k < n; k++) {
      p[k].rows = 1 + (int)(rng_uniform(&r) * ROWS / small);
      p[k].columns = 1 + (int)(rng_uniform(&r) * COLUMNS / small);
    }
    memcpy(q, p, sizeof p);
    const int cores = floorplan_place(p, n, ROWS, COLUMNS), expected = place_ref(q, n, ROWS, COLUMNS);
    CHECK(cores == expected && !memcmp(p, q, sizeof p), "round %d, %d pieces: %d cores, expected %d", round, n, cores,
          expected);
  }
}

static void test_picture(void) {
  struct floorplan_piece p[MAX];
  const char *names[] = { "big", "small" };
  char *text = NULL;
  size_t size = 0;
  int n = floorplan_cut(p, 0, 256, 128, 256, 256);
  n += floorplan_cut(p + n, 1, 64, 64, 256, 256);
  FILE *out = open_memstream(&text, &size);
  floorplan_print(p, n, names, floorplan_place(p, n, 256, 256), 256, 256, out);
  fclose(out);
  CHECK(strstr(text, "(56.2 %)") && strstr(text, "|AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB................|"),
        "%s", text);
  free(text);
}

int main(void) {
  test_cut();
  test_packing();
  test_reference();
  test_picture();
  return test_summary();
}
