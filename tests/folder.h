// folder.h - a temporary folder for a test, and files in it.
#ifndef FOLDER_H
#define FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

struct folder {
  char path[256];
};

static inline struct folder folder_make(void) {
  struct folder f = { "/tmp/metaxbar_test_XXXXXX" };
  if (!mkdtemp(f.path)) abort();
  return f;
}

static inline int folder_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static inline void folder_remove(const struct folder *f) { nftw(f->path, folder_unlink, 16, FTW_DEPTH | FTW_PHYS); }

// "<folder>/<name>"; the folders above it are made. Valid until the fourth call after.
static inline const char *folder_path(const struct folder *f, const char *name) {
  static char paths[4][1024];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", f->path, name);
  char *last = path;
  for (char *c = path; *c; c++)
    if (*c == '/') last = c;
  *last = 0;
  if (file_make_dirs(path) < 0) abort();
  *last = '/';
  return path;
}

static inline void folder_write(const struct folder *f, const char *name, const void *data, size_t size) {
  FILE *out = fopen(folder_path(f, name), "wb");
  if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0) abort();
}

#endif
