// base/rundir: one process at a time, no run written over, and metrics that a kill cannot change.
#include "run/rundir.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/param.h"
#include "base/settings.h"
#include "folder.h"
#include "test.h"

struct run {
  int64_t seed;
};
static const struct param table[] = { PARAM_I64(struct run, seed, 1, 0, 1000, "seed"), { 0 } };
static struct run run;
static const struct settings_section all[] = { { "run", table, &run }, { 0 } };

static struct folder folder;
static char path[512];

static void write_text(const struct rundir *r, const char *name, const char *text) {
  char file[FILE_PATH_SIZE];
  rundir_path(r, name, file);
  FILE *f = fopen(file, "w");
  fputs(text, f);
  fclose(f);
}

static void check_text(const struct rundir *r, const char *name, const char *expected) {
  char file[FILE_PATH_SIZE], *text;
  size_t size;
  rundir_path(r, name, file);
  CHECK(file_read(file, 1 << 20, &text, &size) == 0, "%s", err_message());
  CHECK(!strcmp(text, expected), "%s: '%s' instead of '%s'", name, text, expected);
  free(text);
}

static void test_new_and_resume(void) {
  struct rundir r;
  CHECK(rundir_open(&r, path, true) == ERR_SETTING && strstr(err_message(), "no run to resume"), "%s", err_message());
  CHECK(!file_exists(path), "made a folder for nothing");
  CHECK(rundir_open(&r, path, false) == 0, "%s", err_message());
  rundir_close(&r);
  CHECK(rundir_open(&r, path, false) == 0, "an empty folder: %s", err_message());
  run.seed = 7;
  CHECK(rundir_describe(&r, all, "") == 0, "%s", err_message());
  write_text(&r, "thesis.tmp", "the user's");
  rundir_close(&r);
  check_text(&r, RUNDIR_SETTINGS, "[run]\nseed = 7\n");
  CHECK(rundir_open(&r, path, false) == ERR_SETTING && strstr(err_message(), "holds a run already"), "%s",
        err_message());
  CHECK(rundir_open(&r, path, true) == 0 && !rundir_has_checkpoint(&r), "%s", err_message());
  char file[FILE_PATH_SIZE];
  check_text(&r, "thesis.tmp", "the user's");
  rundir_path(&r, RUNDIR_BUILD, file);
  struct json_t *facts;
  int64_t cores = 0;
  const char *text = "";
  CHECK(json_read(&facts, file, 1 << 16) == 0 && json_field_i64(facts, file, "cores", 1, 1 << 20, &cores) == 0, "%s",
        err_message());
  CHECK(json_field_text(facts, file, "compiler", &text) == 0 && *text &&
            json_field_text(facts, file, "git", &text) == 0 && *text,
        "%s", err_message());
  json_release(facts);
  write_text(&r, RUNDIR_BUILD, "first");
  write_text(&r, RUNDIR_CHECKPOINT, "");
  CHECK(rundir_describe(&r, all, "") == 0 && rundir_has_checkpoint(&r), "%s", err_message());
  check_text(&r, RUNDIR_BUILD, "first");
  rundir_close(&r);
}

// Another process holds the folder; SIGKILL frees it.
static void test_lock(void) {
  struct rundir r;
  int ready[2];
  char c, expected[600];
  CHECK(pipe(ready) == 0, "pipe");
  const pid_t child = fork();
  if (child == 0) {
    alarm(1200);
    if (rundir_open(&r, path, true) == 0 && write(ready[1], "x", 1) == 1) pause();
    _exit(1);
  }
  CHECK(read(ready[0], &c, 1) == 1, "child");
  snprintf(expected, sizeof expected, "%s: in use by process %ld", path, (long)child);
  CHECK(rundir_open(&r, path, true) == ERR_BUSY && !strcmp(err_message(), expected), "%s", err_message());
  CHECK(rundir_open(&r, path, false) == ERR_BUSY, "%s", err_message());
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  CHECK(rundir_open(&r, path, true) == 0, "%s", err_message());
  struct rundir again;
  CHECK(rundir_open(&again, path, true) == ERR_BUSY, "the same process twice");
  rundir_close(&r);
}

// A folder that was received may hold links to files of the user's.
static void test_links(void) {
  static const char *const names[] = { ".lock", RUNDIR_SETTINGS, RUNDIR_BUILD,
                                       RUNDIR_METRICS, RUNDIR_CHECKPOINT, RUNDIR_MODEL, RUNDIR_BEST };
  char own[600], received[600], link[700], *text;
  size_t size;
  struct rundir r;
  snprintf(own, sizeof own, "%s/own", folder.path);
  snprintf(received, sizeof received, "%s/received", folder.path);
  CHECK(file_make_dirs(received) == 0, "%s", err_message());
  FILE *f = fopen(own, "w");
  fputs("precious", f);
  fclose(f);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    snprintf(link, sizeof link, "%s/%s", received, names[k]);
    CHECK(symlink(own, link) == 0, "symlink");
    CHECK(rundir_open(&r, received, false) == ERR_IO && strstr(err_message(), names[k]) &&
              strstr(err_message(), "is a link"),
          "%s", err_message());
    unlink(link);
  }
  CHECK(file_read(own, 100, &text, &size) == 0 && !strcmp(text, "precious"), "written through a link");
  free(text);
}

static void write_rows(struct rundir *r, int from, int to) {
  for (int i = from; i <= to; i++) CHECK(rundir_row(r, "%d,%.9g", i, 1.0 / (i + 3)) == 0, "%s", err_message());
}

// Cut the metrics at every length, resume from every checkpoint that such a run may have had: always the same file.
static void test_metrics(void) {
  enum { LAST = 6 };
  static const char header[] = "iteration,loss";
  struct rundir r;
  char file[FILE_PATH_SIZE], *whole;
  size_t size;
  CHECK(rundir_open(&r, path, true) == 0 && rundir_metrics(&r, header, -1) == 0, "%s", err_message());
  write_rows(&r, 0, LAST);
  rundir_path(&r, RUNDIR_METRICS, file);
  CHECK(file_read(file, 1 << 20, &whole, &size) == 0 && size > 50, "%s", err_message());
  rundir_close(&r);
  for (size_t n = 0; n <= size; n++) {
    int rows = -1;  // last complete one; the checkpoint comes after its row
    for (size_t k = 0; k < n; k++) rows += whole[k] == '\n';
    rows--;
    for (int checkpoint = rows - 2 < -1 ? -1 : rows - 2; checkpoint <= (rows < -1 ? -1 : rows); checkpoint++) {
      FILE *f = fopen(file, "w");
      fwrite(whole, 1, n, f);
      fclose(f);
      if (n == 0) unlink(file);
      CHECK(rundir_open(&r, path, true) == 0 && rundir_metrics(&r, header, checkpoint) == 0, "%zu: %s", n,
            err_message());
      write_rows(&r, checkpoint + 1, LAST);
      rundir_close(&r);
      check_text(&r, RUNDIR_METRICS, whole);
    }
  }
  free(whole);
  CHECK(rundir_open(&r, path, true) == 0, "%s", err_message());
  CHECK(rundir_metrics(&r, "iteration,accuracy", 3) == ERR_FORMAT && strstr(err_message(),
                                                                            "first line is not 'iteration,accuracy'"),
                                                                            "%s",
        err_message());
  write_text(&r, RUNDIR_METRICS, "iteration,loss\n0,1\nx,2\n");
  CHECK(rundir_metrics(&r, header, 3) == ERR_FORMAT && strstr(err_message(), "metrics.csv:3: row does not begin"), "%s",
        err_message());
  r.metrics = fopen("/dev/full", "a");
  CHECK(rundir_row(&r, "%d", 1) == ERR_IO && strstr(err_message(), "metrics.csv: cannot write: No space"), "%s",
        err_message());
  rundir_close(&r);
}

int main(void) {
  folder = folder_make();
  snprintf(path, sizeof path, "%s/runs/first", folder.path);
  test_new_and_resume();
  test_lock();
  test_metrics();
  test_links();
  folder_remove(&folder);
  return test_summary();
}
