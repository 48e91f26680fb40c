// process.h - run the metaxbar binary (its path in the environment variable METAXBAR) and read
// its results: exit status, standard output, standard error.
#ifndef PROCESS_H
#define PROCESS_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

enum { PROCESS_MAX_ARGS = 48 };

struct process {
  // before the start
  const char *args[PROCESS_MAX_ARGS];  // without the program; NULL ends
  long file_limit;                     // bytes a file may have; 0: no limit
  double work_limit_s;                 // killed by SIGPROF after so much processor time; 0: never
  bool closed_pipe;                    // standard output is a pipe nobody reads
  int (*main)(int argc, char **argv);  // called in place of the program: no start of one; NULL: the program
  // after it
  pid_t pid;
  FILE *streams[2];
  // after the end
  int status;                          // exit status, 128 + signal if killed
  double work_s;                       // processor time
  char out[1 << 16], err[1 << 16];
};

static inline void process_arg(struct process *p, const char *arg) {
  int n = 0;
  while (p->args[n]) n++;
  if (n + 1 >= PROCESS_MAX_ARGS) abort();
  p->args[n] = arg;
}

static inline void process_args(struct process *p, const char *const *args) {
  while (args && *args) process_arg(p, *args++);
}

static inline double process_seconds(struct timeval t) { return (double)t.tv_sec + 1e-6*(double)t.tv_usec; }

static inline void process_child(const struct process *p, const int *fds) {
  const char *argv[PROCESS_MAX_ARGS + 1] = { getenv("METAXBAR") };
  for (int k = 0; k < PROCESS_MAX_ARGS; k++) argv[k + 1] = p->args[k];
  const struct rlimit limit = { (rlim_t)p->file_limit, (rlim_t)p->file_limit };
  dup2(fds[0], 1);
  dup2(fds[1], 2);
  alarm(1200);  // this and the timer outlive the exec: a run that should have been refused does not go on for ever
  const struct timeval limit_s = { (time_t)p->work_limit_s, (suseconds_t)(1e6*fmod(p->work_limit_s, 1)) };
  if (p->work_limit_s > 0) setitimer(ITIMER_PROF, &(struct itimerval){ .it_value = limit_s }, NULL);
  signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL), signal(SIGHUP, SIG_DFL);  // whoever runs the tests may ignore them
  if (p->file_limit) setrlimit(RLIMIT_FSIZE, &limit);
  if (p->main) {
    int argc = 1;
    while (argv[argc]) argc++;
    const int status = p->main(argc, (char **)(uintptr_t)argv);
    fflush(NULL);
    _exit(status);
  }
  execv(argv[0], (char **)(uintptr_t)argv);
  _exit(127);
}

static inline void process_start(struct process *p) {
  int fds[2], pipe_fds[2];
  for (int k = 0; k < 2; k++) {
    p->streams[k] = tmpfile();
    if (!p->streams[k]) abort();
    fds[k] = fileno(p->streams[k]);
  }
  if (p->closed_pipe) {
    if (pipe(pipe_fds)) abort();
    close(pipe_fds[0]);
    fds[0] = pipe_fds[1];
  }
  fflush(stdout);
  p->pid = fork();
  if (p->pid == 0) process_child(p, fds);
  if (p->pid < 0) abort();
  if (p->closed_pipe) close(fds[0]);
}

static inline void process_end(struct process *p) {
  int status;
  struct rusage used;
  wait4(p->pid, &status, 0, &used);
  p->work_s = process_seconds(used.ru_utime) + process_seconds(used.ru_stime);
  p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  char *const texts[] = { p->out, p->err };
  for (int k = 0; k < 2; k++) {
    rewind(p->streams[k]);
    texts[k][fread(texts[k], 1, sizeof p->out - 1, p->streams[k])] = 0;
    fclose(p->streams[k]);
  }
}

static inline void process_run(struct process *p) {
  process_start(p);
  process_end(p);
}

static inline void process_sleep_ms(double ms) {
  nanosleep(&(struct timespec){ (time_t)(ms / 1000), (long)(1e6 * (ms - 1000 * (double)(long)(ms / 1000))) }, NULL);
}

// One clear line: exit status `status`, nothing on standard output, on standard error one line that begins
// with the program's name and says each of the texts (NULL ends). Left out of account are lines of progress, those that
// say what was read from a path's file, and, unless settings are refused, which setting overrides which.
static inline void process_check_line(const struct process *p, int status, const char *const *texts) {
  int lines = 0;
  const char *message = "";
  for (const char *line = p->err; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "")
    if (strncmp(line, "train ", 6) && (status == 2 || !memmem(line, strcspn(line, "\n"), " overrides ", 11)) &&
        !memmem(line, strcspn(line, "\n"), " rows of ", 9)) {
      lines++;
      message = line;
    }
  CHECK(p->status == status, "exit status %d, not %d: %s", p->status, status, p->err);
  CHECK(lines == 1 && !strncmp(message, "metaxbar", 8), "%d lines: %s", lines, p->err);
  CHECK(p->out[0] == 0, "on standard output: %s", p->out);
  for (; texts && *texts; texts++) CHECK(strstr(p->err, *texts), "'%s' is not in: %s", *texts, p->err);
}

// Whether METAXBAR names the program: from then on by its absolute path, since tests change the working directory.
static inline bool process_available(void) {
  const char *path = getenv("METAXBAR");
  char *absolute = path && access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
  const bool found = absolute && setenv("METAXBAR", absolute, 1) == 0;
  if (!found) printf("SKIP METAXBAR does not name the program\n");
  free(absolute);
  return found;
}

#endif
