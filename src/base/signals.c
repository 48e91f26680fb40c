#include "base/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/par_ranks.h"

static const struct {
  int number;
  const char *line;
} signals[] = {
  { SIGINT, "metaxbar: ended by SIGINT\n" },
  { SIGTERM, "metaxbar: ended by SIGTERM\n" },
  { SIGHUP, "metaxbar: ended by SIGHUP\n" },
  { SIGUSR1, "metaxbar: ended by SIGUSR1\n" },
};
enum { N_SIGNALS = sizeof signals / sizeof *signals };

static atomic_int caught, count, held;  // lock-free, hence safe in a handler
static bool installed, patient;
static int depth;  // of pairs within each other

static int status_of(int number) { return number == SIGUSR1 ? EX_TEMPFAIL : 128 + number; }

// With one line; nothing that is incomplete is left.
static void end_now(int number) {
  ssize_t written = 0;
  file_out_abandon();
  for (int k = 0; k < N_SIGNALS && par_ranks_first(); k++)
    if (signals[k].number == number) written = write(STDERR_FILENO, signals[k].line, strlen(signals[k].line));
  (void)written;
  _exit(status_of(number));
}

static void stop_later(int number) {
  int none = 0;
  atomic_fetch_add(&count, 1);
  if (atomic_compare_exchange_strong(&caught, &none, number) || number == SIGUSR1) return;
  if (!patient && !atomic_load(&held)) end_now(number);
}

static void answer_by(void (*handler)(int)) {
  const struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
  struct sigaction now;
  for (int k = 0; k < N_SIGNALS; k++)
    if (sigaction(signals[k].number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
      sigaction(signals[k].number, &action, NULL);
}

void signals_install(void) {
  const struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL);
  answer_by(end_now);
  installed = true;
}

void signals_watch(void) {
  if (installed && !depth++) answer_by(stop_later);
}

void signals_unwatch(void) {
  if (installed && !--depth) answer_by(end_now);
}

void signals_hold(void) {
  atomic_fetch_add(&held, 1);
  signals_watch();
}

void signals_unhold(void) {
  signals_unwatch();
  atomic_fetch_sub(&held, 1);
}

void signals_patient(void) { patient = true; }

int signals_caught(void) { return atomic_load(&caught); }

void signals_ask(int number) {
  int none = 0;
  atomic_compare_exchange_strong(&caught, &none, number);
}

int signals_status(void) { return status_of(signals_caught()); }

int signals_count(void) { return atomic_load(&count); }
