// Episodes: distinct classes and drawings, one turn per class, every choice equally likely, distortions
// within their limits, mirror images, shifts, mixtures, tasks without support, tasks of one group, numbers of
// queries, test images, classes in their order, and clear refusals.
#include "base/checksum.h"
#include "base/err.h"
#include "data/episode.h"
#include "test.h"

enum { CLASSES = 12, DRAWINGS = 9, S = 8 };

// Class c has DRAWINGS + c % 2 images; image i is a constant grey, so that a rendered pixel says which it is.
static struct imageset make_grouped(const char *groups) {
  struct imageset set;
  unsigned char ink[4 * S * S];
  imageset_init(&set, IMAGESET_AREA, S);
  for (int c = 0; c < CLASSES; c++) {
    char name[32];
    snprintf(name, sizeof name, "class%02d", c);
    imageset_add_class(&set, name, groups ? (char[2]){ groups[c], 0 } : name);
    for (int d = 0; d < DRAWINGS + c % 2; d++) {
      memset(ink, set.n_images, sizeof ink);
      imageset_add_image(&set, ink, 2 * S, 2 * S);
    }
  }
  return set;
}

static struct imageset make_set(void) { return make_grouped(NULL); }

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

// Every second image is mirrored, and every shift is equally likely.
static void test_augmentation(const struct imageset *set) {
  int ids[] = { 0, 1, 2 }, mirrored = 0, n = 0, bad = 0, shift[2][7] = { { 0 } };
  const struct imageset_classes from = { 3, ids };
  const struct episode_spec spec = { .ways = 3, .shots = 4, .queries = 5, .flip = 1, .crop_px = 3 };
  struct episode e;
  episode_init(&e, 3, 4, 5);
  for (int k = 0; k < 1000; k++) {
    struct rng r = rng_stream(11, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &from, &r);
    bad += violations(&e, set, &from);
    for (int i = 0; i < episode_images(&e); i++, n++) {
      const struct view *v = e.views + i;
      mirrored += v->m[0][0] == -1;
      bad += fabsf(v->m[0][0]) != 1 || v->m[1][1] != 1 || v->m[0][1] != 0 || v->m[1][0] != 0;
      for (int d = 0; d < 2; d++) {
        const int at = (int)v->t[d] + 3;
        bad += at < 0 || at > 6 || (float)(at - 3) != v->t[d];
        if (at >= 0 && at <= 6) shift[d][at]++;
      }
    }
    for (int q = 0; q < 15; q++) bad += e.share[q] != 1 || e.other[q] != q / 5;
  }
  CHECK(bad == 0, "%d violations", bad);
  CHECK(fabs(mirrored - n / 2.0) < 5 * sqrt(n) / 2, "%d of %d mirrored", mirrored, n);
  for (int d = 0; d < 2; d++) CHECK(chi2(shift[d], 7) < 27.9, "shifts: %g", chi2(shift[d], 7));
  episode_release(&e);
}

// A class turned otherwise is another class: each of the four times n equally likely, none twice in a task.
static void test_rotated(const struct imageset *set) {
  int ids[] = { 2, 5, 9 }, bad = 0, count[12] = { 0 };
  const struct imageset_classes from = { 3, ids };
  struct episode_spec spec = { .ways = 7, .shots = 1, .queries = 2, .rotated_classes = 1, .turn = 1 };
  struct episode e;
  CHECK(episode_check(&spec, set, &from, "training") == 0 && episode_classes(&spec, &from) == 12, "%s", err_message());
  episode_init(&e, 7, 1, 2);
  for (int k = 0; k < 3000; k++) {
    struct rng r = rng_stream(12, RNG_TEST, (uint32_t)k);
    int seen[12] = { 0 };
    episode_draw(&e, &spec, set, &from, &r);
    for (int w = 0; w < 7; w++) {
      const int quarter = e.views[w].quarter, c = e.classes[w] == 2 ? 0 : e.classes[w] == 5 ? 1 : 2;
      bad += seen[c * 4 + quarter]++ || class_of(set, e.views[w].image) != e.classes[w];
      for (int q = 0; q < 2; q++)
        bad += e.views[7 + w * 2 + q].quarter != quarter || class_of(set, e.views[7 + w * 2 + q].image) != e.classes[w];
      if (w == 3) count[c * 4 + quarter]++;
    }
  }
  CHECK(bad == 0, "%d violations", bad);
  CHECK(chi2(count, 12) < 37.4, "classes of way 3: %g", chi2(count, 12));  // 99.99 %, 11 degrees of freedom
  spec.ways = 13;
  CHECK(episode_check(&spec, set, &from, "training") == ERR_SETTING && strstr(err_message(), "only 12 training"), "%s",
        err_message());
  episode_release(&e);
}

// All classes from one of the groups that have enough, each group as likely; turned classes count four times.
static void test_one_group(void) {
  struct imageset set = make_grouped("aaaabbcccdda");
  int ids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11 }, bad = 0, group[4] = { 0 }, rotated[4] = { 0 }, turn[4] = { 0 }, n;
  const struct imageset_classes from = { 11, ids };
  struct episode_spec spec = { .ways = 3, .shots = 4, .queries = 5, .one_group = 1, .turn = 1 };
  struct episode e;
  CHECK(episode_largest_group(&spec, &set, &from, &n) == 0 && n == 5, "%d", n);
  episode_init(&e, 3, 4, 5);
  for (int k = 0; k < 2000; k++) {
    struct rng r = rng_stream(17, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, &set, &from, &r);
    bad += violations(&e, &set, &from);
    for (int w = 0; w < 3; w++)
      bad += set.group[e.classes[w]] != set.group[e.classes[0]] || e.views[4 * w].quarter != e.views[0].quarter;
    group[set.group[e.classes[0]]]++;
    turn[e.views[0].quarter]++;
  }
  CHECK(bad == 0, "%d violations", bad);
  CHECK(group[1] == 0 && group[3] == 0 && abs(group[0] - 1000) < 90, "%d a, %d b, %d c, %d d", group[0], group[1],
        group[2], group[3]);  // 4 standard deviations
  CHECK(chi2(turn, 4) < 21.1, "turns of tasks: %g", chi2(turn, 4));
  spec.rotated_classes = 1;
  CHECK(episode_largest_group(&spec, &set, &from, &n) == 0 && n == 20, "%d", n);
  for (int k = 0; k < 2000; k++) {
    struct rng r = rng_stream(18, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, &set, &from, &r);
    for (int w = 0; w < 3; w++) bad += set.group[e.classes[w]] != set.group[e.classes[0]];
    rotated[set.group[e.classes[0]]]++;
  }
  CHECK(bad == 0 && chi2(rotated, 4) < 21.1, "%d violations, groups %g", bad, chi2(rotated, 4));  // 99.99 %
  episode_release(&e);
  imageset_release(&set);
}

// The number of queries of each class against the images; the number of violations.
static int query_violations(const struct episode *e, const struct imageset *set) {
  int bad = e->begin[0] != 0 || e->begin[e->ways] != e->n_queries;
  for (int w = 0; w < e->ways; w++)
    for (int q = e->begin[w]; q < e->begin[w + 1]; q++) {
      const int image = e->views[e->ways * e->shots + q].image;
      bad += e->label[q] != w || class_of(set, image) != e->classes[w];
      for (int k = 0; k < e->ways * e->shots + q; k++) bad += e->views[k].image == image;
    }
  return bad;
}

// Random queries: each class has its share on average, with the spread of throws of a die. Then listed ones.
static void test_queries(const struct imageset *set) {
  int ids[CLASSES], bad = 0, used_up = 0;
  for (int c = 0; c < CLASSES; c++) ids[c] = c;
  const struct imageset_classes from = { CLASSES, ids };
  struct episode_spec spec = { .ways = 4, .shots = 1, .queries = 2, .random_queries = 1 };
  struct episode e;
  double sum[4] = { 0 }, square[4] = { 0 };
  episode_init(&e, 4, 1, 2);
  for (int k = 0; k < 4000; k++) {
    struct rng r = rng_stream(20, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &from, &r);
    bad += query_violations(&e, set) + (e.n_queries != 8 || episode_queries(&spec) != 8);
    for (int w = 0; w < 4; w++) {
      const int n = e.begin[w + 1] - e.begin[w];
      sum[w] += n;
      square[w] += n * n;
    }
  }
  CHECK(bad == 0, "%d violations", bad);
  for (int w = 0; w < 4; w++) {  // 8 throws, one in four: mean 2, variance 1.5; 4 standard deviations
    const double mean = sum[w] / 4000, variance = square[w] / 4000 - mean * mean;
    CHECK(fabs(mean - 2) < 0.08 && fabs(variance - 1.5) < 0.15, "class %d: mean %g, variance %g", w, mean, variance);
  }
  spec.queries = 4;  // of 9 drawings
  CHECK(episode_check(&spec, set, &from, "training") == 0, "%s", err_message());
  spec.queries = 5;
  CHECK(episode_check(&spec, set, &from, "training") == ERR_SETTING &&
            strstr(err_message(), "1 shot and up to 10 queries need 11 images, but class class00 has only 9"),
        "%s", err_message());
  episode_release(&e);
  spec = (struct episode_spec){ .ways = 3, .shots = 5, .queries = 2, .random_queries = 1 };
  episode_init(&e, 3, 5, 2);
  for (int k = 0; k < 200; k++) {  // 6 queries, 4 drawings left
    struct rng r = rng_stream(21, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &from, &r);
    bad += query_violations(&e, set);
    used_up += e.begin[1] == 4;
  }
  CHECK(bad == 0 && used_up > 5, "%d violations, %d used up", bad, used_up);
  episode_release(&e);
  const int listed[3] = { 4, 0, 1 };
  spec = (struct episode_spec){ .ways = 3, .shots = 5, .queries = 2, .listed = listed };
  CHECK(episode_check(&spec, set, &from, "training") == 0 && episode_queries(&spec) == 5, "%s", err_message());
  episode_init(&e, 3, 5, 2);
  struct rng r = rng_stream(22, RNG_TEST, 0);
  episode_draw(&e, &spec, set, &from, &r);
  CHECK(query_violations(&e, set) == 0 && e.begin[1] == 4 && e.begin[2] == 4 && episode_images(&e) == 20, "%d, %d",
        e.begin[1], e.begin[2]);
  spec.shots = 6;
  CHECK(episode_check(&spec, set, &from, "training") == ERR_SETTING && strstr(err_message(), "6 shots and 4 queries"),
        "%s", err_message());
  episode_release(&e);
}

// The tasks that earlier versions drew.
static void test_same_tasks(const struct imageset *set) {
  int ids[] = { 1, 2, 4, 5, 7, 8, 10 };
  const struct imageset_classes from = { 7, ids };
  const struct episode_spec spec = { .ways = 5, .shots = 3, .queries = 5, .turn = 1, .flip = 1, .crop_px = 2,
                                     .distortion = { 10, 0.2, 0.1, 2 } };
  struct episode e;
  uint64_t h = CHECKSUM_START;
  episode_init(&e, 5, 3, 5);
  for (int k = 0; k < 100; k++) {
    struct rng r = rng_stream(19, RNG_TEST, (uint32_t)k);
    episode_draw(&e, &spec, set, &from, &r);
    for (int i = 0; i < episode_images(&e); i++) {
      const int v[3] = { e.views[i].image, e.views[i].quarter, (int)lround(1000 * (double)e.views[i].t[0]) };
      h = checksum_bytes(h, v, sizeof v);
    }
  }
  CHECK(h == 0x613f4f4656e1b5e, "%llx", (unsigned long long)h);
  episode_release(&e);
}

// Without support, all classes: every task has them in their order, so that a label means the same class.
static void test_classification(const struct imageset *set) {
  int ids[] = { 1, 4, 6, 11 }, bad = 0;
  const struct imageset_classes from = { 4, ids };
  for (int rotated = 0; rotated < 2; rotated++) {
    const int n = rotated ? 16 : 4;
    const struct episode_spec spec = { .ways = n, .queries = 3, .rotated_classes = rotated };
    struct episode e;
    CHECK(episode_check(&spec, set, &from, "training") == 0, "%s", err_message());
    episode_init(&e, n, 0, 3);
    for (int k = 0; k < 100; k++) {
      struct rng r = rng_stream(13, RNG_TEST, (uint32_t)k);
      episode_draw(&e, &spec, set, &from, &r);
      for (int i = 0; i < n * 3; i++) {
        const int way = i / 3;
        bad += e.classes[way] != ids[way % 4] || class_of(set, e.views[i].image) != ids[way % 4];
        bad += e.views[i].quarter != way / 4;
        for (int j = way * 3; j < i; j++) bad += e.views[j].image == e.views[i].image;
      }
    }
    episode_release(&e);
  }
  CHECK(bad == 0, "%d violations", bad);
}

// Hundreds of classes, as many as there are.
static void test_many_ways(void) {
  enum { N = 1024 };
  static unsigned char ink[4];
  static int ids[N];
  struct imageset set;
  imageset_init(&set, IMAGESET_AREA, 8);
  for (int c = 0; c < N; c++) {
    char name[16];
    snprintf(name, sizeof name, "%d", c);
    imageset_add_class(&set, name, name);
    for (int d = 0; d < 2; d++) imageset_add_image(&set, ink, 2, 2);
    ids[c] = c;
  }
  const struct imageset_classes from = { N, ids };
  for (int shots = 0; shots < 2; shots++) {
    const struct episode_spec spec = { .ways = N, .shots = shots, .queries = 1 };
    struct episode e;
    struct rng r = rng_stream(14, RNG_TEST, 0);
    int sorted = 0, bad = 0;
    episode_init(&e, N, shots, 1);
    episode_draw(&e, &spec, &set, &from, &r);
    for (int w = 0; w < N; w++) sorted += e.classes[w] == w;
    for (int i = 0; i < episode_images(&e); i++) bad += e.views[i].image / 2 != e.classes[i % N];
    CHECK(bad == 0 && (shots ? sorted < N / 2 : sorted == N), "%d shots: %d bad, %d classes in order", shots, bad,
          sorted);
    episode_release(&e);
  }
  imageset_release(&set);
}

// ---- mixtures

// Of each pixel, does it come from the query itself (1), its partner (2), neither (0)? Images are constant greys.
static int source(const struct episode *e, int q, real pixel) {
  const int n_support = e->ways * e->shots, grey = (int)lround(255 * (double)pixel);
  return grey == e->views[n_support + q].image ? 1 : grey == e->views[n_support + e->mixes[q].partner].image ? 2 : 0;
}

// Mean area of a box, as a fraction: all half sides h with their probability, all centres.
static double mean_box(void) {
  double sum = 0;
  for (int h = 0; h < S / 2; h++) {
    const double lo = 2.0 * h / S, hi = 2.0 * (h + 1) / S;
    double side = 0;
    for (int at = 0; at < S; at++) side += (fmin(at + h, S) - fmax(at - h, 0)) / S;
    sum += (hi * hi - lo * lo) * side * side / (S * S);
  }
  return sum;
}

static void test_cutmix(const struct imageset *set) {
  int ids[] = { 0, 1, 2, 3, 4 }, mixed = 0, n = 0, bad = 0, other[4] = { 0 };
  double left = 0;
  const struct imageset_classes from = { 5, ids };
  const struct episode_spec spec = { .ways = 4, .shots = 1, .queries = 3, .cutmix = 0.6 };
  static real out[16 * S * S];
  struct episode e;
  episode_init(&e, 4, 1, 3);
  for (int k = 0; k < 3000; k++) {
    struct rng r = rng_stream(15, RNG_TEST, (uint32_t)k), plain = r;
    struct episode_spec without = spec;
    struct episode same;
    without.cutmix = 0;
    episode_init(&same, 4, 1, 3);
    episode_draw(&e, &spec, set, &from, &r);
    episode_draw(&same, &without, set, &from, &plain);
    bad += memcmp(e.views, same.views, 16 * sizeof *e.views) != 0;  // the same images as without
    episode_release(&same);
    episode_render(&e, set, out, 1);
    for (int q = 0; q < 12; q++, n++) {
      int own = 0, partner = 0;
      for (int p = 0; p < S * S; p++) {
        const int s = source(&e, q, out[(4 + q) * S * S + p]);
        own += s == 1;
        partner += s == 2;
      }
      bad += own + partner != S * S || fabs((double)e.share[q] - own / (double)(S * S)) > 1e-6;
      bad += e.share[q] < 1 ? e.other[q] == q / 3 || e.other[q] != e.mixes[q].partner / 3 : e.other[q] != q / 3;
      mixed += e.share[q] < 1;
      left += (double)e.share[q];
      if (q == 7 && e.share[q] < 1) other[e.other[q]]++;
    }
    for (int p = 0; p < 4 * S * S; p++) bad += (int)lround(255 * (double)out[p]) != e.views[p / S / S].image;
  }
  CHECK(bad == 0, "%d violations", bad);
  // of 8 pixels: half the side, int(8 sqrt(u))/2, is 0 with probability 1/16, and nothing is then mixed
  const double expected = 0.6 * 15 / 16;
  CHECK(fabs(mixed - expected * n) < 5 * sqrt(n * expected * (1 - expected)), "%d of %d mixed, not %g", mixed, n,
        expected * n);
  CHECK(other[2] == 0 && chi2((int[]){ other[0], other[1], other[3] }, 3) < 18.4, "others of way 2: %d %d %d %d",
        other[0], other[1], other[2], other[3]);
  CHECK(fabs(left / n - (1 - 0.6 * mean_box())) < 5 * 0.25 / sqrt(n), "mean share %g, not %g", left / n,
        1 - 0.6 * mean_box());
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

// What varies, and another view of an image: as it is where nothing varies, else by the stream.
static void test_vary(void) {
  const struct episode_spec still = { .turn = 1 }, moving = { .distortion = { 10, 0.1, 0.1, 1 } },
                            cropped = { .crop_px = 1 };
  const struct view plain = render_plain(3);
  struct rng a = rng_stream(1, RNG_TEST, 5), b = a;
  CHECK(!episode_varies(&still) && episode_varies(&moving) && episode_varies(&cropped), "what varies");
  const struct view same = episode_vary(&plain, &still, &a);
  CHECK(!memcmp(&same, &plain, sizeof plain), "nothing varies, and another view");
  a = b;
  const struct view first = episode_vary(&plain, &moving, &a), again = episode_vary(&plain, &moving, &b),
                    next = episode_vary(&plain, &moving, &b);
  CHECK(!memcmp(&first, &again, sizeof first), "the same stream gives another view");
  CHECK(memcmp(&first, &plain, sizeof first) && memcmp(&first, &next, sizeof first), "the views are the same");
}

// The share of support and of query images that are test images.
static void test_shares(double *support, double *queries, const struct episode_spec *spec, const struct imageset *set,
                        const struct imageset_classes *from) {
  struct episode e;
  int test[2] = { 0 }, n[2] = { 0 }, bad = 0;
  CHECK(episode_check(spec, set, from, "training") == 0, "%s", err_message());
  episode_init(&e, spec->ways, spec->shots, spec->queries);
  for (int k = 0; k < 300; k++) {
    struct rng r = rng_stream(13, RNG_TEST, (uint32_t)k);
    episode_draw(&e, spec, set, from, &r);
    if (!spec->random_queries) bad += violations(&e, set, from);
    for (int i = 0; i < episode_images(&e); i++) {
      const int query = i >= e.ways*e.shots, image = e.views[i].image, c = class_of(set, image);
      test[query] += image >= set->first[c + 1] - set->n_test;
      n[query]++;
    }
  }
  CHECK(bad == 0, "%d violations", bad);
  *support = n[0] ? (double)test[0]/n[0] : 0;
  *queries = (double)test[1]/n[1];
  episode_release(&e);
}

// Test images are all queries of an evaluation, none of its support, and nothing in training.
static void test_test_images(struct imageset *set) {
  int ids[] = { 0, 1, 3, 6 };
  const struct imageset_classes from = { 4, ids };
  struct episode_spec spec = { .ways = 3, .shots = 4, .queries = 4, .test_queries = 1 };
  double support, queries;
  test_shares(&support, &queries, &spec, set, &from);
  CHECK(support == 0 && queries == 0, "no image is a test image: %g, %g", support, queries);
  set->n_test = 5;
  test_shares(&support, &queries, &spec, set, &from);
  CHECK(support == 0 && queries == 1, "of an evaluation: %g of the support, %g of the queries", support, queries);
  spec.random_queries = 1;
  spec.queries = 2;
  test_shares(&support, &queries, &spec, set, &from);
  CHECK(support == 0 && queries == 1, "random queries: %g, %g", support, queries);
  spec = (struct episode_spec){ .ways = 3, .shots = 2, .queries = 2 };
  test_shares(&support, &queries, &spec, set, &from);
  CHECK(support == 0 && queries == 0, "of a training: %g of the support, %g of the queries", support, queries);
  spec = (struct episode_spec){ .ways = 4, .queries = 4 };
  test_shares(&support, &queries, &spec, set, &from);
  CHECK(queries == 0, "of a classification: %g", queries);
  static const struct {
    struct episode_spec spec;
    const char *text;
  } refused[] = {
    { { .ways = 3, .shots = 4, .queries = 6, .test_queries = 1 }, "data.test_images=5: too few for 6 queries" },
    { { .ways = 3, .shots = 5, .queries = 1, .test_queries = 1 },
      "data.test_images=5: 5 shots, but class class00 has only 4 other images" },
    { { .ways = 3, .shots = 2, .queries = 3 },
      "data.test_images=5: 2 shots and 3 queries need 5 other images, but class class00 has only 4" },
  };
  for (size_t k = 0; k < sizeof refused/sizeof *refused; k++)
    CHECK(episode_check(&refused[k].spec, set, &from, "training") == ERR_SETTING &&
              !strcmp(err_message(), refused[k].text), "%s", err_message());
  set->n_test = 0;
}

static void test_in_order(const struct imageset *set) {
  int ids[] = { 2, 5, 6, 9 };
  const struct imageset_classes from = { 4, ids };
  const struct episode_spec spec = { .ways = 3, .shots = 2, .queries = 2, .in_order = 1 };
  struct episode e;
  struct rng r = rng_stream(3, RNG_TEST, 0);
  episode_init(&e, 3, 2, 2);
  episode_draw(&e, &spec, set, &from, &r);
  CHECK(e.classes[0] == 2 && e.classes[1] == 5 && e.classes[2] == 6 && violations(&e, set, &from) == 0, "%d %d %d",
        e.classes[0], e.classes[1], e.classes[2]);
  episode_release(&e);
}

int main(void) {
  struct imageset set = make_set();
  test_draw(&set);
  test_deterministic(&set);
  test_distortion(&set);
  test_augmentation(&set);
  test_rotated(&set);
  test_one_group();
  test_queries(&set);
  test_vary();
  test_same_tasks(&set);
  test_classification(&set);
  test_many_ways();
  test_cutmix(&set);
  test_refusals(&set);
  test_test_images(&set);
  test_in_order(&set);
  imageset_release(&set);
  return test_summary();
}
