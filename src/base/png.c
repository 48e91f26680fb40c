#include "base/png.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

static int png_fail(png_image *p, enum err code, const char *name) {
  const int rc = err_set(code, "%s: PNG image: %s", name, p->message);
  png_image_free(p);
  return rc;
}

void png_pixels_resize(struct png_pixels *image, int H, int W, int channels) {
  const size_t bytes = (size_t)H * (size_t)W * (size_t)channels;
  if (image->capacity < bytes) {
    free(image->pixels);
    image->pixels = err_calloc(bytes, 1);
    image->capacity = bytes;
  }
  image->H = H;
  image->W = W;
  image->channels = channels;
}

enum { PNG_SIGNATURE = 8 };
bool png_is(const void *data, size_t size) { return size >= PNG_SIGNATURE && png_sig_cmp(data, 0, PNG_SIGNATURE) == 0; }

static int png_decode(struct png_pixels *image, int channels, const char *name, const void *data, size_t size,
                      int max_side, int paper) {
  png_image p = { .version = PNG_IMAGE_VERSION };
  if (size == 0) return err_set(ERR_FORMAT, "%s: PNG image: the file is empty", name);
  if (!png_is(data, size)) return err_set(ERR_FORMAT, "%s: not a PNG image", name);
  if (!png_image_begin_read_from_memory(&p, data, size)) return png_fail(&p, ERR_FORMAT, name);
  if (p.width > (unsigned)max_side || p.height > (unsigned)max_side) {
    const int rc = err_set(ERR_FORMAT, "%s: image of %u x %u pixels, at most %d x %d are accepted", name, p.width,
                           p.height, max_side, max_side);
    png_image_free(&p);
    return rc;
  }
  p.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_pixels_resize(image, (int)p.height, (int)p.width, channels);
  const unsigned char level = (unsigned char)paper;
  const png_color behind = { level, level, level };
  if (!png_image_finish_read(&p, &behind, image->pixels, 0, NULL)) return png_fail(&p, ERR_FORMAT, name);
  return 0;
}

int png_grey_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side, int paper) {
  return png_decode(image, 1, name, data, size, max_side, paper);
}

int png_rgb_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side, int paper) {
  return png_decode(image, 3, name, data, size, max_side, paper);
}

void png_pixels_release(struct png_pixels *image) {
  free(image->pixels);
  memset(image, 0, sizeof *image);
}

static int png_write(const char *path, const unsigned char *pixels, int H, int W, unsigned format) {
  png_image p = { .version = PNG_IMAGE_VERSION, .width = (unsigned)W, .height = (unsigned)H, .format = format };
  struct file_out out;
  TRY(file_out_open(&out, path));
  if (!png_image_write_to_stdio(&p, out.stream, 0, pixels, 0, NULL)) {
    file_out_abort(&out);
    return png_fail(&p, ERR_IO, path);
  }
  return file_out_commit(&out);
}

int png_grey_write(const char *path, const unsigned char *pixels, int H, int W) {
  return png_write(path, pixels, H, W, PNG_FORMAT_GRAY);
}

int png_rgb_write(const char *path, const unsigned char *pixels, int H, int W) {
  return png_write(path, pixels, H, W, PNG_FORMAT_RGB);
}

int png_encode(void **data, size_t *size, const unsigned char *pixels, int H, int W, int channels) {
  png_image p = { .version = PNG_IMAGE_VERSION,
                  .width = (unsigned)W,
                  .height = (unsigned)H,
                  .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB };
  png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(p);
  *data = err_calloc(n, 1);
  if (png_image_write_to_memory(&p, *data, &n, 0, pixels, 0, NULL)) {
    *size = n;
    return 0;
  }
  free(*data);
  *data = NULL;
  return png_fail(&p, ERR_IO, "PNG in memory");
}
