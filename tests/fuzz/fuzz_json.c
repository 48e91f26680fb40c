// JSON of any kind; what parses must print and parse again.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct json_t *v, *again;
  if (json_parse(&v, (const char *)data, size, "fuzz")) return 0;
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  const int rc = json_print(v, f);  // refuses null
  fclose(f);
  if (!rc && json_parse(&again, text, n, "printed")) abort();
  if (!rc) json_release(again);
  free(text);
  json_release(v);
  return 0;
}
