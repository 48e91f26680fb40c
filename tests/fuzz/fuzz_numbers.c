// Any text is read as a list of numbers or refused; a list that is read rises within its limits.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { MAX = 8 };
  double list[MAX];
  char *text = err_calloc(size + 1, 1);
  if (size > 0) memcpy(text, data, size);
  const int n = numbers_parse(list, MAX, text, 0.5, 1e6, "list");
  assert(n <= MAX);
  for (int k = 0; k < n; k++) assert(list[k] >= 0.5 && list[k] <= 1e6 && (k == 0 || list[k] > list[k - 1]));
  free(text);
  return 0;
}
