// tar_write.h - tar archives for tests, through libarchive; packed by gzip where the name ends in gz.
#ifndef TAR_WRITE_H
#define TAR_WRITE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

struct tar_file {
  const char *name;
  const void *data;
  size_t size;
};

static inline void tar_write(const char *path, const struct tar_file *files, int n) {
  const size_t length = strlen(path);
  struct archive *a = archive_write_new();
  if (!strcmp(path + length - 2, "gz") && archive_write_add_filter_gzip(a) != ARCHIVE_OK) abort();
  if (archive_write_set_format_ustar(a) != ARCHIVE_OK || archive_write_open_filename(a, path) != ARCHIVE_OK) abort();
  for (int k = 0; k < n; k++) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, files[k].name);
    archive_entry_set_size(entry, (la_int64_t)files[k].size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (archive_write_header(a, entry) != ARCHIVE_OK) abort();
    if (archive_write_data(a, files[k].data, files[k].size) != (la_ssize_t)files[k].size) abort();
    archive_entry_free(entry);
  }
  if (archive_write_close(a) != ARCHIVE_OK) abort();
  archive_write_free(a);
}

#endif
