// broken.c - the simulated chip as a driver that does one thing wrong: its argument is the name of the check of
// `metaxbar driver check` that must see it, or one of not_a_number (it reads one) and forgets_ranges (at
// the end of a session), a blank, and the settings of the simulated chip.
#include <metaxbar.h>
#include <metaxbar_driver.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REGIONS = 16 };

struct broken {
  void *device;
  char fault[32];
  struct mx_driver_info info;
  struct mx_region region[MAX_REGIONS];
  int n_regions, infos, nows, reads;  // reads: since the last other call
};

static const struct mx_driver *inside(void) { return mx_driver_simulated(); }
static int is(const struct broken *b, const char *fault) { return !strcmp(b->fault, fault); }
static int largest(const struct broken *b) { return (1 << (b->info.input_bits - 1)) - 1; }

static size_t cells(const struct broken *b, int region) {
  return region < b->n_regions ? (size_t)b->region[region].rows * (size_t)b->region[region].columns : 0;
}

static int open_broken(void **device, const char *arguments) {
  struct broken *b = calloc(1, sizeof *b);
  const size_t length = strcspn(arguments, " ");
  if (!b || length >= sizeof b->fault) abort();
  memcpy(b->fault, arguments, length);
  *device = b;
  const int rc = inside()->open(&b->device, arguments + length);
  if (rc == 0) return inside()->info(b->device, &b->info);
  free(b);
  return rc;
}

static void close_broken(void *device) {
  inside()->close(((struct broken *)device)->device);
  free(device);
}

static const char *message(void *device) {
  return inside()->message(device ? ((struct broken *)device)->device : NULL);
}

static int info(void *device, struct mx_driver_info *i) {
  struct broken *b = device;
  *i = b->info;
  if (is(b, "info") && b->infos++) i->g_max_uS *= 2;
  return 0;
}

static void forget_ranges(const struct broken *b) {
  for (int k = 0; k < b->n_regions; k++) {
    double code_uS;
    int32_t *none = calloc((size_t)b->region[k].rows, sizeof *none);
    if (!none) abort();
    inside()->range(b->device, k, 1, none, 1, 1e-9, &code_uS);
    free(none);
  }
}

static int place(void *device, int n, const struct mx_region *regions) {
  struct broken *b = device;
  if (n > MAX_REGIONS || (is(b, "place") && n > 1)) return MX_DRIVER_ARGUMENT;
  if (is(b, "reset") && b->n_regions) return 0;
  b->n_regions = n;
  memcpy(b->region, regions, (size_t)n * sizeof *regions);
  const int rc = inside()->place(b->device, n, regions);
  if (rc == 0 && is(b, "forgets_ranges")) forget_ranges(b);
  return rc;
}

// ---- cells

static double wrong_target(const struct broken *b, double w) {
  const double size = w < 0 ? -w : w;
  if (is(b, "zero") && w == 0) return 0.3;
  if (is(b, "positive") && w > 0 && w < 1) return w/2;
  if (is(b, "negative") && w < 0 && w > -1) return w/2;
  if (is(b, "full") && size == 1) return w/2;
  if (is(b, "bad_target") && size > 1) return w/size;
  return w;
}

static int partial(const uint8_t *mask, size_t n) {
  size_t set = 0;
  for (size_t k = 0; mask && k < n; k++) set += mask[k] != 0;
  return set > 0 && set < n;
}

static int program(void *device, int region, const double *target, const uint8_t *mask, double tolerance,
                   double *reached, uint8_t *status, struct mx_program_count *count) {
  struct broken *b = device;
  const size_t n = cells(b, region);
  double *wrong = calloc(n + 1, sizeof *wrong);
  uint8_t *all = calloc(n + 1, 1);
  if (!wrong || !all) abort();
  b->reads = 0;
  for (size_t k = 0; k < n; k++) wrong[k] = wrong_target(b, target[k]);
  if (partial(mask, n) && is(b, "mask")) memset(all, 1, n);
  else if (mask && !(partial(mask, n) && is(b, "some"))) memcpy(all, mask, n);
  int rc = inside()->program(b->device, region, wrong, mask ? all : NULL, tolerance, reached, status, count);
  if (rc == 0 && is(b, "some") && partial(mask, n)) {
    rc = inside()->read(b->device, region, reached);
    memset(status, MX_CELL_OK, n);
    count->devices = 1;
  }
  if (is(b, "reached")) memcpy(reached, target, n * sizeof *reached);
  if (is(b, "status")) memset(status, MX_CELL_MISSED, n);
  if (is(b, "counts")) count->devices = 0;
  if (rc == 0 && is(b, "regions") && region == 0 && cells(b, 1) == n) {
    struct mx_program_count more = { 0 };
    rc = inside()->program(b->device, 1, target, mask, tolerance, wrong, all, &more);
  }
  free(all);
  free(wrong);
  return rc;
}

static int read_weights(void *device, int region, double *weight) {
  struct broken *b = device;
  if (is(b, "bad_region") && region >= b->n_regions) return 0;
  const int rc = inside()->read(b->device, region, weight);
  if (is(b, "not_a_number")) weight[0] = NAN;
  if (is(b, "read") && b->reads++ > 4)  // reading disturbs
    for (size_t k = 0; k < cells(b, region); k++) weight[k] += 0.5;
  return rc;
}

// ---- products

static int wrong_step(const struct broken *b, int step) {
  const int most = largest(b), size = abs(step);
  if (is(b, "input_sign")) return size;
  if (is(b, "linear")) return step*size/most;
  if (is(b, "negated") && step < 0) return step/2;
  if (is(b, "bad_input") && size > most) return step/size*most;
  return step;
}

// All vectors, or those of the rows in reverse.
static void take_inputs(const struct broken *b, int32_t *wrong, const int32_t *input, int n, int rows) {
  for (int v = 0; v < n; v++)
    for (int i = 0, driven = 0; i < rows; i++) {
      const int32_t step = input[v*rows + (is(b, "rows") ? rows - 1 - i : i)];
      driven += step != 0;
      wrong[v*rows + i] = is(b, "additive") && driven > 3 ? 0 : wrong_step(b, step);
    }
}

static int wrong_code(const struct broken *b, int code, int vector) {
  const int end = b->info.phases == 1 ? (1 << (b->info.output_bits - 1)) - 1 : (1 << b->info.output_bits) - 1;
  if (is(b, "no_input")) return code + end/8 > end ? end : code + end/8;
  if (is(b, "weight_sign")) return code < -end ? end : -code;
  if (is(b, "saturation") && abs(code) >= end - end/50) return 0;
  if (is(b, "batch") && vector >= 64) return 0;
  return code;
}

static int too_much(const struct broken *b, const int32_t *input, int n, int rows) {
  for (int v = 0; v < n; v++) {
    int full = 0;
    for (int i = 0; i < rows; i++) full += abs(input[v*rows + i]) == largest(b);
    if (full == rows) return 1;
  }
  return 0;
}

static int product(void *device, int region, int n, const int32_t *input, int32_t *output) {
  struct broken *b = device;
  b->reads = 0;
  if (region < 0 || region >= b->n_regions) return MX_DRIVER_ARGUMENT;
  const int rows = b->region[region].rows, columns = b->region[region].columns;
  if (is(b, "largest") && too_much(b, input, n, rows)) return MX_DRIVER_ARGUMENT;
  int32_t *in = calloc((size_t)n * (size_t)rows, sizeof *in), *out = calloc((size_t)n * (size_t)columns, sizeof *out);
  if (!in || !out) abort();
  take_inputs(b, in, input, n, rows);
  const int rc = inside()->product(b->device, region, n, in, out);
  for (int v = 0; v < n; v++)
    for (int o = 0; o < columns; o++)
      output[v*columns + o] = wrong_code(b, out[v*columns + (is(b, "columns") ? columns - 1 - o : o)], v);
  free(out);
  free(in);
  return rc;
}

static int range(void *device, int region, int n, const int32_t *input, double margin, double least, double *code_uS) {
  struct broken *b = device;
  b->reads = 0;
  const int rc = inside()->range(b->device, region, n, input, is(b, "margin") ? 1.2 : margin,
                                 is(b, "least") ? 0 : least, code_uS);
  if (is(b, "charge")) *code_uS *= 1.5;
  return rc;
}

// ---- time, and going back

static int now(void *device, double *now_s) {
  struct broken *b = device;
  const int rc = inside()->now(b->device, now_s);
  if (is(b, "clock")) *now_s += b->nows++ % 10 == 6 ? 0 : 10;
  return rc;
}

static int wait(void *device, double until_s) {
  struct broken *b = device;
  double now_s;
  inside()->now(b->device, &now_s);
  if (is(b, "wait")) return 0;
  return inside()->wait(b->device, is(b, "no_wait") && until_s <= now_s ? now_s + 3600 : until_s);
}

static int reset(void *device) {
  struct broken *b = device;
  return is(b, "reset") ? 0 : inside()->reset(b->device);
}

static int save(void *device) { return inside()->save(((struct broken *)device)->device); }

static int restore(void *device) {
  struct broken *b = device;
  b->reads = 0;
  return is(b, "save") ? 0 : inside()->restore(b->device);
}

static int random_state(void *device, uint32_t state[MX_DRIVER_RANDOM], int set) {
  struct broken *b = device;
  return is(b, "random") && set ? 0 : inside()->random(b->device, state, set);
}

static const struct mx_driver table = {
  MX_DRIVER_ABI, open_broken, info, place, program, read_weights, product, range, now, wait, reset, close_broken,
  message, save, restore, random_state,
};

__attribute__((visibility("default"))) const struct mx_driver *metaxbar_driver(void) { return &table; }
