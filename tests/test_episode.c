// Episodes: distinct classes and drawings, one turn per class, every choice equally likely, distortions
// within their limits, and clear refusals.
#include "base/err.h"
#include "data/episode.h"
#include "test.h"

enum { CLASSES = 12, DRAWINGS = 9, S = 8 };

// Class c has DRAWINGS + c % 2 images; image i is a constant grey, so that a rendered pixel says which it is.
static struct imageset make_set(void) {
  struct imageset set;
  unsigned char ink[4 * S * S];
  imageset_init(&set, IMAGESET_AREA, S);
  for (int c = 0; c < CLASSES; c++) {
    char name[32];
    snprintf(name, sizeof name, "class%02d", c);
    imageset_add_class(&set, name, name);
    for (int d = 0; d < DRAWINGS + c % 2; d++) {
      memset(ink, set.n_images, sizeof ink);
      imageset_add_image(&set, ink, 2 * S, 2 * S);
    }
  }
  return set;
}

static int class_of(const struct imageset *set, int image) {
  int c = 0;
  while (image >= set->first[c + 1]) c++;
  return c;
}

// Everything that must hold for one drawn episode; the number of violations.
static int violations(const struct episode *e, const struct imageset *set, const struct imageset_classes *from) {
  int bad = 0;
  const int n = episode_images(e), n_support = e->ways * e->shots;
  for (int i = 0; i < n; i++) {
    const int way = i < n_support ? i / e->shots : (i - n_support) / e->queries;
    bad += class_of(set, e->views[i].image) != e->classes[way];
    bad += e->views[i].quarter != e->views[way * e->shots].quarter;
    for (int k = 0; k < i; k++) bad += e->views[k].image == e->views[i].image;
  }
  for (int w = 0; w < e->ways; w++) {
    int found = 0;
    for (int k = 0; k < from->n; k++) found += from->id[k] == e->classes[w];
    bad += found != 1;
    for (int k = 0; k < w; k++) bad += e->classes[k] == e->classes[w];
  }
  return bad;
}

static double chi2(const int *count, int n) {
  double total = 0, sum = 0;
  for (int i = 0; i < n; i++) total += count[i];
  for (int i = 0; i < n; i++) sum += (count[i] - total / n) * (count[i] - total / n) / (total / n);
  return sum;
}

static void test_draw(const struct imageset *set) {
  int ids[] = { 1, 2, 4, 5, 7, 8, 10 }, bad = 0;
  const struct imageset_classes from = { 7, ids };
  const struct episode_spec spec = { .ways = 5, .shots = 4, .queries = 5, .turn = 1 };
  struct episode e;
  int first_class[CLASSES] = { 0 }, quarter[4] = { 0 }, support[DRAWINGS] = { 0 };
  CHECK(episode_check(&spec, set, &from, "training") == 0, "%s", err_message());
  episode_init(&e, 5, 4, 5);
  for (int k = 0; k < 4000; k++) {
    struct rng r = rng_stream(7, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &from, &r);
    bad += violations(&e, set, &from);
    for (int i = 0; i < 7; i++) first_class[i] += e.classes[2] == ids[i];
    for (int w = 0; w < 5; w++) quarter[e.views[w * 4].quarter]++;
    for (int w = 0; w < 5; w++)
      if (e.classes[w] == 2)
        for (int i = 0; i < 4; i++) support[e.views[w * 4 + i].image - set->first[2]]++;
  }
  CHECK(bad == 0, "%d violations", bad);
  // 99.99 % of chi-squared with 6, 3 and 8 degrees of freedom
  CHECK(chi2(first_class, 7) < 27.9, "class of way 2: %g", chi2(first_class, 7));
  CHECK(chi2(quarter, 4) < 21.1, "quarter turns: %g", chi2(quarter, 4));
  CHECK(chi2(support, 9) < 31.8, "support drawings: %g", chi2(support, 9));
  quarter[0] += 400;  // 2 % of them: the test would see a bias
  CHECK(chi2(quarter, 4) > 21.1, "a bias is not seen: %g", chi2(quarter, 4));
  e.views[7] = e.views[6];
  CHECK(violations(&e, set, &from) > 0, "a repeated drawing is not seen");
  episode_release(&e);
}

static void test_deterministic(const struct imageset *set) {
  int ids[CLASSES];
  for (int c = 0; c < CLASSES; c++) ids[c] = c;
  const struct imageset_classes from = { CLASSES, ids };
  const struct episode_spec spec = { .ways = CLASSES, .shots = 4, .queries = 5, .distortion = { 10, 0.2, 0.1, 2 } };
  struct episode a, b;
  episode_init(&a, CLASSES, 4, 5);
  episode_init(&b, CLASSES, 4, 5);
  struct rng r = rng_stream(1, RNG_EPISODE, 5), again = r;
  episode_draw(&a, &spec, set, &from, &r);
  episode_draw(&b, &spec, set, &from, &again);
  CHECK(memcmp(a.views, b.views, (size_t)episode_images(&a) * sizeof *a.views) == 0,
        "the same stream gives the same task");
  CHECK(violations(&a, set, &from) == 0, "all classes and all drawings of some");
  static real out[CLASSES * 9 * S * S * 2];
  for (size_t i = 0; i < sizeof out / sizeof *out; i++) out[i] = -1;
  for (int i = 0; i < episode_images(&a); i++) a.views[i] = render_plain(a.views[i].image);
  episode_render(&a, set, out, 2);
  int wrong = 0;
  for (int i = 0; i < episode_images(&a); i++)
    for (int p = 0; p < S * S; p++) {
      const real *pixel = out + (i * S * S + p) * 2;
      wrong += (int)lround(255 * (double)pixel[0]) != a.views[i].image || pixel[1] != -1;
    }
  CHECK(wrong == 0, "%d pixels in the wrong place", wrong);
  episode_release(&a);
  episode_release(&b);
}

// Area and axes of the distortions stay within their limits and reach near them.
static void test_distortion(const struct imageset *set) {
  int ids[] = { 0, 1 };
  const struct imageset_classes from = { 2, ids };
  const struct episode_spec spec = { .ways = 2, .shots = 4, .queries = 5, .distortion = { 12, 0.2, 0.15, 1.5 } };
  struct episode e;
  double area = 0, shift = 0, angle = 0;
  episode_init(&e, 2, 4, 5);
  for (int k = 0; k < 300; k++) {
    struct rng r = rng_stream(9, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &from, &r);
    for (int i = 0; i < episode_images(&e); i++) {
      const struct view *v = e.views + i;
      area = fmax(area, fabs(log((double)(v->m[0][0] * v->m[1][1] - v->m[0][1] * v->m[1][0]))));
      shift = fmax(shift, fmax(fabs((double)v->t[0]), fabs((double)v->t[1])));
      angle = fmax(angle, fabs(atan2((double)v->m[1][0], (double)v->m[1][1])) * 180 / 3.141592653589793);
    }
  }
  CHECK(area > 0.36 && area < 0.4 + 1e-6, "largest change of area exp(%g)", area);
  CHECK(shift > 1.49 && shift < 1.5 + 1e-6, "largest shift %g", shift);
  CHECK(angle > 11.9 && angle < 12 + 1e-4, "largest rotation %g", angle);
  episode_release(&e);
}

static void test_refusals(const struct imageset *set) {
  int ids[] = { 3, 4, 5 };
  const struct imageset_classes from = { 3, ids };
  struct episode_spec spec = { .ways = 4, .shots = 1, .queries = 1 };
  CHECK(episode_check(&spec, set, &from, "validation") == ERR_SETTING && strstr(err_message(), "only 3 validation"),
        "%s", err_message());
  spec = (struct episode_spec){ .ways = 3, .shots = 5, .queries = 5 };
  CHECK(episode_check(&spec, set, &from, "validation") == ERR_SETTING && strstr(err_message(), "class04 has only 9"),
        "%s", err_message());
}

int main(void) {
  struct imageset set = make_set();
  test_draw(&set);
  test_deterministic(&set);
  test_distortion(&set);
  test_refusals(&set);
  imageset_release(&set);
  return test_summary();
}
