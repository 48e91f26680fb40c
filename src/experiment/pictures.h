// pictures.h - a person's own pictures: classes that a model is taught, kept in a file, and pictures told apart by it.
// What an experiment that can do this gives to the table (experiment.h), and how its results are printed.
#ifndef EXPERIMENT_PICTURES_H
#define EXPERIMENT_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "run/run.h"

// ---- learning

struct pictures_lesson {
  const char *pictures;  // folder or zip file with a folder for each class
  const char *state;     // file of what was learned before; NULL: nothing
  const char *out;       // file to write
};

struct pictures_learned {
  int n, n_new;          // classes in all; the last n_new were learned now
  char **name;           // (n)
  int64_t *pictures;     // (n)
  int views;             // of each picture
  int synapse;           // enum run_synapse_kind
  double threshold;      // distance; INFINITY: none
  int n_held;            // distances of held-out pictures that it was chosen by; 0: other classes, or the user
  bool given;            // by the user
  double reject;         // share of new pictures of the classes that is to be beyond it
  long written, devices; // on a chip: devices written by the read-out's learning, of all
};
void pictures_learned_release(struct pictures_learned *l);
void pictures_learned_print(const struct pictures_learned *l, const char *path, FILE *out);
struct json_t *pictures_learned_json(const struct pictures_learned *l, const char *path);

// ---- classification

struct pictures_result {
  int n, n_classes;
  int views;             // of each picture
  char **path;           // (n)
  char **name;           // (n_classes)
  float *probability;    // (n, n_classes)
  double *distance;      // (n) from the nearest class mean
  double threshold;      // beyond which a picture is none of the classes; INFINITY: none
  int side, channels;
  unsigned char *small;  // (n, side, side, channels) the pictures, small; NULL unless asked for
};
void pictures_result_release(struct pictures_result *r);
int pictures_best(const struct pictures_result *r, int i);   // the class of the highest probability
bool pictures_is_none(const struct pictures_result *r, int i);

void pictures_print(const struct pictures_result *r, FILE *out);
void pictures_csv(const struct pictures_result *r, FILE *out);
struct json_t *pictures_json(const struct pictures_result *r);
int pictures_sheet(const struct pictures_result *r, const char *path);  // an HTML page (pictures_sheet.c)

// Names of files: each of n words is a file or a folder, of which all PNG and JPEG files below it count, by name.
// ERR_IO for a folder without any. The caller's to free, each.
int pictures_list(char ***path, int *n_paths, char *const *words, int n);

// ---- an experiment that can

struct experiment_pictures {
  // Its own section of settings behind those that are there.
  void (*begin)(void *set);
  int (*learn)(struct pictures_learned *l, void *set, const void *model, const struct pictures_lesson *lesson,
               const struct run_sources *from);
  // small: keep the pictures, small.
  int (*classify)(struct pictures_result *r, void *set, const void *model, const char *state, char *const *words,
                  int n_words, bool small, const struct run_sources *from);
};

#endif
