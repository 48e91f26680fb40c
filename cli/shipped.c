#include "shipped.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char folder[] = "models/";

// "<prefix>/share/metaxbar/<path>" of a program that runs as <prefix>/bin/metaxbar; "" if that cannot be said.
static void installed(char found[FILE_PATH_SIZE], const char *path) {
  char program[FILE_PATH_SIZE];
  const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
  found[0] = 0;
  if (n <= 0) return;
  program[n] = 0;
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(program, '/');
    if (!slash) return;
    *slash = 0;
  }
  if (snprintf(found, FILE_PATH_SIZE, "%s/share/metaxbar/%s", program, path) >= FILE_PATH_SIZE) found[0] = 0;
}

const char *shipped_path(char found[FILE_PATH_SIZE], const char *path) {
  if (strncmp(path, folder, strlen(folder)) || file_exists(path)) return path;
  installed(found, path);
  return found[0] && file_exists(found) ? found : path;
}
