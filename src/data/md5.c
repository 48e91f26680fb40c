#include "data/md5.h"

#include <string.h>

static uint32_t md5_rotate(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }

// RFC 1321, section 3.4. K[i] = floor(2^32 |sin(i + 1)|).
static const uint32_t md5_k[64] = {
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
  0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
  0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
  0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
  0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
  0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
  0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
  0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void md5_block(struct md5 *m, const unsigned char *p) {
  static const unsigned char shift[4][4] = {
    { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 }
  };
  static const unsigned step[4] = { 1, 5, 3, 7 }, start[4] = { 0, 1, 5, 0 };
  uint32_t x[16], a = m->state[0], b = m->state[1], c = m->state[2], d = m->state[3];
  for (int i = 0; i < 16; i++)
    x[i] = p[4 * i] | (uint32_t)p[4 * i + 1] << 8 | (uint32_t)p[4 * i + 2] << 16 | (uint32_t)p[4 * i + 3] << 24;
  for (unsigned i = 0; i < 64; i++) {
    const unsigned round = i / 16;
    const uint32_t f = round == 0 ? (b & c) | (~b & d)
                     : round == 1 ? (b & d) | (c & ~d)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
    const uint32_t sum = a + f + md5_k[i] + x[(start[round] + step[round] * i) % 16];
    a = d;
    d = c;
    c = b;
    b += md5_rotate(sum, shift[round][i % 4]);
  }
  m->state[0] += a;
  m->state[1] += b;
  m->state[2] += c;
  m->state[3] += d;
}

void md5_init(struct md5 *m) { *m = (struct md5){ .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 } }; }

void md5_update(struct md5 *m, const void *data, size_t size) {
  const unsigned char *p = data;
  while (size > 0) {
    const size_t used = m->n % 64, take = size < 64 - used ? size : 64 - used;
    memcpy(m->block + used, p, take);
    m->n += take;
    p += take;
    size -= take;
    if (m->n % 64 == 0) md5_block(m, m->block);
  }
}

void md5_final(struct md5 *m, char hex[33]) {
  static const unsigned char padding[64] = { 0x80 };
  const uint64_t bits = 8 * m->n;
  unsigned char length[8];
  for (int i = 0; i < 8; i++) length[i] = (unsigned char)(bits >> 8 * i);
  md5_update(m, padding, 1 + (119 - m->n % 64) % 64);
  md5_update(m, length, 8);
  for (int i = 0; i < 16; i++) {
    const unsigned byte = m->state[i / 4] >> 8 * (i % 4) & 255;
    hex[2 * i] = "0123456789abcdef"[byte / 16];
    hex[2 * i + 1] = "0123456789abcdef"[byte % 16];
  }
  hex[32] = 0;
}
