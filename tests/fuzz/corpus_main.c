// corpus_main.c - runs a fuzz target once over every file of the folders given (also without
// libFuzzer), so that each input that ever failed stays a test.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return -1;
  static uint8_t data[1 << 22];
  const size_t size = fread(data, 1, sizeof data, f);
  fclose(f);
  uint8_t *copy = malloc(size ? size : 1);  // exact size: a sanitizer sees every read past the end
  if (!copy) abort();
  memcpy(copy, data, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
  return 0;
}

int main(int argc, char **argv) {
  int n = 0;
  for (int i = 1; i < argc; i++) {
    struct dirent **names;
    const int n_names = scandir(argv[i], &names, NULL, alphasort);
    if (n_names < 0) {
      fprintf(stderr, "%s: cannot read corpus\n", argv[i]);
      return 1;
    }
    for (int k = 0; k < n_names; k++) {
      char path[4096];
      snprintf(path, sizeof path, "%s/%s", argv[i], names[k]->d_name);
      if (names[k]->d_name[0] != '.' && run_file(path) == 0) n++;
      free(names[k]);
    }
    free(names);
  }
  printf("%d inputs\n", n);
  return n == 0;
}
