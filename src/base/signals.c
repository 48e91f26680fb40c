#include "base/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sysexits.h>
#include <unistd.h>

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
enum { N_NUMBERS = sizeof numbers / sizeof *numbers };

static atomic_int caught, count, held;  // lock-free, hence safe in a handler
static bool installed, patient;
static int depth;                          // of pairs within each other
static struct sigaction usual[N_NUMBERS];  // outside of them

static void on_signal(int number) {
  int none = 0;
  atomic_fetch_add(&count, 1);
  if (atomic_compare_exchange_strong(&caught, &none, number) || number == SIGUSR1) return;
  if (!patient && !atomic_load(&held)) _exit(128 + number);
}

void signals_install(void) {
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL);
  installed = true;
}

void signals_watch(void) {
  struct sigaction stop = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  if (!installed || depth++) return;
  sigemptyset(&stop.sa_mask);
  for (int k = 0; k < N_NUMBERS; k++) {
    sigaction(numbers[k], NULL, &usual[k]);
    if (usual[k].sa_handler != SIG_IGN) sigaction(numbers[k], &stop, NULL);
  }
}

void signals_unwatch(void) {
  if (!installed || --depth) return;
  for (int k = 0; k < N_NUMBERS; k++) sigaction(numbers[k], &usual[k], NULL);
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

int signals_status(void) { return signals_caught() == SIGUSR1 ? EX_TEMPFAIL : 128 + signals_caught(); }

int signals_count(void) { return atomic_load(&count); }
