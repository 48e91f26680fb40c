// Any bytes as a file of tasks over a set of two classes with three drawings each.
#include <stddef.h>
#include <stdint.h>

#include "data/tasksfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const unsigned char blank[16];
  struct imageset set;
  imageset_init(&set, IMAGESET_AREA, 8);
  for (int i = 0; i < 6; i++) {
    if (i % 3 == 0) imageset_add_class(&set, i ? "A/character02" : "A/character01", "A");
    imageset_add_image(&set, blank, 4, 4);
  }
  struct tasksfile t;
  if (tasksfile_parse(&t, "fuzz", (const char *)data, size, &set) == 0) tasksfile_release(&t);
  imageset_release(&set);
  return 0;
}
