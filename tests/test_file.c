// base/file: what is under the real name is always whole, whatever goes wrong in the writing.
#include "base/file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/signals.h"
#include "test.h"

static char folder[64] = "/tmp/metaxbar-file-XXXXXX";
static char path[128];

static int count_files(void) {
  int n = 0;
  DIR *d = opendir(folder);
  for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

static void write_text(const char *text) {
  struct file_out o;
  CHECK(file_out_open(&o, path) == 0, "%s", err_message());
  fputs(text, o.stream);
  CHECK(file_out_commit(&o) == 0, "%s", err_message());
}

static void check_text(const char *text) {
  char *data;
  size_t size;
  CHECK(file_read(path, 1000, &data, &size) == 0, "%s", err_message());
  CHECK(size == strlen(text) && !strcmp(data, text), "'%s' instead of '%s'", data, text);
  free(data);
}

static void test_replace(void) {
  struct file_out o;
  write_text("old");
  check_text("old");
  CHECK(file_out_open(&o, path) == 0, "%s", err_message());
  fputs("new", o.stream);
  fflush(o.stream);
  check_text("old");
  CHECK(count_files() == 2, "%d", count_files());
  file_out_abort(&o);
  check_text("old");
  CHECK(count_files() == 1, "%d", count_files());
  write_text("new");
  check_text("new");
  chmod(path, 0640);
  char link[160];
  snprintf(link, sizeof link, "%s/link", folder);
  CHECK(symlink(path, link) == 0, "symlink");
  CHECK(file_out_open(&o, link) == 0, "%s", err_message());
  fputs("through a link", o.stream);
  CHECK(file_out_commit(&o) == 0, "%s", err_message());
  check_text("through a link");
  struct stat st;
  CHECK(lstat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "mode %o", st.st_mode);
  CHECK(lstat(link, &st) == 0 && S_ISLNK(st.st_mode), "the link was replaced");
  unlink(link);
}

static void test_read_errors(void) {
  char *data;
  size_t size;
  CHECK(file_read(path, 3, &data, &size) == ERR_IO && strstr(err_message(), "at most 3"), "%s", err_message());
  CHECK(file_read("/nowhere/x", 3, &data, &size) == ERR_IO && strstr(err_message(), "/nowhere/x: No such"), "%s", err_message());
  CHECK(file_read(folder, 3, &data, &size) == ERR_IO && strstr(err_message(), "folder"), "%s", err_message());
  CHECK(file_read("/dev/zero", 100000, &data, &size) == ERR_IO && strstr(err_message(), "more than"), "%s", err_message());
  CHECK(file_read("/proc/self/status", 1 << 20, &data, &size) == 0 && size > 100 && !data[size], "%s", err_message());
  free(data);
  struct file_out o;
  CHECK(file_out_open(&o, folder) == ERR_IO && strstr(err_message(), "folder"), "%s", err_message());
  CHECK(file_out_open(&o, "/nowhere/x") == ERR_IO && strstr(err_message(), "/nowhere/x: No such"), "%s", err_message());
}

// A disk that is full after `limit` bytes: what is short is noticed at the flush, what is long in the writing.
static void test_disk_full(void) {
  struct file_out o;
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  write_text("old");
  for (int n = 100; n <= 100000; n *= 10) {
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 50, before.rlim_max });
    CHECK(file_out_open(&o, path) == 0, "%s", err_message());
    for (int i = 0; i < n; i++) fputc('x', o.stream);
    const int rc = file_out_commit(&o);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(rc == ERR_IO && strstr(err_message(), path), "%d %s", rc, err_message());
    check_text("old");
    CHECK(count_files() == 1, "%d files", count_files());
  }
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 50, before.rlim_max });  // room comes back, but a piece is lost
  CHECK(file_out_open(&o, path) == 0, "%s", err_message());
  setvbuf(o.stream, NULL, _IONBF, 0);
  for (int i = 0; i < 100; i++) fputc('x', o.stream);
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK(file_out_commit(&o) == ERR_IO, "a lost piece went unnoticed");
  check_text("old");
  for (int n = 1; n < 1000000; n += 99999) {  // noticed at the end, or on the way
    CHECK(file_out_open(&o, "/dev/full") == 0, "%s", err_message());
    for (int i = 0; i < n; i++) fputc('x', o.stream);
    CHECK(file_out_commit(&o) == ERR_IO && strstr(err_message(), "/dev/full: cannot write: No space"), "%d: %s", n, err_message());
  }
  CHECK(access("/dev/full", F_OK) == 0, "the device was replaced");
}

static void test_killed(void) {
  write_text("old");
  int ready[2];
  char c;
  CHECK(pipe(ready) == 0, "pipe");
  const pid_t child = fork();
  if (child == 0) {
    struct file_out o;
    if (file_out_open(&o, path)) _exit(1);
    fputs("half of the n", o.stream);
    fflush(o.stream);
    if (write(ready[1], "x", 1) != 1) _exit(1);
    alarm(20);
    pause();
  }
  CHECK(read(ready[0], &c, 1) == 1, "child");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  check_text("old");
  write_text("new");
  check_text("new");
}

static void test_dirs(void) {
  char deep[128], below[160];
  snprintf(deep, sizeof deep, "%s/a/b//c/", folder);
  snprintf(below, sizeof below, "%s/x/y", path);
  CHECK(file_make_dirs(deep) == 0 && file_exists(deep), "%s", err_message());
  CHECK(file_make_dirs(deep) == 0, "%s", err_message());
  CHECK(file_make_dirs(below) == ERR_IO && strstr(err_message(), "not a folder") , "%s", err_message());
  CHECK(file_make_dirs("") == ERR_IO, "an empty name");
}

// The child's exit status after n signals to itself.
static int status_after(int number, int n) {
  int status;
  const pid_t child = fork();
  if (child == 0) {
    signals_install();
    if (signals_caught()) _exit(1);
    for (int i = 0; i < n; i++) raise(number);
    _exit(signals_caught());
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_signals(void) {
  CHECK(status_after(SIGINT, 1) == SIGINT, "first");
  CHECK(status_after(SIGTERM, 1) == SIGTERM, "first");
  CHECK(status_after(SIGTERM, 2) == 128 + SIGTERM, "second");
  CHECK(status_after(SIGPIPE, 2) == 0, "ignored");
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  snprintf(path, sizeof path, "%s/file", folder);
  test_replace();
  test_read_errors();
  test_disk_full();
  test_killed();
  test_dirs();
  test_signals();
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0, "cleaning up");
  return test_summary();
}
