// png.h - reading and writing PNG images; the one file that reaches libpng.
// Pixels are 8-bit, row by row from the top, without padding.
#ifndef BASE_PNG_H
#define BASE_PNG_H

#include <stdbool.h>
#include <stddef.h>

// An image that is read again and again: its memory grows as needed and is reused.
struct png_pixels {
  int H, W, channels;     // 1 grey; 3 red, green, blue
  unsigned char *pixels;  // (H, W, channels) 0 = black, 255 = white; owned
  size_t capacity;        // bytes in pixels
};

// Decode any PNG (palette, grey, colour, 1 to 16 bit) to grey or to colours; transparent parts become `paper` (0..255).
// ERR_FORMAT names `name` when it is damaged or wider or higher than max_side.
int png_grey_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side, int paper);
int png_rgb_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side, int paper);
void png_pixels_release(struct png_pixels *image);
// The pixels are then for the caller to fill.
void png_pixels_resize(struct png_pixels *image, int H, int W, int channels);

// Do these bytes begin as a PNG file does?
bool png_is(const void *data, size_t size);

// Write an 8-bit image; pixels (H, W) or (H, W, 3).
int png_grey_write(const char *path, const unsigned char *pixels, int H, int W);
int png_rgb_write(const char *path, const unsigned char *pixels, int H, int W);
// The same file in memory, which is the caller's to free.
int png_encode(void **data, size_t *size, const unsigned char *pixels, int H, int W, int channels);

#endif
