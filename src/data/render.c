#include "data/render.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "data/imageset.h"

enum { RENDER_MAX_KEPT = 2 * RENDER_MAX_S };

struct view render_plain(int image) { return (struct view){ .image = image, .m = { { 1, 0 }, { 0, 1 } } }; }

// ---- from a drawing to what is kept ----

// Where the edges k s + origin, k = 0..n, of n boxes fall in a line of W pixels: pixel and fraction of it.
struct render_edges {
  int pixel[RENDER_MAX_KEPT + 1];
  float fraction[RENDER_MAX_KEPT + 1];
};

static void render_place_edges(struct render_edges *e, int n, double s, double origin, int W) {
  for (int k = 0; k <= n; k++) {
    double edge = origin + k * s;
    edge = edge < 0 ? 0 : edge > W ? W : edge;
    e->pixel[k] = edge < W ? (int)edge : W - 1;
    e->fraction[k] = (float)(edge - e->pixel[k]);
  }
}

// row[k] = integral of the line over box k, from its running sum.
static void render_boxes(float *restrict row, int n, const unsigned char *restrict ink, int W,
                         const struct render_edges *restrict e, float *restrict running) {
  int sum = 0;
  for (int x = 0; x < W; x++) {
    running[x] = (float)sum;
    sum += ink[x];
  }
  float before = running[e->pixel[0]] + e->fraction[0] * ink[e->pixel[0]];
  for (int k = 0; k < n; k++) {
    const int pixel = e->pixel[k + 1];
    const float after = running[pixel] + e->fraction[k + 1] * ink[pixel];
    row[k] = after - before;
    before = after;
  }
}

static int render_is_blank(const unsigned char *ink, int W) {
  return ink[0] == 0 && memcmp(ink, ink + 1, (size_t)W - 1) == 0;
}

void render_reduce_area(unsigned char *restrict kept, int n, const unsigned char *restrict ink, int H, int W) {
  assert(n <= RENDER_MAX_KEPT && H <= RENDER_MAX_INK && W <= RENDER_MAX_INK);
  if (H == n && W == n) {
    memcpy(kept, ink, (size_t)n * (size_t)n);
    return;
  }
  const double side = H > W ? H : W, s = side / n, top = (H - side) / 2;
  struct render_edges e;
  float sum[RENDER_MAX_KEPT][RENDER_MAX_KEPT], row[RENDER_MAX_KEPT], running[RENDER_MAX_INK];
  render_place_edges(&e, n, s, (W - side) / 2, W);
  for (int k = 0; k < n; k++) memset(sum[k], 0, (size_t)n * sizeof(float));
  for (int y = 0; y < H; y++) {
    if (render_is_blank(ink + y * W, W)) continue;
    render_boxes(row, n, ink + y * W, W, &e, running);
    for (int k = (int)((y - top) / s); k < n && top + k * s < y + 1; k++) {  // boxes that line y reaches into
      const double lo = top + k * s, hi = lo + s;
      const float weight = (float)((hi < y + 1 ? hi : y + 1) - (lo > y ? lo : y));
      for (int x = 0; x < n; x++) sum[k][x] += weight * row[x];
    }
  }
  const float mean = (float)(1 / (s * s));
  for (int k = 0; k < n; k++)
    for (int x = 0; x < n; x++) {
      const int v = (int)(sum[k][x] * mean + 0.5f);
      kept[k * n + x] = (unsigned char)(v < 255 ? v : 255);
    }
}

void render_reduce_colour(unsigned char *restrict kept, int n, const unsigned char *restrict pixels, int H, int W) {
  const int side = H < W ? H : W, top = (H - side) / 2, left = (W - side) / 2;
  if (H == n && W == n) {
    memcpy(kept, pixels, 3 * (size_t)n * (size_t)n);
    return;
  }
  unsigned char *plane = err_calloc((size_t)side * (size_t)side, 1), small[RENDER_MAX_S * RENDER_MAX_S];
  for (int c = 0; c < 3; c++) {
    for (int y = 0; y < side; y++)
      for (int x = 0; x < side; x++) plane[y * side + x] = pixels[3 * ((top + y) * W + left + x) + c];
    render_reduce_area(small, n, plane, side, side);
    for (int k = 0; k < n * n; k++) kept[3 * k + c] = small[k];
  }
  free(plane);
}

void render_reduce_published(real *restrict reduced, int S, const unsigned char *restrict ink, int H, int W) {
  for (int y = 0; y < S; y++) {
    const double py = fmin(fmax((y + 0.5) * ((double)H / S) - 0.5, 0), H - 1);
    const int y0 = (int)py, y1 = y0 + (y0 < H - 1);
    for (int x = 0; x < S; x++) {
      const double px = fmin(fmax((x + 0.5) * ((double)W / S) - 0.5, 0), W - 1);
      const int x0 = (int)px, x1 = x0 + (x0 < W - 1);
      const double fy = py - y0, fx = px - x0;
      const double upper = (1 - fx) * (255 - ink[y0 * W + x0]) + fx * (255 - ink[y0 * W + x1]);
      const double lower = (1 - fx) * (255 - ink[y1 * W + x0]) + fx * (255 - ink[y1 * W + x1]);
      reduced[y * S + x] = (real)(((1 - fy) * upper + fy * lower) / 255);
    }
  }
}

// ---- from what is kept to a view ----

static void render_published(const struct imageset *set, real *restrict out, int stride, const struct view *v,
                             const struct render_box *box) {
  const int S = set->S;
  const real *in = set->reduced + (size_t)v->image * (size_t)(S * S);
  for (int y = box->y0; y < box->y1; y++)
    for (int x = box->x0; x < box->x1; x++) {
      const int from[4] = { y * S + x, x * S + S - 1 - y, (S - 1 - y) * S + S - 1 - x, (S - 1 - x) * S + y };
      out[(size_t)(y * S + x) * (size_t)stride] = in[from[v->quarter]];
    }
}

enum { RENDER_LANES = 16, RENDER_MAX_LINE = RENDER_MAX_KEPT + 2 * RENDER_LANES };

// Lengths that the loops below run over, in full vectors.
static int render_padded(int n) { return (n + RENDER_LANES - 1) / RENDER_LANES * RENDER_LANES; }

// quad (n+2, line), line = padded(n+2): the four neighbours (y,x) (y,x+1) (y+1,x) (y+1,x+1), a byte each, of
// every pixel from -1 to n; outside is background. One load then fetches all that a sample needs.
static void render_quads(uint32_t *restrict quad, const unsigned char *restrict ink, int n) {
  const int line = render_padded(n + 2);
  unsigned char lines[2][RENDER_MAX_LINE + 1] = { { 0 } };  // [x + 1]
  for (int y = -1; y <= n; y++, quad += line) {
    const unsigned char *restrict above = lines[y & 1];
    unsigned char *below = lines[~y & 1];
    if (y + 1 < n) memcpy(below + 1, ink + (y + 1) * n, (size_t)n);
    else memset(below, 0, (size_t)n + 1);
    for (int x = 0; x < line; x++)
      quad[x] = above[x] | (uint32_t)above[x + 1] << 8 | (uint32_t)below[x] << 16 | (uint32_t)below[x + 1] << 24;
  }
}

// Coordinates have 16 binary places: the same on every machine, and clamped without branches.
enum { RENDER_ONE = 1 << 16 };

static int render_fixed(float x) { return (int)lrintf(x * (float)RENDER_ONE); }

static inline int render_clamp(int x, int hi) {
  const int low = x > 0 ? x : 0;  // two steps: gcc vectorises them, not the nested form
  return low < hi ? low : hi;
}

// row[x] = sample at (px + x dx, py + x dy), coordinates of quad's array. row has room for full vectors.
// Three loops, so that all but the look-up is in vectors on any processor.
static void render_row(float *restrict row, int S, const uint32_t *restrict quad, int n, int px, int py, int dx,
                       int dy) {
  const int line = render_padded(n + 2), n_full = render_padded(S), last = (n + 1) * RENDER_ONE;
  float fx[RENDER_MAX_LINE], fy[RENDER_MAX_LINE];
  uint32_t q[RENDER_MAX_LINE];
  for (int x = 0; x < n_full; x++) {
    const int sx = render_clamp(px + dx * x, last), sy = render_clamp(py + dy * x, last);
    fx[x] = (float)(sx & (RENDER_ONE - 1)) / RENDER_ONE;
    fy[x] = (float)(sy & (RENDER_ONE - 1)) / RENDER_ONE;
    q[x] = (uint32_t)((sy >> 16) * line + (sx >> 16));
  }
  for (int x = 0; x < n_full; x++) q[x] = quad[q[x]];
  for (int x = 0; x < n_full; x++) {
    const float a = (float)(int)(q[x] & 255), b = (float)(int)(q[x] >> 8 & 255);
    const float c = (float)(int)(q[x] >> 16 & 255), d = (float)(int)(q[x] >> 24);
    const float upper = a + fx[x] * (b - a), lower = c + fx[x] * (d - c);
    row[x] = (upper + fy[x] * (lower - upper)) / 255.0f;
  }
}

// Source (xx x + xy y + x0, yx x + yy y + y0) of an output pixel (x, y), both relative to the centre.
struct render_map {
  float xx, xy, x0, yx, yy, y0;
};

// source = turn (m u + t): turn maps (x, y) to (c x - s y, s x + c y)
static struct render_map render_map_of(const struct view *v) {
  static const float turn_x[4] = { 1, 0, -1, 0 }, turn_y[4] = { 0, 1, 0, -1 };
  const float c = turn_x[v->quarter], s = turn_y[v->quarter];
  return (struct render_map){
    .xx = c * v->m[0][0] - s * v->m[1][0], .xy = c * v->m[0][1] - s * v->m[1][1], .x0 = c * v->t[0] - s * v->t[1],
    .yx = s * v->m[0][0] + c * v->m[1][0], .yy = s * v->m[0][1] + c * v->m[1][1], .y0 = s * v->t[0] + c * v->t[1],
  };
}

static void render_area(const struct imageset *set, real *restrict out, int stride, const struct view *v,
                        const struct render_box *box) {
  const int S = set->S, n = 2 * S;
  const struct render_map m = render_map_of(v);
  const float half = 0.5f * (float)(S - 1), origin = (float)S + 0.5f;  // centre of the kept array, counted from -1
  uint32_t quad[(RENDER_MAX_KEPT + 2) * RENDER_MAX_LINE];
  float row[RENDER_MAX_LINE];
  render_quads(quad, set->ink + (size_t)v->image * (size_t)(n * n), n);
  for (int y = box->y0; y < box->y1; y++) {
    const float uy = (float)y - half;
    const float px = 2 * (m.x0 + m.xy * uy - m.xx * half) + origin, py = 2 * (m.y0 + m.yy * uy - m.yx * half) + origin;
    render_row(row, S, quad, n, render_fixed(px), render_fixed(py), render_fixed(2 * m.xx), render_fixed(2 * m.yx));
    real *line = out + (size_t)(y * S) * (size_t)stride;
    for (int x = box->x0; x < box->x1; x++) line[(size_t)x * (size_t)stride] = row[x];
  }
}

// Pixels (n, n, 3) as the network sees them, with a border of grey: 1 before, 2 behind.
static void render_bordered(float *restrict in, const unsigned char *restrict pixels, int n) {
  const int line = 3 * (n + 3);
  memset(in, 0, (size_t)line * (size_t)(n + 3) * sizeof *in);
  for (int y = 0; y < n; y++)
    for (int k = 0; k < 3 * n; k++) in[(y + 1) * line + 3 + k] = (float)pixels[3 * n * y + k] / 127.5f - 1;
}

static void render_colour(const struct imageset *set, real *restrict out, int stride, const struct view *v,
                          const struct render_box *box) {
  const int S = set->S, width = 3 * (S + 3), last = (S + 1) * RENDER_ONE;
  const struct render_map m = render_map_of(v);
  const float half = 0.5f * (float)(S - 1), origin = half + 1;  // centre of the image, counted from -1
  const int dx = render_fixed(m.xx), dy = render_fixed(m.yx);
  float in[3 * (RENDER_MAX_S + 3) * (RENDER_MAX_S + 3)];
  render_bordered(in, set->colour + (size_t)v->image * imageset_kept(set), S);
  for (int y = box->y0; y < box->y1; y++) {
    const float uy = (float)y - half;
    const int px = render_fixed(m.x0 + m.xy * uy - m.xx * half + origin);
    const int py = render_fixed(m.y0 + m.yy * uy - m.yx * half + origin);
    for (int x = box->x0; x < box->x1; x++) {
      const int sx = render_clamp(px + dx * x, last), sy = render_clamp(py + dy * x, last);
      const float fx = (float)(sx & (RENDER_ONE - 1)) / RENDER_ONE, fy = (float)(sy & (RENDER_ONE - 1)) / RENDER_ONE;
      const float *a = in + (sy >> 16) * width + 3 * (sx >> 16), *b = a + width;
      real *pixel = out + (size_t)(y * S + x) * (size_t)stride;
      for (int c = 0; c < 3; c++) {
        const float upper = a[c] + fx * (a[c + 3] - a[c]), lower = b[c] + fx * (b[c + 3] - b[c]);
        pixel[c] = upper + fy * (lower - upper);
      }
    }
  }
}

void render_view_box(const struct imageset *set, real *restrict out, int stride, const struct view *v,
                     const struct render_box *box) {
  assert(v->image >= 0 && v->image < set->n_images && v->quarter >= 0 && v->quarter < 4 && stride >= set->channels);
  assert(box->y0 >= 0 && box->x0 >= 0 && box->y1 <= set->S && box->x1 <= set->S);
  if (set->channels == 3) render_colour(set, out, stride, v, box);
  else if (set->preprocessing == IMAGESET_PUBLISHED) render_published(set, out, stride, v, box);
  else render_area(set, out, stride, v, box);
}

void render_view(const struct imageset *set, real *restrict out, int stride, const struct view *v) {
  render_view_box(set, out, stride, v, &(struct render_box){ 0, 0, set->S, set->S });
}
