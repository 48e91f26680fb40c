#include "data/tasksfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

enum { TASKSFILE_MAX_SIZE = 1 << 28, TASKSFILE_MAX_WAYS = 10000, TASKSFILE_MAX_UPDATES = 1000, TASKSFILE_WHERE = 1024 };

// The drawings of one class in "support" or "query": list (n numbers from 1) to views.
static int tasksfile_drawings(struct view *views, int n, const struct json_t *lists, const char *where, int w, int c,
                              const struct imageset *set) {
  struct json_t *list;
  char place[2 * TASKSFILE_WHERE];
  snprintf(place, sizeof place, "%s: class %s", where, set->class_name[c]);
  TRY(json_item_array(lists, place, (size_t)w, &list));
  if (json_length(list) != (size_t)n)
    return err_set(ERR_FORMAT, "%s: %zu drawing%s, the first class has %d", place, json_length(list),
                   text_s((int64_t)json_length(list)), n);
  for (int i = 0; i < n; i++) {
    int64_t drawing;
    TRY(json_item_i64(list, place, (size_t)i, 1, imageset_drawings(set, c), &drawing));
    views[i] = render_plain(set->first[c] + (int)drawing - 1);
  }
  return 0;
}

// A drawing in both the support and the query set, or twice among the queries, would bias the accuracy.
static int tasksfile_distinct(const struct episode *e, int w, const char *where, const struct imageset *set) {
  const int n = e->shots + e->queries;
  const struct view *support = e->views + w * e->shots, *query = e->views + e->ways * e->shots + w * e->queries;
  for (int i = 1; i < n; i++)
    for (int k = 0; k < i; k++) {
      const int image = (i < e->shots ? support[i] : query[i - e->shots]).image;
      if ((k < e->shots ? support[k] : query[k - e->shots]).image == image)
        return err_set(ERR_FORMAT, "%s: class %s: drawing %d is there twice", where, set->class_name[e->classes[w]],
                       image - set->first[e->classes[w]] + 1);
    }
  return 0;
}

// Sizes of the task: ways, shots and queries from the first lists.
static int tasksfile_sizes(const struct json_t *classes, const struct json_t *support, const struct json_t *query,
                           const char *where, int sizes[3]) {
  struct json_t *first[2];
  const size_t n = json_length(classes);
  if (n < 1 || n > TASKSFILE_MAX_WAYS) return err_set(ERR_FORMAT, "%s: %zu classes", where, n);
  if (json_length(support) != n || json_length(query) != n)
    return err_set(ERR_FORMAT, "%s: %zu classes, but %zu support and %zu query lists", where, n, json_length(support),
                   json_length(query));
  TRY(json_item_array(support, where, 0, &first[0]));
  TRY(json_item_array(query, where, 0, &first[1]));
  sizes[0] = (int)n;
  for (int i = 0; i < 2; i++) {
    const size_t length = json_length(first[i]);
    if (length < 1 || length > TASKSFILE_MAX_WAYS)
      return err_set(ERR_FORMAT, "%s: a list of %zu drawing%s", where, length, text_s((int64_t)length));
    sizes[i + 1] = (int)length;
  }
  return 0;
}

static int tasksfile_classes(struct episode *e, const struct json_t *names, const char *where,
                             const struct imageset *set) {
  for (int w = 0; w < e->ways; w++) {
    const char *name;
    TRY(json_item_text(names, where, (size_t)w, &name));
    e->classes[w] = imageset_find(set, name);
    if (e->classes[w] < 0) return err_set(ERR_FORMAT, "%s: class %s is not in the data", where, name);
    for (int i = 0; i < w; i++)
      if (e->classes[i] == e->classes[w]) return err_set(ERR_FORMAT, "%s: class %s is there twice", where, name);
  }
  return 0;
}

static int tasksfile_expected(struct tasksfile *t, int k, const struct json_t *task, const char *where) {
  struct json_t *list;
  if (!json_has(task, "expect_query_accuracy")) {
    if (t->n_expect == 0) return 0;
    return err_set(ERR_FORMAT, "%s: no expect_query_accuracy, earlier tasks have one", where);
  }
  TRY(json_field_array(task, where, "expect_query_accuracy", &list));
  const size_t n = json_length(list);
  if (k == 0 && n >= 1 && n <= TASKSFILE_MAX_UPDATES) {
    t->n_expect = (int)n;
    t->expect = err_calloc((size_t)t->n_tasks * n, sizeof(double));
  }
  if (n == 0 || n != (size_t)t->n_expect)
    return err_set(ERR_FORMAT, "%s: expect_query_accuracy has %zu numbers, the first task's has %d", where, n,
                   t->n_expect);
  for (size_t i = 0; i < n; i++) TRY(json_item_f64(list, where, i, 0, 1, t->expect + (size_t)k * n + i));
  return 0;
}

// Refuse a key that is none of these, such as a misspelt one.
static int tasksfile_keys(struct json_t *o, const char *where, const char *const *known) {
  const char *key;
  for (void *at = NULL; json_next(o, &at, &key);) {
    int i = 0;
    while (known[i] && strcmp(known[i], key) != 0) i++;
    if (known[i]) continue;
    char list[200] = "";
    for (i = 0; known[i]; i++)
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", known[i]);
    return err_set(ERR_FORMAT, "%s: '%.60s': there is no such key; there are %s", where, key, list);
  }
  return 0;
}

static int tasksfile_task(struct tasksfile *t, int k, struct json_t *task, const char *where,
                          const struct imageset *set) {
  static const char *const keys[] = { "classes", "support", "query", "expect_query_accuracy", "expect_query_loss",
                                      "note", NULL };
  struct json_t *classes, *support, *query;
  int sizes[3] = { 0 };
  struct episode *e = t->tasks + k;
  TRY(tasksfile_keys(task, where, keys));
  TRY(json_field_array(task, where, "classes", &classes));
  TRY(json_field_array(task, where, "support", &support));
  TRY(json_field_array(task, where, "query", &query));
  TRY(tasksfile_sizes(classes, support, query, where, sizes));
  if (k > 0 && (sizes[0] != t->tasks[0].ways || sizes[1] != t->tasks[0].shots || sizes[2] != t->tasks[0].queries))
    return err_set(ERR_FORMAT, "%s: %d way%s, %d shot%s, %d quer%s differ from the first task", where, sizes[0],
                   text_s(sizes[0]), sizes[1], text_s(sizes[1]), sizes[2], text_ies(sizes[2]));
  episode_init(e, sizes[0], sizes[1], sizes[2]);
  TRY(tasksfile_classes(e, classes, where, set));
  for (int w = 0; w < e->ways; w++) {
    TRY(tasksfile_drawings(e->views + w * e->shots, e->shots, support, where, w, e->classes[w], set));
    TRY(tasksfile_drawings(e->views + e->ways * e->shots + w * e->queries, e->queries, query, where, w, e->classes[w],
                           set));
    TRY(tasksfile_distinct(e, w, where, set));
  }
  return tasksfile_expected(t, k, task, where);
}

static int tasksfile_fill(struct tasksfile *t, struct json_t *root, const char *name, const struct imageset *set) {
  static const char *const keys[] = { "tasks", "note", NULL };
  struct json_t *tasks, *task;
  TRY(tasksfile_keys(root, name, keys));
  TRY(json_field_array(root, name, "tasks", &tasks));
  const size_t n = json_length(tasks);
  if (n < 1 || n > TASKSFILE_MAX_SIZE) return err_set(ERR_FORMAT, "%s: tasks: %zu of them", name, n);
  t->tasks = err_calloc(n, sizeof *t->tasks);
  t->n_tasks = (int)n;
  for (int k = 0; k < t->n_tasks; k++) {
    char where[TASKSFILE_WHERE];
    snprintf(where, sizeof where, "%s: task %d", name, k + 1);
    TRY(json_item_object(tasks, where, (size_t)k, &task));
    TRY(tasksfile_task(t, k, task, where, set));
  }
  return 0;
}

static int tasksfile_take(struct tasksfile *t, struct json_t *root, const char *name, const struct imageset *set) {
  *t = (struct tasksfile){ 0 };
  const int rc = tasksfile_fill(t, root, name, set);
  json_release(root);
  if (rc < 0) tasksfile_release(t);
  return rc;
}

int tasksfile_load(struct tasksfile *t, const char *path, const struct imageset *set) {
  struct json_t *root;
  TRY(json_read(&root, path, TASKSFILE_MAX_SIZE));
  return tasksfile_take(t, root, path, set);
}

int tasksfile_parse(struct tasksfile *t, const char *name, const char *text, size_t size, const struct imageset *set) {
  struct json_t *root;
  TRY(json_parse(&root, text, size, name));
  return tasksfile_take(t, root, name, set);
}

void tasksfile_release(struct tasksfile *t) {
  for (int k = 0; k < t->n_tasks; k++) episode_release(t->tasks + k);
  free(t->tasks);
  free(t->expect);
  memset(t, 0, sizeof *t);
}

// ---- fingerprint

static uint64_t checksum_image(uint64_t h, const struct imageset *set, int image) {
  const int pixels = set->S * set->S;
  if (set->reduced) return 31*h ^ checksum_reals(set->reduced + (size_t)image * (size_t)pixels, 1, pixels, pixels);
  return checksum_bytes(h, imageset_image(set, image), imageset_kept(set));
}

void tasksfile_fingerprint(char text[17], const struct tasksfile *t, const struct imageset *set) {
  uint64_t h = CHECKSUM_START;
  for (int k = 0; k < t->n_tasks; k++) {
    const struct episode *e = t->tasks + k;
    for (int w = 0; w < e->ways; w++)
      h = checksum_bytes(h, set->class_name[e->classes[w]], strlen(set->class_name[e->classes[w]]) + 1);
    for (int i = 0; i < e->ways * (e->shots + e->queries); i++) h = checksum_image(h, set, e->views[i].image);
  }
  snprintf(text, 17, "%016llx", (unsigned long long)h);
}
