// jpeg_write.h - JPEG files for tests, through libjpeg.
#ifndef JPEG_WRITE_H
#define JPEG_WRITE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

// many: of a grey image, one for each bit of each frequency
enum jpeg_scans { JPEG_SEQUENTIAL, JPEG_PROGRESSIVE, JPEG_MANY_SCANS };

// pixels (H, W, channels): 1 grey, 3 colour, 4 as printers take it.
static inline void jpeg_write(const char *path, const unsigned char *pixels, int H, int W, int channels,
                              enum jpeg_scans scans) {
  jpeg_scan_info script[1 + 2 * 63] = { { 1, { 0 }, 0, 0, 0, 0 } };
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  FILE *out = fopen(path, "wb");
  if (!out) abort();
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  jpeg_stdio_dest(&c, out);
  c.image_width = (JDIMENSION)W;
  c.image_height = (JDIMENSION)H;
  c.input_components = channels;
  c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 95, TRUE);
  for (int k = 0; k < 2 * 63; k++)
    script[1 + k] = (jpeg_scan_info){ 1, { 0 }, 1 + k % 63, 1 + k % 63, k / 63, 1 - k / 63 };
  if (scans == JPEG_PROGRESSIVE) jpeg_simple_progression(&c);
  if (scans == JPEG_MANY_SCANS) c.scan_info = script, c.num_scans = 1 + 2 * 63;
  jpeg_start_compress(&c, TRUE);
  for (int y = 0; y < H; y++) {
    unsigned char *row = (unsigned char *)(uintptr_t)(pixels + y * W * channels);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  if (fclose(out)) abort();
}

#endif
