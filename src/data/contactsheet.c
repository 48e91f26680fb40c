#include "data/contactsheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/png.h"
#include "data/render.h"

enum { CONTACTSHEET_GRID = 208, CONTACTSHEET_MARGIN = 3 };

// One image, ink dark on white, its top left corner at page[0] (height, width, channels).
static void contactsheet_paste(unsigned char *page, int width, const struct imageset *set, int image, int zoom,
                               real *pixels) {
  const int S = set->S, C = set->channels;
  const struct view plain = render_plain(image);
  render_view(set, pixels, C, &plain);
  for (int y = 0; y < S * zoom; y++)
    for (int k = 0; k < S * zoom * C; k++) {
      const double value = (double)pixels[(y / zoom * S + k / C / zoom) * C + k % C];
      const double white = C == 3 ? (value + 1) / 2 : set->preprocessing == IMAGESET_PUBLISHED ? value : 1 - value;
      page[y * width * C + k] = (unsigned char)lrint(255 * white);
    }
}

int contactsheet_write(const char *path, const struct imageset *set, const struct imageset_classes *from, int n_rows,
                       int n_columns, int zoom) {
  const int rows = n_rows < from->n ? n_rows : from->n, cell = set->S * zoom + CONTACTSHEET_MARGIN;
  const int H = rows * cell + 1, W = n_columns * cell + 1, C = set->channels;
  unsigned char *page = err_calloc((size_t)H * (size_t)W * (size_t)C, 1);
  real *pixels = err_calloc((size_t)set->S * (size_t)set->S * (size_t)C, sizeof(real));
  for (int y = 0; y < H; y++)
    for (int k = 0; k < W * C; k++) page[y * W * C + k] = y % cell && k / C % cell ? 255 : CONTACTSHEET_GRID;
  for (int r = 0; r < rows; r++) {
    const int c = from->id[(int)((long)r * from->n / rows)], n = imageset_drawings(set, c);
    for (int d = 0; d < n_columns && d < n; d++)
      contactsheet_paste(page + ((r * cell + 2) * W + d * cell + 2) * C, W, set, set->first[c] + d, zoom, pixels);
  }
  const int rc = (C == 3 ? png_rgb_write : png_grey_write)(path, page, H, W);
  free(page);
  free(pixels);
  return rc;
}
