// Built-in characters: the same for every load, never cut at the border or blank; one's drawings
// differ, yet their pixels distinguish them from other characters' about as well as Omniglot's.
#include "data/characters.h"
#include "data/episode.h"
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

// Accuracy of the nearest class mean over 5-way 5-shot tasks; with `wrong` labels it is chance.
static double nearest_mean(const struct imageset *set, int wrong) {
  int ids[CLASSES], right = 0, n = 0;
  for (int c = 0; c < CLASSES; c++) ids[c] = c;
  const struct imageset_classes all = { CLASSES, ids };
  const struct episode_spec spec = { .ways = 5, .shots = 5, .queries = 5 };
  struct episode e;
  static real x[50 * S * S];
  episode_init(&e, 5, 5, 5);
  for (int k = 0; k < 200; k++) {
    struct rng r = rng_stream(11, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &all, &r);
    episode_render(&e, set, x, 1);
    for (int q = 0; q < 25; q++, n++) {
      int best = -1;
      double least = 1e30;
      for (int w = 0; w < 5; w++) {
        double d = 0;
        for (int p = 0; p < S * S; p++) {
          double mean = 0;
          for (int s = 0; s < 5; s++) mean += (double)x[(wrong ? s * 5 + w : w * 5 + s) * S * S + p] / 5;
          d += ((double)x[(25 + q) * S * S + p] - mean) * ((double)x[(25 + q) * S * S + p] - mean);
        }
        if (d < least) least = d, best = w;
      }
      right += best == q / 5;
    }
  }
  episode_release(&e);
  return (double)right / n;
}

int main(void) {
  struct imageset set;
  imageset_init(&set, IMAGESET_AREA, S);
  characters_load(&set, "test", 5, 40, CLASSES, DRAWINGS);
  CHECK(set.n_classes == CLASSES && set.n_groups == CLASSES && strcmp(set.class_name[1], "test/character0002") == 0,
        "%s", set.class_name[1]);
  test_drawings(&set);
  const double accuracy = nearest_mean(&set, 0), chance = nearest_mean(&set, 1);
  printf("nearest mean of pixels, 5-way 5-shot: %.3f, wrong labels %.3f\n", accuracy, chance);
  CHECK(accuracy > 0.6 && accuracy < 0.93, "%g", accuracy);
  CHECK(fabs(chance - 0.2) < 0.05, "%g", chance);
  imageset_release(&set);
  return test_summary();
}
