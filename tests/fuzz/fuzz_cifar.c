// Any bytes as the CIFAR-100 archive; as its names; as its records, with good names.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "data/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(const struct tar_member *members) {
  struct imageset set;
  imageset_init_colour(&set, 8);
  cifar_add(&set, members, "fuzz", 7);
  imageset_release(&set);
}

static void as_archive(const uint8_t *data, size_t size) {
  struct tar_member members[CIFAR_MEMBERS];
  memcpy(members, cifar_members, sizeof members);
  for (int k = 0; k < CIFAR_MEMBERS; k++) members[k].max_size = 1 << 20;
  if (tar_read_memory(members, CIFAR_MEMBERS, "fuzz", data, size) == 0) add(members);
  tar_release(members, CIFAR_MEMBERS);
}

// As one of the files, beside others.
static void as_member(struct tar_member *of, int member, const uint8_t *data, size_t size) {
  struct tar_member members[CIFAR_MEMBERS];
  memcpy(members, of, sizeof members);
  members[member].data = err_calloc(size + 1, 1);
  if (size) memcpy(members[member].data, data, size);
  members[member].size = size;
  add(members);
  free(members[member].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char names[] = "apple\naquarium_fish\nbaby\n";
  static unsigned char record[3074];
  struct tar_member others[CIFAR_MEMBERS];
  memcpy(others, cifar_members, sizeof others);
  others[CIFAR_NAMES].data = err_calloc(sizeof names, 1);
  memcpy(others[CIFAR_NAMES].data, names, sizeof names);
  others[CIFAR_NAMES].size = sizeof names - 1;
  others[CIFAR_TRAIN].data = others[CIFAR_TEST].data = record;
  others[CIFAR_TRAIN].size = others[CIFAR_TEST].size = sizeof record;
  as_archive(data, size);
  as_member(others, CIFAR_NAMES, data, size);
  as_member(others, CIFAR_TRAIN, data, size);
  free(others[CIFAR_NAMES].data);
  return 0;
}
