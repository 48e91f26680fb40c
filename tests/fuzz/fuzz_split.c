// Any bytes as a list of classes.
#include <stddef.h>
#include <stdint.h>

#include "data/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct split_list list;
  if (split_list_parse(&list, "fuzz", (const char *)data, size) == 0) split_list_release(&list);
  return 0;
}
