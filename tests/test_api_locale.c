// A program with a locale of decimal commas, as every graphical one in half of Europe, uses the library: files,
// settings and messages have points all the same, and the locale of the program stays what it was.
#include <locale.h>
#include <pthread.h>

#include "base/par.h"
#include "folder.h"
#include "metaxbar.h"
#include "test.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define WORKS(call) CHECK((call) >= 0, "%s", mx_last_error())
enum { I = 8, O = 4, THREADS = 3 };

// Set a German locale, made in the folder where the system has none. false: neither is possible.
static bool set_german(const struct folder *f) {
  char command[600];
  if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", f->path);
    if (system(command)) return false;
    setenv("LOCPATH", f->path, 1);
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) return false;
  }
  return localeconv()->decimal_point[0] == ',';
}

static void check_chip(const struct folder *f) {
  struct mx_chip *c = NULL;
  float w[I*O];
  for (int k = 0; k < I*O; k++) w[k] = (float)(k % 7 - 3) / 3;
  WORKS(mx_chip_new(&c, LIST("chip.fault_reset=0.25", "chip.rows=16"), 1));
  WORKS(mx_chip_add(c, "m", I, O));
  WORKS(mx_chip_build(c));
  WORKS(mx_chip_program(c, 0, w));
  WORKS(mx_chip_advance(c, 0.5));
  WORKS(mx_chip_save(c, folder_path(f, "chip.csv")));
  WORKS(mx_chip_load(c, folder_path(f, "chip.csv")));
  WORKS(mx_chip_save(c, folder_path(f, "chip.safetensors")));
  WORKS(mx_chip_load(c, folder_path(f, "chip.safetensors")));
  CHECK(mx_chip_advance(c, 0.25) == MX_ERROR_ARGUMENT && strstr(mx_last_error(), "time_s=0.25"), "%s", mx_last_error());
  mx_chip_free(c);
}

static void check_models(void) {
  struct mx_fewshot *m = NULL;
  struct mx_arm *a = NULL;
  struct mx_device *d = NULL;
  WORKS(mx_fewshot_load(&m, "models/builtin-5w5s.safetensors", LIST("synapse.kind=chip", "chip.headroom=1.5")));
  WORKS(mx_arm_load(&a, "models/arm.safetensors", NULL));
  WORKS(mx_device_new(&d, LIST("device.preset=hermes")));
  mx_fewshot_free(m);
  mx_arm_free(a);
  mx_device_free(d);
}

// Each worker takes one item: it waits for the others.
static pthread_barrier_t all_here;
static char text[THREADS][8];

static void print(void *context, int item, int worker) {
  (void)context, (void)item;
  pthread_barrier_wait(&all_here);
  snprintf(text[worker], sizeof text[worker], "%.1f", 0.5);
}

static void check_threads(void) {
  pthread_barrier_init(&all_here, NULL, THREADS);
  struct par *p = par_new(THREADS);
  par_local(p, THREADS, print, NULL);
  par_free(p);
  for (int k = 1; k < THREADS; k++) CHECK(!strcmp(text[k], "0.5"), "thread %d writes %s", k, text[k]);
}

int main(void) {
  const struct folder f = folder_make();
  if (!set_german(&f)) {
    printf("SKIP no German locale, and localedef cannot make one\n");
    folder_remove(&f);
    return 77;
  }
  check_chip(&f);
  check_models();
  check_threads();
  char own[8];
  snprintf(own, sizeof own, "%.1f", 0.5);
  CHECK(!strcmp(own, "0,5"), "the program itself now writes %s", own);
  folder_remove(&f);
  return test_summary();
}
