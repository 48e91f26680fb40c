// Any bytes as a file of tasks over a set of two classes with three drawings each.
#include <stddef.h>
#include <stdint.h>

#include "../two_classes.h"
#include "data/tasksfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct imageset set;
  struct tasksfile t;
  two_classes_init(&set);
  if (tasksfile_parse(&t, "fuzz", (const char *)data, size, &set) == 0) tasksfile_release(&t);
  imageset_release(&set);
  return 0;
}
