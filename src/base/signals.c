#include "base/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static atomic_int caught;  // lock-free, hence safe in a handler

static void on_signal(int number) {
  int none = 0;
  if (!atomic_compare_exchange_strong(&caught, &none, number)) _exit(128 + number);
}

void signals_install(void) {
  struct sigaction stop = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigemptyset(&stop.sa_mask);
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL);
}

int signals_caught(void) { return atomic_load(&caught); }
