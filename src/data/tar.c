#include "data/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { TAR_BLOCK = 1 << 16 };

// libarchive's own words, or what they leave out.
static int tar_failed(struct archive *a, const char *where, const char *member) {
  const char *what = archive_error_string(a);
  return err_set(ERR_FORMAT, "%s: %s%s%s", where, member, *member ? ": " : "", what ? what : "damaged");
}

static void tar_room(struct tar_member *m, size_t *capacity, size_t more) {
  if (m->size + more <= *capacity) return;
  *capacity = m->size + more > 2 * *capacity ? m->size + more : 2 * *capacity;
  unsigned char *data = err_calloc(*capacity, 1);
  if (m->size) memcpy(data, m->data, m->size);
  free(m->data);
  m->data = data;
}

// Memory grows with what is there, not with what the header says.
static int tar_read_member(struct archive *a, struct tar_member *m, const char *where) {
  size_t capacity = 0;
  for (;;) {
    tar_room(m, &capacity, TAR_BLOCK);
    const la_ssize_t n = archive_read_data(a, m->data + m->size, TAR_BLOCK);
    if (n == 0) return 0;
    if (n < 0) return tar_failed(a, where, m->name);
    m->size += (size_t)n;
    if (m->size > m->max_size)
      return err_set(ERR_FORMAT, "%s: %s: more than the %zu bytes that are accepted", where, m->name, m->max_size);
  }
}

static struct tar_member *tar_wanted(struct tar_member *members, int n, struct archive_entry *entry) {
  const char *path = archive_entry_pathname(entry), *slash = path ? strrchr(path, '/') : NULL;
  for (int k = 0; path && k < n; k++)
    if (archive_entry_filetype(entry) == AE_IFREG && !strcmp(slash ? slash + 1 : path, members[k].name))
      return members + k;
  return NULL;
}

static int tar_read_all(struct archive *a, struct tar_member *members, int n, const char *where) {
  struct archive_entry *entry;
  int rc;
  while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
    struct tar_member *m = tar_wanted(members, n, entry);
    if (m && m->data) return err_set(ERR_FORMAT, "%s: %s is there twice", where, m->name);
    if (m) TRY(tar_read_member(a, m, where));
  }
  return rc == ARCHIVE_EOF ? 0 : tar_failed(a, where, "");
}

static int tar_take(struct archive *a, int opened, struct tar_member *members, int n, const char *where) {
  const int rc = opened == ARCHIVE_OK ? tar_read_all(a, members, n, where) : tar_failed(a, where, "");
  archive_read_free(a);
  return rc;
}

static struct archive *tar_new(void) {
  struct archive *a = archive_read_new();
  archive_read_support_filter_gzip(a);
  archive_read_support_format_tar(a);
  return a;
}

int tar_read(struct tar_member *members, int n, const char *path) {
  struct archive *a = tar_new();
  return tar_take(a, archive_read_open_filename(a, path, TAR_BLOCK), members, n, path);
}

int tar_read_memory(struct tar_member *members, int n, const char *name, const void *data, size_t size) {
  struct archive *a = tar_new();
  return tar_take(a, archive_read_open_memory(a, data, size), members, n, name);
}

void tar_release(struct tar_member *members, int n) {
  for (int k = 0; k < n; k++) {
    free(members[k].data);
    members[k].data = NULL;
    members[k].size = 0;
  }
}
