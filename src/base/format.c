#include "base/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"

enum { MAJOR = 1 };
static const char version[] = "1.0", own[] = "metaxbar ";

void format_put(struct tensorfile_writer *w, const char *format) {
  tensorfile_put_text(w, "format", format);
  tensorfile_put_text(w, "version", version);
}

void format_copy(struct tensorfile_writer *w, const struct tensorfile *tf) {
  const char *key, *format = tensorfile_metadata(tf, "format");
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *text = tensorfile_metadata_at(tf, i, &key);
    tensorfile_put_text(w, key, text);
    if (!strcmp(key, "format") && !strncmp(format, own, strlen(own)) && !tensorfile_metadata(tf, "version"))
      tensorfile_put_text(w, "version", version);
  }
}

int format_check(const struct tensorfile *tf, const char *format) {
  const char *is = tensorfile_metadata(tf, "format"), *found = tensorfile_metadata(tf, "version");
  if (!is || strncmp(is, own, strlen(own))) return 0;
  if (strcmp(is, format)) return err_set(ERR_FORMAT, "%s: is a '%s', not a '%s'", tensorfile_name(tf), is, format);
  if (!found) return 0;
  char *end;
  const long major = strtol(found, &end, 10);
  if (end == found || major < 1 || (*end && *end != '.'))
    return err_set(ERR_FORMAT, "%s: version=%s: must be a number like %s", tensorfile_name(tf), found, version);
  if (major <= MAJOR) return 0;
  return err_set(ERR_FORMAT, "%s: version %s of '%s': this program reads versions up to %s", tensorfile_name(tf), found,
                 is, version);
}

int format_check_size(const struct tensorfile *tf, const char *setting, int64_t recorded, int64_t of_tensors) {
  if (recorded == of_tensors || !tensorfile_metadata(tf, setting)) return 0;
  return err_set(ERR_FORMAT, "%s: metadata: %s=%lld, but its tensors have %lld", tensorfile_name(tf), setting,
                 (long long)recorded, (long long)of_tensors);
}
