#include "arm/owner.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/note.h"

static int name_file(struct owner *o, const char *robot, const char *host, int port) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  const int own = state && state[0] == '/';  // the standard: anything else is to be ignored
  if (!own && (!home || home[0] != '/'))
    return err_set(ERR_IO, "neither XDG_STATE_HOME nor HOME names a folder: the owner of the arm cannot be recorded");
  const int n = snprintf(o->path, sizeof o->path, "%s%s/metaxbar", own ? state : home, own ? "" : "/.local/state");
  if (n >= (int)sizeof o->path) return err_set(ERR_IO, "%.60s...: path too long", o->path);
  TRY(file_make_dirs(o->path));
  char *const name = o->path + n;
  if (snprintf(name, sizeof o->path - (size_t)n, "/arm-%s-%s-%d", robot, host, port) >= (int)sizeof o->path - n)
    return err_set(ERR_IO, "%.60s...: path too long", o->path);
  for (char *c = name + 1; *c; c++)
    if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) *c = '_';
  return file_refuse_link(o->path);
}

static int read_name(struct owner *o) {
  const ssize_t n = pread(o->fd, o->name, sizeof o->name - 1, 0);
  if (n < 0) return err_set(ERR_IO, "%s: cannot read: %s", o->path, strerror(errno));
  o->name[n] = 0;
  o->name[strcspn(o->name, "\n")] = 0;
  if (n == 0 || message_is_name(o->name)) return 0;
  o->name[0] = 0;
  note("%s: holds no name of a client: ignored", o->path);
  return 0;
}

int owner_open(struct owner *o, const char *robot, const char *host, int port) {
  *o = (struct owner){ .fd = -1 };
  TRY(name_file(o, robot, host, port));
  for (;;) {
    o->fd = open(o->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (o->fd < 0) return err_set(ERR_IO, "%s: cannot write: %s", o->path, strerror(errno));
    if (flock(o->fd, LOCK_EX | LOCK_NB)) break;
    if (file_is_named(o->fd, o->path)) return read_name(o);  // its last owner may have removed it
    close(o->fd);
  }
  const int reason = errno;
  read_name(o);
  owner_close(o);
  if (reason != EWOULDBLOCK) return err_set(ERR_IO, "%s: cannot lock: %s", o->path, strerror(reason));
  return err_set(ERR_BUSY, "%s: busy: another process on this computer drives it%s%s", robot, *o->name ? " as " : "",
                 o->name);
}

int owner_write(struct owner *o, const char *name) {
  char line[MESSAGE_NAME_SIZE + 1];
  const int n = snprintf(line, sizeof line, "%s\n", name);
  if (ftruncate(o->fd, 0) || pwrite(o->fd, line, (size_t)n, 0) != n || fsync(o->fd))
    return err_set(ERR_IO, "%s: cannot write: %s", o->path, strerror(errno));
  return 0;
}

void owner_remove(struct owner *o) {
  if (o->fd >= 0) unlink(o->path);
  owner_close(o);
}

void owner_close(struct owner *o) {
  if (o->fd >= 0) close(o->fd);
  o->fd = -1;
}
