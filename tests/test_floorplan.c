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
      CHECK(p[k].core < cores && p[k].core_row + p[k].rows <= ROWS && p[k].core_column + p[k].columns <= COLUMNS, "off the core");
      for (int i = 0; i < p[k].rows; i++)
        for (int o = 0; o < p[k].columns; o++, cells--) clash += used[p[k].core][p[k].core_row + i][p[k].core_column + o]++;
    }
    CHECK(clash == 0 && cells == 0, "round %d: %d cells twice, %ld missing", round, clash, cells);
    CHECK(cores <= n, "%d cores for %d pieces", cores, n);
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
  CHECK(strstr(text, "(56.2 %)") && strstr(text, "|AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB................|"), "%s", text);
  free(text);
}

int main(void) {
  test_cut();
  test_packing();
  test_picture();
  return test_summary();
}
