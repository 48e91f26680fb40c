// JPEG images: grey, colour and progressive ones come back as written, all that is wrong is one line with the name.
// With a folder as argument: write the corpus of fuzz_jpeg into it.
#include <dlfcn.h>
#include <stdint.h>

#include "base/err.h"
#include "base/jpeg.h"
#include "folder.h"
#include "jpeg_write.h"
#include "test.h"

enum { H = 20, W = 24 };
static struct folder tmp;

// A black bar on white; in colour a bar of pure green, whose luminance is 0.587 * 255.
static void fill(unsigned char *pixels, int channels) {
  for (int i = 0; i < H * W; i++)
    for (int c = 0; c < channels; c++) pixels[i * channels + c] = i % W < 8 ? (channels == 3 && c == 1 ? 255 : 0) : 255;
}

static const char *written(const char *name, int channels, enum jpeg_scans scans) {
  static unsigned char pixels[H * W * 4];
  const char *path = folder_path(&tmp, name);
  fill(pixels, channels);
  jpeg_write(path, pixels, H, W, channels, scans);
  return path;
}

static int read_channels(struct png_pixels *image, int channels, const char *path, size_t keep, int max_side) {
  char *data;
  size_t size;
  if (file_read(path, 1 << 20, &data, &size) < 0) abort();
  const int rc = (channels == 3 ? jpeg_rgb_read : jpeg_grey_read)(image, path, data, keep < size ? keep : size,
                                                                  max_side);
  free(data);
  return rc;
}

static int read_file(struct png_pixels *image, const char *path, size_t keep, int max_side) {
  return read_channels(image, 1, path, keep, max_side);
}

static void test_read(void) {
  static const struct {
    int channels;
    enum jpeg_scans scans;
    int bar;
  } cases[] = {
    { 1, JPEG_SEQUENTIAL, 0 }, { 1, JPEG_PROGRESSIVE, 0 }, { 3, JPEG_SEQUENTIAL, 150 }, { 3, JPEG_PROGRESSIVE, 150 }
  };
  struct png_pixels image = { 0 };
  for (int k = 0; k < 4; k++) {
    CHECK(read_file(&image, written("a.jpg", cases[k].channels, cases[k].scans), SIZE_MAX, 100) == 0, "%s",
          err_message());
    CHECK(image.H == H && image.W == W, "%d x %d", image.H, image.W);
    int off = 0;
    for (int i = 0; i < H * W; i++) {
      const int x = i % W;
      if (x < 6 || x > 12)
        off = abs(image.pixels[i] - (x < 8 ? cases[k].bar : 255)) > off
                  ? abs(image.pixels[i] - (x < 8 ? cases[k].bar : 255))
                  : off;
    }
    CHECK(off < 12, "case %d: a pixel is %d off", k, off);
  }
  png_pixels_release(&image);
}

// The same in colours; a grey one has three equal channels.
static void test_read_colours(void) {
  struct png_pixels image = { 0 };
  for (int k = 0; k < 4; k++) {
    const int channels = k % 2 ? 3 : 1;
    const char *path = written("a.jpg", channels, k / 2 ? JPEG_PROGRESSIVE : JPEG_SEQUENTIAL);
    CHECK(read_channels(&image, 3, path, SIZE_MAX, 100) == 0, "%s", err_message());
    CHECK(image.H == H && image.W == W && image.channels == 3, "%d x %d x %d", image.H, image.W, image.channels);
    int off = 0;
    for (int i = 0; i < H * W * 3; i++) {
      const int x = i / 3 % W, want = x > 7 ? 255 : channels == 3 && i % 3 == 1 ? 255 : 0;
      if (x < 6 || x > 12) off = abs(image.pixels[i] - want) > off ? abs(image.pixels[i] - want) : off;
    }
    CHECK(off < 12, "case %d: a value is %d off", k, off);
  }
  CHECK(read_channels(&image, 3, written("c.jpg", 4, JPEG_SEQUENTIAL), SIZE_MAX, 100) == ERR_FORMAT &&
            strstr(err_message(), "c.jpg: JPEG image: 4 colours a pixel, as printers take them (CMYK)"),
        "%s", err_message());
  png_pixels_release(&image);
}

static void refused(const char *path, size_t keep, int max_side, const char *message) {
  struct png_pixels image = { 0 };
  const int rc = read_file(&image, path, keep, max_side);
  CHECK(rc == ERR_FORMAT && strstr(err_message(), path) && strstr(err_message(), message), "%d: '%s', not '%s'", rc,
        err_message(), message);
  png_pixels_release(&image);
}

static void test_refused(void) {
  const char *path = written("b.jpg", 1, JPEG_SEQUENTIAL);
  refused(path, 0, 100, "the file is empty");
  refused(path, 100, 100, "JPEG image: ");
  refused(path, 340, 100, "Premature end");
  refused(path, SIZE_MAX, 23, "24 x 20 pixels, at most 23 x 23");
  refused(written("c.jpg", 4, JPEG_SEQUENTIAL), SIZE_MAX, 100, "4 colours a pixel, as printers take them (CMYK)");
  folder_write(&tmp, "d.jpg", "no image", 8);
  refused(folder_path(&tmp, "d.jpg"), SIZE_MAX, 100, "Not a JPEG file");
  refused("tests/fuzz/corpus/jpeg/scans.jpg", SIZE_MAX, 100, "Inconsistent progression");
  refused("tests/fuzz/corpus/jpeg/huge.jpg", SIZE_MAX, 4096, "65500 pixels");
  refused(written("e.jpg", 1, JPEG_MANY_SCANS), SIZE_MAX, 100, "more than 100 scans");
}

// In place of libjpeg's: as if the program had been built for another version of it.
static bool other_version;
void jpeg_CreateDecompress(j_decompress_ptr c, int version, size_t size) {
  void (*create)(j_decompress_ptr, int, size_t);
  *(void **)&create = dlsym(RTLD_NEXT, "jpeg_CreateDecompress");
  create(c, version + other_version, size);
}

static void test_other_version(void) {
  const char *path = written("a.jpg", 1, JPEG_SEQUENTIAL);
  other_version = true;
  refused(path, SIZE_MAX, 100, "JPEG image: Wrong JPEG library version");
  other_version = false;
}

int main(int argc, char **argv) {
  tmp = folder_make();
  if (argc > 1) {
    snprintf(tmp.path, sizeof tmp.path, "%s", argv[1]);
    written("grey.jpg", 1, JPEG_SEQUENTIAL);
    written("progressive.jpg", 3, JPEG_PROGRESSIVE);
    written("four.jpg", 4, JPEG_SEQUENTIAL);
    return 0;
  }
  test_read();
  test_read_colours();
  test_refused();
  test_other_version();
  folder_remove(&tmp);
  return test_summary();
}
