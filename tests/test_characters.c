// Built-in characters: the same for every load, never cut at the border or blank; one's drawings
// differ, yet their pixels distinguish them from other characters' about as well as Omniglot's. In colours: the same
// drawings, visible on their ground, and told apart by their colours better than without.
#include "base/checksum.h"
#include "data/characters.h"
#include "data/colouring.h"
#include "data/episode.h"
#include "data/render.h"
#include "test.h"

enum { CLASSES = 150, DRAWINGS = 10, S = 28, BYTES = 4 * S * S };

static void test_drawings(const struct imageset *set) {
  unsigned char ink[BYTES];
  int differ = 0, border = 0, blank = 0, same = 0;
  double total = 0;
  for (int i = 0; i < set->n_images; i++) {
    const unsigned char *image = set->ink + (size_t)i * BYTES;
    double sum = 0;
    for (int k = 0; k < BYTES; k++) {
      const int y = k / (2 * S), x = k % (2 * S);
      sum += image[k] / 255.0;
      border += image[k] && (y == 0 || x == 0 || y == 2 * S - 1 || x == 2 * S - 1);
    }
    blank += sum < 25;
    total += sum / BYTES;
    same += i > 0 && memcmp(image, image - BYTES, BYTES) == 0;
    characters_draw(ink, 2 * S, 5, 40 + i / DRAWINGS, i % DRAWINGS);
    differ += memcmp(ink, image, BYTES) != 0;
  }
  CHECK(differ == 0 && border == 0 && blank == 0 && same == 0, "%d differ, %d at the border, %d blank, %d same", differ,
        border, blank, same);
  CHECK(fabs(total / set->n_images - 0.07) < 0.015, "mean ink %g", total / set->n_images);  // Omniglot: 0.08
}

// Of C channels, what is compared: all of them, or (grey) their mean.
static void make_grey(real *x, int n, int C) {
  for (int i = 0; i < n; i++) {
    real sum = 0;
    for (int c = 0; c < C; c++) sum += x[i * C + c];
    for (int c = 0; c < C; c++) x[i * C + c] = sum / (real)C;
  }
}

// Accuracy of the nearest class mean over 5-way 5-shot tasks; with `wrong` labels it is chance.
static double nearest_mean(const struct imageset *set, int wrong, int grey) {
  int ids[CLASSES], right = 0, n = 0;
  for (int c = 0; c < CLASSES; c++) ids[c] = c;
  const struct imageset_classes all = { CLASSES, ids };
  const struct episode_spec spec = { .ways = 5, .shots = 5, .queries = 5 };
  const int C = set->channels, pixels = S * S * C;
  struct episode e;
  static real x[50 * S * S * 3];
  episode_init(&e, 5, 5, 5);
  for (int k = 0; k < 200; k++) {
    struct rng r = rng_stream(11, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &all, &r);
    episode_render(&e, set, x, C);
    if (grey) make_grey(x, 50 * S * S, C);
    for (int q = 0; q < 25; q++, n++) {
      int best = -1;
      double least = 1e30;
      for (int w = 0; w < 5; w++) {
        double d = 0;
        for (int p = 0; p < pixels; p++) {
          double mean = 0;
          for (int s = 0; s < 5; s++) mean += (double)x[(wrong ? s * 5 + w : w * 5 + s) * pixels + p] / 5;
          d += ((double)x[(25 + q) * pixels + p] - mean) * ((double)x[(25 + q) * pixels + p] - mean);
        }
        if (d < least) least = d, best = w;
      }
      right += best == q / 5;
    }
  }
  episode_release(&e);
  return (double)right / n;
}

// ---- in colours

// Mean difference between the colours of the pen and of the ground in an image, 0..1; its largest channel.
static double visible(const unsigned char *ink, const unsigned char *colour) {
  double sum[2][3] = { { 0 } }, n[2] = { 0, 0 }, most = 0;
  for (int p = 0; p < S * S; p++) {
    const int pen = ink[p] > 230;
    if (!pen && ink[p] > 0) continue;
    n[pen]++;
    for (int c = 0; c < 3; c++) sum[pen][c] += colour[3 * p + c] / 255.0;
  }
  for (int c = 0; c < 3; c++) most = fmax(most, fabs(sum[1][c] / n[1] - sum[0][c] / n[0]));
  return n[1] > 0 ? most : 1;
}

static void test_visible(const struct imageset *grey, const struct imageset *colour) {
  unsigned char ink[S * S];
  double least = 1, mean = 0;
  int same = 0;
  for (int i = 0; i < grey->n_images; i++) {
    const unsigned char *seen = colour->colour + (size_t)i * 3 * S * S;
    render_reduce_area(ink, S, grey->ink + (size_t)i * BYTES, 2 * S, 2 * S);
    const double v = visible(ink, seen);
    least = fmin(least, v);
    mean += v / grey->n_images;
    same += i > 0 && memcmp(seen, seen - 3 * S * S, 3 * S * S) == 0;
  }
  printf("pen against ground: %.3f, at least %.3f\n", mean, least);
  CHECK(least > 0.04 && mean > 0.3 && same == 0, "least %g, mean %g, %d same", least, mean, same);
}

// Hue, saturation and value by hand: pure colours of a class without pattern, under even light, are as the class says.
static void test_paint(void) {
  const struct colouring plain = { .pen = { 1, 0, 0 }, .ground = { { 0, 0, 1 }, { 0, 1, 0 } },
                                   .pattern = COLOURING_PLAIN, .period = 0.3, .along = { 1, 0 } };
  static const unsigned char ink[4] = { 0, 255, 0, 0 };
  unsigned char pixels[2][12];
  for (int k = 0; k < 2; k++) {
    struct rng r = rng_stream(1, RNG_TEST, 5);
    colouring_paint(pixels[k], ink, 2, &plain, &r);
  }
  CHECK(memcmp(pixels[0], pixels[1], 12) == 0, "the same stream, other pixels");
  for (int p = 0; p < 4; p++)
    CHECK((pixels[0][3 * p] > 50) == (p == 1) && pixels[0][3 * p + 1] == 0 && (pixels[0][3 * p + 2] > 50) == (p != 1),
          "pixel %d: %d %d %d", p, pixels[0][3 * p], pixels[0][3 * p + 1], pixels[0][3 * p + 2]);
}

// The pen differs from both colours of the ground, and classes have all patterns and other colours.
static void test_classes(void) {
  struct colouring c, before = { .period = 0 };
  int patterns[COLOURING_PATTERNS] = { 0 }, near = 0, same = 0, outside = 0;
  for (uint32_t k = 0; k < 1000; k++) {
    struct rng r = rng_stream(3, RNG_COLOUR, k);
    colouring_invent(&c, &r);
    patterns[c.pattern]++;
    for (int g = 0; g < 2; g++) {
      double most = 0;
      for (int i = 0; i < 3; i++) {
        most = fmax(most, fabs(c.pen[i] - c.ground[g][i]));
        outside += c.ground[g][i] < 0 || c.ground[g][i] > 1 || c.pen[i] < 0 || c.pen[i] > 1;
      }
      near += most <= 0.4;
    }
    same += fabs(c.pen[0] - before.pen[0]) + fabs(c.ground[0][0] - before.ground[0][0]) < 1e-3;
    before = c;
  }
  CHECK(near <= 4 && same == 0 && outside == 0, "%d pens near the ground, %d classes alike, %d outside", near, same,
        outside);
  for (int p = 0; p < COLOURING_PATTERNS; p++) CHECK(patterns[p] > 180, "pattern %d: %d of 1000", p, patterns[p]);
}

static void test_colours(const struct imageset *grey) {
  struct imageset set;
  imageset_init_colour(&set, S);
  characters_load(&set, "test", 5, 40, CLASSES, DRAWINGS);
  CHECK(set.n_images == grey->n_images && set.channels == 3 && strcmp(set.class_name[1], grey->class_name[1]) == 0,
        "%d images", set.n_images);
  test_visible(grey, &set);
  const double colour = nearest_mean(&set, 0, 0), without = nearest_mean(&set, 0, 1), chance = nearest_mean(&set, 1, 0);
  printf("in colours: %.3f, without them %.3f, wrong labels %.3f\n", colour, without, chance);
  CHECK(colour > without + 0.1 && colour < 0.97, "%g in colours, %g without", colour, without);
  CHECK(fabs(chance - 0.2) < 0.05, "%g", chance);
  imageset_release(&set);
}

// Some characters of seed 1, as every program since 0.1.0 draws them, and their colours.
static void test_checksums(void) {
  struct imageset set[2];
  uint64_t h[2];
  imageset_init(&set[0], IMAGESET_AREA, S);
  imageset_init_colour(&set[1], S);
  for (int k = 0; k < 2; k++) {
    characters_load(&set[k], "test", 1, 7, 10, 3);
    h[k] = checksum_bytes(CHECKSUM_START, imageset_image(&set[k], 0), 30 * imageset_kept(&set[k]));
    imageset_release(&set[k]);
  }
  CHECK(h[0] == 0x5ece6fd07b8f79bc && h[1] == 0x58f63920d7ce6565, "%016llx %016llx", (unsigned long long)h[0],
        (unsigned long long)h[1]);
}

int main(void) {
  struct imageset set;
  imageset_init(&set, IMAGESET_AREA, S);
  characters_load(&set, "test", 5, 40, CLASSES, DRAWINGS);
  CHECK(set.n_classes == CLASSES && set.n_groups == CLASSES && strcmp(set.class_name[1], "test/character0002") == 0,
        "%s", set.class_name[1]);
  test_drawings(&set);
  const double accuracy = nearest_mean(&set, 0, 0), chance = nearest_mean(&set, 1, 0);
  printf("nearest mean of pixels, 5-way 5-shot: %.3f, wrong labels %.3f\n", accuracy, chance);
  CHECK(accuracy > 0.6 && accuracy < 0.93, "%g", accuracy);
  CHECK(fabs(chance - 0.2) < 0.05, "%g", chance);
  test_colours(&set);
  imageset_release(&set);
  test_paint();
  test_classes();
  test_checksums();
  return test_summary();
}
