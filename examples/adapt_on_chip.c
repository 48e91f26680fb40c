// A classifier learns five characters it has never seen, on a chip of phase-change memory.
//
//   h = features(image),  p = softmax(h W)                   all weights are devices of the chip
//   W <- W - alpha h^T (p - onehot)/n                        four times, only devices of W are written
//
//   cc adapt_on_chip.c $(pkg-config --cflags --libs metaxbar) && ./a.out models/builtin-5w5s.safetensors
#include <stdio.h>
#include <stdlib.h>

#include <metaxbar.h>

enum { WAYS = 5, SHOTS = 5, QUERIES = 5, INK = 56, TASKS = 4 };

static void check(int rc) {
  if (rc >= 0) return;
  fprintf(stderr, "adapt_on_chip: %s\n", mx_last_error());
  exit(1);
}

// Drawings first .. first + n - 1 of five characters, class by class.
static void draw(const struct mx_fewshot *m, float *images, int *labels, int task, int first, int n) {
  const int S = mx_fewshot_image_size(m);
  unsigned char ink[INK * INK];
  for (int k = 0; k < WAYS * n; k++) {
    labels[k] = k / n;
    check(mx_character(ink, INK, 7, 1000 + WAYS * task + k / n, first + k % n));
    check(mx_fewshot_image(m, images + (size_t)k * (size_t)(S * S), ink, INK, INK));
  }
}

static double written(const struct mx_fewshot *m) {
  double n;
  check(mx_fewshot_number(m, "devices_written", &n));
  return n;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "models/builtin-5w5s.safetensors";
  const char *const settings[] = { "synapse.kind=chip", "chip.preset=hermes", "chip.time_s=3600", NULL };
  struct mx_fewshot *m;
  double devices;
  check(mx_fewshot_load(&m, path, settings));
  if (mx_fewshot_ways(m) != WAYS) {
    fprintf(stderr, "adapt_on_chip: %s: has %d ways, not %d\n", path, mx_fewshot_ways(m), WAYS);
    return 1;
  }
  check(mx_fewshot_deploy(m, 1));
  check(mx_fewshot_number(m, "devices", &devices));
  printf("written to %.0f devices; used an hour later\n", devices);

  const size_t pixels = (size_t)(mx_fewshot_image_size(m) * mx_fewshot_image_size(m));
  float *images = malloc(WAYS * (SHOTS + QUERIES) * pixels * sizeof *images);
  if (!images) return 1;
  int labels[WAYS * SHOTS], expected[WAYS * QUERIES], found[WAYS * QUERIES], right = 0;
  for (int task = 0; task < TASKS; task++) {
    const double before = written(m);
    int correct = 0;
    draw(m, images, labels, task, 0, SHOTS);
    check(mx_fewshot_adapt(m, images, labels, WAYS * SHOTS));
    draw(m, images, expected, task, SHOTS, QUERIES);
    check(mx_fewshot_classify(m, found, NULL, images, WAYS * QUERIES));
    for (int k = 0; k < WAYS * QUERIES; k++) correct += found[k] == expected[k];
    printf("task %d: %d of %d right, %.0f devices rewritten\n", task + 1, correct, WAYS * QUERIES, written(m) - before);
    right += correct;
  }
  free(images);
  mx_fewshot_free(m);
  const int all = TASKS * WAYS * QUERIES;
  printf("%d of %d; chance is %d\n", right, all, all / WAYS);
  return right >= 9 * all / 10 ? 0 : 1;  // the check
}
