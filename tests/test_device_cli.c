// metaxbar device --out: no text of a device table or of the command line becomes a command of gnuplot or of a shell,
// and a picture is complete or not there at all.
#include <sys/stat.h>

#include "base/err.h"
#include "folder.h"
#include "process.h"

static struct folder tmp;
static struct process p;

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define DEVICE "device", "device.points=2"

static void run(const char *const *args) {
  process_args(&p, args);
  process_run(&p);
}

static void drawn(const char *out, const char *const *args) {
  p = (struct process){ 0 };
  run(args);
  char *data;
  size_t size;
  const int rc = file_read(out, 1 << 24, &data, &size);
  CHECK(p.status == 0 && !p.err[0], "%s: status %d: %s", out, p.status, p.err);
  CHECK(rc == 0 && size > 3000, "%s: %s", out, rc ? err_message() : "too short");
  if (rc == 0) free(data);
}

static void refused(int status, const char *text, const char *const *args) {
  p = (struct process){ 0 };
  run(args);
  process_check_line(&p, status, ARGS(text));
}

// A table of a device of this name.
static const char *table(const char *name) {
  char text[600];
  static const char curves[] = "g_uS,sigma_prog_uS,drift_mean,drift_std,read_q\n0,0.3,0.09,0.04,0.05\n20,1,0.05,0.01,0."
                               "015\n";
  snprintf(text, sizeof text, "[device]\nname = %s\ng_max_uS = 20\ndata = lab.csv\n", name);
  folder_write(&tmp, "lab.csv", curves, strlen(curves));
  folder_write(&tmp, "lab.ini", text, strlen(text));
  return "device.table=lab.ini";
}

static void test_device_names(void) {
  static const char *const names[] = {
    "x'; system 'touch pwned' #", "x\"; system \"touch pwned\" #", "`touch pwned`", "$(touch pwned)", "@pwned", "EOD",
    "sam's 10% device", "\\", "{/=400 x^2}",
  };
  for (size_t k = 0; k < (TEST_SANITIZED ? 2 : sizeof names/sizeof *names); k++) {
    unlink("a.svg");
    drawn("a.svg", ARGS(DEVICE, table(names[k]), "--out", "a.svg"));
    CHECK(unlink("pwned") < 0, "%s ran", names[k]);
  }
  drawn("a.svg", ARGS(DEVICE, table("<script>`@"), "--out", "a.svg"));
  char *data;
  size_t size;
  if (file_read("a.svg", 1 << 24, &data, &size) < 0) return;
  CHECK(strstr(data, ">&lt;script>`@<") && !strstr(data, "<script"), "the name is not in the picture as it is");
  free(data);
}

static void test_paths(void) {
  static const char *const paths[] = {
    "|touch pwned;cat>y.png", "it's.png", "a'.'b.svg", "line\nsystem 'touch pwned'\n.png", "`touch pwned`.pdf",
    "$(touch pwned).png", "-s.png", "a:b.svg", "<x.png", "\".png", "\\.png",
  };
  for (size_t k = 0; k < (TEST_SANITIZED ? 4 : sizeof paths/sizeof *paths); k++) {
    drawn(paths[k], ARGS(DEVICE, "--out", paths[k]));
    CHECK(unlink("pwned") < 0 && unlink("y.png") < 0, "%s ran", paths[k]);
  }
  refused(2, ".png, .pdf or .svg", ARGS(DEVICE, "--out", "a.txt"));
  refused(2, ".png, .pdf or .svg", ARGS(DEVICE, "--out", "png"));
  refused(1, "none/a.png", ARGS(DEVICE, "--out", "none/a.png"));
}

// A user's start-up file of gnuplot is not run.
static void test_start_file(void) {
  static const char start[] = "system 'touch pwned'\nset title 'of the user'\n";
  folder_write(&tmp, ".gnuplot", start, strlen(start));
  setenv("HOME", tmp.path, 1);
  drawn("home.svg", ARGS(DEVICE, "--out", "home.svg"));
  CHECK(!file_exists("pwned"), "~/.gnuplot ran");
}

static void check_old(const char *why) {
  char *data = NULL;
  size_t size;
  CHECK(file_read("old.png", 100, &data, &size) == 0 && !strcmp(data, "old"), "%s: the older picture is gone", why);
  free(data);
  folder_write(&tmp, "old.png", "old", 3);
}

static void test_full_disk(void) {
  if (symlink("/dev/full", "full.png")) abort();
  refused(1, "full: cannot write: No space left", ARGS(DEVICE, "--out", "full.png"));
  folder_write(&tmp, "old.png", "old", 3);
  p = (struct process){ .file_limit = 2000 };
  run(ARGS(DEVICE, "--out", "old.png"));
  process_check_line(&p, 1, ARGS("old.png"));
  check_old("a full disk");
}

// A gnuplot put before the real one, where there is one.
static void stand_in(const char *script) {
  folder_write(&tmp, "bin/gnuplot", script, strlen(script));
  chmod("bin/gnuplot", 0755);
}

static void test_gnuplot_fails(void) {
  folder_write(&tmp, "old.png", "old", 3);
  stand_in("#!/bin/sh\ncat >/dev/null; echo half; echo no fonts >&2; exit 3\n");
  refused(1, "old.png: gnuplot: failed with exit status 3: no fonts", ARGS(DEVICE, "--out", "old.png"));
  check_old("a failure");
  stand_in("#!/bin/sh\nkill -9 $$\n");
  refused(1, "old.png: gnuplot: ended by signal 9", ARGS(DEVICE, "--out", "old.png"));
  check_old("a crash");
  stand_in("#!/bin/sh\nexit 0\n");
  refused(1, "old.png: gnuplot: wrote nothing", ARGS(DEVICE, "--out", "old.png"));
  check_old("no picture");
  unlink("bin/gnuplot");
  setenv("PATH", "bin", 1);
  refused(1, "old.png: gnuplot: cannot be started: No such file or directory (package gnuplot-nox)",
          ARGS(DEVICE, "--out", "old.png"));
  check_old("no gnuplot");
}

int main(void) {
  if (!process_available()) return 77;
  char path[FILE_PATH_SIZE];
  tmp = folder_make();
  if (chdir(tmp.path)) abort();
  if (system("gnuplot -d -e 'set terminal pngcairo' >/dev/null 2>&1") == 0) {
    test_device_names();
    test_paths();
    test_start_file();
    test_full_disk();
  } else {
    printf("SKIP plots: gnuplot is absent\n");
  }
  snprintf(path, sizeof path, "%s/bin:%.3000s", tmp.path, getenv("PATH"));
  setenv("PATH", path, 1);
  test_gnuplot_fails();
  folder_remove(&tmp);
  return test_summary();
}
