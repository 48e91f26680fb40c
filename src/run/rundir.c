#include "run/rundir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "base/real.h"
#include "base/settings.h"
#include "kernel/choice.h"
#include "build_info.h"

#define RUNDIR_LOCK ".lock"

void rundir_path(const struct rundir *r, const char *name, char path[FILE_PATH_SIZE]) {
  const int n = snprintf(path, FILE_PATH_SIZE, "%s/%s", r->path, name);
  assert(n < FILE_PATH_SIZE);
}

static bool has(const struct rundir *r, const char *name) {
  char path[FILE_PATH_SIZE];
  rundir_path(r, name, path);
  return file_exists(path);
}

bool rundir_has_checkpoint(const struct rundir *r) { return has(r, RUNDIR_CHECKPOINT); }

// The lock is on an open file, so the kernel drops it with the process; the number in it is for the message.
static int lock(struct rundir *r) {
  char path[FILE_PATH_SIZE], pid[32] = "";
  rundir_path(r, RUNDIR_LOCK, path);
  r->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (r->lock < 0) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  if (flock(r->lock, LOCK_EX | LOCK_NB)) {
    const int reason = errno;
    const ssize_t n = read(r->lock, pid, sizeof pid - 1);
    close(r->lock);
    if (reason != EWOULDBLOCK) return err_set(ERR_IO, "%s: cannot lock: %s", path, strerror(reason));
    return err_set(ERR_BUSY, "%s: in use by process %ld", r->path, n > 0 ? strtol(pid, NULL, 10) : 0);
  }
  const int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  if (ftruncate(r->lock, 0) || write(r->lock, pid, (size_t)n) != n) {
    close(r->lock);
    return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  }
  return 0;
}

// Links in a folder that was received could point at any file of the user's.
static int refuse_links(const struct rundir *r) {
  static const char *const names[] = { RUNDIR_LOCK,       RUNDIR_SETTINGS, RUNDIR_BUILD, RUNDIR_METRICS,
                                       RUNDIR_CHECKPOINT, RUNDIR_MODEL,    RUNDIR_BEST };
  char path[FILE_PATH_SIZE];
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    rundir_path(r, names[k], path);
    TRY(file_refuse_link(path));
  }
  return 0;
}

int rundir_open(struct rundir *r, const char *path, bool resume) {
  *r = (struct rundir){ 0 };
  if (strlen(path) >= sizeof r->path) return err_set(ERR_IO, "%.60s...: path too long", path);
  strcpy(r->path, path);
  if (!resume) TRY(file_make_dirs(path));
  else if (!has(r, RUNDIR_SETTINGS)) return err_set(ERR_SETTING, "%s: no run to resume (no " RUNDIR_SETTINGS ")", path);
  TRY(refuse_links(r));
  TRY(lock(r));
  if (!resume && (has(r, RUNDIR_SETTINGS) || has(r, RUNDIR_METRICS) || rundir_has_checkpoint(r))) {
    rundir_close(r);
    return err_set(ERR_SETTING, "%s: holds a run already; resume it with --resume or name another folder", path);
  }
  return 0;
}

void rundir_close(struct rundir *r) {
  if (r->metrics) fclose(r->metrics);
  r->metrics = NULL;
  if (r->lock > 0) close(r->lock);
  r->lock = 0;
}

// The data are those that the run began with.
static int check_data(const struct rundir *r, const char *fingerprint) {
  char path[FILE_PATH_SIZE];
  struct json_t *facts;
  const char *then = "";
  rundir_path(r, RUNDIR_BUILD, path);
  if (!has(r, RUNDIR_BUILD) || !*fingerprint) return 0;
  TRY(json_read(&facts, path, 1 << 20));
  int rc = json_has(facts, "data") ? json_field_text(facts, path, "data", &then) : 0;
  if (rc == 0 && *then && strcmp(then, fingerprint))
    rc = err_set(ERR_SETTING, "%s: data=%s: the run began with other data; now it is %s", path, then, fingerprint);
  json_release(facts);
  return rc;
}

int rundir_describe(const struct rundir *r, const struct settings_section *all, const char *fingerprint) {
  char path[FILE_PATH_SIZE];
  struct file_out out;
  TRY(check_data(r, fingerprint));
  rundir_path(r, RUNDIR_SETTINGS, path);
  TRY(file_out_open(&out, path));
  settings_print_ini(all, out.stream);
  TRY(file_out_commit(&out));
  if (has(r, RUNDIR_BUILD)) return 0;
  rundir_path(r, RUNDIR_BUILD, path);
  struct json_t *facts = rundir_build();
  if (*fingerprint) json_put_text(facts, "data", fingerprint);
  const int rc = json_write(facts, path);
  json_release(facts);
  return rc;
}

// ---- metrics

// How much of the text stays: header and the complete rows up to iteration `last`.
static int kept_rows(const char *text, size_t size, const char *header, int64_t last, const char *path, size_t *kept) {
  const size_t n = strlen(header);
  *kept = 0;
  if (size <= n && !memcmp(text, header, size)) return 0;  // torn in the header: begin anew
  if (size <= n || memcmp(text, header, n) || text[n] != '\n')
    return err_set(ERR_FORMAT, "%s: first line is not '%s'", path, header);
  *kept = n + 1;
  for (int line = 2; *kept < size; line++) {
    const char *row = text + *kept, *newline = memchr(row, '\n', size - *kept);
    if (!newline) return 0;  // torn
    char *end;
    const int64_t iteration = strtoll(row, &end, 10);
    if (end == row || (*end != ',' && *end != '\n'))
      return err_set(ERR_FORMAT, "%s:%d: row does not begin with an iteration", path, line);
    if (iteration > last) return 0;
    *kept = (size_t)(newline - text) + 1;
  }
  return 0;
}

int rundir_metrics(struct rundir *r, const char *header, int64_t last) {
  enum { LIMIT = 1 << 30 };
  char path[FILE_PATH_SIZE], *text;
  size_t size, kept = 0;
  assert(!r->metrics);
  rundir_path(r, RUNDIR_METRICS, path);
  if (file_exists(path)) {
    TRY(file_read(path, LIMIT, &text, &size));
    const int rc = kept_rows(text, size, header, last, path, &kept);
    free(text);
    TRY(rc);
    if (truncate(path, (off_t)kept)) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  } else if (last > 0) {
    note("%s: is missing; a new one begins after iteration %lld", path, (long long)last);
  }
  r->metrics = fopen(path, "abe");
  if (!r->metrics) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  return kept ? 0 : rundir_row(r, "%s", header);
}

int rundir_row(struct rundir *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const int n = vfprintf(r->metrics, fmt, ap);
  va_end(ap);
  if (n < 0 || fputc('\n', r->metrics) == EOF || fflush(r->metrics))
    return err_set(ERR_IO, "%s/" RUNDIR_METRICS ": cannot write: %s", r->path, strerror(errno));
  return 0;
}

// ---- build and machine

static void processor_name(char *text, size_t size) {
  char line[512];
  snprintf(text, size, "unknown");
  FILE *f = fopen("/proc/cpuinfo", "re");
  while (f && fgets(line, sizeof line, f)) {
    char *colon = strchr(line, ':');
    if (!colon || strncmp(line, "model name", 10)) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(text, size, "%s", colon + 2);
    break;
  }
  if (f) fclose(f);
}

struct json_t *rundir_build(void) {
  char processor[256], date[32];
  processor_name(processor, sizeof processor);
  const time_t now = time(NULL);
  struct tm utc;
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  struct json_t *o = json_object_new();
  json_put_text(o, "version", BUILD_INFO_VERSION);
  json_put_text(o, "git", BUILD_INFO_GIT);
  json_put_text(o, "compiler", BUILD_INFO_COMPILER);
  json_put_text(o, "flags", BUILD_INFO_FLAGS);
  json_put_text(o, "kernels", choice_name());
  json_put_text(o, "precision", sizeof(real) == sizeof(float) ? "float" : "double");
  json_put_text(o, "processor", processor);
  json_put_i64(o, "cores", sysconf(_SC_NPROCESSORS_ONLN));
  json_put_i64(o, "memory_bytes", (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  json_put_text(o, "date", date);
  return o;
}
