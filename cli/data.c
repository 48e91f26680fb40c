// data.c - metaxbar data: fetch published archives; print the contents of a set of images and its split.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/settings.h"
#include "base/signals.h"
#include "base/text.h"
#include "commands.h"
#include "data/contactsheet.h"
#include "data/dataset.h"
#include "data/duplicates.h"
#include "data/fetch.h"
#include "experiment/experiment.h"

static const char text[] =
  "info   load the images and print classes, groups (alphabets), drawings, splits, how much of the images is ink,\n"
  "       which images are identical, and a fingerprint of names and pixels; --out draws a page of images\n"
  "split  list the classes with their part of the split (train, val or test), a line part<TAB>class for each, which\n"
  "       data.split=LIST reads\n"
  "fetch  download the official archives of Omniglot, 16 MB, or CIFAR-100, 169 MB; size and checksum are verified, a\n"
  "       download that was interrupted continues where it stopped\n";

// What one split holds.
struct split_count {
  int classes, groups, images, fewest, most;  // fewest and most images of a class
};

static struct split_count count_split(const struct dataset *d, int split) {
  const struct imageset_classes *s = d->split + split;
  struct split_count n = { .classes = s->n };
  bool *seen = err_calloc((size_t)d->images.n_groups + 1, sizeof *seen);
  for (int i = 0; i < s->n; i++) {
    const int drawings = imageset_drawings(&d->images, s->id[i]), group = d->images.group[s->id[i]];
    n.groups += !seen[group];
    seen[group] = true;
    n.images += drawings;
    n.fewest = i == 0 || drawings < n.fewest ? drawings : n.fewest;
    n.most = drawings > n.most ? drawings : n.most;
  }
  free(seen);
  return n;
}

// Fractions of the pixels that are ink: of all images, of the class with least and of that with most.
struct ink {
  double mean, least, most;
};

static struct ink measure_ink(const struct imageset *set) {
  struct ink ink = { .least = 1 };
  for (int c = 0; c < set->n_classes; c++) {
    const double of_class = imageset_ink(set, c);
    ink.mean += of_class * imageset_drawings(set, c) / set->n_images;
    ink.least = of_class < ink.least ? of_class : ink.least;
    ink.most = of_class > ink.most ? of_class : ink.most;
  }
  return ink;
}

static void put_ink(struct json_t *j, const struct dataset *d) {
  const struct ink ink = measure_ink(&d->images);
  struct json_t *o = json_add_object(j, "ink");
  json_put_f64(o, "mean", ink.mean);
  json_put_f64(o, "least_of_a_class", ink.least);
  json_put_f64(o, "most_of_a_class", ink.most);
  json_put_i64(o, "blank_images", d->found.n_blank);
}

static void put_skipped(struct json_t *j, const struct imagefolder_found *found) {
  struct json_t *o = json_add_object(j, "skipped_files");
  for (int k = 0; k < found->n_endings; k++)
    json_put_i64(o, found->endings[k].text[0] ? found->endings[k].text : "without ending", found->endings[k].n);
}

static const char *part_name(int part) { return part < 0 ? "no part" : dataset_split_name((enum dataset_split)part); }

static void put_duplicates(struct json_t *j, const struct dataset *d) {
  struct duplicates found;
  struct json_t *o = json_add_object(j, "identical_images");
  duplicates_find(&found, d);
  json_put_i64(o, "pairs", found.n);
  json_put_i64(o, "across_parts", found.across);
  for (int s = 0; s < DATASET_SPLITS; s++) json_put_i64(o, part_name(s), found.within[s]);
  struct json_t *list = json_add_array(o, "list");
  for (int k = 0; k < found.n; k++) {
    static const char *const keys[][2] = { { "image", "part" }, { "copy", "part_of_copy" } };
    struct json_t *pair = json_add_object(list, NULL);
    for (int i = 0; i < 2; i++) {
      char name[600];
      duplicates_name(name, sizeof name, &d->images, found.pairs[k].image[i]);
      json_put_text(pair, keys[i][0], name);
      json_put_text(pair, keys[i][1], part_name(found.pairs[k].part[i]));
    }
  }
  duplicates_release(&found);
}

static int print_json(const struct dataset *d, const struct dataset_params *p) {
  struct json_t *j = json_object_new();
  json_put_text(j, "kind", dataset_kind_name(p->kind));
  if (p->kind != DATASET_BUILTIN) json_put_text(j, "path", dataset_path(p));
  json_put_i64(j, "size", d->images.S);
  json_put_i64(j, "channels", d->images.channels);
  json_put_i64(j, "images", d->images.n_images);
  json_put_i64(j, "classes", d->images.n_classes);
  json_put_i64(j, "groups", d->images.n_groups);
  for (int s = 0; s < DATASET_SPLITS; s++) {
    const struct split_count n = count_split(d, s);
    struct json_t *split = json_add_object(j, dataset_split_name((enum dataset_split)s));
    json_put_i64(split, "classes", n.classes);
    json_put_i64(split, "groups", n.groups);
    json_put_i64(split, "images", n.images);
    json_put_i64(split, "fewest_drawings", n.fewest);
    json_put_i64(split, "most_drawings", n.most);
  }
  if (d->images.n_test > 0) json_put_i64(j, "test_images", d->images.n_test);
  char fingerprint[17];
  dataset_fingerprint(d, fingerprint);
  if (d->images.channels == 1) put_ink(j, d);
  else if (p->kind == DATASET_FOLDER) json_put_i64(j, "grey_images", d->found.n_grey);
  if (p->kind == DATASET_FOLDER) put_skipped(j, &d->found);
  put_duplicates(j, d);
  json_put_text(j, "fingerprint", fingerprint);
  return options_json(j);
}

static void print_looks(const struct dataset *d) {
  if (d->images.channels == 3) {
    if (d->found.n_grey) printf("%d grey image%s\n", d->found.n_grey, text_s(d->found.n_grey));
    return;
  }
  const struct ink ink = measure_ink(&d->images);
  printf("ink %.1f %% of the pixels, %.1f to %.1f %% in a class\n", 100 * ink.mean, 100 * ink.least, 100 * ink.most);
}

static void print_duplicates(const struct dataset *d) {
  enum { SHOWN = 40 };
  struct duplicates found;
  duplicates_find(&found, d);
  printf("pairs of identical images: %d", found.n);
  for (int s = 0; s < DATASET_SPLITS; s++)
    if (found.within[s]) printf(", %d in %s", found.within[s], part_name(s));
  if (found.across) printf(", %d across parts", found.across);
  printf("\n");
  for (int k = 0; k < found.n && k < SHOWN; k++) {
    const struct duplicates_pair *p = found.pairs + k;
    char names[2][600];
    for (int i = 0; i < 2; i++) duplicates_name(names[i], sizeof names[i], &d->images, p->image[i]);
    printf("  %s (%s) = %s (%s)\n", names[0], part_name(p->part[0]), names[1], part_name(p->part[1]));
  }
  if (found.n > SHOWN) printf("  and %d more, which --json lists\n", found.n - SHOWN);
  duplicates_release(&found);
}

static void print_table(const struct dataset *d, const struct dataset_params *p) {
  printf("%s%s%s: %d image%s, seen as %d x %d%s\n", dataset_kind_name(p->kind),
         p->kind == DATASET_BUILTIN ? "" : " in ", dataset_path(p), d->images.n_images, text_s(d->images.n_images),
         d->images.S, d->images.S, d->images.channels == 3 ? " x 3, in colours" : "");
  printf("%-12s %8s %8s %8s %s\n", "split", "classes", "groups", "images", "  per class");
  for (int s = 0; s < DATASET_SPLITS; s++) {
    const struct split_count n = count_split(d, s);
    printf("%-12s %8d %8d %8d   %d", dataset_split_name((enum dataset_split)s), n.classes, n.groups, n.images,
           n.fewest);
    if (n.most > n.fewest) printf(" to %d", n.most);
    printf("\n");
  }
  const int n_test = d->images.n_test;
  if (n_test > 0) printf("test images: the last %d image%s of every class\n", n_test, text_s(n_test));
  char fingerprint[17];
  dataset_fingerprint(d, fingerprint);
  print_looks(d);
  print_duplicates(d);
  printf("fingerprint %s\n", fingerprint);
}

static int draw_sheet(const struct dataset *d, const char *path) {
  int s = 0;
  while (s < DATASET_EVALUATION && d->split[s].n == 0) s++;
  return contactsheet_write(path, &d->images, d->split + s, 24, 20, 2);
}

// The [data] section of the first experiment that has one; its other sections let -c read the settings of a run.
struct image_case {
  struct experiment_case x;
  const struct dataset_params *p;
  struct dataset d;
};

static int open_case(struct image_case *c, const struct options *o) {
  *c = (struct image_case){ 0 };
  experiment_open(&c->x, experiments[0]);
  const struct settings_section *s = c->x.settings.sections;
  while (s->table != dataset_param_table) s++;
  c->p = s->params;
  return options_apply(o, c->x.settings.sections);
}

static int with_data(const struct options *o, int (*action)(struct image_case *c, const struct options *o)) {
  struct image_case c;
  int rc = open_case(&c, o);
  if (rc == 0) rc = dataset_load(&c.d, c.p, DATASET_EVERYTHING);
  if (rc == 0) {
    rc = action(&c, o);
    dataset_release(&c.d);
  }
  experiment_close(&c.x);
  return rc;
}

static int show(struct image_case *c, const struct options *o) {
  int rc = 0;
  if (o->json) rc = print_json(&c->d, c->p);
  else print_table(&c->d, c->p);
  return rc == 0 && o->out ? draw_sheet(&c->d, o->out) : rc;
}

static int list(struct image_case *c, const struct options *o) {
  if (o->out) return dataset_split_write(&c->d, o->out);
  dataset_split_print(&c->d, stdout);
  return 0;
}

static int data_info(const struct options *o) { return with_data(o, show); }
static int data_split(const struct options *o) { return with_data(o, list); }

// One line of progress per file.
struct watched {
  const struct fetch_file *file;
  struct progress line;
};

static int watch(void *context, const struct fetch_file *file, int64_t done) {
  struct watched *w = context;
  if (w->file != file) {
    if (w->file) progress_finish(&w->line);
    w->file = file;
    progress_start(&w->line, file->name, file->size, done);
  }
  progress_update(&w->line, done, NULL);
  return signals_caught() != 0;
}

static int fetch(const struct options *o, enum dataset_kind kind) {
  const struct fetch_file *files = kind == DATASET_OMNIGLOT ? fetch_omniglot : fetch_cifar100;
  struct watched w = { 0 };
  struct image_case c;
  int rc = open_case(&c, o);
  struct dataset_params p = *c.p;
  p.kind = kind;
  if (rc == 0) {
    signals_watch();
    rc = fetch_files(dataset_path(&p), kind == DATASET_OMNIGLOT ? p.url : p.cifar100_url, files, watch, &w);
    signals_unwatch();
  }
  if (w.file) progress_finish(&w.line);
  for (const struct fetch_file *f = files; rc == 0 && f->name; f++) printf("%s/%s\n", dataset_path(&p), f->name);
  experiment_close(&c.x);
  return rc;
}

static int data_fetch_omniglot(const struct options *o) { return fetch(o, DATASET_OMNIGLOT); }
static int data_fetch_cifar100(const struct options *o) { return fetch(o, DATASET_CIFAR100); }

static const struct settings_section *sections(void) {
  static struct dataset_params params;
  static const struct settings_section all[] = { { "data", dataset_param_table, &params }, { 0 } };
  settings_defaults(all);
  return all;
}

static const struct options_flag info_flags[] = {
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  OPTIONS_VALUE("--out", out, "SHEET.png", "draw a page of the images"),
  { 0 },
};
static const struct options_flag split_flags[] = { OPTIONS_CONFIG,
                                                   OPTIONS_VALUE("--out", out, "LIST", "write the list to a file"),
                                                   { 0 } };
static const struct options_flag fetch_flags[] = { OPTIONS_CONFIG, OPTIONS_QUIET, { 0 } };
static const char *const info_reads[] = { "data", NULL }, *const fetch_reads[] = { "data.path", "data.url", NULL },
                         *const fetch_cifar100_reads[] = { "data.path", "data.cifar100_url", NULL };

static const struct options_action actions[] = {
  { .name = "info", .flags = info_flags, .reads = info_reads, .run = data_info },
  { .name = "split", .flags = split_flags, .reads = info_reads, .run = data_split },
  { .name = "fetch omniglot", .flags = fetch_flags, .reads = fetch_reads, .run = data_fetch_omniglot },
  { .name = "fetch cifar100", .flags = fetch_flags, .reads = fetch_cifar100_reads, .run = data_fetch_cifar100 },
  { 0 },
};
const struct options_command data_command = { "data", "fetch and inspect data sets", text, .actions = actions,
                                              .sections = sections };
