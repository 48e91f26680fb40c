// test.h - the whole test harness. A test program is a main() that returns test_summary().
#ifndef TEST_H
#define TEST_H

#include <string.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int test_count, test_failed;

#define CHECK(cond, ...)                                                                           \
  do {                                                                                             \
    test_count++;                                                                                  \
    if (!(cond)) {                                                                                 \
      test_failed++;                                                                               \
      printf("FAIL %s:%d: %s: ", __FILE__, __LINE__, #cond);                                       \
      printf(__VA_ARGS__);                                                                         \
      printf("\n");                                                                                \
    }                                                                                              \
  } while (0)

// Every tolerance goes through here: TEST_TOL_SCALE=0 shows all residuals.
static inline double test_tol(double tol) {
  const char *s = getenv("TEST_TOL_SCALE");
  return s ? tol * strtod(s, NULL) : tol;
}

static inline double rel_diff(double a, double b) {
  const double m = fmax(fabs(a), fabs(b));
  return m > 0 ? fabs(a - b) / m : 0;
}

#define CHECK_REL(a, b, tol)                                                                       \
  CHECK(rel_diff(a, b) <= test_tol(tol), "%.9g vs %.9g (rel %.2g)", (double)(a), (double)(b),      \
        rel_diff(a, b))

// Sanitised code is many times slower: there, tests take fewer of the same. The thread sanitizer sees races alone: what
// one thread does is left to the other builds.
#ifdef __SANITIZE_THREAD__
enum { TEST_RACES_ONLY = 1, TEST_SANITIZED = 1 };
#elif defined __SANITIZE_ADDRESS__
enum { TEST_RACES_ONLY = 0, TEST_SANITIZED = 1 };
#else
enum { TEST_RACES_ONLY = 0, TEST_SANITIZED = 0 };
#endif

static inline int test_summary(void) {
  printf("%d checks, %d failed\n", test_count, test_failed);
  return test_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
