// A path file of any bytes is read or refused; what is read has finite numbers, and lines and times that rise.
#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "arm/targetpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct targetpath p = { 0 };
  if (targetpath_parse(&p, (const char *)data, size, "path") < 0) return 0;
  assert(p.n >= TARGETPATH_MIN_ROWS && p.columns == (p.kind == TARGETPATH_POINTS ? 3 : 2));
  for (int k = 0; k < p.n*p.columns; k++) assert(isfinite(p.value[k]));
  for (int k = 1; k < p.n; k++) {
    assert(p.line[k] > p.line[k - 1]);
    assert(p.clock == TARGETPATH_NO_TIMES || p.time[k] > p.time[k - 1]);
  }
  targetpath_release(&p);
  return 0;
}
