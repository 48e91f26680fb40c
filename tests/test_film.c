// Pictures and films of the arm, without a display.
#include "arm/film.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arm/jointpath.h"
#include "arm/kinematics.h"
#include "arm/offscreen.h"
#include "arm/physics.h"
#include "base/err.h"
#include "base/file.h"
#include "base/progress.h"
#include "folder.h"
#include "test.h"

// OpenGL in software never returns some of its memory.
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static struct kinematics arm;

static long file_size(const char *path) {
  char *data;
  size_t size;
  if (file_read(path, 1 << 24, &data, &size) < 0) return -1;
  free(data);
  return (long)size;
}

// Whatever a film is called, ffmpeg takes no part of the name for an option, a protocol or a pattern.
static void check_names(const struct folder *folder, const struct jointpath *p, const double *target) {
  static const char *const names[] = { "-s.gif", "a:b.mp4", "it's\nso.mp4" };
  char here[FILE_PATH_SIZE];
  if (!getcwd(here, sizeof here) || chdir(folder->path)) abort();
  for (size_t k = 0; k < sizeof names/sizeof *names; k++) {
    CHECK(film_write(names[k], &arm, p, target) == 0, "%s", err_message());
    CHECK(file_size(names[k]) > 2000, "%s: a film of %ld bytes", names[k], file_size(names[k]));
  }
  if (chdir(here)) abort();
}

// A film that cannot be written is an error, and the older one stays.
static void check_full_disk(const struct folder *folder, const struct jointpath *p, const double *target) {
  const char *full = folder_path(folder, "full.mp4"), *old = folder_path(folder, "old.mp4");
  if (symlink("/dev/full", full)) abort();
  CHECK(film_write(full, &arm, p, target) == ERR_IO && strstr(err_message(), "No space left"), "%s", err_message());
  folder_write(folder, "old.mp4", "old", 3);
  const struct rlimit small = { 1000, RLIM_INFINITY }, any = { RLIM_INFINITY, RLIM_INFINITY };
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK(film_write(old, &arm, p, target) == ERR_IO && strstr(err_message(), "old.mp4"), "%s", err_message());
  setrlimit(RLIMIT_FSIZE, &any);
  CHECK(file_size(old) == 3, "the older film: %ld bytes", file_size(old));
}

static void check_every(void) {
  CHECK(film_every(1) == 1 && film_every(250) == 1 && film_every(251) == 2 && film_every(1001) == 5, "%d of 1001",
        film_every(1001));
}

static void check_film(void) {
  enum { N = 4 };
  struct folder folder = folder_make();
  struct jointpath p;
  double target[3*N];
  jointpath_init(&p, N, 0.25);
  for (int k = 0; k < N; k++) p.q[4*k] = 0.3*k, p.q[4*k + 1] = 0.1*k;
  jointpath_tips(target, &p, &arm);
  const char *png = folder_path(&folder, "a.png"), *gif = folder_path(&folder, "a.gif"),
             *bad = folder_path(&folder, "a.avi");
  CHECK(film_write(png, &arm, &p, target) == 0, "%s", err_message());
  CHECK(file_size(png) > 20000, "a picture of %ld bytes", file_size(png));
  CHECK(film_write(bad, &arm, &p, target) == ERR_SETTING && strstr(err_message(), ".png, .mp4 or .gif"), "%s",
        err_message());
  if (system("ffmpeg -version >/dev/null 2>&1") == 0) {
    CHECK(film_write(gif, &arm, &p, target) == 0, "%s", err_message());
    CHECK(file_size(gif) > 3000, "a film of %ld bytes", file_size(gif));
    if (!TEST_SANITIZED) check_names(&folder, &p, target);  // names alone
    check_full_disk(&folder, &p, target);
  } else {
    printf("SKIP a film: ffmpeg is absent\n");
  }
  setenv("PATH", folder.path, 1);  // no ffmpeg there
  unlink(gif);
  CHECK(film_check(gif) == ERR_IO && strstr(err_message(), "package ffmpeg"), "%s", err_message());
  CHECK(film_write(gif, &arm, &p, target) == ERR_IO && strstr(err_message(), "ffmpeg") && file_size(gif) < 0, "%s",
        err_message());
  jointpath_release(&p);
  folder_remove(&folder);
}

int main(void) {
  struct offscreen *gl;
  if (!physics_available() || offscreen_new(&gl) < 0) {
    printf("SKIP pictures: %s\n", physics_available() ? err_message() : "built without MuJoCo");
    return 77;
  }
  offscreen_free(gl);
  param_defaults(kinematics_param_table, &arm);
  progress_quiet(true);
  signal(SIGXFSZ, SIG_IGN);
  check_every();
  check_film();
  return test_summary();
}
