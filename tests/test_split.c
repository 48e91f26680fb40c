// Splits by name against numbers worked out by another program; their independence of other classes; lists and what is
// wrong in them.
#include "base/err.h"
#include "data/split.h"
#include "test.h"

static void test_by_name(void) {
  // u of the names below, by the formula in split.h
  static const struct { const char *name; uint64_t seed; double u; } known[] = {
    { "cat", 1U, 0.548392308 },
    { "set0/mark3", 1U, 0.557899685 },
    { "set0/mark3", 2U, 0.533660527 },
    { "\303\244", UINT64_C(9007199254740992), 0.885344032 },
  };
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const double u = known[k].u;
    CHECK(split_by_name(known[k].name, known[k].seed, u + 1e-6, 0) == DATASET_EVALUATION, "%s is not below %g",
          known[k].name, u + 1e-6);
    CHECK(split_by_name(known[k].name, known[k].seed, u - 1e-6, 0) == DATASET_TRAINING, "%s is below %g", known[k].name,
          u - 1e-6);
    CHECK(split_by_name(known[k].name, known[k].seed, u - 1e-6, 1) == DATASET_VALIDATION, "%s is not for validation",
          known[k].name);
  }
}

// Fractions, in 5 standard errors; seeds and names that differ little do not agree more than by chance.
static void test_fractions(void) {
  enum { N = 20000 };
  int n[DATASET_SPLITS] = { 0 }, agree = 0, neighbours = 0;
  char name[32], next[32];
  for (int k = 0; k < N; k++) {
    snprintf(name, sizeof name, "mark%05d", k);
    snprintf(next, sizeof next, "mark%05d", k + 1);
    const enum dataset_split s = split_by_name(name, 1, 0.3, 0.1);
    n[s]++;
    agree += s == split_by_name(name, 2, 0.3, 0.1);
    neighbours += s == split_by_name(next, 1, 0.3, 0.1);
  }
  const double p[] = { 0.63, 0.07, 0.3 }, same = p[0]*p[0] + p[1]*p[1] + p[2]*p[2];
  for (int s = 0; s < DATASET_SPLITS; s++)
    CHECK(fabs(n[s] - p[s] * N) < 5 * sqrt(N * p[s] * (1 - p[s])), "part %d: %d of %d", s, n[s], N);
  CHECK(fabs(agree - same*N) < 5 * sqrt(N * same * (1 - same)), "%d agree with another seed", agree);
  CHECK(fabs(neighbours - same*N) < 8 * sqrt(N * same * (1 - same)), "%d agree with the next name", neighbours);
}

static void refused(const char *text, const char *message) {
  struct split_list list;
  const int rc = split_list_parse(&list, "list", text, strlen(text));
  CHECK(rc == ERR_FORMAT && strstr(err_message(), message), "%d: '%s', not '%s'", rc, err_message(), message);
}

static void test_lists(void) {
  static const char text[] = "\xef\xbb\xbf" "training\ta b\nval\tc/d\r\n\nevaluation\te";
  struct split_list list;
  CHECK(split_list_parse(&list, "list", text, strlen(text)) == 0 && list.n == 3, "%s", err_message());
  CHECK(list.entries[split_list_find(&list, "a b")].part == 0 && list.entries[split_list_find(&list, "c/d")].part == 1,
        "parts");
  CHECK(list.entries[split_list_find(&list, "e")].part == 2 && split_list_find(&list, "c") < 0, "parts");
  split_list_release(&list);
  refused("train\ta\nb\n", "list:2: 'b': expected training, validation or evaluation, a tab and a class name");
  refused("other\ta\n", "list:1: 'other?a': expected");
  refused("val\t\n", "list:1: 'val?': no class name");
  refused("val\ta\ntest\ta\n", "list:2: class a is there twice");
  refused("train\ta\rtest\tb\r", "list:1: lines end with CR alone");
  CHECK(split_list_load(&list, "/nonexistent") == ERR_IO && strstr(err_message(), "/nonexistent"), "%s", err_message());
}

int main(void) {
  test_by_name();
  test_fractions();
  test_lists();
  return test_summary();
}
