// signals.h - an orderly end. Between signals_watch and signals_unwatch SIGINT, SIGTERM, SIGHUP and SIGUSR1 ask the
// loop that is running to stop at its next safe place (a checkpoint); a second one, other than SIGUSR1, ends the
// process at once. So does the first one everywhere else. A process ends at once with one line, the status that is said
// below, and without the temporary files of what it was writing (base/file.h). What was ignored (nohup) stays ignored.
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

// For a program, once: signals are answered as above; SIGPIPE and SIGXFSZ are ignored, a broken pipe and a file that
// may not grow are ordinary write errors. A process that does not call it keeps all its signals: below, nothing is ever
// caught.
void signals_install(void);

// Around a loop that looks at signals_caught, on the main thread; pairs may be nested.
void signals_watch(void);
void signals_unwatch(void);

// Like signals_watch, but a second signal is only counted: for what must be brought to its end, in a bounded time.
void signals_hold(void);
void signals_unhold(void);

// A second signal is ignored like others: whoever starts several processes may send each of them more than one.
void signals_patient(void);

// The signal that asked to stop, 0 when none did. Any thread may ask, at any time.
int signals_caught(void);
int signals_count(void);       // how many there were
void signals_ask(int number);  // as if this process had received it

// Exit status after it: SIGUSR1, which batch systems send before a time limit, says "run me again", 75 (EX_TEMPFAIL);
// others 128 + signal.
int signals_status(void);

#endif
