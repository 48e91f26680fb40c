#include "data/imagefolder.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jpeg.h"
#include "base/png.h"
#include "data/archive.h"

enum { IMAGEFOLDER_MAX_FILE = 1 << 26, IMAGEFOLDER_MAX_SIDE = 4096 };
enum { IMAGEFOLDER_LEAST_INK = 16, IMAGEFOLDER_HALF = 128 };  // of 255: what a lossy file makes of blank paper is less

struct loading {
  struct imageset *set;
  struct archive *a;
  struct imagefolder_found *found;
  int invert;
  enum imagefolder_groups groups;
  struct png_grey image;
};

static const char *imagefolder_ending(const char *name) {
  const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
  return dot ? dot : "";
}

static bool imagefolder_is_image(const char *name) {
  const char *ending = imagefolder_ending(name);
  return !strcasecmp(ending, ".png") || !strcasecmp(ending, ".jpg") || !strcasecmp(ending, ".jpeg");
}

static void imagefolder_skip(struct imagefolder_found *found, const char *name) {
  const char *ending = imagefolder_ending(name);
  int k = 0;
  while (k < found->n_endings && strncasecmp(found->endings[k].text, ending, IMAGEFOLDER_ENDING_SIZE - 1)) k++;
  if (k == IMAGEFOLDER_ENDINGS) snprintf(found->endings[--k].text, IMAGEFOLDER_ENDING_SIZE, "others");
  else if (k == found->n_endings)
    snprintf(found->endings[found->n_endings++].text, IMAGEFOLDER_ENDING_SIZE, "%s", ending);
  found->endings[k].n++;
  found->n_skipped++;
}

void imagefolder_skipped(const struct imagefolder_found *found, char *text, int size) {
  int at = snprintf(text, (size_t)size, "%d file%s:", found->n_skipped, found->n_skipped == 1 ? "" : "s");
  for (int k = 0; k < found->n_endings && at < size; k++)
    at += snprintf(text + at, (size_t)(size - at), "%s %s (%d)", k ? "," : "",
                   found->endings[k].text[0] ? found->endings[k].text : "without ending", found->endings[k].n);
}

static int imagefolder_read(struct loading *l, const char *name, const void *data, size_t size) {
  const bool named_png = !strcasecmp(imagefolder_ending(name), ".png");
  if (jpeg_is(data, size) || (!named_png && !png_is(data, size)))
    return jpeg_grey_read(&l->image, name, data, size, IMAGEFOLDER_MAX_SIDE);
  return png_grey_read(&l->image, name, data, size, IMAGEFOLDER_MAX_SIDE, l->invert ? 0 : 255);
}

// What the ink of an image looks like. Returns whether there is any.
static bool imagefolder_look(struct loading *l) {
  const struct png_grey *p = &l->image;
  long border = 0, n_border = 0;
  int most = 0, least = 255;
  for (int k = 0; k < p->H * p->W; k++) {
    const int y = k / p->W, x = k % p->W, ink = p->pixels[k];
    most = ink > most ? ink : most;
    least = ink < least ? ink : least;
    if (y > 0 && y < p->H - 1 && x > 0 && x < p->W - 1) continue;
    border += ink;
    n_border++;
  }
  const int brightest = l->invert ? most : 255 - least;
  if (brightest > l->found->brightest) l->found->brightest = brightest;
  l->found->n_border += border > n_border * IMAGEFOLDER_HALF;
  l->found->n_blank += most < IMAGEFOLDER_LEAST_INK;
  return most >= IMAGEFOLDER_LEAST_INK;
}

// Returns 1 if the image has ink, 0 if not.
static int imagefolder_add(struct loading *l, int i) {
  const unsigned char *data;
  size_t size;
  char name[2 * FILE_PATH_SIZE];
  snprintf(name, sizeof name, "%s: %s", l->a->path, l->a->entries[i].name);
  TRY(archive_read(l->a, i, IMAGEFOLDER_MAX_FILE, &data, &size));
  TRY(imagefolder_read(l, name, data, size));
  if (!l->invert)
    for (int k = 0; k < l->image.H * l->image.W; k++) l->image.pixels[k] = (unsigned char)(255 - l->image.pixels[k]);
  imageset_add_image(l->set, l->image.pixels, l->image.H, l->image.W);
  return imagefolder_look(l);
}

// Begin a class of this name in its group.
static void imagefolder_begin(struct loading *l, const char *class_name) {
  char group[FILE_PATH_SIZE];
  snprintf(group, sizeof group, "%s", class_name);
  char *slash = strrchr(group, '/');
  if (l->groups == IMAGEFOLDER_PARENT && slash) slash[1] = 0;  // with the slash: no class is called so
  imageset_add_class(l->set, class_name, group);
}

// The sorted list mixes a folder's own images with its subfolders, so a class is found by its name.
// One pass per class over the images of that folder keeps each class together.
static int imagefolder_add_class(struct loading *l, int i) {
  char class_name[FILE_PATH_SIZE];
  const struct archive *a = l->a;
  const char *slash = strrchr(a->entries[i].name, '/');
  if (!slash) return err_set(ERR_FORMAT, "%s: %s: image outside any class folder", a->path, a->entries[i].name);
  const size_t length = (size_t)(slash - a->entries[i].name) + 1;  // with the slash
  snprintf(class_name, sizeof class_name, "%.*s", (int)length - 1, a->entries[i].name);
  if (imageset_find(l->set, class_name) >= 0) return 0;
  imagefolder_begin(l, class_name);
  int with_ink = 0, n = 0;
  for (int k = i; k < a->n && strncmp(a->entries[k].name, class_name, length - 1) == 0; k++) {
    const char *name = a->entries[k].name;
    if (name[length - 1] != '/' || strchr(name + length, '/') || !imagefolder_is_image(name)) continue;
    const int ink = imagefolder_add(l, k);
    TRY(ink);
    with_ink += ink;
    n++;
  }
  if (with_ink) return 0;
  return err_set(ERR_FORMAT, "%s: class %s: no ink in any of its %d images; %s", a->path, class_name, n,
                 l->invert ? "dark marks on a bright or transparent ground need data.invert=no"
                           : "bright marks on a dark or transparent ground need data.invert=yes");
}

static int imagefolder_load_archive(struct loading *l) {
  for (int i = 0; i < l->a->n; i++) {
    if (imagefolder_is_image(l->a->entries[i].name)) TRY(imagefolder_add_class(l, i));
    else imagefolder_skip(l->found, l->a->entries[i].name);
  }
  if (l->set->n_classes > 0) return 0;
  char skipped[512];
  imagefolder_skipped(l->found, skipped, sizeof skipped);
  return err_set(ERR_FORMAT, "%s: no PNG or JPEG images in class folders (%s)", l->a->path, skipped);
}

int imagefolder_load(struct imageset *set, const char *path, int invert, enum imagefolder_groups groups,
                     struct imagefolder_found *found) {
  struct archive a;
  TRY(archive_open(&a, path));
  *found = (struct imagefolder_found){ 0 };
  struct loading l = { .set = set, .a = &a, .found = found, .invert = invert, .groups = groups };
  const int rc = imagefolder_load_archive(&l);
  png_grey_release(&l.image);
  archive_close(&a);
  return rc;
}
