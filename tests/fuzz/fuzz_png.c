// Any bytes as a PNG image, grey and in colours.
#include <stddef.h>
#include <stdint.h>

#include "base/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct png_pixels image = { 0 };
  png_grey_read(&image, "fuzz", data, size, 512, 255);
  png_rgb_read(&image, "fuzz", data, size, 512, 255);
  png_pixels_release(&image);
  return 0;
}
