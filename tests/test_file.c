// base/file: what is under the real name is always whole, whatever goes wrong in the writing.
#include "base/file.h"
#include "base/par.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/signals.h"
#include "folder.h"
#include "test.h"

static struct folder folder;
static char path[512];

static int count_files(void) {
  int n = 0;
  DIR *d = opendir(folder.path);
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
  CHECK(file_out_check(path) == 0 && file_out_check("/dev/null") == 0, "%s", err_message());
  CHECK(file_out_check("/proc/nosuch") == ERR_IO && file_out_check(folder.path) == ERR_IO, "%s", err_message());
  check_text("old");
  CHECK(count_files() == 1, "%d", count_files());
  write_text("new");
  check_text("new");
  chmod(path, 0640);
  char link[600];
  snprintf(link, sizeof link, "%s/link", folder.path);
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
  CHECK(file_read("/nowhere/x", 3, &data, &size) == ERR_IO && strstr(err_message(), "/nowhere/x: No such"), "%s",
        err_message());
  CHECK(file_read(folder.path, 3, &data, &size) == ERR_IO && strstr(err_message(), "folder"), "%s", err_message());
  CHECK(file_read("/dev/zero", 100000, &data, &size) == ERR_IO && strstr(err_message(), "more than"), "%s",
        err_message());
  CHECK(file_read("/proc/self/status", 1 << 20, &data, &size) == 0 && size > 100 && !data[size], "%s", err_message());
  free(data);
  struct file_out o;
  CHECK(file_out_open(&o, folder.path) == ERR_IO && strstr(err_message(), "folder"), "%s", err_message());
  CHECK(file_out_open(&o, "/nowhere/x") == ERR_IO && strstr(err_message(), "/nowhere/x: No such"), "%s", err_message());
}

// What is reserved and not used is given back.
static void test_reserve(void) {
  struct file_out o;
  struct stat st;
  CHECK(file_out_open(&o, path) == 0 && file_out_reserve(&o, 100000) == 0, "%s", err_message());
  CHECK(fstat(fileno(o.stream), &st) == 0 && st.st_size == 100000, "%ld bytes", (long)st.st_size);
  fputs("new", o.stream);
  CHECK(file_out_commit(&o) == 0, "%s", err_message());
  check_text("new");
  CHECK(file_out_open(&o, "/dev/null") == 0 && file_out_reserve(&o, 100) == 0 && file_out_commit(&o) == 0, "%s",
        err_message());
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
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 50, before.rlim_max });
  CHECK(file_out_open(&o, path) == 0, "%s", err_message());
  CHECK(file_out_reserve(&o, 100) == ERR_IO && strstr(err_message(), "no room for 100 bytes"), "%s", err_message());
  file_out_abort(&o);
  CHECK(count_files() == 1, "%d files", count_files());
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
    CHECK(file_out_commit(&o) == ERR_IO && strstr(err_message(), "/dev/full: cannot write: No space"), "%d: %s", n,
          err_message());
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
    alarm(1200);
    pause();
  }
  CHECK(read(ready[0], &c, 1) == 1, "child");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  check_text("old");
  CHECK(count_files() == 2, "%d files", count_files());
  write_text("new");
  check_text("new");
  CHECK(count_files() == 1, "the file of the killed process is left");
}

// What a signal removes: all files that are being written, of any thread, and no other.
static void test_abandoned(void) {
  struct file_out o, other;
  write_text("old");
  CHECK(file_out_open(&o, path) == 0 && file_out_open(&other, path) == 0, "%s", err_message());
  CHECK(count_files() == 3, "%d files", count_files());
  CHECK(rename(other.temp, o.temp) == 0, "rename");  // this name is not its own any more
  file_out_abandon();
  CHECK(count_files() == 2, "%d files", count_files());
  file_out_abort(&other);
  file_out_abort(&o);
  check_text("old");
  for (int k = 0; k < 100; k++) write_text("new");  // those that are complete stay
  file_out_abandon();
  check_text("new");
  CHECK(file_out_open(&o, path) == 0, "%s", err_message());
  file_out_abandon();
  CHECK(count_files() == 1, "%d files", count_files());
  file_out_abort(&o);
}

// Writers of one path at once: each has a temporary file of its own, and one of the texts is what stays.
enum { WRITERS = 4, ROUNDS = 50 };

static void write_often(void *context, int item, int worker) {
  int *failed = context;
  (void)worker;
  for (int round = 0; round < ROUNDS; round++) {
    struct file_out o;
    if (file_out_open(&o, path)) failed[item]++;
    else {
      for (int i = 0; i < 1000; i++) fprintf(o.stream, "%d", item);
      failed[item] += file_out_commit(&o) < 0;
    }
  }
}

static void test_threads(void) {
  int failed[WRITERS] = { 0 };
  char *text;
  size_t size;
  struct par *p = par_new(WRITERS);
  par_local(p, WRITERS, write_often, failed);
  par_free(p);
  for (int k = 0; k < WRITERS; k++) CHECK(failed[k] == 0, "writer %d failed %d times of %d", k, failed[k], ROUNDS);
  CHECK(file_read(path, 1 << 20, &text, &size) == 0 && size == 1000 && strspn(text, (char[]){ text[0], 0 }) == 1000,
        "%zu bytes", size);
  free(text);
  CHECK(count_files() == 1, "%d files", count_files());
}

// What stands under the temporary names already: a killed process's file is taken over, a link, a pipe or a file of two
// names is left alone, and so is what others call .tmp.
static void test_occupied(void) {
  char name[5][600], *text;
  size_t size;
  static const char *const endings[] = { ".metaxbar-0.tmp", ".metaxbar-1.tmp", ".metaxbar-2.tmp", ".metaxbar-3.tmp",
                                         ".17.tmp" };
  for (int k = 0; k < 5; k++) snprintf(name[k], sizeof name[k], "%s%s", path, endings[k]);
  write_text("old");
  CHECK(symlink(path, name[0]) == 0 && mkfifo(name[1], 0600) == 0 && link(path, name[2]) == 0, "preparation");
  for (int k = 3; k < 5; k++) {
    FILE *f = fopen(name[k], "w");
    fputs("torn and longer than what follows", f);
    fclose(f);
  }
  struct file_out o;
  CHECK(file_out_open(&o, path) == 0 && !strcmp(o.temp, name[3]), "%s", o.temp);
  fputs("new", o.stream);
  CHECK(file_out_commit(&o) == 0, "%s", err_message());
  check_text("new");
  CHECK(file_read(name[2], 100, &text, &size) == 0 && !strcmp(text, "old"), "the file of two names was written");
  free(text);
  CHECK(count_files() == 5 && !file_exists(name[3]) && file_exists(name[4]), "%d files", count_files());
  for (int k = 0; k < 5; k++) unlink(name[k]);
}

static void test_dirs(void) {
  char deep[600], below[600];
  snprintf(deep, sizeof deep, "%s/a/b//c/", folder.path);
  snprintf(below, sizeof below, "%s/x/y", path);
  CHECK(file_make_dirs(deep) == 0 && file_exists(deep), "%s", err_message());
  CHECK(file_make_dirs(deep) == 0, "%s", err_message());
  CHECK(file_make_dirs(below) == ERR_IO && strstr(err_message(), "not a folder"), "%s", err_message());
  CHECK(file_make_dirs("") == ERR_IO, "an empty name");
}

// The child's exit status after n signals to itself.
static int status_after(int number, int n, bool watch, void (*before)(int)) {
  int status;
  const pid_t child = fork();
  if (child == 0) {
    struct sigaction installed, after;
    signal(number, before);
    signals_install();
    sigaction(number, NULL, &installed);
    if (watch) {
      signals_watch();
      signals_watch();
      signals_unwatch();
    }
    if (signals_caught()) _exit(1);
    for (int i = 0; i < n; i++) raise(number);
    if (watch) signals_unwatch();
    sigaction(number, NULL, &after);
    _exit(after.sa_handler == installed.sa_handler ? signals_caught() : 99);
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_signals(void) {
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  for (int k = 0; k < 3; k++) {
    const int s = numbers[k];
    CHECK(status_after(s, 1, true, SIG_DFL) == s, "signal %d: the first", s);
    CHECK(status_after(s, 2, true, SIG_DFL) == 128 + s, "signal %d: the second", s);
    CHECK(status_after(s, 1, false, SIG_DFL) == 128 + s, "signal %d: nobody asks for it", s);
    CHECK(status_after(s, 2, true, SIG_IGN) == 0, "signal %d: ignored before", s);
  }
  CHECK(status_after(SIGUSR1, 2, true, SIG_DFL) == SIGUSR1, "SIGUSR1: the second");
  CHECK(status_after(SIGUSR1, 1, false, SIG_DFL) == 75, "SIGUSR1: nobody asks for it");
  CHECK(status_after(SIGPIPE, 2, false, SIG_DFL) == 0, "ignored");
}

int main(void) {
  folder = folder_make();
  snprintf(path, sizeof path, "%s/file", folder.path);
  test_replace();
  test_read_errors();
  test_reserve();
  test_disk_full();
  test_killed();
  test_abandoned();
  test_threads();
  test_occupied();
  test_dirs();
  test_signals();
  folder_remove(&folder);
  return test_summary();
}
