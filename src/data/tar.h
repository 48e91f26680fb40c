// tar.h - members of a tar archive, packed by gzip or not; the one file that reaches libarchive.
#ifndef DATA_TAR_H
#define DATA_TAR_H

#include <stddef.h>

struct tar_member {
  const char *name;    // the last part of its path
  size_t max_size;
  unsigned char *data; // (size) owned; NULL: not there
  size_t size;
};

// Read the members of these names, and the rest of the archive, so that one that is cut off is noticed. Errors name the
// archive and the member: damaged, longer than max_size, there twice. What was read is released by tar_release in any
// case.
int tar_read(struct tar_member *members, int n, const char *path);
// The same of an archive in memory, called `name` in messages.
int tar_read_memory(struct tar_member *members, int n, const char *name, const void *data, size_t size);
void tar_release(struct tar_member *members, int n);

#endif
