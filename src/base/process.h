// process.h - another program, run without a shell. It gets its arguments as they are, reads what the caller writes to
// `in`, and what it writes itself is kept in memory until it has ended well. So no text becomes a command and no file
// name an option, and the caller writes the file (base/file.h): a failure leaves the older one as it was.
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdio.h>
#include <sys/types.h>

struct process {
  FILE *in;          // write here; the results need no check
  const char *name;  // of the program
  pid_t pid;
  int input;             // socket behind in
  int output, messages;  // files in memory: its standard output, which it may seek in, and standard error
};

// Start argv with these three files as its standard ones; signals that this program ignores work there. It has a
// process group of its own: Ctrl-C in a terminal is answered by this program alone. 0, or an errno.
int process_spawn(pid_t *pid, const char *const *argv, const int files[3]);

// argv: ends with NULL, [0] is looked for on PATH. ERR_IO if the program cannot be started; the message then names the
// Debian package. On failure nothing need be released. *p must stay where it is until the end.
int process_start(struct process *p, const char *const *argv, const char *package);

// End its input, wait for it, and copy its output to out (NULL: nowhere). ERR_IO with its exit status and messages if
// it failed or wrote nothing.
int process_finish(struct process *p, FILE *out);

// Give up: the program is killed.
void process_stop(struct process *p);

#endif
