// Resampling: the published reduction bit by bit, the exact mean of the area reduction, quarter turns
// as permutations, distorted views against a slow double-precision twin.
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
  test_published_by_hand();
  test_published_reference();
  return test_summary();
}
