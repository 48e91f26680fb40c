// jpeg.h - reading JPEG images; the one file that reaches libjpeg.
#ifndef BASE_JPEG_H
#define BASE_JPEG_H

#include <stdbool.h>

#include "base/png.h"

// Do these bytes begin as a JPEG file does?
bool jpeg_is(const void *data, size_t size);

// Decode to grey (the luminance of a colour image) or to colours, in the same kind of image as png.h. ERR_FORMAT names
// `name` when it is cut off, damaged, in four colours, or wider or higher than max_side.
int jpeg_grey_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side);
int jpeg_rgb_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side);

#endif
