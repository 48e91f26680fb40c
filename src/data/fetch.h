// fetch.h - downloads with known size and checksum; the one file that reaches libcurl.
// A download grows in "<name>.part", is resumed from there, and gets its name only after size and MD5
// are right; so it may be interrupted at any moment.
#ifndef DATA_FETCH_H
#define DATA_FETCH_H

#include <stdint.h>

struct fetch_file {
  const char *name;  // below the base address and in the folder
  int64_t size;      // bytes
  const char *md5;   // 32 hexadecimal digits
};

// The two archives of github.com/brendenlake/omniglot; a list ends with a NULL name.
extern const struct fetch_file fetch_omniglot[];
extern const struct fetch_file fetch_cifar100[];  // of www.cs.toronto.edu/~kriz

// Called during a download with the bytes so far; returning non-zero stops it (ERR_INTERRUPTED).
typedef int fetch_progress(void *context, const struct fetch_file *file, int64_t done);

// Get all files of the table into dir (created if missing). A file that is there and right is kept; one
// that is there and different is refused, never overwritten. progress may be NULL.
int fetch_files(const char *dir, const char *base_url, const struct fetch_file *files, fetch_progress *progress,
                void *context);

#endif
