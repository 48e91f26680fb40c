#include "data/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "data/md5.h"

const struct fetch_file fetch_omniglot[] = {
  { "images_background.zip", 9464212, "68d2efa1b9178cc56df9314c21c6e718" },
  { "images_evaluation.zip", 6462886, "6b91aef0f799c5bb55b94e3f2daec811" },
  { NULL, 0, NULL },
};

const struct fetch_file fetch_cifar100[] = {
  { "cifar-100-binary.tar.gz", 168513733, "03b5dce01913d631647c71ecec9e9cb8" },
  { NULL, 0, NULL },
};

// One download in progress.
struct fetch {
  const struct fetch_file *file;
  char url[FILE_PATH_SIZE], path[FILE_PATH_SIZE], part[FILE_PATH_SIZE];
  FILE *out;
  int64_t done;  // bytes in the .part file
  int too_long, full_disk, stopped;
  fetch_progress *progress;
  void *context;
};

static size_t fetch_receive(char *data, size_t one, size_t n, void *user) {
  struct fetch *f = user;
  (void)one;
  if (f->done + (int64_t)n > f->file->size) return f->too_long = 1, 0;
  if (fwrite(data, 1, n, f->out) != n) return f->full_disk = 1, 0;
  f->done += (int64_t)n;
  return n;
}

static int fetch_watch(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  struct fetch *f = user;
  (void)a, (void)b, (void)c, (void)d;
  if (f->progress && f->progress(f->context, f->file, f->done)) f->stopped = 1;
  return f->stopped;
}

enum { FETCH_ABSENT = 1 };

// Is the file there and right? *size as far as it was found.
static int fetch_verify(const char *path, const struct fetch_file *file, int64_t *size) {
  FILE *in = fopen(path, "rb");
  *size = 0;
  if (!in) return errno == ENOENT ? FETCH_ABSENT : err_set(ERR_IO, "%s: %s", path, strerror(errno));
  struct md5 m;
  char hex[33];
  unsigned char block[1 << 14];
  md5_init(&m);
  for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0; *size += (int64_t)n) md5_update(&m, block, n);
  const int failed = ferror(in);
  fclose(in);
  if (failed) return err_set(ERR_IO, "%s: cannot be read", path);
  md5_final(&m, hex);
  if (*size != file->size)
    return err_set(ERR_FORMAT, "%s: %lld bytes instead of %lld", path, (long long)*size, (long long)file->size);
  if (strcmp(hex, file->md5) != 0) return err_set(ERR_FORMAT, "%s: MD5 %s instead of %s", path, hex, file->md5);
  return 0;
}

// The .part file, locked until it is closed.
static int fetch_open(struct fetch *f) {
  const int fd = open(f->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return err_set(ERR_IO, "%s: %s", f->part, strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !file_is_named(fd, f->part)) {
    close(fd);
    return err_set(ERR_BUSY, "%s: another download is writing it", f->part);
  }
  f->out = fdopen(fd, "r+b");
  if (f->out) return 0;
  close(fd);
  return err_set(ERR_IO, "%s: %s", f->part, strerror(errno));
}

static int fetch_failed(const struct fetch *f, CURLcode code, long status, const char *detail) {
  if (f->stopped)
    return err_set(ERR_INTERRUPTED, "%s: stopped after %lld bytes; start again to go on", f->url, (long long)f->done);
  if (f->too_long)
    return err_set(ERR_FORMAT, "%s: longer than the %lld bytes expected", f->url, (long long)f->file->size);
  if (f->full_disk) return err_set(ERR_IO, "%s: cannot be written", f->part);
  if (code == CURLE_HTTP_RETURNED_ERROR) return err_set(ERR_IO, "%s: the server answers %ld", f->url, status);
  return err_set(ERR_IO, "%s: %s", f->url, *detail ? detail : curl_easy_strerror(code));
}

static void fetch_options(CURL *curl, struct fetch *f, char *detail) {
  curl_easy_setopt(curl, CURLOPT_URL, f->url);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)f->done);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, fetch_receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, fetch_watch);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, f);
}

enum { FETCH_NO_RANGES = 2 };

// Cut the .part file to the first `from` bytes and append to it.
static int fetch_transfer(struct fetch *f, int64_t from) {
  char detail[CURL_ERROR_SIZE] = "";
  long status = 0;
  f->done = from;
  f->too_long = f->full_disk = f->stopped = 0;
  if (fseeko(f->out, from, SEEK_SET) || ftruncate(fileno(f->out), from))
    return err_set(ERR_IO, "%s: %s", f->part, strerror(errno));
  CURL *curl = curl_easy_init();
  fetch_options(curl, f, detail);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(curl);
  if (fflush(f->out) != 0 || fsync(fileno(f->out)) != 0) f->full_disk = 1;
  if (from > 0 && (code == CURLE_RANGE_ERROR || status == 416)) return FETCH_NO_RANGES;
  return code == CURLE_OK && !f->full_disk ? 0 : fetch_failed(f, code, status, detail);
}

// Download, going on from what the .part file holds; start over once when the server cannot go on or the sum is wrong.
static int fetch_complete(struct fetch *f) {
  int64_t size;
  int rc = fetch_verify(f->part, f->file, &size);
  if (rc == 0) return 0;
  const int64_t from = size < f->file->size ? size : 0;
  rc = fetch_transfer(f, from);
  if (rc == 0) rc = fetch_verify(f->part, f->file, &size);
  if (from > 0 && (rc == FETCH_NO_RANGES || rc == ERR_FORMAT)) {
    rc = fetch_transfer(f, 0);
    if (rc == 0) rc = fetch_verify(f->part, f->file, &size);
  }
  if (rc == ERR_FORMAT) unlink(f->part);  // complete and wrong: nothing to go on from
  return rc;
}

static int fetch_one(struct fetch *f) {
  int64_t size;
  TRY(file_refuse_link(f->part));
  int rc = fetch_verify(f->path, f->file, &size);
  if (rc == ERR_FORMAT) {
    char found[FILE_PATH_SIZE];
    snprintf(found, sizeof found, "%s", err_message());
    return err_set(ERR_FORMAT, "%s; not the official file, and not overwritten: move it away", found);
  }
  if (rc != FETCH_ABSENT) return rc;
  TRY(fetch_open(f));
  rc = fetch_complete(f);
  if (rc == 0 && rename(f->part, f->path) < 0) rc = err_set(ERR_IO, "%s: %s", f->path, strerror(errno));
  fclose(f->out);
  return rc;
}

int fetch_files(const char *dir, const char *base_url, const struct fetch_file *files, fetch_progress *progress,
                void *context) {
  TRY(file_make_dirs(dir));
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return err_set(ERR_IO, "libcurl cannot be started");
  int rc = 0;
  for (; files->name && rc == 0; files++) {
    struct fetch f = { .file = files, .progress = progress, .context = context };
    if (snprintf(f.url, sizeof f.url, "%s/%s", base_url, files->name) >= (int)sizeof f.url ||
        snprintf(f.path, sizeof f.path, "%s/%s", dir, files->name) >= (int)sizeof f.path ||
        snprintf(f.part, sizeof f.part, "%s.part", f.path) >= (int)sizeof f.part)
      rc = err_set(ERR_SETTING, "%s, %s: too long", dir, base_url);
    else rc = fetch_one(&f);
  }
  curl_global_cleanup();
  return rc;
}
