#include "base/archive.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "base/err.h"
#include "base/file.h"
#include "base/note.h"

enum { ARCHIVE_MAX_ENTRIES = 1 << 22, ARCHIVE_MAX_DEPTH = 16 };

// Hidden files and the forks that macOS adds to archives are not part of the collection.
static int archive_is_wanted(const char *name) {
  return *name && *name != '.' && !strstr(name, "/.") && strncmp(name, "__MACOSX/", 9) != 0;
}

static void archive_append(struct archive_entry **list, int *n, const char *name, size_t length, uint64_t index) {
  if ((*n & (*n - 1)) == 0) {  // room for the next power of two
    struct archive_entry *more = err_calloc(*n ? 2 * (size_t)*n : 1, sizeof *more);
    if (*n) memcpy(more, *list, (size_t)*n * sizeof *more);
    free(*list);
    *list = more;
  }
  (*list)[(*n)++] = (struct archive_entry){ err_strndup(name, length), index };
}

static void archive_add(struct archive *a, const char *name, uint64_t index) {
  archive_append(&a->entries, &a->n, name, strlen(name), index);
}

// The folder that a name begins with, up to `length`, where it is not the one added last.
static void archive_add_folder(struct archive *a, const char *name, size_t length) {
  const char *last = a->n_folders ? a->folders[a->n_folders - 1].name : "";
  if (length > 0 && (strlen(last) != length || strncmp(last, name, length)))
    archive_append(&a->folders, &a->n_folders, name, length, 0);
}

static int archive_compare(const void *x, const void *y) {
  const struct archive_entry *a = x, *b = y;
  return strcmp(a->name, b->name);
}

// Each folder once.
static void archive_sort_folders(struct archive *a) {
  int n = 0;
  if (a->n_folders) qsort(a->folders, (size_t)a->n_folders, sizeof *a->folders, archive_compare);
  for (int k = 0; k < a->n_folders; k++) {
    if (n > 0 && !archive_compare(&a->folders[n - 1], &a->folders[k])) free(a->folders[k].name);
    else a->folders[n++] = a->folders[k];
  }
  a->n_folders = n;
}

static int archive_finish(struct archive *a, int rc) {
  if (rc < 0) {
    archive_close(a);
    return rc;
  }
  if (a->n) qsort(a->entries, (size_t)a->n, sizeof *a->entries, archive_compare);
  archive_sort_folders(a);
  return 0;
}

// ---- zip

static int archive_list_zip(struct archive *a) {
  const zip_int64_t n = zip_get_num_entries(a->zip, 0);
  if (n > ARCHIVE_MAX_ENTRIES)
    return err_set(ERR_FORMAT, "%s: %lld entries, more than are accepted", a->path, (long long)n);
  for (zip_int64_t i = 0; i < n; i++) {
    const char *name = zip_get_name(a->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    if (!name) return err_set(ERR_FORMAT, "%s: entry %lld has no name", a->path, (long long)i);
    if (!archive_is_wanted(name)) continue;
    const char *slash = strrchr(name, '/');
    if (slash) archive_add_folder(a, name, (size_t)(slash - name));
    if (!slash || slash[1]) archive_add(a, name, (uint64_t)i);
  }
  return 0;
}

static int archive_zip_failed(const char *path, zip_error_t *e) {
  const int rc = err_set(ERR_FORMAT, "%s: zip archive: %s", path, zip_error_strerror(e));
  zip_error_fini(e);
  return rc;
}

int archive_open_memory(struct archive *a, const char *name, const void *data, size_t size) {
  *a = (struct archive){ .path = err_strdup(name) };
  zip_error_t e;
  zip_error_init(&e);
  zip_source_t *source = zip_source_buffer_create(data, size, 0, &e);
  a->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &e) : NULL;
  if (a->zip) return archive_finish(a, archive_list_zip(a));
  zip_source_free(source);
  return archive_finish(a, archive_zip_failed(name, &e));
}

static int archive_open_zip(struct archive *a) {
  int code;
  a->zip = zip_open(a->path, ZIP_RDONLY, &code);
  if (a->zip) return archive_list_zip(a);
  zip_error_t e;
  zip_error_init_with_code(&e, code);
  return archive_zip_failed(a->path, &e);
}

static int archive_entry_failed(const struct archive *a, const char *name, const char *what) {
  return err_set(ERR_FORMAT, "%s: %s: %s", a->path, name, what);
}

static int archive_oversize(const struct archive *a, const char *name, uint64_t size, size_t max_size) {
  return err_set(ERR_FORMAT, "%s: %s: %llu bytes, at most %zu are accepted", a->path, name, (unsigned long long)size,
                 max_size);
}

static void archive_room(struct archive *a, size_t size) {
  if (size < a->capacity) return;
  free(a->buffer);
  a->capacity = size + 1;
  a->buffer = err_calloc(a->capacity, 1);
}

// The size is checked before anything is unpacked; the read after the last byte makes libzip compare
// the checksum and reveals an entry that is longer than stated.
static int archive_read_zip(struct archive *a, const struct archive_entry *entry, size_t max_size, size_t *size) {
  zip_stat_t st;
  if (zip_stat_index(a->zip, entry->index, 0, &st) < 0 || !(st.valid & ZIP_STAT_SIZE))
    return archive_entry_failed(a, entry->name, "size unknown");
  if (st.size > max_size) return archive_oversize(a, entry->name, st.size, max_size);
  zip_file_t *f = zip_fopen_index(a->zip, entry->index, 0);
  if (!f) return archive_entry_failed(a, entry->name, zip_strerror(a->zip));
  archive_room(a, st.size);
  const zip_int64_t got = zip_fread(f, a->buffer, st.size);
  const zip_int64_t behind = got == (zip_int64_t)st.size ? zip_fread(f, a->buffer + st.size, 1) : -1;
  const int rc = behind == 0 ? 0 : archive_entry_failed(a, entry->name, "damaged or truncated");
  zip_fclose(f);
  *size = st.size;
  return rc;
}

// ---- folder

static int archive_join(char path[4096], const char *folder, const char *name) {
  if (snprintf(path, 4096, "%s%s%s", folder, *folder && *name ? "/" : "", name) < 4096) return 0;
  return err_set(ERR_IO, "%s: name too long", folder);
}

static int archive_list_folder(struct archive *a, const char *below, int depth);

static int archive_list_item(struct archive *a, const char *below, const char *item, int depth) {
  char name[4096], full[4096];
  struct stat st;
  TRY(archive_join(name, below, item));
  TRY(archive_join(full, a->path, name));
  if (!archive_is_wanted(name)) return 0;
  if (stat(full, &st) < 0) {
    note("%s: %s, ignored", full, strerror(errno));
    return 0;
  }
  if (S_ISDIR(st.st_mode)) return archive_list_folder(a, name, depth + 1);
  if (a->n == ARCHIVE_MAX_ENTRIES) return err_set(ERR_IO, "%s: more files than are accepted", a->path);
  if (S_ISREG(st.st_mode)) archive_add(a, name, 0);
  else note("%s: neither a folder nor a file, ignored", full);
  return 0;
}

static int archive_list_folder(struct archive *a, const char *below, int depth) {
  char full[4096];
  TRY(archive_join(full, a->path, below));
  archive_add_folder(a, below, strlen(below));
  if (depth > ARCHIVE_MAX_DEPTH) return err_set(ERR_IO, "%s: folders nested too deeply", full);
  DIR *dir = opendir(full);
  if (!dir) return err_set(ERR_IO, "%s: %s", full, strerror(errno));
  int rc = 0;
  for (struct dirent *item; rc == 0 && (item = readdir(dir));) rc = archive_list_item(a, below, item->d_name, depth);
  closedir(dir);
  return rc;
}

static int archive_read_file(struct archive *a, const struct archive_entry *entry, size_t max_size, size_t *size) {
  char full[4096];
  TRY(archive_join(full, a->path, entry->name));
  FILE *f = fopen(full, "rb");
  if (!f) return err_set(ERR_IO, "%s: %s", full, strerror(errno));
  struct stat st;
  int rc = fstat(fileno(f), &st) < 0 || st.st_size < 0 ? archive_entry_failed(a, entry->name, strerror(errno)) : 0;
  if (rc == 0 && (uint64_t)st.st_size > max_size) rc = archive_oversize(a, entry->name, (uint64_t)st.st_size, max_size);
  if (rc == 0) {
    archive_room(a, (size_t)st.st_size);
    *size = fread(a->buffer, 1, (size_t)st.st_size, f);
    if (*size != (size_t)st.st_size) rc = archive_entry_failed(a, entry->name, "cannot be read to its end");
  }
  fclose(f);
  return rc;
}

// ---- both

int archive_open(struct archive *a, const char *path) {
  *a = (struct archive){ .path = err_strdup(path) };
  struct stat st;
  if (stat(path, &st) < 0) return archive_finish(a, err_set(ERR_IO, "%s: %s", path, strerror(errno)));
  if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
    return archive_finish(a, err_set(ERR_FORMAT, "%s: neither a folder nor a file", path));
  return archive_finish(a, S_ISDIR(st.st_mode) ? archive_list_folder(a, "", 0) : archive_open_zip(a));
}

int archive_read(struct archive *a, int i, size_t max_size, const unsigned char **data, size_t *size) {
  assert(i >= 0 && i < a->n);
  const struct archive_entry *entry = a->entries + i;
  TRY(a->zip ? archive_read_zip(a, entry, max_size, size) : archive_read_file(a, entry, max_size, size));
  *data = a->buffer;
  return 0;
}

void archive_close(struct archive *a) {
  if (a->zip) zip_discard(a->zip);
  for (int i = 0; i < a->n; i++) free(a->entries[i].name);
  for (int i = 0; i < a->n_folders; i++) free(a->folders[i].name);
  free(a->entries);
  free(a->folders);
  free(a->buffer);
  free(a->path);
  memset(a, 0, sizeof *a);
}

// ---- writing

static int archive_add_part(zip_t *z, const struct archive_part *part) {
  zip_source_t *source = zip_source_buffer(z, part->data, part->size, 0);
  const zip_int64_t i = source ? zip_file_add(z, part->name, source, ZIP_FL_ENC_UTF_8) : -1;
  if (source && i < 0) zip_source_free(source);
  if (i < 0 || zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0) < 0 ||
      zip_file_set_dostime(z, (zip_uint64_t)i, 0, 0x21, 0) < 0)  // 1 January 1980
    return err_set(ERR_FORMAT, "%s: %s", part->name, zip_strerror(z));
  return 0;
}

// The bytes of a zip that was closed into `memory`.
static int archive_copy_out(const char *path, zip_source_t *memory) {
  struct file_out out;
  char buffer[65536];
  zip_int64_t n;
  TRY(file_out_open(&out, path));
  if (zip_source_open(memory) < 0) {
    file_out_abort(&out);
    return err_set(ERR_IO, "%s: %s", path, zip_error_strerror(zip_source_error(memory)));
  }
  while ((n = zip_source_read(memory, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, (size_t)n, out.stream);
  zip_source_close(memory);
  return file_out_commit(&out);
}

int archive_write(const char *path, const struct archive_part *parts, int n) {
  zip_error_t e;
  zip_error_init(&e);
  zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, &e);
  zip_t *z = memory ? zip_open_from_source(memory, ZIP_CREATE | ZIP_TRUNCATE, &e) : NULL;
  if (!z) {
    zip_source_free(memory);
    return archive_zip_failed(path, &e);
  }
  int rc = 0;
  zip_source_keep(memory);
  for (int i = 0; i < n && rc == 0; i++) rc = archive_add_part(z, &parts[i]);
  if (rc == 0 && zip_close(z) < 0) rc = err_set(ERR_IO, "%s: %s", path, zip_strerror(z));
  else if (rc == 0) z = NULL;
  if (z) zip_discard(z);
  if (rc == 0) rc = archive_copy_out(path, memory);
  zip_source_free(memory);
  return rc;
}
