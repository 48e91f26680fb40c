// data.c - metaxbar data: fetch the Omniglot archives; show what a set of images holds and how it is split.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/settings.h"
#include "base/signals.h"
#include "commands.h"
#include "data/contactsheet.h"
#include "data/dataset.h"
#include "data/fetch.h"
#include "experiment/fewshot/fewshot.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar data info [-c FILE] [data.name=value ...] [--json] [--out SHEET.png]\n"
  "       metaxbar data split [-c FILE] [data.name=value ...] [--out LIST]\n"
  "       metaxbar data fetch omniglot [data.path=DIR]\n"
  "\n"
  "info   load the images and print classes, groups (alphabets), drawings, splits, how much of the images is ink\n"
  "       and a fingerprint of names and pixels; --out draws a page of them\n"
  "split  list the part of every class, a line part<TAB>class each, as data.split=LIST takes it\n"
  "fetch  download the official Omniglot archives, 16 MB; size and checksum are verified, a download that was\n"
  "       interrupted goes on where it stopped\n";

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
  struct json_t *o = json_object_new();
  json_put_f64(o, "mean", ink.mean);
  json_put_f64(o, "least_of_a_class", ink.least);
  json_put_f64(o, "most_of_a_class", ink.most);
  json_put_i64(o, "blank_images", d->found.n_blank);
  json_put(j, "ink", o);
}

static void put_skipped(struct json_t *j, const struct imagefolder_found *found) {
  struct json_t *o = json_object_new();
  for (int k = 0; k < found->n_endings; k++)
    json_put_i64(o, found->endings[k].text[0] ? found->endings[k].text : "without ending", found->endings[k].n);
  json_put(j, "skipped_files", o);
}

static int print_json(const struct dataset *d, const struct dataset_params *p) {
  struct json_t *j = json_object_new();
  json_put_text(j, "kind", dataset_kind_name(p->kind));
  if (p->kind != DATASET_BUILTIN) json_put_text(j, "path", p->path);
  json_put_i64(j, "size", d->images.S);
  json_put_i64(j, "images", d->images.n_images);
  json_put_i64(j, "classes", d->images.n_classes);
  json_put_i64(j, "groups", d->images.n_groups);
  for (int s = 0; s < DATASET_SPLITS; s++) {
    const struct split_count n = count_split(d, s);
    struct json_t *split = json_object_new();
    json_put_i64(split, "classes", n.classes);
    json_put_i64(split, "groups", n.groups);
    json_put_i64(split, "images", n.images);
    json_put_i64(split, "fewest_drawings", n.fewest);
    json_put_i64(split, "most_drawings", n.most);
    json_put(j, dataset_split_name((enum dataset_split)s), split);
  }
  char fingerprint[17];
  dataset_fingerprint(d, fingerprint);
  put_ink(j, d);
  if (p->kind == DATASET_FOLDER) put_skipped(j, &d->found);
  json_put_text(j, "fingerprint", fingerprint);
  const int rc = json_print(j, stdout);
  json_release(j);
  return rc;
}

static void print_table(const struct dataset *d, const struct dataset_params *p) {
  printf("%s%s%s: %d images, seen as %d x %d\n", dataset_kind_name(p->kind), p->kind == DATASET_BUILTIN ? "" : " in ",
         p->kind == DATASET_BUILTIN ? "" : p->path, d->images.n_images, d->images.S, d->images.S);
  printf("%-12s %8s %8s %8s %s\n", "split", "classes", "groups", "images", "  per class");
  for (int s = 0; s < DATASET_SPLITS; s++) {
    const struct split_count n = count_split(d, s);
    printf("%-12s %8d %8d %8d   %d", dataset_split_name((enum dataset_split)s), n.classes, n.groups, n.images, n.fewest);
    if (n.most > n.fewest) printf(" to %d", n.most);
    printf("\n");
  }
  const struct ink ink = measure_ink(&d->images);
  char fingerprint[17];
  dataset_fingerprint(d, fingerprint);
  printf("ink %.1f %% of the pixels, %.1f to %.1f %% in a class\n", 100 * ink.mean, 100 * ink.least, 100 * ink.most);
  printf("fingerprint %s\n", fingerprint);
}

static int draw_sheet(const struct dataset *d, const char *path) {
  int s = 0;
  while (s < DATASET_EVALUATION && d->split[s].n == 0) s++;
  return contactsheet_write(path, &d->images, d->split + s, 24, 20, 2);
}

static int data_info(const struct options *o, const struct dataset_params *p) {
  struct dataset d;
  int rc = dataset_load(&d, p, DATASET_EVERYTHING);
  if (rc < 0) return options_fail("data info", rc);
  if (o->json) rc = print_json(&d, p);
  else print_table(&d, p);
  if (rc == 0 && o->out) rc = draw_sheet(&d, o->out);
  dataset_release(&d);
  return rc < 0 ? options_fail("data info", rc) : options_finish("data info");
}

static int data_split(const struct options *o, const struct dataset_params *p) {
  struct dataset d;
  int rc = dataset_load(&d, p, DATASET_EVERYTHING);
  if (rc < 0) return options_fail("data split", rc);
  if (o->out) rc = dataset_split_write(&d, o->out);
  else dataset_split_print(&d, stdout);
  dataset_release(&d);
  return rc < 0 ? options_fail("data split", rc) : options_finish("data split");
}

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

static int data_fetch(const struct dataset_params *p) {
  struct watched w = { 0 };
  signals_watch();
  const int rc = fetch_files(p->path, p->url, fetch_omniglot, watch, &w);
  signals_unwatch();
  if (w.file) progress_finish(&w.line);
  if (rc < 0) return options_fail("data fetch", rc);
  for (const struct fetch_file *f = fetch_omniglot; f->name; f++) printf("%s/%s\n", p->path, f->name);
  return options_finish("data fetch");
}

int data_command(int argc, char **argv) {
  struct options o;
  struct fewshot f;  // its [data] section is used; the others let -c read the settings of a run
  fewshot_init(&f);
  int rc = options_parse(&o, argc, argv);
  if (rc == 0) rc = options_apply(&o, f.sections);
  if (rc < 0) return options_fail("data", rc);
  const int is_info = o.n_words == 1 && !strcmp(o.words[0], "info");
  const int is_split = o.n_words == 1 && !strcmp(o.words[0], "split");
  const int is_fetch = o.n_words == 2 && !strcmp(o.words[0], "fetch") && !strcmp(o.words[1], "omniglot");
  if (!o.help && is_info) return data_info(&o, &f.data);
  if (!o.help && is_split) return data_split(&o, &f.data);
  if (!o.help && is_fetch) return data_fetch(&f.data);
  fputs(usage, o.help ? stdout : stderr);
  if (o.help) param_help(dataset_param_table, "data", stdout);
  return o.help ? 0 : 2;
}
