// Any bytes are read as a table or refused; in a table every number is finite or NaN and every column is found by its
// name.
#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "report/csvtable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csvtable t;
  if (csvtable_parse(&t, (const char *)data, size, "fuzz") < 0) return 0;
  assert(t.n_columns >= 1 && t.n_columns <= CSVTABLE_COLUMNS && t.n_rows >= 0);
  for (long i = 0; i < (long)t.n_rows*t.n_columns; i++) assert(!isinf(t.v[i]));
  for (int c = 0; c < t.n_columns; c++) assert(csvtable_column(&t, t.name[c]) == t.v + c);
  csvtable_release(&t);
  return 0;
}
