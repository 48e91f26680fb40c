// Images that occur twice: found in grey and in colours, paired with the first, counted by part, and named.
#include "base/err.h"
#include "base/note.h"
#include "base/png.h"
#include "data/duplicates.h"
#include "folder.h"
#include "test.h"

enum { SIDE = 8 };
static void ignore(const char *line) { (void)line; }

// A colour image of its own for every number; two that differ by one blue value have numbers that differ by 1000.
static void write_image(const struct folder *f, const char *name, int number) {
  unsigned char pixels[SIDE * SIDE * 3];
  for (int k = 0; k < SIDE * SIDE * 3; k++) pixels[k] = (unsigned char)(k * 3 + number % 1000 * 16);
  pixels[SIDE * SIDE * 3 - 1] ^= (unsigned char)(number / 1000 * 128);
  if (png_rgb_write(folder_path(f, name), pixels, SIDE, SIDE) < 0) abort();
}

static struct folder make(void) {
  static const struct { const char *name; int number; } images[] = {
    { "ant/1.png", 1 },  { "ant/2.png", 2 },  { "ant/3.png", 3 },    { "bee/1.png", 4 },  { "bee/2.png", 2 },
    { "cow/1.png", 5 },  { "cow/2.png", 5 },  { "cow/3.png", 1001 }, { "dog/1.png", 2 },  { "dog/2.png", 6 },
    { "emu/1.png", 6 },  { "emu/2.png", 7 },  { "emu/3.png", 7 },    { "fox/1.png", 8 },
  };
  static const char list[] = "train\tant\ntrain\tbee\nval\tcow\ntest\tdog\ntest\tfox\n";  // emu is in no part
  struct folder f = folder_make();
  for (size_t k = 0; k < sizeof images / sizeof *images; k++) write_image(&f, images[k].name, images[k].number);
  folder_write(&f, "list", list, sizeof list - 1);
  return f;
}

static void check(const struct folder *f, int channels, int preprocessing) {
  static const struct { const char *names[2]; int parts[2]; } expected[] = {
    { { "ant 2", "bee 2" }, { 0, 0 } }, { { "cow 1", "cow 2" }, { 1, 1 } },  { { "ant 2", "dog 1" }, { 0, 2 } },
    { { "dog 2", "emu 1" }, { 2, -1 } }, { { "emu 2", "emu 3" }, { -1, -1 } },
  };
  struct dataset_params p;
  struct dataset d;
  struct duplicates found;
  char text[64];
  param_defaults(dataset_param_table, &p);
  p.kind = DATASET_FOLDER;
  p.channels = channels;
  p.preprocessing = preprocessing;
  p.size = SIDE;
  snprintf(p.path, sizeof p.path, "%s", f->path);
  snprintf(p.split, sizeof p.split, "%s", folder_path(f, "list"));
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  duplicates_find(&found, &d);
  CHECK(found.n == 5 && found.within[0] == 1 && found.within[1] == 1 && found.within[2] == 0 && found.across == 2,
        "%d channels: %d pairs, %d %d %d, %d across", channels, found.n, found.within[0], found.within[1],
        found.within[2], found.across);
  for (int k = 0; k < found.n && k < 5; k++)
    for (int i = 0; i < 2; i++) {
      duplicates_name(text, sizeof text, &d.images, found.pairs[k].image[i]);
      CHECK(!strcmp(text, expected[k].names[i]) && found.pairs[k].part[i] == expected[k].parts[i],
            "pair %d: %s in %d, not %s in %d", k, text, found.pairs[k].part[i], expected[k].names[i],
            expected[k].parts[i]);
    }
  duplicates_release(&found);
  dataset_release(&d);
}

int main(void) {
  note_to(ignore);
  struct folder f = make();
  check(&f, 3, IMAGESET_AREA);
  check(&f, 1, IMAGESET_AREA);
  check(&f, 1, IMAGESET_PUBLISHED);
  folder_remove(&f);
  return test_summary();
}
