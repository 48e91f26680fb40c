// Resampling: the published reduction bit by bit, the exact mean of the area reduction, quarter turns
// as permutations, distorted views against a slow double-precision twin; the same of colours, whose mirror images and
// whole shifts are exact copies too.
#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "data/omniglot.h"
#include "data/render.h"
#include "test.h"

enum { SIDE = 105, S = 28, KEPT = 2 * S };

// A drawing without symmetry, one bit.
static void scribble(unsigned char *ink, int H, int W, struct rng *r) {
  memset(ink, 0, (size_t)H * (size_t)W);
  for (int k = 0; k < 12; k++) {
    const int y0 = (int)(rng_uniform(r) * H * 0.8), x0 = (int)(rng_uniform(r) * W * 0.8), h = H / 6, w = W / 9;
    for (int y = y0; y < y0 + h && y < H; y++)
      for (int x = x0; x < x0 + w && x < W; x++) ink[y * W + x] = 255;
  }
}

// Mean of the ink over [x0, x1) x [y0, y1), outside is background.
static double mean(const unsigned char *ink, int H, int W, double y0, double y1, double x0, double x1) {
  double sum = 0;
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      const double h = fmin(y1, y + 1) - fmax(y0, y), w = fmin(x1, x + 1) - fmax(x0, x);
      if (h > 0 && w > 0) sum += h * w * ink[y * W + x];
    }
  return sum / ((y1 - y0) * (x1 - x0));
}

static struct imageset one_image(enum imageset_preprocessing preprocessing, const unsigned char *ink, int H, int W) {
  struct imageset set;
  imageset_init(&set, preprocessing, S);
  imageset_add_class(&set, "a", "a");
  imageset_add_image(&set, ink, H, W);
  return set;
}

static void test_area_mean(struct rng *r) {
  static const int sizes[][2] = { { SIDE, SIDE }, { 60, 105 }, { 28, 28 }, { 133, 90 }, { 7, 5 } };
  static unsigned char ink[133 * 133];
  for (int k = 0; k < 5; k++) {
    const int H = sizes[k][0], W = sizes[k][1], side = H > W ? H : W;
    scribble(ink, H, W, r);
    struct imageset set = one_image(IMAGESET_AREA, ink, H, W);
    real out[S * S];
    const struct view plain = render_plain(0);
    render_view(&set, out, 1, &plain);
    const double s = (double)side / S, top = (H - side) * 0.5, left = (W - side) * 0.5;
    double worst = 0;
    for (int y = 0; y < S; y++)
      for (int x = 0; x < S; x++) {
        const double want = mean(ink, H, W, top + y * s, top + (y + 1) * s, left + x * s, left + (x + 1) * s) / 255;
        worst = fmax(worst, fabs((double)out[y * S + x] - want));
      }
    CHECK(worst <= test_tol(0.51 / 255), "%d x %d: off by %.4g", H, W, worst);
    imageset_release(&set);
  }
}

// The definition of a view, sample by sample in double.
static double sample(const unsigned char *kept, double x, double y) {
  double sum = 0;
  for (int j = (int)floor(y); j <= (int)floor(y) + 1; j++)
    for (int i = (int)floor(x); i <= (int)floor(x) + 1; i++)
      if (i >= 0 && j >= 0 && i < KEPT && j < KEPT) sum += (1 - fabs(x - i)) * (1 - fabs(y - j)) * kept[j * KEPT + i];
  return sum / 255;
}

static double view_ref(const struct imageset *set, const struct view *v, int x, int y) {
  const double ux = x - (S - 1) / 2.0, uy = y - (S - 1) / 2.0;
  double sx = (double)v->m[0][0] * ux + (double)v->m[0][1] * uy + (double)v->t[0];
  double sy = (double)v->m[1][0] * ux + (double)v->m[1][1] * uy + (double)v->t[1];
  for (int q = 0; q < v->quarter; q++) {
    const double turned = -sy;
    sy = sx;
    sx = turned;
  }
  return sample(set->ink + (size_t)v->image * KEPT * KEPT, 2 * sx + S - 0.5, 2 * sy + S - 0.5);
}

static void test_views(struct rng *r) {
  static unsigned char ink[SIDE * SIDE];
  scribble(ink, SIDE, SIDE, r);
  struct imageset set = one_image(IMAGESET_AREA, ink, SIDE, SIDE);
  real out[S * S];
  for (int k = 0; k < 200; k++) {
    struct view v = render_plain(0);
    v.quarter = k % 4;
    const double reach = k < 150 ? 0.3 : 40;  // also far outside
    for (int i = 0; i < 4; i++) v.m[i / 2][i % 2] += (float)(reach * rng_normal(r));
    for (int i = 0; i < 2; i++) v.t[i] = (float)(10 * reach * rng_normal(r));
    render_view(&set, out, 1, &v);
    double worst = 0, shifted = 0;
    for (int i = 0; i < S * S; i++) {
      worst = fmax(worst, fabs((double)out[i] - view_ref(&set, &v, i % S, i / S)));
      shifted = fmax(shifted, fabs((double)out[i] - view_ref(&set, &v, i % S + 1, i / S)));
    }
    CHECK(worst <= test_tol(2e-3), "view %d: off by %.3g", k, worst);  // coordinates to 2^-17 over 28 steps
    if (k == 0) CHECK(shifted > 0.1, "a view shifted by a pixel is not told apart: %.3g", shifted);
  }
  imageset_release(&set);
}

// Quarter turns are counter-clockwise permutations, and the stride leaves other channels alone.
static void test_turns(struct rng *r) {
  static unsigned char ink[SIDE * SIDE];
  scribble(ink, SIDE, SIDE, r);
  for (int preprocessing = 0; preprocessing < 2; preprocessing++) {
    struct imageset set = one_image((enum imageset_preprocessing)preprocessing, ink, SIDE, SIDE);
    real plain[S * S], turned[S * S * 3];
    struct view v = render_plain(0);
    render_view(&set, plain, 1, &v);
    for (v.quarter = 1; v.quarter < 4; v.quarter++) {
      int wrong = 0, touched = 0;
      for (int i = 0; i < 3 * S * S; i++) turned[i] = -7;
      render_view(&set, turned, 3, &v);
      for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++) {
          int sy = y, sx = x;  // of numpy.rot90(image, quarter)
          for (int q = 0; q < v.quarter; q++) {
            const int old = sy;
            sy = sx;
            sx = S - 1 - old;
          }
          wrong += turned[3 * (y * S + x)] != plain[sy * S + sx];
          touched += turned[3 * (y * S + x) + 1] != -7 || turned[3 * (y * S + x) + 2] != -7;
        }
      CHECK(wrong == 0 && touched == 0, "%d: quarter %d: %d wrong, %d touched", preprocessing, v.quarter, wrong,
            touched);
    }
    imageset_release(&set);
  }
}

// ---- colours

static struct imageset one_colour(const unsigned char *pixels, int H, int W) {
  struct imageset set;
  imageset_init_colour(&set, S);
  imageset_add_class(&set, "a", "a");
  imageset_add_colour(&set, pixels, H, W);
  return set;
}

static void paint(unsigned char *pixels, int n, struct rng *r) {
  for (int k = 0; k < n; k++) pixels[k] = (unsigned char)rng_u32(r);
}

// What is kept: the image itself, or the mean over boxes of its central square.
static void test_colour_reduction(struct rng *r) {
  static const int sizes[][2] = { { S, S }, { 2 * S, 2 * S }, { 90, 133 }, { 47, 31 }, { 13, 11 } };
  static unsigned char pixels[133 * 133 * 3], plane[133 * 133];
  for (int k = 0; k < 5; k++) {
    const int H = sizes[k][0], W = sizes[k][1], side = H < W ? H : W, top = (H - side) / 2, left = (W - side) / 2;
    const double s = (double)side / S;
    double worst = 0;
    paint(pixels, H * W * 3, r);
    struct imageset set = one_colour(pixels, H, W);
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < H * W; i++) plane[i] = pixels[3 * i + c];
      for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++) {
          const double want = mean(plane, H, W, top + y * s, top + (y + 1) * s, left + x * s, left + (x + 1) * s);
          worst = fmax(worst, fabs(set.colour[3 * (y * S + x) + c] - want));
        }
    }
    CHECK(worst <= test_tol(0.51) && (k > 0 || worst == 0), "%d x %d: off by %.4g", H, W, worst);
    imageset_release(&set);
  }
}

// Turned, mirrored and shifted by whole pixels: copies to the bit, with 0 where nothing is.
static void test_colour_copies(struct rng *r) {
  static unsigned char pixels[S * S * 3];
  static real out[S * S * 5];
  paint(pixels, S * S * 3, r);
  struct imageset set = one_colour(pixels, S, S);
  for (int k = 0; k < 4 * 2 * 49; k++) {
    const int quarter = k % 4, mirror = k / 4 % 2, dx = k / 8 % 7 - 3, dy = k / 56 % 7 - 3;
    struct view v = render_plain(0);
    v.quarter = quarter;
    if (mirror) v.m[0][0] = -1;
    v.t[0] = (float)dx, v.t[1] = (float)dy;
    int wrong = 0;
    for (int i = 0; i < S * S * 5; i++) out[i] = -7;
    render_view(&set, out, 5, &v);
    for (int i = 0; i < S * S * 5; i++) {
      const int c = i % 5, x = i / 5 % S, y = i / 5 / S;
      int sx = (mirror ? S - 1 - x : x) + dx, sy = y + dy;
      for (int q = 0; q < quarter; q++) {
        const int old = sy;
        sy = sx;
        sx = S - 1 - old;
      }
      const int inside = sx >= 0 && sy >= 0 && sx < S && sy < S;
      const float want = c > 2 ? -7 : inside ? (float)pixels[3 * (sy * S + sx) + c] / 127.5f - 1 : 0;
      wrong += out[i] != (real)want;
    }
    CHECK(wrong == 0, "quarter %d, mirror %d, shift %d %d: %d pixels differ", quarter, mirror, dx, dy, wrong);
  }
  imageset_release(&set);
}

static double colour_ref(const unsigned char *pixels, const struct view *v, int x, int y, int c) {
  const double ux = x - (S - 1) / 2.0, uy = y - (S - 1) / 2.0;
  double sx = (double)v->m[0][0] * ux + (double)v->m[0][1] * uy + (double)v->t[0], sum = 0;
  double sy = (double)v->m[1][0] * ux + (double)v->m[1][1] * uy + (double)v->t[1];
  for (int q = 0; q < v->quarter; q++) {
    const double turned = -sy;
    sy = sx;
    sx = turned;
  }
  sx += (S - 1) / 2.0, sy += (S - 1) / 2.0;
  for (int j = (int)floor(sy); j <= (int)floor(sy) + 1; j++)
    for (int i = (int)floor(sx); i <= (int)floor(sx) + 1; i++)
      if (i >= 0 && j >= 0 && i < S && j < S)
        sum += (1 - fabs(sx - i)) * (1 - fabs(sy - j)) * (pixels[3 * (j * S + i) + c] / 127.5 - 1);
  return sum;
}

static void test_colour_views(struct rng *r) {
  static unsigned char pixels[S * S * 3];
  static real out[S * S * 3], part[S * S * 3];
  paint(pixels, S * S * 3, r);
  struct imageset set = one_colour(pixels, S, S);
  for (int k = 0; k < 100; k++) {
    struct view v = render_plain(0);
    v.quarter = k % 4;
    const double reach = k < 75 ? 0.3 : 40;
    for (int i = 0; i < 4; i++) v.m[i / 2][i % 2] += (float)(reach * rng_normal(r));
    for (int i = 0; i < 2; i++) v.t[i] = (float)(10 * reach * rng_normal(r));
    const struct render_box box = { k % 5, k % 9, S - k % 7, S - k % 11 };
    double worst = 0;
    int outside = 0;
    for (int i = 0; i < S * S * 3; i++) part[i] = -7;
    render_view(&set, out, 3, &v);
    render_view_box(&set, part, 3, &v, &box);
    for (int i = 0; i < S * S * 3; i++) {
      const int x = i / 3 % S, y = i / 3 / S, in = y >= box.y0 && y < box.y1 && x >= box.x0 && x < box.x1;
      worst = fmax(worst, fabs((double)out[i] - colour_ref(pixels, &v, x, y, i % 3)));
      outside += part[i] != (in ? out[i] : -7);
    }
    CHECK(worst <= test_tol(4e-3), "view %d: off by %.3g", k, worst);
    CHECK(outside == 0, "view %d: a box of it: %d values differ", k, outside);
  }
  imageset_release(&set);
}

// A box of ink is the same box of the whole view.
static void test_boxes(struct rng *r) {
  static unsigned char ink[SIDE * SIDE];
  const struct render_box box = { 3, 0, S, 17 };
  scribble(ink, SIDE, SIDE, r);
  for (int preprocessing = 0; preprocessing < 2; preprocessing++) {
    struct imageset set = one_image((enum imageset_preprocessing)preprocessing, ink, SIDE, SIDE);
    real out[S * S], part[S * S];
    struct view v = render_plain(0);
    v.quarter = 1;
    int wrong = 0;
    for (int i = 0; i < S * S; i++) part[i] = -7;
    render_view(&set, out, 1, &v);
    render_view_box(&set, part, 1, &v, &box);
    for (int i = 0; i < S * S; i++) wrong += part[i] != (i / S >= 3 && i % S < 17 ? out[i] : -7);
    CHECK(wrong == 0, "%d: %d values differ", preprocessing, wrong);
    imageset_release(&set);
  }
}

// By hand: a single ink pixel at (1, 2); p = 1.375, so rows 1 and 2 meet in the first output row.
static void test_published_by_hand(void) {
  static unsigned char ink[SIDE * SIDE];
  real out[S * S];
  ink[1 * SIDE + 2] = 255;
  render_reduce_published(out, S, ink, SIDE, SIDE);
  CHECK_REL(out[0], 1 - 0.625 * 0.375, 1e-7);
  CHECK(out[1] == 1 && out[S] == 1 && out[S * S - 1] == 1, "background %g", (double)out[1]);
}

static void test_published_reference(void) {
  static const char reference[] = "../shared/reference/omniglot_resize.safetensors";
  static const char *const classes[] = { "Angelic/character01", "Tengwar/character07" }, *const names[] = { "image",
                                                                                                            "image2" };
  static const int drawings[] = { 0, 13 };
  struct tensorfile *tf;
  if (!file_exists(reference) || !file_exists("../shared/omniglot/images_evaluation.zip")) {
    printf("SKIP published reduction: %s or the Omniglot archives are absent\n", reference);
    return;
  }
  struct imageset set;
  imageset_init(&set, IMAGESET_PUBLISHED, S);
  CHECK(omniglot_load(&set, "../shared/omniglot", "images_evaluation", OMNIGLOT_EVALUATION) == 0, "%s", err_message());
  CHECK(tensorfile_open(&tf, reference) == 0, "%s", err_message());
  for (int k = 0; k < 2; k++) {
    double want[S * S];
    const int64_t dims[] = { S, S };
    CHECK(tensorfile_f64(tf, names[k], 2, dims, want) == 0, "%s", err_message());
    const int c = imageset_find(&set, classes[k]);
    CHECK(c >= 0, "%s", classes[k]);
    if (c < 0) continue;
    const real *got = set.reduced + (size_t)(set.first[c] + drawings[k]) * S * S;
    int wrong = 0;
    for (int i = 0; i < S * S; i++) wrong += got[i] != (real)want[i];
    CHECK(wrong == 0, "%s: %d pixels differ", classes[k], wrong);
  }
  tensorfile_close(tf);
  imageset_release(&set);
}

int main(void) {
  struct rng r = rng_stream(3, RNG_TEST, 0);
  test_area_mean(&r);
  test_views(&r);
  test_turns(&r);
  test_colour_reduction(&r);
  test_colour_copies(&r);
  test_colour_views(&r);
  test_boxes(&r);
  test_published_by_hand();
  test_published_reference();
  return test_summary();
}
