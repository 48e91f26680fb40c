// A run of which one file holds anything: a first line names it, the rest is its text. A page is written or an error
// named.
#include <assert.h>
#include <stdint.h>

#include "../report_fixture.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct folder folder;
static const char *const runs[FIXTURE_KINDS] = { "f", "a", "u" };
static void clean(void) { folder_remove(&folder); }

static void set_up(void) {
  folder = folder_make();
  for (int kind = 0; kind < FIXTURE_KINDS; kind++) fixture_write(&folder, runs[kind], (enum fixture_kind)kind, "x");
  atexit(clean);
}

// "f/metrics.csv": the file of that name in one of the runs, or NULL.
static const struct fixture_file *find(const char *name, size_t size) {
  for (int kind = 0; size > 1 && kind < FIXTURE_KINDS; kind++)
    for (const struct fixture_file *f = fixture_files((enum fixture_kind)kind); name[0] == *runs[kind] && f->name; f++)
      if (strlen(f->name) == size - 2 && !memcmp(f->name, name + 2, size - 2)) return f;
  return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct report_run run;
  const char *text = (const char *)data, *end = size ? memchr(text, '\n', size) : NULL;
  const struct fixture_file *file = end ? find(text, (size_t)(end - text)) : NULL;
  if (!file) return 0;
  if (!folder.path[0]) set_up();
  char name[100], word[2] = { text[0] }, *good = fixture_text(file->text, "x");
  snprintf(name, sizeof name, "%c/%s", text[0], file->name);
  folder_write(&folder, name, end + 1, size - (size_t)(end + 1 - text));
  int rc = report_open(&run, folder_path(&folder, word), fixture_kinds());
  if (rc == 0) {
    rc = report_write("/dev/null", fixture_kinds(), &run, 1, NULL);
    report_close(&run);
  }
  assert(rc == 0 || strstr(err_message(), folder.path));
  folder_write(&folder, name, good, strlen(good));
  free(good);
  return 0;
}
