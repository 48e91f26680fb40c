// Several views of a picture (C6): their mean, one view after the other; the same views of a picture in any set; and
// classes that are learned better with them.
#include "experiment/fewshot/views.h"

#include "taught_fixture.h"

// Features of the images of a set, in this order of numbers, (n, CP).
static real *see(const struct taught *t, const struct imageset *s, int turned) {
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work work;
  struct taught_lesson lesson = taught_lesson_of(s);
  const size_t CP = (size_t)t->CP;
  real *h = err_aligned((size_t)s->n_images * CP, sizeof *h);
  convnet_work_init(&work, &t->net, s->n_images);
  taught_layers(t, &settings, layers, NULL);
  for (int i = 0; i < s->n_images; i++) {
    const int image = turned ? s->n_images - 1 - i : i;
    taught_features(t, &work, layers, &lesson, image, 1, NULL);
    memcpy(h + (size_t)image * CP, work.h, CP * sizeof *h);
  }
  taught_layers_free(t, layers);
  convnet_work_release(&work);
  return h;
}

// The mean over the views of image i, one after the other, of its features normalised as the statistics t keeps say.
static void slow(double *mean, const struct taught *t, const struct imageset *s, int i, int n_views) {
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work work;
  const struct view plain = render_plain(i);
  convnet_work_init(&work, &t->net, 1);
  taught_layers(t, &settings, layers, NULL);
  for (int c = 0; c < t->C; c++) mean[c] = 0;
  for (int k = 0; k < n_views; k++) {
    work.n[0] = 1;
    if (k == 0) render_view(s, work.y[0], VECTOR_PADDING, &plain);
    else views_render(&t->views, s, &plain, k, work.y[0]);
    convnet_forward(&t->net, &work, layers, 0, CONVNET_FIXED, &t->fixed, NULL);
    for (int c = 0; c < t->C; c++) mean[c] += (double)work.h[c] / n_views;
  }
  taught_layers_free(t, layers);
  convnet_work_release(&work);
}

// Features are the mean over the views, to the bit in whatever order the pictures come, those of a class their mean,
// and one view is the picture itself.
static void test_views(void) {
  static const int n[] = { 2, 3 };
  static double mean[1024], of[1024];
  for (int n_views = 1; n_views <= 5; n_views += 2) {
    struct taught t;
    reset();
    settings.learn.views = n_views;
    struct imageset s = characters(0, 2, n, 0);
    taught_init(&t, &model);
    CHECK(teach_set(&t, &s) == 0 && t.views.n == n_views, "%s", err_message());
    real *h = see(&t, &s, 0), *turned = see(&t, &s, 1);
    CHECK(!memcmp(h, turned, 5 * (size_t)t.CP * sizeof *h), "%d views: the order matters", n_views);
    for (int c = 0; c < t.C; c++) mean[c] = 0;
    for (int i = 0; i < 5; i++) {
      slow(of, &t, &s, i, n_views);
      for (int c = 0; c < t.C; c++) {
        CHECK(fabs((double)h[i*t.CP + c] - of[c]) <= (n_views == 1 ? 0 : test_tol(1e-5)),
              "%d views of image %d: feature %d is %g, not %g", n_views, i, c, (double)h[i*t.CP + c], of[c]);
        if (i >= 2) mean[c] += of[c]/3;
      }
    }
    for (int c = 0; c < t.C; c++)
      CHECK(fabs((double)t.mean[t.CP + c] - mean[c]) <= test_tol(1e-5), "%d views: mean %g, not %g", n_views,
            (double)t.mean[t.CP + c], mean[c]);
    free(h);
    free(turned);
    imageset_release(&s);
    taught_release(&t);
  }
}

// Views differ from each other and from the picture, and the same picture has the same views in another set.
static void test_view_random(void) {
  static const int one[] = { 1 }, three[] = { 3 };
  static _Alignas(64) real x[4][28*28*VECTOR_PADDING];
  reset();
  struct imageset alone = characters(3, 1, one, 2), among = characters(3, 1, three, 0);
  const struct view first = render_plain(0), third = render_plain(2);
  struct views v;
  CHECK(views_init(&v, &settings, 64, "learn.views") == 0, "%s", err_message());
  for (int k = 0; k < 3; k++) {
    views_render(&v, &among, &third, k, x[3]);
    views_render(&v, &alone, &first, k, x[k]);
    CHECK(!memcmp(x[k], x[3], sizeof x[3]), "view %d depends on the place of the picture", k);
  }
  CHECK(memcmp(x[0], x[1], sizeof x[0]) && memcmp(x[1], x[2], sizeof x[0]) && memcmp(x[0], x[2], sizeof x[0]),
        "the views are the same");
  imageset_release(&alone);
  imageset_release(&among);
}

// From one picture of each class, classes are learned better with more views.
static void test_views_help(void) {
  enum { DRAWS = 12, CLASSES = 5 };
  static const int n[CLASSES] = { 1, 1, 1, 1, 1 };
  double right[2] = { 0 };
  for (int many = 0; many < 2; many++)
    for (int d = 0; d < DRAWS; d++) {
      struct taught t;
      reset();
      settings.learn.views = many ? 16 : 1;
      struct imageset s = characters(CLASSES*d, CLASSES, n, 0);
      taught_init(&t, &model);
      CHECK(teach_set(&t, &s) == 0, "%s", err_message());
      struct answers a = ask(&t, CLASSES*d, CLASSES);
      right[many] += accuracy(&t, &a)/DRAWS;
      answers_free(&a);
      imageset_release(&s);
      taught_release(&t);
    }
  CHECK(right[1] > right[0] + 0.005, "accuracy %g with 16 views, %g with one", right[1], right[0]);
}

int main(void) {
  test_views();
  test_view_random();
  test_views_help();
  fewshot_model_release(&model);
  return test_summary();
}
