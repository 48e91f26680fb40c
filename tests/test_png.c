// Reading and writing PNG: round trips, depths and colours of the corpus, damage and limits.
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/png.h"
#include "test.h"

static const char path[] = "/tmp/metaxbar_test_png.png";

static int read_channels(struct png_pixels *image, int channels, const char *name, int max_side, int paper) {
  char *data;
  size_t size;
  TRY(file_read(name, 1 << 20, &data, &size));
  const int rc = (channels == 3 ? png_rgb_read : png_grey_read)(image, name, data, size, max_side, paper);
  free(data);
  return rc;
}

static int read_back(struct png_pixels *image, const char *name, int max_side, int paper) {
  return read_channels(image, 1, name, max_side, paper);
}

static void test_round_trip(void) {
  unsigned char grey[5 * 7], rgb[5 * 7 * 3];
  for (int i = 0; i < 35; i++) {
    grey[i] = (unsigned char)(i * 7);
    rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = (unsigned char)(i * 7);
  }
  struct png_pixels image = { 0 };
  CHECK(png_grey_write(path, grey, 5, 7) == 0, "%s", err_message());
  CHECK(read_back(&image, path, 100, 255) == 0, "%s", err_message());
  CHECK(image.H == 5 && image.W == 7 && memcmp(image.pixels, grey, 35) == 0, "%d x %d", image.H, image.W);
  CHECK(png_rgb_write(path, rgb, 5, 7) == 0, "%s", err_message());
  CHECK(read_back(&image, path, 100, 255) == 0, "%s", err_message());
  CHECK(image.H == 5 && image.W == 7 && memcmp(image.pixels, grey, 35) == 0, "grey of RGB, first %d", image.pixels[1]);
  CHECK(read_back(&image, path, 6, 255) == ERR_FORMAT && strstr(err_message(), "7 x 5"), "%s", err_message());
  CHECK(png_grey_write("/nonexistent/x.png", grey, 5, 7) == ERR_IO && strstr(err_message(), "/nonexistent"), "%s",
        err_message());
  for (int i = 0; i < 105; i++) rgb[i] = (unsigned char)(i * 2);
  CHECK(png_rgb_write(path, rgb, 5, 7) == 0 && read_channels(&image, 3, path, 100, 255) == 0, "%s", err_message());
  CHECK(image.H == 5 && image.W == 7 && image.channels == 3 && memcmp(image.pixels, rgb, 105) == 0, "colours, first %d",
        image.pixels[1]);
  CHECK(read_channels(&image, 3, path, 6, 255) == ERR_FORMAT && strstr(err_message(), "7 x 5"), "%s", err_message());
  unlink(path);
  png_pixels_release(&image);
}

// The corpus holds the same 3 x 2 image, left column black, in several encodings; in rgba the right column is
// transparent.
static void test_encodings(void) {
  static const char *const names[] = { "grey1", "grey8", "grey16", "palette", "rgb", "rgba" };
  struct png_pixels image = { 0 };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[128];
    snprintf(name, sizeof name, "tests/fuzz/corpus/png/%s.png", names[i]);
    CHECK(read_back(&image, name, 16, 255) == 0, "%s", err_message());
    CHECK(image.W == 3 && image.H == 2, "%s: %d x %d", name, image.W, image.H);
    for (int k = 0; k < 6; k++)
      CHECK(image.pixels[k] == (k % 3 ? 255 : 0), "%s: pixel %d is %d", name, k, image.pixels[k]);
    CHECK(read_channels(&image, 3, name, 16, 255) == 0 && image.channels == 3, "%s", err_message());
    for (int k = 0; k < 18; k++)
      CHECK(image.pixels[k] == (k / 3 % 3 ? 255 : 0), "%s: in colours, value %d is %d", name, k, image.pixels[k]);
  }
  CHECK(read_back(&image, "tests/fuzz/corpus/png/rgba.png", 16, 0) == 0 && image.pixels[2] == 0 &&
            image.pixels[1] == 255,
        "paper shows through: %d", image.pixels[2]);
  png_pixels_release(&image);
}

static void test_damage(void) {
  static const char *const names[] = { "truncated", "badcrc", "huge", "empty", "nodata" };
  struct png_pixels image = { 0 };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[128];
    snprintf(name, sizeof name, "tests/fuzz/corpus/png/%s.png", names[i]);
    const int rc = read_back(&image, name, 4096, 255);
    CHECK(rc == ERR_FORMAT && strstr(err_message(), name), "%s: %d %s", name, rc, err_message());
    CHECK(image.capacity < 1 << 20, "%s: %zu bytes taken", name, image.capacity);
  }
  CHECK(png_grey_read(&image, "a.png", "", 0, 4096, 255) == ERR_FORMAT &&
            !strcmp(err_message(), "a.png: PNG image: the file is empty"),
        "%s", err_message());
  CHECK(png_grey_read(&image, "a.png", "GIF89a...", 9, 4096, 255) == ERR_FORMAT &&
            strstr(err_message(), "not a PNG image"),
        "%s", err_message());
  png_pixels_release(&image);
}

int main(void) {
  test_round_trip();
  test_encodings();
  test_damage();
  return test_summary();
}
