#include "base/dialogue.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/process.h"

enum { MAX_WORDS = 64 };
static const double PATIENCE_S = 2;

// Cut `text` into words in place; argv ends with NULL.
static int split(char *argv[MAX_WORDS + 1], char *text, const char *command) {
  int n = 0;
  for (char *from = text;;) {
    from += strspn(from, " \t");
    if (!*from) break;
    if (n == MAX_WORDS) return err_set(ERR_SETTING, "exec:%s: more than %d words", command, MAX_WORDS);
    char *to = argv[n++] = from, quote = 0;
    for (; *from && (quote || !strchr(" \t", *from)); from++) {
      if (quote ? *from == quote : *from == '\'' || *from == '"') quote = quote ? 0 : *from;
      else *to++ = *from;
    }
    if (quote) return err_set(ERR_SETTING, "exec:%s: the quote %c is not closed", command, quote);
    if (*from) from++;
    *to = 0;
  }
  argv[n] = NULL;
  return n > 0 ? 0 : err_set(ERR_SETTING, "exec:%s: no program named", command);
}

int dialogue_start(struct dialogue *d, const char *command) {
  char *argv[MAX_WORDS + 1], *text = err_strdup(command);
  int ends[2];
  *d = (struct dialogue){ .socket = -1 };
  snprintf(d->name, sizeof d->name, "%s", command);
  int rc = split(argv, text, command);
  if (rc == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
    rc = err_set(ERR_IO, "%s: cannot be started: %s", argv[0], strerror(errno));
  if (rc == 0) {
    d->socket = ends[0];
    const int failed =
      process_spawn(&d->pid, (const char *const *)argv, (const int[]){ ends[1], ends[1], STDERR_FILENO });
    close(ends[1]);
    if (failed) {
      close(d->socket);
      rc = err_set(ERR_IO, "%s: cannot be started: %s", argv[0], strerror(failed));
    }
  }
  free(text);
  return rc;
}

// Has the program ended? `how` begins with a blank; "" where that is unknown.
static bool has_ended(struct dialogue *d, char how[64]) {
  int status = 0;
  const pid_t pid = d->pid, done = pid > 0 ? waitpid(pid, &status, WNOHANG) : 0;
  how[0] = 0;
  if (done == 0) return false;
  d->pid = 0;
  if (done == pid && WIFSIGNALED(status))
    snprintf(how, 64, " by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (done == pid) snprintf(how, 64, " with exit status %d", WEXITSTATUS(status));
  return true;
}

// How the program ended, as a failure.
static int ended(struct dialogue *d) {
  char how[64];
  shutdown(d->socket, SHUT_RDWR);
  for (double until_s = clock_s() + PATIENCE_S; d->pid > 0 && clock_s() < until_s; usleep(1000))
    if (has_ended(d, how)) return err_set(ERR_IO, "%s: ended%s", d->name, how);
  return err_set(ERR_IO, "%s: closed the connection", d->name);
}

// A program that ended may have left its connection to one that it started.
static int too_late(struct dialogue *d, double timeout_s) {
  char how[64];
  if (has_ended(d, how)) return err_set(ERR_IO, "%s: ended%s", d->name, how);
  return err_set(ERR_IO, "%s: no answer within %g s", d->name, timeout_s);
}

// Until the socket is ready for `events`. 0, or ERR_IO once the time is over.
static int wait_ready(struct dialogue *d, short events, double until_s, double timeout_s) {
  for (;;) {
    const double left_s = until_s - clock_s();
    struct pollfd p = { .fd = d->socket, .events = events };
    const int n = left_s <= 0 ? 0 : poll(&p, 1, (int)ceil(fmin(left_s, 1e6) * 1e3));
    if (n > 0) return 0;
    if (n == 0 && until_s - clock_s() <= 0) return too_late(d, timeout_s);
    if (n < 0 && errno != EINTR) return err_set(ERR_IO, "%s: %s", d->name, strerror(errno));
  }
}

static int send_all(struct dialogue *d, const char *data, size_t size, double until_s, double timeout_s) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = send(d->socket, data + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) done += (size_t)n;
    else if (n < 0 && errno == EAGAIN) TRY(wait_ready(d, POLLOUT, until_s, timeout_s));
    else if (n < 0 && errno != EINTR) return ended(d);
  }
  return 0;
}

// More of what the program writes, behind d->text[d->size].
static int receive(struct dialogue *d, double until_s, double timeout_s) {
  if (d->room - d->size < (1 << 16)) {
    const size_t room = 2 * d->room + (1 << 17);
    if (d->size > DIALOGUE_MAX_ANSWER)
      return err_set(ERR_IO, "%s: an answer longer than %d characters", d->name, DIALOGUE_MAX_ANSWER);
    char *grown = err_calloc(room, 1);
    if (d->size > 0) memcpy(grown, d->text, d->size);
    free(d->text);
    d->text = grown;
    d->room = room;
  }
  TRY(wait_ready(d, POLLIN, until_s, timeout_s));
  const ssize_t n = recv(d->socket, d->text + d->size, d->room - d->size, MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) return ended(d);
  if (n > 0) d->size += (size_t)n;
  return 0;
}

// Has the program written something that nobody asked for?
static int speaks(const struct dialogue *d) {
  char one;
  return d->size > d->at || recv(d->socket, &one, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int dialogue_ask(struct dialogue *d, const char *line, size_t size, double timeout_s, char **answer) {
  const double until_s = clock_s() + timeout_s;
  if (speaks(d)) return err_set(ERR_FORMAT, "%s: writes more than one line for a request", d->name);
  d->size = d->at = 0;
  TRY(send_all(d, line, size, until_s, timeout_s));
  TRY(send_all(d, "\n", 1, until_s, timeout_s));
  for (size_t searched = 0;;) {
    char *end = d->size > searched ? memchr(d->text + searched, '\n', d->size - searched) : NULL;
    if (end) {
      *end = 0;
      *answer = d->text;
      d->at = (size_t)(end + 1 - d->text);
      return 0;
    }
    searched = d->size;
    TRY(receive(d, until_s, timeout_s));
  }
}

void dialogue_end(struct dialogue *d) {
  shutdown(d->socket, SHUT_WR);
  for (double until_s = clock_s() + PATIENCE_S; d->pid > 0; usleep(1000)) {
    if (waitpid(d->pid, NULL, WNOHANG) != 0) break;
    if (clock_s() > until_s) {
      kill(d->pid, SIGKILL);
      waitpid(d->pid, NULL, 0);
      break;
    }
  }
  close(d->socket);
  free(d->text);
}
