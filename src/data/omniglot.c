#include "data/omniglot.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/png.h"
#include "base/text.h"

enum { OMNIGLOT_MAX_FILE = 1 << 16, OMNIGLOT_MAX_NAME = 512 };

// The last parts of "[.../]Alphabet/characterNN/XXXX_YY.png", the first two copied.
struct omniglot_name {
  char alphabet[OMNIGLOT_MAX_NAME];
  char character[OMNIGLOT_MAX_NAME];  // "Alphabet/characterNN"
};

static int omniglot_is_png(const char *name) {
  const size_t n = strlen(name);
  return n > 4 && strcmp(name + n - 4, ".png") == 0;
}

static int omniglot_parse(struct omniglot_name *out, const struct archive *a, const char *name) {
  const char *parts[3] = { NULL, NULL, name };  // alphabet, character, file
  for (const char *c = name; *c; c++)
    if (*c == '/') {
      parts[0] = parts[1];
      parts[1] = parts[2];
      parts[2] = c + 1;
    }
  if (!parts[0] || parts[2] - parts[0] > OMNIGLOT_MAX_NAME)
    return err_set(ERR_FORMAT, "%s: %s: expected Alphabet/characterNN/XXXX_YY.png", a->path, name);
  snprintf(out->alphabet, OMNIGLOT_MAX_NAME, "%.*s", (int)(parts[1] - 1 - parts[0]), parts[0]);
  snprintf(out->character, OMNIGLOT_MAX_NAME, "%.*s", (int)(parts[2] - 1 - parts[0]), parts[0]);
  return 0;
}

// Is the character that was begun last complete?
static int omniglot_complete(const struct imageset *set, const struct archive *a, int first_class) {
  const int c = set->n_classes - 1;
  if (c < first_class || imageset_drawings(set, c) == OMNIGLOT_DRAWINGS) return 0;
  return err_set(ERR_FORMAT, "%s: character %s has %d drawing%s instead of %d", a->path, set->class_name[c],
                 imageset_drawings(set, c), text_s(imageset_drawings(set, c)), OMNIGLOT_DRAWINGS);
}

static int omniglot_add(struct imageset *set, struct archive *a, int i, struct png_pixels *image) {
  const unsigned char *data;
  size_t size;
  char name[2 * FILE_PATH_SIZE];
  snprintf(name, sizeof name, "%s: %s", a->path, a->entries[i].name);
  TRY(archive_read(a, i, OMNIGLOT_MAX_FILE, &data, &size));
  TRY(png_grey_read(image, name, data, size, OMNIGLOT_SIDE, 255));
  if (image->H != OMNIGLOT_SIDE || image->W != OMNIGLOT_SIDE)
    return err_set(ERR_FORMAT, "%s: image of %d x %d pixels instead of %d x %d", name, image->W, image->H,
                   OMNIGLOT_SIDE, OMNIGLOT_SIDE);
  for (int k = 0; k < OMNIGLOT_SIDE * OMNIGLOT_SIDE; k++) image->pixels[k] = (unsigned char)(255 - image->pixels[k]);
  imageset_add_image(set, image->pixels, image->H, image->W);
  return 0;
}

static int omniglot_add_all(struct imageset *set, struct archive *a, int n_characters, struct png_pixels *image) {
  const int first_class = set->n_classes;
  struct omniglot_name name, last = { "", "" };
  for (int i = 0; i < a->n; i++) {
    if (!omniglot_is_png(a->entries[i].name)) continue;
    TRY(omniglot_parse(&name, a, a->entries[i].name));
    if (strcmp(name.character, last.character) != 0) {
      TRY(omniglot_complete(set, a, first_class));
      imageset_add_class(set, name.character, name.alphabet);
      last = name;
    }
    TRY(omniglot_add(set, a, i, image));
  }
  TRY(omniglot_complete(set, a, first_class));
  if (set->n_classes - first_class == n_characters) return 0;
  return err_set(ERR_FORMAT, "%s: %d characters instead of %d", a->path, set->n_classes - first_class, n_characters);
}

int omniglot_load_archive(struct imageset *set, struct archive *a, int n_characters) {
  struct png_pixels image = { 0 };
  const int rc = omniglot_add_all(set, a, n_characters, &image);
  png_pixels_release(&image);
  return rc;
}

int omniglot_load(struct imageset *set, const char *path, const char *part, int n_characters) {
  char zip[FILE_PATH_SIZE], tree[FILE_PATH_SIZE];
  if (snprintf(tree, sizeof tree, "%s/%s", path, part) >= (int)sizeof tree ||
      snprintf(zip, sizeof zip, "%s/%s.zip", path, part) >= (int)sizeof zip)
    return err_set(ERR_SETTING, "data.path=%s: too long", path);
  const int is_zip = file_exists(zip);
  if (!is_zip && !file_exists(tree))
    return err_set(ERR_IO, "data.path=%s: neither %s.zip nor %s is there; metaxbar data fetch omniglot gets them", path,
                   part, part);
  struct archive a;
  TRY(archive_open(&a, is_zip ? zip : tree));
  const int rc = omniglot_load_archive(set, &a, n_characters);
  archive_close(&a);
  return rc;
}
