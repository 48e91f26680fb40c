#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static int read_stream(FILE *f, const char *path, size_t max, char **data, size_t *size) {
  struct stat st;
  if (fstat(fileno(f), &st)) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  if (S_ISDIR(st.st_mode)) return err_set(ERR_IO, "%s: is a folder", path);
  if (S_ISREG(st.st_mode) && (size_t)st.st_size > max)
    return err_set(ERR_IO, "%s: %lld bytes, at most %zu are read", path, (long long)st.st_size, max);
  size_t room = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 65536, used = 0;  // one more: sees the end
  char *buffer = err_calloc(room + 1, 1);
  for (;;) {
    used += fread(buffer + used, 1, room - used, f);
    if (used < room || used > max) break;
    char *larger = err_calloc(2 * room + 1, 1);
    memcpy(larger, buffer, used);
    free(buffer);
    buffer = larger;
    room *= 2;
  }
  int rc = 0;
  if (ferror(f)) rc = err_set(ERR_IO, "%s: %s", path, strerror(errno));
  else if (used > max) rc = err_set(ERR_IO, "%s: more than %zu bytes", path, max);
  if (rc) {
    free(buffer);
    return rc;
  }
  buffer[used] = 0;
  *data = buffer;
  *size = used;
  return 0;
}

int file_read(const char *path, size_t max, char **data, size_t *size) {
  FILE *f = fopen(path, "rbe");
  if (!f) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  const int rc = read_stream(f, path, max, data, size);
  fclose(f);
  return rc;
}

int file_parse(const char *path, size_t max,
               int (*parse)(void *context, const char *text, size_t size, const char *path), void *context) {
  char *text;
  size_t size;
  TRY(file_read(path, max, &text, &size));
  const int rc = parse(context, text, size, path);
  free(text);
  return rc;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

int file_make_dirs(const char *path) {
  char part[FILE_PATH_SIZE];
  if (strlen(path) >= sizeof part) return err_set(ERR_IO, "%.60s...: path too long", path);
  if (!*path) return err_set(ERR_IO, "cannot create a folder without a name");
  strcpy(part, path);
  for (char *c = part + 1;; c++) {
    if (*c != '/' && *c) continue;
    const char separator = *c;
    *c = 0;
    struct stat st;
    if (mkdir(part, 0777) && errno != EEXIST) return err_set(ERR_IO, "%s: %s", part, strerror(errno));
    if (stat(part, &st) || !S_ISDIR(st.st_mode)) return err_set(ERR_IO, "%s: not a folder", part);
    if (!separator) return 0;
    *c = separator;
  }
}

int file_refuse_pipe(const char *path) {
  struct stat st;
  if (stat(path, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) return 0;
  return err_set(ERR_IO, "%s: not a regular file, as is needed here", path);
}

int file_refuse_link(const char *path) {
  struct stat st;
  if (lstat(path, &st) || !S_ISLNK(st.st_mode)) return 0;
  return err_set(ERR_IO, "%s: is a link, and not written through: remove it", path);
}

// ---- the temporary files that are open

enum { MOST_OPEN = 32, FREE = 0, TAKEN, LISTED };  // what more are open stay where the process is ended
static struct {
  atomic_int state;  // lock-free, hence safe in a handler
  int fd;
  char path[FILE_PATH_SIZE];
} open_files[MOST_OPEN];

static int list_open(int fd, const char *path) {
  for (int k = 0; k < MOST_OPEN; k++) {
    int none = FREE;
    if (!atomic_compare_exchange_strong(&open_files[k].state, &none, TAKEN)) continue;
    open_files[k].fd = fd;
    strcpy(open_files[k].path, path);
    atomic_store(&open_files[k].state, LISTED);
    return k;
  }
  return -1;
}

static void unlist_open(const struct file_out *o) {
  if (o->temp[0] && o->place >= 0) atomic_store(&open_files[o->place].state, FREE);
}

bool file_is_named(int fd, const char *path) {
  struct stat opened, now;
  return fstat(fd, &opened) == 0 && lstat(path, &now) == 0 && opened.st_dev == now.st_dev &&
         opened.st_ino == now.st_ino;
}

void file_out_abandon(void) {
  for (int k = 0; k < MOST_OPEN; k++)
    if (atomic_load(&open_files[k].state) == LISTED && file_is_named(open_files[k].fd, open_files[k].path))
      unlink(open_files[k].path);
}

// ---- files being written

// A file of this name, locked and empty, or -1: EBUSY if another writer holds it or it is nothing to write to. The lock
// goes with its holder, however that ends.
static int take_temporary(const char *temp) {
  for (;;) {
    struct stat st;
    const int fd = open(temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0) return -1;
    const bool busy = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    if (busy || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink > 1) {
      close(fd);
      errno = EBUSY;
      return -1;
    }
    const bool same = file_is_named(fd, temp);
    if (same && ftruncate(fd, 0) == 0) return fd;
    close(fd);  // its holder renamed or removed it in between
    if (same) return -1;
  }
}

// Signals wait until the file is in the list.
static FILE *open_temporary(struct file_out *o) {
  enum { MOST_WRITERS = 1000 };
  sigset_t all, before;
  int fd = -1;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  for (int k = 0; k < MOST_WRITERS && fd < 0; k++) {
    const int n = snprintf(o->temp, sizeof o->temp, "%s.metaxbar-%d.tmp", o->path, k);
    if (n >= (int)sizeof o->temp) errno = ENAMETOOLONG;
    else fd = take_temporary(o->temp);
    if (fd < 0 && errno != EBUSY && errno != EACCES && errno != ELOOP && errno != ENXIO && errno != EISDIR) break;
  }
  FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
  if (fd >= 0 && !stream) close(fd);
  if (stream) o->place = list_open(fd, o->temp);
  const int failed = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = failed;
  return stream;
}

int file_out_open(struct file_out *o, const char *path) {
  *o = (struct file_out){ 0 };
  char resolved[PATH_MAX];
  struct stat st;
  const bool there = stat(path, &st) == 0;
  if (there && realpath(path, resolved)) path = resolved;
  if (snprintf(o->path, sizeof o->path, "%s", path) >= (int)sizeof o->path)
    return err_set(ERR_IO, "%.60s...: path too long", path);
  if (there && S_ISDIR(st.st_mode)) return err_set(ERR_IO, "%s: is a folder", path);
  o->stream = there && !S_ISREG(st.st_mode) ? fopen(o->path, "wbe") : open_temporary(o);
  if (!o->stream) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  if (there && o->temp[0]) fchmod(fileno(o->stream), st.st_mode & 07777);  // a replaced file keeps its mode
  return 0;
}

int file_out_check(const char *path) {
  struct file_out o;
  struct stat st;
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return 0;
  TRY(file_out_open(&o, path));
  file_out_abort(&o);
  return 0;
}

int file_out_reserve(struct file_out *o, size_t bytes) {
  if (!o->temp[0]) return 0;
  const int reason = posix_fallocate(fileno(o->stream), 0, (off_t)bytes);
  if (reason == EINVAL || reason == EOPNOTSUPP || reason == ENODEV) return 0;
  if (reason) return err_set(ERR_IO, "%s: cannot write: no room for %zu bytes: %s", o->path, bytes, strerror(reason));
  o->reserved = true;
  return 0;
}

static int sync_folder(const char *path) {
  char folder[FILE_PATH_SIZE];
  strcpy(folder, path);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  const int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int rc = fsync(fd) && errno != EINVAL ? errno : 0;
  close(fd);
  return rc;
}

// The reason of an earlier failure is lost, unless it persists: one more byte, of a file that is given up, tells.
static int why_not(int fd) { return write(fd, "", 1) < 0 ? errno : EIO; }

int file_out_commit(struct file_out *o) {
  errno = 0;
  int bad = ferror(o->stream) ? why_not(fileno(o->stream)) : 0;
  if (fflush(o->stream)) bad = errno;
  else if (o->reserved && ftruncate(fileno(o->stream), ftello(o->stream))) bad = errno;
  else if (o->temp[0] && fsync(fileno(o->stream))) bad = errno;
  if (!bad && o->temp[0] && rename(o->temp, o->path)) bad = errno;
  if (bad && o->temp[0]) unlink(o->temp);
  unlist_open(o);
  if (fclose(o->stream) && !bad) bad = errno;  // gives the temporary name free
  o->stream = NULL;
  if (!bad && o->temp[0]) bad = sync_folder(o->path);
  return bad ? err_set(ERR_IO, "%s: cannot write: %s", o->path, strerror(bad)) : 0;
}

void file_out_abort(struct file_out *o) {
  if (o->temp[0]) unlink(o->temp);
  unlist_open(o);
  fclose(o->stream);
  *o = (struct file_out){ 0 };
}
