#include "data/imagefolder.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jpeg.h"
#include "base/note.h"
#include "base/png.h"
#include "base/archive.h"
#include "base/text.h"

enum { IMAGEFOLDER_MAX_SIDE = 4096, IMAGEFOLDER_DIM = 128 };  // of 255: white paper is brighter
enum { IMAGEFOLDER_LEAST_INK = 16, IMAGEFOLDER_HALF = 128 };  // of 255: what a lossy file makes of blank paper is less

struct loading {
  struct imageset *set;
  struct archive *a;
  struct imagefolder_found *found;
  const struct imagefolder_options *options;
  size_t root;        // bytes of a name that all images have in common
  int first, n_grey;  // classes of the set before, images without colour
  struct png_pixels image;
};

static const char *imagefolder_ending(const char *name) {
  const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
  return dot ? dot : "";
}

bool imagefolder_is_image(const char *name) {
  const char *ending = imagefolder_ending(name);
  return !strcasecmp(ending, ".png") || !strcasecmp(ending, ".jpg") || !strcasecmp(ending, ".jpeg");
}

void imagefolder_skip(struct imagefolder_found *found, const char *name) {
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
  int at = found->n_skipped == 0 ? snprintf(text, (size_t)size, "no files")
                                 : snprintf(text, (size_t)size, "%d file%s:", found->n_skipped,
                                            text_s(found->n_skipped));
  for (int k = 0; k < found->n_endings && at < size; k++)
    at += snprintf(text + at, (size_t)(size - at), "%s %s (%d)", k ? "," : "",
                   found->endings[k].text[0] ? found->endings[k].text : "without ending", found->endings[k].n);
}

int imagefolder_decode(struct png_pixels *image, const char *name, const void *data, size_t size, int channels,
                       bool invert) {
  const bool named_png = !strcasecmp(imagefolder_ending(name), ".png"), colours = channels == 3;
  if (jpeg_is(data, size) || (!named_png && !png_is(data, size)))
    TRY((colours ? jpeg_rgb_read : jpeg_grey_read)(image, name, data, size, IMAGEFOLDER_MAX_SIDE));
  else
    TRY((colours ? png_rgb_read : png_grey_read)(image, name, data, size, IMAGEFOLDER_MAX_SIDE, invert ? 0 : 255));
  for (int k = 0; !colours && !invert && k < image->H * image->W; k++)
    image->pixels[k] = (unsigned char)(255 - image->pixels[k]);
  return 0;
}

bool imagefolder_has_colour(const struct png_pixels *p) {
  for (int k = 0; k < p->H * p->W; k++) {
    const unsigned char *rgb = p->pixels + 3 * k;
    if (rgb[0] != rgb[1] || rgb[1] != rgb[2]) return true;
  }
  return false;
}

// What the ink of an image looks like. Returns whether there is any.
static bool imagefolder_look(struct loading *l) {
  const struct png_pixels *p = &l->image;
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
  const int brightest = l->options->invert ? most : 255 - least;
  if (brightest > l->found->brightest) l->found->brightest = brightest;
  l->found->n_border += border > n_border * IMAGEFOLDER_HALF;
  l->found->n_blank += most < IMAGEFOLDER_LEAST_INK;
  return most >= IMAGEFOLDER_LEAST_INK;
}

// Returns 1 if the image has ink, 0 if it has none.
static int imagefolder_add(struct loading *l, int i) {
  const unsigned char *data;
  size_t size;
  char name[2 * FILE_PATH_SIZE];
  snprintf(name, sizeof name, "%s: %s", l->a->path, l->a->entries[i].name);
  TRY(archive_read(l->a, i, IMAGEFOLDER_MAX_FILE, &data, &size));
  TRY(imagefolder_decode(&l->image, name, data, size, l->set->channels, l->options->invert));
  if (l->set->channels == 3) {
    l->n_grey += !imagefolder_has_colour(&l->image);
    imageset_add_colour(l->set, l->image.pixels, l->image.H, l->image.W);
    return 1;
  }
  imageset_add_image(l->set, l->image.pixels, l->image.H, l->image.W);
  return imagefolder_look(l);
}

// Begin a class of this name in its group.
static void imagefolder_begin(struct loading *l, const char *class_name) {
  char group[FILE_PATH_SIZE];
  snprintf(group, sizeof group, "%s", class_name);
  char *slash = strrchr(group, '/');
  if (l->options->groups == IMAGEFOLDER_PARENT && slash) slash[1] = 0;  // with the slash: no class is called so
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
  snprintf(class_name, sizeof class_name, "%.*s", (int)(length - 1 - l->root), a->entries[i].name + l->root);
  const int known = imageset_find(l->set, class_name);
  if (known >= l->first) return 0;
  if (known >= 0) return err_set(ERR_FORMAT, "%s: class %s is also among those loaded before", a->path, class_name);
  imagefolder_begin(l, class_name);
  int with_ink = 0, n = 0;
  for (int k = i; k < a->n && strncmp(a->entries[k].name, a->entries[i].name, length - 1) == 0; k++) {
    const char *name = a->entries[k].name;
    if (name[length - 1] != '/' || strchr(name + length, '/') || !imagefolder_is_image(name)) continue;
    const int ink = imagefolder_add(l, k);
    TRY(ink);
    with_ink += ink;
    n++;
  }
  if (with_ink) return 0;
  return err_set(ERR_FORMAT, "%s: class %s: no ink in any of its %d image%s; %s", a->path, class_name, n, text_s(n),
                 l->options->invert ? "dark marks on a bright or transparent ground need data.invert=no"
                           : "bright marks on a dark or transparent ground need data.invert=yes");
}

// Length of the folders that all images have in common, the class folder left out.
static size_t imagefolder_root(const struct archive *a) {
  const char *first = NULL;
  size_t root = 0;
  for (int i = 0; i < a->n; i++) {
    const char *name = a->entries[i].name;
    if (!imagefolder_is_image(name)) continue;
    if (!first) {
      const char *slash = strrchr(name, '/');
      first = name;
      root = slash ? (size_t)(slash - name) + 1 : 0;
    }
    while (root > 0 && (strncmp(name, first, root) != 0 || !strchr(name + root, '/')))
      for (root--; root > 0 && first[root - 1] != '/';) root--;
  }
  return root;
}

// The first of n sorted entries whose name begins with `start` or comes later.
static int imagefolder_first(const struct archive_entry *entries, int n, const char *start) {
  int low = 0, high = n;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (strcmp(entries[middle].name, start) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Has a folder no folders in it, and no images?
static bool imagefolder_is_empty(const struct archive *a, const char *folder) {
  char start[FILE_PATH_SIZE];
  const size_t n = (size_t)snprintf(start, sizeof start, "%s/", folder);
  if (n >= sizeof start) return false;
  const int below = imagefolder_first(a->folders, a->n_folders, start);
  if (below < a->n_folders && !strncmp(a->folders[below].name, start, n)) return false;
  for (int k = imagefolder_first(a->entries, a->n, start); k < a->n && !strncmp(a->entries[k].name, start, n); k++)
    if (imagefolder_is_image(a->entries[k].name)) return false;
  return true;
}

static void imagefolder_find_empty(struct imagefolder_found *found, const struct archive *a) {
  for (int k = 0; k < a->n_folders; k++) {
    const size_t at = strlen(found->empty);
    if (!imagefolder_is_empty(a, a->folders[k].name)) continue;
    if (found->n_empty++ < IMAGEFOLDER_EMPTY_NAMES)
      snprintf(found->empty + at, sizeof found->empty - at, "%s%s", at ? ", " : "", a->folders[k].name);
  }
}

static int imagefolder_load_archive(struct loading *l) {
  if (l->options->below_root) l->root = imagefolder_root(l->a);
  for (int i = 0; i < l->a->n; i++) {
    if (imagefolder_is_image(l->a->entries[i].name)) TRY(imagefolder_add_class(l, i));
    else imagefolder_skip(l->found, l->a->entries[i].name);
  }
  imagefolder_find_empty(l->found, l->a);
  const int n = l->set->n_images - l->set->first[l->first];
  l->found->n_grey += l->n_grey;
  if (n > 0 && l->n_grey == n)
    return err_set(ERR_FORMAT, "%s: none of %d image%s has any colour, as data.channels=3 and models trained "
                   "with it need", l->a->path, n, text_s(n));
  if (n > 0) return 0;
  char skipped[512];
  imagefolder_skipped(l->found, skipped, sizeof skipped);
  return err_set(ERR_FORMAT, "%s: no PNG or JPEG images in class folders (%s)", l->a->path, skipped);
}

int imagefolder_load(struct imageset *set, const char *path, const struct imagefolder_options *options,
                     struct imagefolder_found *found) {
  struct archive a;
  TRY(archive_open(&a, path));
  struct loading l = { .set = set, .a = &a, .found = found, .options = options, .first = set->n_classes };
  const int rc = imagefolder_load_archive(&l);
  png_pixels_release(&l.image);
  archive_close(&a);
  return rc;
}

// ---- what is worth saying

void imagefolder_note(const struct imagefolder_found *found, const char *path, int n, bool invert) {
  const bool mostly_ink = 2 * found->n_border > n;
  char text[512];
  imagefolder_skipped(found, text, sizeof text);
  if (found->n_skipped) note("%s: neither PNG nor JPEG, ignored: %s", path, text);
  if (found->n_empty)
    note("%s: %d folder%s without images: %s%s", path, found->n_empty, text_s(found->n_empty), found->empty,
         found->n_empty > IMAGEFOLDER_EMPTY_NAMES ? ", ..." : "");
  if (found->n_blank) note("%s: %d of %d image%s without ink", path, found->n_blank, n, text_s(n));
  if (mostly_ink && found->brightest < IMAGEFOLDER_DIM)
    note("%s: the brightest pixel of all images is %d of 255: fewer bits than the files provide for (12 in 16)? "
         "Scale them up, or little contrast is left", path, found->brightest);
  else if (mostly_ink)
    note("%s: the border of %d of %d image%s is taken as ink; %s", path, found->n_border, n, text_s(n),
         invert ? "dark marks on a bright ground need data.invert=no"
                : "bright marks on a dark ground need data.invert=yes");
}

static bool imagefolder_has_below(const struct imageset *set, const char *folder) {
  const size_t n = strlen(folder);
  for (int c = 0; c < set->n_classes; c++) {
    const char *name = set->class_name[c];
    if (!strncmp(name, folder, n) && (!name[n] || name[n] == '/')) return true;
  }
  return false;
}

int imagefolder_check(const struct imageset *set, const char *path) {
  DIR *dir = opendir(path);
  int rc = 0;
  if (!dir) return 0;  // a zip file
  for (struct dirent *item; rc == 0 && (item = readdir(dir));) {
    struct stat st;
    if (item->d_name[0] == '.' || fstatat(dirfd(dir), item->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode)) continue;
    if (!imagefolder_has_below(set, item->d_name))
      rc = err_set(ERR_FORMAT, "%s: class %s: no PNG or JPEG images", path, item->d_name);
  }
  closedir(dir);
  return rc;
}
