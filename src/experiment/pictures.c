#include "experiment/pictures.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/archive.h"
#include "data/imagefolder.h"

static void release_texts(char **text, int n) {
  for (int k = 0; text && k < n; k++) free(text[k]);
  free(text);
}

void pictures_learned_release(struct pictures_learned *l) {
  release_texts(l->name, l->n);
  free(l->pictures);
  *l = (struct pictures_learned){ 0 };
}

void pictures_result_release(struct pictures_result *r) {
  release_texts(r->path, r->n);
  release_texts(r->name, r->n_classes);
  free(r->probability);
  free(r->distance);
  free(r->small);
  *r = (struct pictures_result){ 0 };
}

// A name as a terminal shows it; valid until the next call.
static const char *shown(const char *name) {
  static char text[FILE_PATH_SIZE];
  snprintf(text, sizeof text, "%s", name);
  text_make_plain(text);
  return text;
}

static int widest(char *const *name, int n, int least) {
  const int most = 60;
  for (int k = 0; k < n; k++) least = (int)strlen(name[k]) > least ? (int)strlen(name[k]) : least;
  return least < most ? least : most;
}

// ---- what was learned

static void print_threshold(const struct pictures_learned *l, FILE *out) {
  if (isinf(l->threshold)) {
    fprintf(out, "no threshold: every picture gets a class\n");
    return;
  }
  fprintf(out, "none of these beyond distance %.4g, ", l->threshold);
  if (l->given) fprintf(out, "as given\n");
  else if (l->n_held)
    fprintf(out, "which %.3g %% of further pictures of the classes are expected to exceed\n", 100 * l->reject);
  else fprintf(out, "that of a class from the nearest other, as too few pictures can be held out\n");
}

void pictures_learned_print(const struct pictures_learned *l, const char *path, FILE *out) {
  const int width = widest(l->name, l->n, 5);
  fprintf(out, "%-*s  pictures\n", width, "class");
  for (int k = 0; k < l->n; k++)
    fprintf(out, "%-*s  %8lld%s\n", width, shown(l->name[k]), (long long)l->pictures[k],
            k >= l->n - l->n_new && l->n_new < l->n ? "  new" : "");
  print_threshold(l, out);
  if (l->synapse == RUN_CHIP) fprintf(out, "%ld of %ld devices written for the classes\n", l->written, l->devices);
  fprintf(out, "%s\n", shown(path));
}

struct json_t *pictures_learned_json(const struct pictures_learned *l, const char *path) {
  struct json_t *j = json_object_new(), *classes = json_add_array(j, "classes");
  for (int k = 0; k < l->n; k++) {
    struct json_t *c = json_add_object(classes, NULL);
    json_put_text(c, "name", l->name[k]);
    json_put_i64(c, "pictures", l->pictures[k]);
    json_put_bool(c, "new", k >= l->n - l->n_new);
  }
  json_put_known(j, "threshold", l->threshold);
  json_put_i64(j, "held_out", l->given ? 0 : l->n_held);
  if (l->views > 1) json_put_i64(j, "views", l->views);
  json_put_text(j, "synapse", run_synapse_names[l->synapse]);
  if (l->synapse == RUN_CHIP) {
    json_put_i64(j, "devices_written", l->written);
    json_put_i64(j, "devices_total", l->devices);
  }
  json_put_text(j, "state", path);
  return j;
}

// ---- pictures told apart

int pictures_best(const struct pictures_result *r, int i) {
  const float *p = r->probability + (size_t)i * (size_t)r->n_classes;
  int best = 0;
  for (int k = 1; k < r->n_classes; k++)
    if (p[k] > p[best]) best = k;
  return best;
}

bool pictures_is_none(const struct pictures_result *r, int i) { return r->distance[i] > r->threshold; }

static double probability(const struct pictures_result *r, int i) {
  return (double)r->probability[(size_t)i * (size_t)r->n_classes + (size_t)pictures_best(r, i)];
}

void pictures_print(const struct pictures_result *r, FILE *out) {
  static const char none[] = "none of these";
  const int first = widest(r->path, r->n, 7), second = widest(r->name, r->n_classes, sizeof none - 1);
  fprintf(out, "%-*s  %-*s  probability %%  distance\n", first, "picture", second, "class");
  for (int i = 0; i < r->n; i++) {
    fprintf(out, "%-*s  ", first, shown(r->path[i]));
    fprintf(out, "%-*s  %13.2f  %8.4g", second, pictures_is_none(r, i) ? none : shown(r->name[pictures_best(r, i)]),
            100 * probability(r, i), r->distance[i]);
    if (pictures_is_none(r, i)) fprintf(out, "  nearest to %s", shown(r->name[pictures_best(r, i)]));
    fputc('\n', out);
  }
}

void pictures_csv(const struct pictures_result *r, FILE *out) {
  fprintf(out, "picture,class,likeliest,probability,distance\n");
  for (int i = 0; i < r->n; i++) {
    const char *likeliest = r->name[pictures_best(r, i)];
    text_quote(shown(r->path[i]), out);
    fputc(',', out);
    if (!pictures_is_none(r, i)) text_quote(shown(likeliest), out);
    fputc(',', out);
    text_quote(shown(likeliest), out);
    fprintf(out, ",%.6g,%.6g\n", probability(r, i), r->distance[i]);
  }
}

struct json_t *pictures_json(const struct pictures_result *r) {
  struct json_t *j = json_object_new(), *classes = json_add_array(j, "classes"), *all;
  for (int k = 0; k < r->n_classes; k++) json_put_text(classes, NULL, r->name[k]);
  json_put_known(j, "threshold", r->threshold);
  if (r->views > 1) json_put_i64(j, "views", r->views);
  all = json_add_array(j, "pictures");
  for (int i = 0; i < r->n; i++) {
    struct json_t *o = json_add_object(all, NULL), *list;
    json_put_text(o, "picture", text_is_utf8(r->path[i]) ? r->path[i] : shown(r->path[i]));
    json_put_bool(o, "none", pictures_is_none(r, i));
    json_put_text(o, "likeliest", r->name[pictures_best(r, i)]);
    json_put_f64(o, "probability", probability(r, i));
    json_put_known(o, "distance", r->distance[i]);
    list = json_add_array(o, "probabilities");
    for (int k = 0; k < r->n_classes; k++)
      json_put_f64(list, NULL, (double)r->probability[(size_t)i * (size_t)r->n_classes + (size_t)k]);
  }
  return j;
}

// ---- which files

struct list {
  char **path;
  int n, room;
};

static void add(struct list *l, const char *folder, const char *name) {
  const size_t size = strlen(folder) + strlen(name) + 2, end = strlen(folder);
  if (l->n == l->room) {
    l->room = l->room ? 2 * l->room : 64;
    char **more = err_calloc((size_t)l->room, sizeof *more);
    if (l->n) memcpy(more, l->path, (size_t)l->n * sizeof *more);
    free(l->path);
    l->path = more;
  }
  l->path[l->n] = err_calloc(size, 1);
  snprintf(l->path[l->n++], size, "%s%s%s", folder, end && folder[end - 1] != '/' ? "/" : "", name);
}

static int add_folder(struct list *l, const char *folder) {
  struct archive a;
  struct imagefolder_found found = { 0 };
  const int before = l->n;
  TRY(archive_open(&a, folder));
  for (int i = 0; i < a.n; i++)
    if (imagefolder_is_image(a.entries[i].name)) add(l, folder, a.entries[i].name);
    else imagefolder_skip(&found, a.entries[i].name);
  archive_close(&a);
  if (l->n == before) return err_set(ERR_IO, "%s: no PNG or JPEG images in this folder", folder);
  imagefolder_note(&found, folder, l->n - before, false);
  return 0;
}

int pictures_list(char ***path, int *n_paths, char *const *words, int n) {
  struct list l = { 0 };
  int rc = 0;
  for (int k = 0; rc == 0 && k < n; k++) {
    struct stat st;
    if (stat(words[k], &st) < 0) rc = err_set(ERR_IO, "%s: %s", words[k], strerror(errno));
    else if (S_ISDIR(st.st_mode)) rc = add_folder(&l, words[k]);
    else add(&l, "", words[k]);
  }
  if (rc < 0) release_texts(l.path, l.n);
  *path = rc < 0 ? NULL : l.path;
  *n_paths = rc < 0 ? 0 : l.n;
  return rc;
}
