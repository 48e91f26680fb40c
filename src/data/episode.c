#include "data/episode.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

// The labels, from the first query of each class.
static void episode_label(struct episode *e) {
  e->n_queries = e->begin[e->ways];
  for (int w = 0; w < e->ways; w++)
    for (int q = e->begin[w]; q < e->begin[w + 1]; q++) e->label[q] = w;
}

static void episode_unmix(struct episode *e) {
  for (int q = 0; q < e->n_queries; q++) {
    e->other[q] = e->label[q];
    e->share[q] = 1;
  }
}

void episode_init(struct episode *e, int ways, int shots, int queries) {
  assert(ways > 0 && shots >= 0 && queries > 0);
  const size_t n_queries = (size_t)ways * (size_t)queries;
  *e = (struct episode){ .ways = ways, .shots = shots, .queries = queries };
  e->classes = err_calloc((size_t)ways, sizeof(int));
  e->begin = err_calloc((size_t)ways + 1, sizeof(int));
  e->label = err_calloc(n_queries, sizeof(int));
  e->views = err_calloc((size_t)ways * (size_t)shots + n_queries, sizeof(struct view));
  e->mixes = err_calloc(n_queries, sizeof *e->mixes);
  e->other = err_calloc(n_queries, sizeof *e->other);
  e->share = err_calloc(n_queries, sizeof *e->share);
  for (int w = 0; w <= ways; w++) e->begin[w] = w * queries;
  episode_label(e);
  episode_unmix(e);
}

void episode_release(struct episode *e) {
  free(e->classes);
  free(e->begin);
  free(e->label);
  free(e->views);
  free(e->mixes);
  free(e->other);
  free(e->share);
  memset(e, 0, sizeof *e);
}

int episode_queries(const struct episode_spec *spec) {
  int sum = 0;
  for (int w = 0; spec->listed && w < spec->ways; w++) sum += spec->listed[w];
  return spec->listed ? sum : spec->ways * spec->queries;
}

int episode_classes(const struct episode_spec *spec, const struct imageset_classes *from) {
  return (spec->rotated_classes ? 4 : 1) * from->n;
}

// The same in one group.
static int episode_group_classes(const struct episode_spec *spec, const struct imageset *set,
                                 const struct imageset_classes *from, int group) {
  int n = 0;
  for (int i = 0; i < from->n; i++) n += set->group[from->id[i]] == group;
  return (spec->rotated_classes ? 4 : 1) * n;
}

int episode_largest_group(const struct episode_spec *spec, const struct imageset *set,
                          const struct imageset_classes *from, int *n_classes) {
  int largest = 0;
  *n_classes = 0;
  for (int g = 0; g < set->n_groups; g++) {
    const int n = episode_group_classes(spec, set, from, g);
    if (n <= *n_classes) continue;
    *n_classes = n;
    largest = g;
  }
  return largest;
}

// Queries that a class must have drawings for. Of random ones it may have more than its share, but not without end.
static int episode_most_queries(const struct episode_spec *spec) {
  int most = spec->listed ? spec->listed[0] : (spec->random_queries ? 2 : 1) * spec->queries;
  for (int w = 1; spec->listed && w < spec->ways; w++) most = spec->listed[w] > most ? spec->listed[w] : most;
  return most;
}

// Are queries of test images, and support images of the others?
static int episode_tests(const struct episode_spec *spec, const struct imageset *set) {
  return spec->test_queries && set->n_test > 0;
}

// How many queries class c has images for; below 0: there are too few support images.
static int episode_room(const struct episode_spec *spec, const struct imageset *set, int c) {
  const int left = imageset_training(set, c) - spec->shots;
  return episode_tests(spec, set) && left >= 0 ? set->n_test : left;
}

static int episode_check_class(const struct episode_spec *spec, const struct imageset *set, int c, int most) {
  const char *up_to = spec->random_queries ? "up to " : "", *name = set->class_name[c];
  const int n = imageset_training(set, c), room = episode_room(spec, set, c), needed = spec->shots + most;
  if (room >= most) return 0;
  char shots[32], queries[32];
  snprintf(shots, sizeof shots, "%d shot%s", spec->shots, text_s(spec->shots));
  snprintf(queries, sizeof queries, "%s%d quer%s", up_to, most, text_ies(most));
  if (set->n_test == 0)
    return err_set(ERR_SETTING, "%s and %s need %d images, but class %s has only %d", shots, queries, needed, name, n);
  if (!spec->test_queries)
    return err_set(ERR_SETTING, "data.test_images=%d: %s and %s need %d other images, but class %s has only %d",
                   set->n_test, shots, queries, needed, name, n);
  if (room < 0)
    return err_set(ERR_SETTING, "data.test_images=%d: %s, but class %s has only %d other image%s", set->n_test, shots,
                   name, n, text_s(n));
  return err_set(ERR_SETTING, "data.test_images=%d: too few for %s", set->n_test, queries);
}

int episode_check(const struct episode_spec *spec, const struct imageset *set, const struct imageset_classes *from,
                  const char *what) {
  const int n_classes = episode_classes(spec, from);
  if (spec->ways > n_classes)
    return err_set(ERR_SETTING, "%d ways, but there %s only %d %s class%s", spec->ways, n_classes == 1 ? "is" : "are",
                   n_classes, what, text_es(n_classes));
  const int most = episode_most_queries(spec);
  for (int i = 0; i < from->n; i++) TRY(episode_check_class(spec, set, from->id[i], most));
  return 0;
}

static int episode_below(struct rng *r, int n) { return (int)((uint64_t)rng_u32(r) * (uint64_t)n >> 32); }

static double episode_spread(struct rng *r, double half_range) { return half_range * (2 * rng_uniform(r) - 1); }

// Rotation, slant, then a scale for each axis; and a shift.
static void episode_distort(struct view *v, const struct episode_distortion *d, struct rng *r) {
  const double angle = episode_spread(r, d->rotation_deg) * (3.141592653589793 / 180);
  const double sx = exp(episode_spread(r, d->scale)), sy = exp(episode_spread(r, d->scale));
  const double slant = episode_spread(r, d->shear), c = cos(angle), s = sin(angle);
  v->m[0][0] = (float)(sx * (c + slant * s));
  v->m[0][1] = (float)(sx * (slant * c - s));
  v->m[1][0] = (float)(sy * s);
  v->m[1][1] = (float)(sy * c);
  v->t[0] = (float)episode_spread(r, d->translation_px);
  v->t[1] = (float)episode_spread(r, d->translation_px);
}

static int episode_is_distorted(const struct episode_distortion *d) {
  return d->rotation_deg > 0 || d->scale > 0 || d->shear > 0 || d->translation_px > 0;
}

// The view of drawing d of class w: support first, then queries, both class-major.
static struct view *episode_view(const struct episode *e, int w, int d) {
  const int query = d - e->shots;
  return e->views + (query < 0 ? w * e->shots + d : e->ways * e->shots + e->begin[w] + query);
}

// Is the image already one of the first n drawings of class w?
static int episode_holds(const struct episode *e, int w, int n, int image) {
  for (int d = 0; d < n; d++)
    if (episode_view(e, w, d)->image == image) return 1;
  return 0;
}

static int episode_holds_class(const struct episode *e, int n, int c, int quarter, int rotated) {
  for (int w = 0; w < n; w++)
    if (e->classes[w] == c && (!rotated || episode_view(e, w, 0)->quarter == quarter)) return 1;
  return 0;
}

// The group of all classes of a task; -1: any.
static int episode_draw_group(const struct episode_spec *spec, const struct imageset *set,
                              const struct imageset_classes *from, struct rng *r) {
  int group;
  if (!spec->one_group) return -1;
  do group = episode_below(r, set->n_groups);
  while (episode_group_classes(spec, set, from, group) < spec->ways);
  return group;
}

// Choose the class of way w, and the quarter turn of its images. The characters of one alphabet turn together.
static int episode_draw_class(struct episode *e, int w, const struct episode_spec *spec, const struct imageset *set,
                              const struct imageset_classes *from, int group, struct rng *r) {
  const int n = episode_classes(spec, from), all = spec->in_order || (spec->shots == 0 && spec->ways == n);
  int quarter;
  do {
    const int k = all ? w : episode_below(r, n);
    e->classes[w] = from->id[k % from->n];
    quarter = k / from->n;
  } while ((group >= 0 && set->group[e->classes[w]] != group) ||
           episode_holds_class(e, w, e->classes[w], quarter, spec->rotated_classes));
  if (!spec->turn || spec->rotated_classes) return quarter;
  return group >= 0 && w > 0 ? episode_view(e, 0, 0)->quarter : episode_below(r, 4);
}

// How many queries each class has. A class whose drawings may be used up gets no more of the random ones.
static void episode_share_out(struct episode *e, const struct episode_spec *spec, const struct imageset *set,
                              const struct imageset_classes *from, struct rng *r) {
  int left = INT_MAX;
  for (int i = 0; spec->random_queries && i < from->n; i++) {
    const int n = episode_room(spec, set, from->id[i]);
    left = n < left ? n : left;
  }
  for (int w = 0; w < e->ways; w++)
    e->begin[w + 1] = spec->random_queries ? 0 : spec->listed ? spec->listed[w] : spec->queries;
  for (int q = 0; spec->random_queries && q < episode_queries(spec); q++) {
    int w;
    do w = episode_below(r, e->ways);
    while (e->begin[w + 1] == left);
    e->begin[w + 1]++;
  }
  for (int w = 0; w < e->ways; w++) e->begin[w + 1] += e->begin[w];
  assert(e->begin[e->ways] <= e->ways * e->queries);
  episode_label(e);
}

// Mirror and shift.
static void episode_augment(struct view *v, const struct episode_spec *spec, struct rng *r) {
  if (spec->flip && episode_below(r, 2))
    for (int k = 0; k < 2; k++) v->m[k][0] = -v->m[k][0];
  if (spec->crop_px)
    for (int k = 0; k < 2; k++) v->t[k] += (float)(episode_below(r, 2 * spec->crop_px + 1) - spec->crop_px);
}

static int episode_clip(int x, int S) { return x < 0 ? 0 : x > S ? S : x; }

// Choose what query q is mixed with, and the box.
static void episode_mix_query(struct episode *e, int q, int S, struct rng *r) {
  const int way = e->label[q], own = e->begin[way + 1] - e->begin[way], k = episode_below(r, e->n_queries - own);
  const int half = (int)(S * sqrt(rng_uniform(r))) / 2;  // 1 - l is as uniform as l
  const int y = episode_below(r, S), x = episode_below(r, S);
  struct episode_mix *m = e->mixes + q;
  m->partner = k < e->begin[way] ? k : k + own;
  m->box = (struct render_box){ episode_clip(y - half, S), episode_clip(x - half, S), episode_clip(y + half, S),
                                episode_clip(x + half, S) };
  const int area = (m->box.y1 - m->box.y0) * (m->box.x1 - m->box.x0);
  e->share[q] = (real)1 - (real)area / (real)(S * S);
  if (area > 0) e->other[q] = e->label[m->partner];
}

void episode_draw(struct episode *e, const struct episode_spec *spec, const struct imageset *set,
                  const struct imageset_classes *from, struct rng *r) {
  assert(e->ways == spec->ways && e->shots == spec->shots && e->queries == spec->queries);
  const int distorted = episode_is_distorted(&spec->distortion), group = episode_draw_group(spec, set, from, r);
  episode_share_out(e, spec, set, from, r);
  for (int w = 0; w < e->ways; w++) {
    const int quarter = episode_draw_class(e, w, spec, set, from, group, r), c = e->classes[w];
    const int n = e->shots + e->begin[w + 1] - e->begin[w];
    const int training = imageset_training(set, c);
    assert(n - e->shots <= episode_room(spec, set, c));  // the check has seen to it
    for (int d = 0; d < n; d++) {
      const int test = d >= e->shots && episode_tests(spec, set);
      const int first = set->first[c] + (test ? training : 0), available = test ? set->n_test : training;
      struct view *v = episode_view(e, w, d);
      *v = render_plain(-1);
      do {
        v->image = first + episode_below(r, available);
      } while (episode_holds(e, w, d, v->image));
      v->quarter = quarter;
      if (distorted) episode_distort(v, &spec->distortion, r);
      episode_augment(v, spec, r);
    }
  }
  episode_unmix(e);
  for (int q = 0; spec->cutmix > 0 && e->ways > 1 && q < e->n_queries; q++)
    if (rng_uniform(r) < spec->cutmix) episode_mix_query(e, q, set->S, r);
}

void episode_render(const struct episode *e, const struct imageset *set, real *out, int stride) {
  const size_t image = (size_t)set->S * (size_t)set->S * (size_t)stride;
  const int n_support = e->ways * e->shots;
  for (int i = 0; i < episode_images(e); i++) render_view(set, out + (size_t)i * image, stride, e->views + i);
  for (int q = 0; q < e->n_queries; q++)
    if (e->share[q] < 1)
      render_view_box(set, out + (size_t)(n_support + q) * image, stride, e->views + n_support + e->mixes[q].partner,
                      &e->mixes[q].box);
}

int episode_varies(const struct episode_spec *spec) {
  return episode_is_distorted(&spec->distortion) || spec->flip || spec->crop_px > 0;
}

struct view episode_vary(const struct view *of, const struct episode_spec *spec, struct rng *r) {
  struct view v = *of;
  if (episode_is_distorted(&spec->distortion)) episode_distort(&v, &spec->distortion, r);
  episode_augment(&v, spec, r);
  return v;
}
