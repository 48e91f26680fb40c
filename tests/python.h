// python.h - scripts of tests/reference, run by the first Python that has the modules they need.
#ifndef TESTS_PYTHON_H
#define TESTS_PYTHON_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

// The exit status of a script with its arguments; 77, and a line that says so: no Python has these modules.
static inline int python_run(const char *modules, const char *script) {
  static const char *const programs[] = { "/usr/bin/python3", "python3" };
  char command[16384];
  fflush(stdout);
  for (int k = 0; k < 2; k++) {
    snprintf(command, sizeof command, "%s -B -c 'import %s' 2>/dev/null", programs[k], modules);
    if (system(command) != 0) continue;
    snprintf(command, sizeof command, "%s -B %s", programs[k], script);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  printf("SKIP no Python has %s\n", modules);
  return 77;
}

#endif
