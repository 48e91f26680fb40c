// signals.h - leave in good order: SIGINT and SIGTERM ask the loops to stop at the next safe place
// (a checkpoint), a second one ends the process at once with status 128 + signal. SIGPIPE and SIGXFSZ
// are ignored: a broken pipe and a file that may not grow are ordinary write errors.
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

void signals_install(void);

// The signal that asked to stop, 0 when none did. Any thread may ask, at any time.
int signals_caught(void);

#endif
