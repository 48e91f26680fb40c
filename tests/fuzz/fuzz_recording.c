// A recording that is replayed. Its checksums would stop every change, so the lines of the input are JSON alone and get
// theirs here; with a first byte of '!' the input is the file as it is.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checksum.h"
#include "driver/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_lines(FILE *out, const char *text, size_t size) {
  uint64_t sum = CHECKSUM_START;
  fputs("metaxbar driver recording 1\n", out);
  while (size > 0) {
    const char *end = memchr(text, '\n', size);
    const size_t length = end ? (size_t)(end - text) + 1 : size;
    sum = checksum_bytes(sum, text, length);
    fprintf(out, "%016" PRIx64 " ", sum);
    fwrite(text, 1, length, out);
    text += length;
    size -= length;
  }
}

// The session of the corpus.
static void session(struct driver *d) {
  const struct mx_region regions[] = { { 0, 0, 2, 0, 3 }, { 0, 2, 2, 0, 3 } };
  const double target[] = { 0, 0.5, -0.5, 1, -1, 0.25 };
  const uint8_t mask[] = { 1, 0, 1, 0, 1, 0 };
  const int32_t input[] = { 127, 0, -127, 1 };
  double reached[6] = { 0 };
  uint8_t status[6] = { 0 };
  int32_t output[6] = { 0 };
  struct driver_call calls[] = {
    { .op = DRIVER_PLACE, .n = 2, .regions = regions },
    { .op = DRIVER_PROGRAM, .target = target, .tolerance = 0.1, .reached = reached, .status = status },
    { .op = DRIVER_PROGRAM, .region = 1, .target = target, .mask = mask, .tolerance = 0.1, .reached = reached,
      .status = status },
    { .op = DRIVER_READ, .reached = reached },
    { .op = DRIVER_RANGE, .n = 2, .input = input, .margin = 1, .least = 0 },
    { .op = DRIVER_PRODUCT, .n = 2, .input = input, .output = output },
    { .op = DRIVER_NOW }, { .op = DRIVER_WAIT, .until_s = 1 }, { .op = DRIVER_SAVE }, { .op = DRIVER_RESTORE },
    { .op = DRIVER_RESET },
  };
  for (size_t k = 0; k < sizeof calls/sizeof *calls; k++)
    if (driver_ask(d, &calls[k]) && !calls[k].failure) return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const int file = memfd_create("recording", MFD_CLOEXEC);
  char name[64];
  struct driver *d;
  FILE *out = file < 0 ? NULL : fdopen(file, "w");
  if (!out) abort();
  if (size > 0 && data[0] == '!') fwrite(data + 1, 1, size - 1, out);
  else put_lines(out, (const char *)data, size);
  fflush(out);
  snprintf(name, sizeof name, "replay:/proc/self/fd/%d", file);
  if (driver_open(&d, name, &(struct driver_options){ 0 }) == 0) {
    session(d);
    driver_close(d);
  }
  fclose(out);
  return 0;
}
