// Any bytes as a JPEG image, grey and in colours.
#include <stddef.h>
#include <stdint.h>

#include "base/jpeg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct png_pixels image = { 0 };
  jpeg_grey_read(&image, "fuzz", data, size, 512);
  jpeg_rgb_read(&image, "fuzz", data, size, 512);
  png_pixels_release(&image);
  return 0;
}
