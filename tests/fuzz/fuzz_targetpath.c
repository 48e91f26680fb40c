// A path file of any bytes is read or refused; what is read has finite numbers and lines that rise.
#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "arm/targetpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct targetpath p;
  if (targetpath_parse(&p, (const char *)data, size, "path") < 0) return 0;
  assert(p.n >= TARGETPATH_MIN_ROWS && (p.columns == 2 || p.columns == 3));
  for (int k = 0; k < p.n*p.columns; k++) assert(isfinite(p.value[k]));
  for (int k = 1; k < p.n; k++) assert(p.line[k] > p.line[k - 1]);
  targetpath_release(&p);
  return 0;
}
