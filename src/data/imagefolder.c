#include "data/imagefolder.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/file.h"
#include "base/png.h"
#include "data/archive.h"

enum { IMAGEFOLDER_MAX_FILE = 1 << 26, IMAGEFOLDER_MAX_SIDE = 4096 };

static int imagefolder_is_png(const char *name) {
  const size_t n = strlen(name);
  return n > 4 && strcasecmp(name + n - 4, ".png") == 0;
}

static int imagefolder_add(struct imageset *set, struct archive *a, int i, int invert, struct png_grey *image) {
  const unsigned char *data;
  size_t size;
  char name[2 * FILE_PATH_SIZE];
  snprintf(name, sizeof name, "%s: %s", a->path, a->entries[i].name);
  TRY(archive_read(a, i, IMAGEFOLDER_MAX_FILE, &data, &size));
  TRY(png_grey_read(image, name, data, size, IMAGEFOLDER_MAX_SIDE, invert ? 0 : 255));
  if (!invert)
    for (int k = 0; k < image->H * image->W; k++) image->pixels[k] = (unsigned char)(255 - image->pixels[k]);
  imageset_add_image(set, image->pixels, image->H, image->W);
  return 0;
}

// The sorted list mixes a folder's own images with its subfolders, so a class is found by its name.
// One pass per class over the images of that folder keeps each class together.
static int imagefolder_add_class(struct imageset *set, struct archive *a, int i, int invert, struct png_grey *image) {
  char class_name[FILE_PATH_SIZE];
  const char *slash = strrchr(a->entries[i].name, '/');
  if (!slash) return err_set(ERR_FORMAT, "%s: %s: image outside any class folder", a->path, a->entries[i].name);
  const size_t length = (size_t)(slash - a->entries[i].name) + 1;  // with the slash
  snprintf(class_name, sizeof class_name, "%.*s", (int)length - 1, a->entries[i].name);
  if (imageset_find(set, class_name) >= 0) return 0;
  imageset_add_class(set, class_name, class_name);
  for (int k = i; k < a->n && strncmp(a->entries[k].name, class_name, length - 1) == 0; k++) {
    const char *name = a->entries[k].name;
    if (name[length - 1] != '/' || strchr(name + length, '/') || !imagefolder_is_png(name)) continue;
    TRY(imagefolder_add(set, a, k, invert, image));
  }
  return 0;
}

int imagefolder_load(struct imageset *set, const char *path, int invert) {
  struct archive a;
  TRY(archive_open(&a, path));
  struct png_grey image = { 0 };
  int rc = 0;
  for (int i = 0; i < a.n && rc == 0; i++)
    if (imagefolder_is_png(a.entries[i].name)) rc = imagefolder_add_class(set, &a, i, invert, &image);
  if (rc == 0 && set->n_classes == 0) rc = err_set(ERR_FORMAT, "%s: no PNG images in class folders", path);
  png_grey_release(&image);
  archive_close(&a);
  return rc;
}
