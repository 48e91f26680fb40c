// dialogue.h - another program, run without a shell, that answers lines with lines: requests on its standard input,
// answers on its standard output. Its standard error is the caller's.
#ifndef BASE_DIALOGUE_H
#define BASE_DIALOGUE_H

#include <stddef.h>
#include <sys/types.h>

enum { DIALOGUE_MAX_ANSWER = 1 << 28 };

struct dialogue {
  char name[200];  // the command
  pid_t pid;
  int socket;
  char *text;  // received, from `at` on not yet given out
  size_t size, room, at;
};

// command: program and arguments, separated by blanks; '...' and "..." keep blanks together. ERR_SETTING for a command
// without a word or with an open quote, ERR_IO if it cannot be started. On failure nothing need be released.
int dialogue_start(struct dialogue *d, const char *command);

// Send one line of `size` characters (no line end in it) and receive one, without its end; *answer is valid until the
// next call. ERR_IO: the program has ended (with its exit status), did not answer within timeout_s, or its answer is
// longer than DIALOGUE_MAX_ANSWER. ERR_FORMAT: it wrote more than one line for the last request.
int dialogue_ask(struct dialogue *d, const char *line, size_t size, double timeout_s, char **answer);

// End its input and wait for it, at most 2 s; then it is killed.
void dialogue_end(struct dialogue *d);

#endif
