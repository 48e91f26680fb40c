// err.h - failures that come from outside the program: files, settings, peers.
// Functions that can meet one return an int: 0 on success, a negative enum err otherwise.
// Broken preconditions are bugs, not errors: they are asserted. Exhausted memory ends the process.
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
  ERR_IO = -1,           // input or output failed
  ERR_FORMAT = -2,       // a file does not hold what it should
  ERR_SETTING = -3,      // a setting or an argument is not valid
  ERR_DIVERGED = -4,     // a value is not finite
  ERR_BUSY = -5,         // in use by another process
  ERR_INTERRUPTED = -6,  // stopped by a signal
};

// Record what happened for the user and return code, so that a caller can write
// `return err_set(ERR_FORMAT, "%s: bad magic", path);`. The message is one line of plain text (base/text.h);
// err_message() may be an argument, to put more in front of it.
int err_set(enum err code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Message of the last error on this thread; "" when there was none.
const char *err_message(void);

// Pass a failure up unchanged.
#define TRY(call)                                                                                                      \
  do {                                                                                                                 \
    int try_rc_ = (call);                                                                                              \
    if (try_rc_ < 0) return try_rc_;                                                                                   \
  } while (0)

// Before memory is taken whose size a caller, a setting or a file decides: ERR_SETTING, naming what it is for, if the
// machine has not that much or the process may not have it.
int err_room(double bytes, const char *what);

// Zeroed memory that is never NULL: running out ends the process with one line.
void *err_calloc(unsigned long n, unsigned long size);
// The same, on a 64-byte boundary, for vectors; err_unset's is not zeroed. All are given back with free().
void *err_aligned(unsigned long n, unsigned long size);
void *err_unset(unsigned long n, unsigned long size);
// A copy of a text, and of its first n characters; never NULL either.
char *err_strdup(const char *text);
char *err_strndup(const char *text, unsigned long n);

#endif
