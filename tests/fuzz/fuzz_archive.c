// Any bytes as a zip archive: list it, read every entry, and take it for Omniglot.
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "data/omniglot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct archive a;
  if (archive_open_memory(&a, "fuzz", data, size) < 0) return 0;
  const unsigned char *entry;
  size_t entry_size;
  for (int i = 0; i < a.n && i < 64; i++) archive_read(&a, i, 1 << 16, &entry, &entry_size);
  struct imageset set;
  imageset_init(&set, IMAGESET_AREA, 28);
  omniglot_load_archive(&set, &a, 1);
  imageset_release(&set);
  archive_close(&a);
  return 0;
}
