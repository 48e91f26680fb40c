// signals.h - an orderly end. Between signals_watch and signals_unwatch SIGINT, SIGTERM and SIGHUP ask the loop
// that is running to stop at its next safe place (a checkpoint); a second one ends the process at once with status 128
// + signal. Everywhere else they end the process as usual. What was ignored (nohup) stays ignored.
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

// For a program, once: SIGPIPE and SIGXFSZ are ignored, a broken pipe and a file that may not grow are ordinary write
// errors. A process that does not call it keeps all its signals: below, nothing is ever caught.
void signals_install(void);

// Around a loop that looks at signals_caught, on the main thread; pairs may be nested.
void signals_watch(void);
void signals_unwatch(void);

// Like signals_watch, but a second signal is only counted: for what must be brought to its end, in a bounded time.
void signals_hold(void);
void signals_unhold(void);

// The signal that asked to stop, 0 when none did. Any thread may ask, at any time.
int signals_caught(void);
// How many there were.
int signals_count(void);

#endif
