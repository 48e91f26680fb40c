// signals.h - leave in good order: SIGINT and SIGTERM ask the loops to stop at the next safe place
// (a checkpoint), a second one ends the process at once with status 128 + signal. SIGPIPE is
// ignored: a broken pipe is an ordinary write error.
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

void signals_install(void);

// The signal that asked to stop, 0 when none did. Any thread may ask, at any time.
int signals_caught(void);

#endif
