#include "base/tensorsum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/tensorfile.h"

static int by_key(const void *a, const void *b) {
  return strcmp(((const struct tensorsum_text *)a)->key, ((const struct tensorsum_text *)b)->key);
}

static uint64_t with_zero(uint64_t sum, const char *text) { return checksum_bytes(sum, text, strlen(text) + 1); }

uint64_t tensorsum_texts(const struct tensorsum_text *texts, int n) {
  uint64_t sum = CHECKSUM_START;
  struct tensorsum_text *sorted = err_calloc((size_t)n, sizeof *sorted);
  if (n) memcpy(sorted, texts, (size_t)n * sizeof *sorted);
  qsort(sorted, (size_t)n, sizeof *sorted, by_key);
  for (int i = 0; i < n; i++)
    if (strcmp(sorted[i].key, TENSORSUM_KEY)) sum = with_zero(with_zero(sum, sorted[i].key), sorted[i].value);
  free(sorted);
  return sum;
}

uint64_t tensorsum_head(uint64_t sum, const struct tensorfile_entry *e, const char *dtype) {
  const int64_t n_dims = e->n_dims;
  sum = with_zero(with_zero(sum, e->name), dtype);
  sum = checksum_bytes(sum, &n_dims, sizeof n_dims);
  return checksum_bytes(sum, e->dims, (size_t)n_dims * sizeof *e->dims);
}

void tensorsum_print(char text[TENSORSUM_SIZE], uint64_t sum) { snprintf(text, TENSORSUM_SIZE, "%016" PRIx64, sum); }
