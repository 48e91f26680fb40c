// md5.h - the MD5 message digest (RFC 1321), against damage in transport, not against forgery.
#ifndef DATA_MD5_H
#define DATA_MD5_H

#include <stddef.h>
#include <stdint.h>

struct md5 {
  uint32_t state[4];
  uint64_t n;               // bytes so far
  unsigned char block[64];  // the unfinished block
};

void md5_init(struct md5 *m);
void md5_update(struct md5 *m, const void *data, size_t size);
// The digest as 32 lower-case hexadecimal digits and a final zero.
void md5_final(struct md5 *m, char hex[33]);

#endif
