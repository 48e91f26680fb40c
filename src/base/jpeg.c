#include "base/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/err.h"

enum { JPEG_MAX_SCANS = 100 };  // a progressive image has about ten; each costs a pass over all of it

// libjpeg reports through its own structs, which are the first members of these.
struct failing {
  struct jpeg_error_mgr manager;
  jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};
struct watching {
  struct jpeg_progress_mgr manager;
  struct failing *failing;
};

static void give_up(j_common_ptr c) {
  struct failing *f = (struct failing *)c->err;
  c->err->format_message(c, f->message);
  longjmp(f->back, 1);
}

// Below 0: a warning. Those of damaged or missing data are errors here; an image half grey would be learned.
static void warn(j_common_ptr c, int level) {
  const int code = c->err->msg_code;
  if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM) give_up(c);
}

static void watch(j_common_ptr c) {
  if (((j_decompress_ptr)c)->input_scan_number <= JPEG_MAX_SCANS) return;
  struct failing *f = ((struct watching *)c->progress)->failing;
  snprintf(f->message, sizeof f->message, "more than %d scans", JPEG_MAX_SCANS);
  longjmp(f->back, 1);
}

// False if it failed. What changes is the caller's: a jump back leaves locals of this function without a value.
static bool decode(j_decompress_ptr c, struct png_pixels *image, int channels, const void *data, size_t size,
                   int max_side, struct watching *w) {
  struct failing *const f = w->failing;
  if (setjmp(f->back)) return false;
  jpeg_create_decompress(c);
  c->progress = &w->manager;
  jpeg_mem_src(c, data, size);
  jpeg_read_header(c, TRUE);
  if (c->image_width > (unsigned)max_side || c->image_height > (unsigned)max_side) {
    snprintf(f->message, sizeof f->message, "%u x %u pixels, at most %d x %d are accepted", c->image_width,
             c->image_height, max_side, max_side);
    longjmp(f->back, 1);
  }
  if (c->num_components > 3) {
    snprintf(f->message, sizeof f->message, "%d colours a pixel, as printers take them (CMYK); grey or RGB is accepted",
             c->num_components);
    longjmp(f->back, 1);
  }
  c->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(c);
  png_pixels_resize(image, (int)c->output_height, (int)c->output_width, channels);
  while (c->output_scanline < c->output_height) {
    JSAMPROW row = image->pixels + (size_t)c->output_scanline * c->output_width * (size_t)channels;
    jpeg_read_scanlines(c, &row, 1);
  }
  jpeg_finish_decompress(c);
  return true;
}

bool jpeg_is(const void *data, size_t size) { return size > 2 && memcmp(data, "\xff\xd8\xff", 3) == 0; }

static int jpeg_read(struct png_pixels *image, int channels, const char *name, const void *data, size_t size,
                     int max_side) {
  struct jpeg_decompress_struct c = { 0 };
  struct failing f = { .message = "" };
  struct watching w = { .manager.progress_monitor = watch, .failing = &f };
  if (size == 0) return err_set(ERR_FORMAT, "%s: JPEG image: the file is empty", name);
  c.err = jpeg_std_error(&f.manager);
  f.manager.error_exit = give_up;
  f.manager.emit_message = warn;
  const bool done = decode(&c, image, channels, data, size, max_side, &w);
  jpeg_destroy_decompress(&c);
  return done ? 0 : err_set(ERR_FORMAT, "%s: JPEG image: %s", name, f.message);
}

int jpeg_grey_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side) {
  return jpeg_read(image, 1, name, data, size, max_side);
}

int jpeg_rgb_read(struct png_pixels *image, const char *name, const void *data, size_t size, int max_side) {
  return jpeg_read(image, 3, name, data, size, max_side);
}
