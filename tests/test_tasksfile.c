// Fixed tasks: the good file of the corpus number by number, every bad one by its message, the tasks
// of the published weights.
#include "base/err.h"
#include "data/omniglot.h"
#include "data/tasksfile.h"
#include "base/file.h"
#include "test.h"
#include "two_classes.h"

static void test_good(const struct imageset *set) {
  struct tasksfile t;
  CHECK(tasksfile_load(&t, "tests/fuzz/corpus/tasksfile/good.json", set) == 0, "%s", err_message());
  CHECK(t.n_tasks == 2 && t.n_expect == 2 && t.expect[0] == 0.5 && t.expect[3] == 1, "%d %d", t.n_tasks, t.n_expect);
  CHECK(t.tasks[0].ways == 2 && t.tasks[0].shots == 2 && t.tasks[0].queries == 1, "sizes");
  static const int want[2][6] = { { 0, 1, 5, 3, 2, 4 }, { 3, 4, 2, 0, 5, 1 } };  // support class by class, then queries
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < 6; i++)
      CHECK(t.tasks[k].views[i].image == want[k][i], "task %d image %d is %d", k, i, t.tasks[k].views[i].image);
  tasksfile_release(&t);
}

static void test_bad(const struct imageset *set) {
  static const struct { const char *name, *message; } cases[] = {
    { "unknown", "unknown.json: task 2: class B/character01 is not in the data" },
    { "twice", "twice.json: task 2: class A/character02 is there twice" },
    { "range", "range.json: task 2: class A/character02" },
    { "zero", "zero.json: task 2: class A/character02" },
    { "ragged", "ragged.json: task 2: class A/character01: 1 drawing, the first class has 2" },
    { "short", "short.json: task 2: 2 classes, but 2 support and 1 query lists" },
    { "nolist", "nolist.json: task 2" },
    { "expect", "expect.json: task 2: expect_query_accuracy has 1 numbers" },
    { "notasks", "notasks.json" },
    { "noclass", "noclass.json: task 2: 0 classes" },
    { "text", "text.json" },
    { "both", "both.json: task 1: class A/character02: drawing 1 is there twice" },
    { "key", "key.json: task 2: 'suport': there is no such key; there are classes, support, query, " },
    { "top", "top.json: 'task': there is no such key; there are tasks, note" },
    { "again", "again.json: task 1: class A/character01: drawing 2 is there twice" },
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    struct tasksfile t;
    char path[256];
    snprintf(path, sizeof path, "tests/fuzz/corpus/tasksfile/%s.json", cases[k].name);
    const int rc = tasksfile_load(&t, path, set);
    CHECK(rc == ERR_FORMAT && strstr(err_message(), cases[k].message), "%d: %s", rc, err_message());
  }
}

static void test_published(void) {
  static const char path[] = "../shared/reference/paper_cnn_tasks.json";
  if (!file_exists(path) || !file_exists("../shared/omniglot/images_evaluation.zip")) {
    printf("SKIP published tasks: %s or Omniglot is absent\n", path);
    return;
  }
  struct imageset set;
  struct tasksfile t;
  imageset_init(&set, IMAGESET_AREA, 8);
  CHECK(omniglot_load(&set, "../shared/omniglot", "images_evaluation", OMNIGLOT_EVALUATION) == 0, "%s", err_message());
  CHECK(tasksfile_load(&t, path, &set) == 0, "%s", err_message());
  CHECK(t.n_tasks == 40 && t.tasks[39].ways == 5 && t.tasks[0].shots == 5 && t.tasks[0].queries == 5 && t.n_expect == 5,
        "%d tasks", t.n_tasks);
  const int c = imageset_find(&set, "Malayalam/character25");
  CHECK(t.tasks[0].classes[0] == c && t.tasks[0].views[0].image == set.first[c] + 17 &&
            t.tasks[0].views[25].image == set.first[c],
        "first task");
  tasksfile_release(&t);
  imageset_release(&set);
}

int main(void) {
  struct imageset set;
  two_classes_init(&set);
  test_good(&set);
  test_bad(&set);
  imageset_release(&set);
  test_published();
  return test_summary();
}
