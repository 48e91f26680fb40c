// tensorsum.h - the checksum of a tensor file (base/tensorfile.h), which stands in its metadata as "checksum", 16
// hexadecimal digits: 64-bit FNV-1a (base/checksum.h) of
//   every other text of the metadata, by key:  key, 0, text, 0
//   every tensor, by name:                     name, 0, dtype, 0, number of dimensions and each of them (int64),
//                                              the data
// as bytes, numbers little endian, in the order of strcmp. Whoever writes the same content in another order gets the
// same.
#ifndef BASE_TENSORSUM_H
#define BASE_TENSORSUM_H

#include <stdint.h>

struct tensorfile_entry;

#define TENSORSUM_KEY "checksum"
enum { TENSORSUM_SIZE = 17 };

struct tensorsum_text {
  const char *key, *value;
};

// The sum of the texts, in any order; and the sum so far with the head of a tensor, after which comes its data.
uint64_t tensorsum_texts(const struct tensorsum_text *texts, int n);
uint64_t tensorsum_head(uint64_t sum, const struct tensorfile_entry *e, const char *dtype);

void tensorsum_print(char text[TENSORSUM_SIZE], uint64_t sum);

#endif
