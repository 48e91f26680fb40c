#include "base/process.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

extern char **environ;

// A program that reads no further is no error yet: its own message gives the reason.
static ssize_t put(void *cookie, const char *data, size_t size) {
  const struct process *p = cookie;
  for (size_t done = 0; done < size;) {
    const ssize_t n = send(p->input, data + done, size - done, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) break;
    if (n > 0) done += (size_t)n;
  }
  return (ssize_t)size;
}

static int end_input(void *cookie) { return close(((struct process *)cookie)->input); }

int process_spawn(pid_t *pid, const char *const *argv, const int files[3]) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  sigaddset(&usual, SIGXFSZ);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_init(&actions);
  for (int k = 0; k < 3; k++) posix_spawn_file_actions_adddup2(&actions, files[k], k);
  const int rc = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return rc;
}

int process_start(struct process *p, const char *const *argv, const char *package) {
  int ends[2];
  *p = (struct process){ .name = argv[0] };
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
    return err_set(ERR_IO, "%s: cannot be started: %s", p->name, strerror(errno));
  p->input = ends[0];
  p->output = memfd_create("output", MFD_CLOEXEC);
  p->messages = memfd_create("messages", MFD_CLOEXEC);
  p->in = fopencookie(p, "w", (cookie_io_functions_t){ .write = put, .close = end_input });
  int rc = p->output < 0 || p->messages < 0 || !p->in ? errno : 0;
  if (rc == 0) rc = process_spawn(&p->pid, argv, (const int[]){ ends[1], p->output, p->messages });
  close(ends[1]);
  if (rc == 0) return 0;
  if (p->in) fclose(p->in);
  else close(p->input);
  if (p->output >= 0) close(p->output);
  if (p->messages >= 0) close(p->messages);
  return err_set(ERR_IO, "%s: cannot be started: %s (package %s)", p->name, strerror(rc), package);
}

// Its messages as one line, ": " before it.
static void line_of(char line[400], int messages) {
  char text[4000];
  const ssize_t size = pread(messages, text, sizeof text, 0);
  size_t n = 0;
  for (ssize_t k = 0; k < size && n + 3 < 400; k++) {
    const int blank = isspace((unsigned char)text[k]);
    if (!blank && n == 0) line[n++] = ':', line[n++] = ' ';
    if (!blank || (n && line[n - 1] != ' ')) line[n++] = blank ? ' ' : text[k];
  }
  line[n - (n && line[n - 1] == ' ')] = 0;
}

static void copy(FILE *out, int output) {
  char block[1 << 16];
  ssize_t n;
  for (off_t at = 0; (n = pread(output, block, sizeof block, at)) > 0; at += n) fwrite(block, 1, (size_t)n, out);
}

// Wait for the end of the program: how it ended.
static int wait_for(struct process *p) {
  int status = 0;
  fclose(p->in);
  while (waitpid(p->pid, &status, 0) < 0)
    if (errno != EINTR) return SIGKILL;  // somebody else has waited for it: nothing is known
  return status;
}

int process_finish(struct process *p, FILE *out) {
  const int status = wait_for(p);
  char line[400];
  int rc = 0;
  line_of(line, p->messages);
  if (WIFSIGNALED(status)) rc = err_set(ERR_IO, "%s: ended by signal %d%s", p->name, WTERMSIG(status), line);
  else if (WEXITSTATUS(status))
    rc = err_set(ERR_IO, "%s: failed with exit status %d%s", p->name, WEXITSTATUS(status), line);
  else if (lseek(p->output, 0, SEEK_END) <= 0) rc = err_set(ERR_IO, "%s: wrote nothing%s", p->name, line);
  else if (out) copy(out, p->output);
  close(p->output);
  close(p->messages);
  return rc;
}

void process_stop(struct process *p) {
  kill(p->pid, SIGKILL);
  wait_for(p);
  close(p->output);
  close(p->messages);
}
