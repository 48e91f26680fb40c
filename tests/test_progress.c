// base/progress: what a line says, that it fits, and how seldom it is drawn.
#include "base/progress.h"

#include <time.h>

#include "test.h"

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void test_text(void) {
  char line[256];
  struct progress p = { .label = "train", .total = 1000, .first = 200, .done = 400, .note = "loss 0.163" };
  progress_text(&p, 100, 79, line, sizeof line);
  CHECK(!strcmp(line, "train [########            ] 400/1000  2/s  5:00 left  loss 0.163"), "%s", line);
  progress_text(&p, 100, 50, line, sizeof line);
  CHECK(!strcmp(line, "train 400/1000  2/s  5:00 left  loss 0.163"), "%s", line);
  progress_text(&p, 100, 10, line, sizeof line);
  CHECK(!strcmp(line, "train 400/"), "%s", line);
  progress_text(&p, 0, 79, line, sizeof line);
  CHECK(strstr(line, "400/1000  0/s  0 s"), "%s", line);
  p = (struct progress){ .label = "fetch", .done = 3 };
  progress_text(&p, 7322, 79, line, sizeof line);
  CHECK(!strcmp(line, "fetch 3  0.00041/s  2:02:02"), "%s", line);
  p = (struct progress){ .label = "eval", .total = 10, .done = 10 };
  progress_text(&p, 5, 79, line, sizeof line);
  CHECK(!strcmp(line, "eval [####################] 10/10  2/s  5 s"), "%s", line);
}

// Draw as often as possible for a while; count what came out.
static void test_rate(bool terminal) {
  char *text;
  size_t size;
  struct progress p;
  progress_start(&p, "train", 1000000000, 0);
  p.out = open_memstream(&text, &size);
  p.terminal = terminal;
  p.interval_s = 0.02;
  const double start = now_s();
  int64_t n = 0;
  while (n < 1000 || now_s() < start + 0.21) {
    n++;
    progress_update(&p, n, "loss %.3f", 1.0 / (double)n);
  }
  progress_finish(&p);
  const double span = now_s() - start;
  fclose(p.out);
  int lines = 0, redrawn = 0;
  for (const char *c = text; *c; c++) {
    lines += *c == '\n';
    redrawn += *c == '\r';
  }
  const int shown = terminal ? redrawn : lines;
  CHECK(shown >= 1 && shown <= span / 0.02 + 1, "%d drawings of %lld", shown, (long long)n);
  CHECK(terminal ? lines == 1 : redrawn == 0, "%d lines, %d redrawn", lines, redrawn);
  CHECK(strstr(text, "loss 0.0"), "no note");
  free(text);
}

static void test_quiet(void) {
  char *text;
  size_t size;
  struct progress p;
  progress_quiet(true);
  progress_start(&p, "train", 10, 0);
  p.out = open_memstream(&text, &size);
  p.interval_s = 0;
  progress_update(&p, 5, NULL);
  progress_finish(&p);
  fclose(p.out);
  CHECK(size == 0 && p.done == 5, "%s", text);
  free(text);
  progress_quiet(false);
}

int main(void) {
  test_text();
  test_rate(true);
  test_rate(false);
  test_quiet();
  return test_summary();
}
