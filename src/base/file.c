#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
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

int file_out_open(struct file_out *o, const char *path) {
  *o = (struct file_out){ 0 };
  char resolved[PATH_MAX];
  struct stat st;
  const bool there = stat(path, &st) == 0;
  if (there && realpath(path, resolved)) path = resolved;
  const int n = snprintf(o->path, sizeof o->path, "%s", path);
  const int m = snprintf(o->temp, sizeof o->temp, "%.*s.%ld.tmp", n, path, (long)getpid());
  if (n >= (int)sizeof o->path || m >= (int)sizeof o->temp) return err_set(ERR_IO, "%.60s...: path too long", path);
  if (there && S_ISDIR(st.st_mode)) return err_set(ERR_IO, "%s: is a folder", path);
  if (there && !S_ISREG(st.st_mode)) o->temp[0] = 0;
  o->stream = fopen(o->temp[0] ? o->temp : o->path, "wbe");
  if (!o->stream) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  if (there && o->temp[0]) fchmod(fileno(o->stream), st.st_mode & 07777);  // a replaced file keeps its mode
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
  else if (o->temp[0] && fsync(fileno(o->stream))) bad = errno;
  if (fclose(o->stream) && !bad) bad = errno;
  o->stream = NULL;
  if (!bad && o->temp[0] && rename(o->temp, o->path)) bad = errno;
  if (!bad && o->temp[0]) bad = sync_folder(o->path);
  if (bad && o->temp[0]) unlink(o->temp);
  return bad ? err_set(ERR_IO, "%s: cannot write: %s", o->path, strerror(bad)) : 0;
}

void file_out_abort(struct file_out *o) {
  fclose(o->stream);
  if (o->temp[0]) unlink(o->temp);
  *o = (struct file_out){ 0 };
}
