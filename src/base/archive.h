// archive.h - a collection of named files: a zip archive (through libzip, here only) or a folder with
// everything below it. Names use '/', are sorted bytewise, and exclude folders, hidden files and
// __MACOSX. Nothing in an archive is trusted: sizes are checked before memory is taken.
#ifndef BASE_ARCHIVE_H
#define BASE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct archive {
  char *path;  // of the zip file or folder, for messages
  int n;
  struct archive_entry *entries;  // (n) sorted by name
  int n_folders;
  struct archive_entry *folders;  // (n_folders) sorted: all; of a zip file, those that it lists or that have files
  void *zip;                      // struct zip, NULL for a folder
  unsigned char *buffer;          // contents of the entry read last
  size_t capacity;
};

struct archive_entry {
  char *name;
  uint64_t index;  // in the zip; 0 for a folder
};

// Open a zip file or a folder. Errors name the path.
int archive_open(struct archive *a, const char *path);
// Open a zip held in memory, which must outlive the archive; `name` is used in messages.
int archive_open_memory(struct archive *a, const char *name, const void *data, size_t size);
void archive_close(struct archive *a);

// The bytes of entry i, valid until the next read. An entry larger than max_size, truncated or
// damaged is an error that names archive and entry.
int archive_read(struct archive *a, int i, size_t max_size, const unsigned char **data, size_t *size);

// A zip file of n parts as they are, not compressed, written atomically (file.h). The same parts give the same bytes.
struct archive_part {
  char *name;
  void *data;
  size_t size;
};
int archive_write(const char *path, const struct archive_part *parts, int n);

#endif
