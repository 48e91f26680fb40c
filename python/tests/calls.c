// Calls of the C library; test_calls.py makes the same from Python. Each line is a name and numbers, exact (%a).
//
//   python_calls MODELS FOLDER        MODELS: the folder of models; FOLDER: for files
//   python_calls --time               processor time of products, (256, 256) times (256, 256); bench/python_speed.py
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <metaxbar.h>

enum { I = 70, O = 33, B = 5, WAYS = 5, SHOTS = 5, N = WAYS * SHOTS, INK = 40 };

static char path[5][600];  // of models and files

static void check(int rc) {
  if (rc >= 0) return;
  fprintf(stderr, "python_calls: %s\n", mx_last_error());
  exit(1);
}

static void print_floats(const char *name, const float *v, size_t n) {
  printf("%s", name);
  for (size_t i = 0; i < n; i++) printf(" %a", (double)v[i]);
  puts("");
}

static void print_doubles(const char *name, const double *v, size_t n) {
  printf("%s", name);
  for (size_t i = 0; i < n; i++) printf(" %a", v[i]);
  puts("");
}

static void print_ints(const char *name, const int *v, size_t n) {
  printf("%s", name);
  for (size_t i = 0; i < n; i++) printf(" %a", (double)v[i]);
  puts("");
}

static void fill(float *x, size_t n, uint32_t seed) {
  for (size_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = (float)seed / 2147483648.0f - 1;
  }
}

static void print_chip_number(const struct mx_chip *c, const char *name) {
  double v;
  check(mx_chip_number(c, name, &v));
  print_doubles(name, &v, 1);
}

static struct mx_chip *chip(uint64_t seed) {
  struct mx_chip *c;
  check(mx_chip_new(&c, (const char *const[]){ "chip.preset=hermes", "chip.rows=40", NULL }, seed));
  check(mx_chip_add(c, "first", I, O));
  check(mx_chip_add(c, "second", 9, 2));
  check(mx_chip_build(c));
  return c;
}

static void chips(void) {
  static float w[I * O], x[64 * I], y[64 * I];
  static double v[2 * 2 * I * O];
  struct mx_chip *c = chip(3), *copy = chip(4);
  double units;
  fill(w, I * O, 1);
  check(mx_chip_program(c, 0, w));
  fill(w, 9 * 2, 2);
  check(mx_chip_program(c, 1, w));
  check(mx_chip_calibrate(c, 1, NULL, 0));
  fill(x, 64 * I, 3);
  check(mx_chip_calibrate(c, 0, x, 64));
  check(mx_chip_product(c, 0, y, x, B));
  print_floats("product", y, B * O);
  check(mx_chip_product_transposed(c, 0, x, y, B));
  print_floats("transposed", x, B * I);
  fill(w, I * O, 4);
  check(mx_chip_update(c, 0, w));
  check(mx_chip_advance(c, 86400));
  check(mx_chip_weights(c, 0, w));
  print_floats("weights", w, I * O);
  check(mx_chip_conducted(c, 0, w));
  print_floats("conducted", w, I * O);
  check(mx_chip_number(c, "units_per_sign", &units));
  check(mx_chip_devices(c, 0, "now_uS", v, 2 * (size_t)units * I * O));
  print_doubles("now_uS", v, 2 * (size_t)units * I * O);
  print_chip_number(c, "clock_s");
  print_chip_number(c, "devices_written");
  print_chip_number(c, "read_energy_J");
  check(mx_chip_save(c, path[2]));
  check(mx_chip_load(copy, path[2]));
  check(mx_chip_product(copy, 1, y, x, B));
  print_floats("loaded", y, B * 2);
  mx_chip_free(c);
  mx_chip_free(copy);
}

static void draw(const struct mx_fewshot *m, float *images, int *labels, int first, int n) {
  const size_t pixels = (size_t)mx_fewshot_image_size(m) * (size_t)mx_fewshot_image_size(m);
  unsigned char ink[INK * INK];
  for (int k = 0; k < WAYS * n; k++) {
    labels[k] = k / n;
    check(mx_character(ink, INK, 9, k / n, first + k % n));
    check(mx_fewshot_image(m, images + (size_t)k * pixels, ink, INK, INK));
  }
}

static void fewshot(const char *kind) {
  const char *const settings[] = { kind, "data.classes=40", "learn.reject=0.1", NULL };
  static float images[N * 64 * 64], p[N * WAYS];
  static int labels[N], found[N];
  double distances[N], threshold;
  struct mx_fewshot *m;
  check(mx_fewshot_load(&m, path[0], settings));
  const int sizes[] = { mx_fewshot_ways(m), mx_fewshot_shots(m), mx_fewshot_image_size(m), mx_fewshot_channels(m) };
  printf("%s\n", kind);
  print_ints("sizes", sizes, 4);
  check(mx_fewshot_deploy(m, 5));
  draw(m, images, labels, 0, SHOTS);
  print_floats("image", images, (size_t)sizes[2] * (size_t)sizes[2]);
  check(mx_fewshot_adapt(m, images, labels, N));
  draw(m, images, labels, SHOTS, SHOTS);
  check(mx_fewshot_classify(m, found, p, images, N));
  print_ints("labels", found, N);
  print_floats("probabilities", p, N * WAYS);
  if (!strcmp(kind, "synapse.kind=chip")) {
    check(mx_fewshot_number(m, "devices_written", distances));
    print_doubles("written", distances, 1);
  }
  draw(m, images, labels, 0, SHOTS);
  check(mx_fewshot_teach(m, WAYS, images, labels, N));
  check(mx_fewshot_save_classes(m, path[3]));
  check(mx_fewshot_load_classes(m, path[3]));
  draw(m, images, labels, SHOTS, SHOTS);
  check(mx_fewshot_classify(m, found, p, images, N));
  print_floats("taught", p, N * WAYS);
  check(mx_fewshot_distances(m, distances, &threshold, images, N));
  print_doubles("distances", distances, N);
  print_doubles("threshold", &threshold, 1);
  mx_fewshot_free(m);
}

static void arm(const char *kind) {
  const char *const settings[] = { kind, "run.seed=7", NULL };
  const double begin[] = { 0.1, -0.05 };
  double found[2];
  struct mx_arm *a;
  check(mx_arm_load(&a, path[1], settings));
  const size_t T = (size_t)mx_arm_steps(a);
  double *omega = malloc(3 * T * sizeof *omega), *xyz = malloc(3 * T * sizeof *xyz), step_s = mx_arm_step_s(a);
  if (!omega || !xyz) exit(1);
  printf("arm %s\n", kind);
  print_doubles("step_s", &step_s, 1);
  check(mx_arm_begin_at(a, begin));
  check(mx_arm_begin(a, found));
  print_doubles("begin", found, 2);
  check(mx_arm_movement(a, omega, 2));
  print_doubles("movement", omega, 2 * T);
  check(mx_arm_learn(a, omega));
  check(mx_arm_perform(a, omega, 0));
  print_doubles("before", omega, 2 * T);
  check(mx_arm_perform(a, omega, 1));
  print_doubles("after", omega, 2 * T);
  check(mx_arm_tips(a, xyz, omega));
  print_doubles("tips", xyz, 3 * T);
  const int n = mx_arm_path(a, path[4]);
  check(n);
  double *target = malloc(4 * (size_t)n * sizeof *target), *performed = malloc(5 * (size_t)n * sizeof *performed);
  if (!target || !performed) exit(1);
  check(mx_arm_path_angles(a, target, target + 2 * n));
  print_doubles("path", target, 4 * (size_t)n);
  const double cm = mx_arm_path_cm(a);
  int done;
  print_doubles("path_cm", &cm, 1);
  check(mx_arm_drive(performed, performed + 4 * n, &done, target + 2 * n, n, NULL));
  print_doubles("driven", performed, 5 * (size_t)n);
  free(target);
  free(performed);
  mx_arm_free(a);
  free(omega);
  free(xyz);
}

static void device(void) {
  struct mx_device *d;
  double v[4];
  check(mx_device_new(&d, (const char *const[]){ "device.preset=joshi2020", NULL }));
  check(mx_device_number(d, "g_max_uS", v));
  print_doubles("g_max_uS", v, 1);
  check(mx_device_at(d, 7.3, 4000, &v[0], &v[1], &v[2], &v[3]));
  print_doubles("at", v, 4);
  mx_device_free(d);
}

// A line each, until the standard input ends; a line there is one product.
static void time_products(void) {
  enum { SIDE = 256 };
  static float w[SIDE * SIDE], x[SIDE * SIDE], y[SIDE * SIDE];
  struct mx_chip *c;
  check(mx_chip_new(&c, (const char *const[]){ "chip.preset=hermes", NULL }, 1));
  check(mx_chip_add(c, "w", SIDE, SIDE));
  check(mx_chip_build(c));
  fill(w, SIDE * SIDE, 1);
  fill(x, SIDE * SIDE, 2);
  check(mx_chip_program(c, 0, w));
  check(mx_chip_calibrate(c, 0, x, SIDE));
  while (getchar() != EOF) {
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    check(mx_chip_product(c, 0, y, x, SIDE));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    printf("%.9f\n", (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec));
    fflush(stdout);
  }
  mx_chip_free(c);
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "--time")) {
    time_products();
    return 0;
  }
  if (argc != 3) return 2;
  snprintf(path[0], sizeof *path, "%s/builtin-5w5s.safetensors", argv[1]);
  snprintf(path[1], sizeof *path, "%s/arm.safetensors", argv[1]);
  snprintf(path[2], sizeof *path, "%s/chip.safetensors", argv[2]);
  snprintf(path[3], sizeof *path, "%s/classes.safetensors", argv[2]);
  snprintf(path[4], sizeof *path, "%s/../examples/paths/circle.csv", argv[1]);
  chips();
  fewshot("synapse.kind=exact");
  fewshot("synapse.kind=chip");
  arm("synapse.kind=exact");
  arm("synapse.kind=chip");
  device();
  return 0;
}
