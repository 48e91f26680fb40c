// FNV-1a against its published values, and that a sum sees every number and no padding.
#include "base/checksum.h"
#include "test.h"

// Numbers whose bytes, least significant first, spell a text of four letters.
static real spelled(const char *text) {
  float v;
  memcpy(&v, text, sizeof v);
  return (real)v;
}

int main(void) {
  const real words[2] = { spelled("foob"), spelled("arfo") };
  real m[2*16] = { 1, (real)-0.3, [2] = 7, [16] = (real)0.125, [17] = 0 };
  CHECK(checksum_reals(words, 0, 0, 0) == UINT64_C(0xcbf29ce484222325), "of nothing");
  CHECK(checksum_reals(words, 1, 1, 1) == UINT64_C(0xdd120e790c2512af), "of foob: %llx",
        (unsigned long long)checksum_reals(words, 1, 1, 1));
  const uint64_t sum = checksum_reals(m, 2, 2, 16),
                 straight = checksum_reals((const real[]){ 1, (real)-0.3, (real)0.125, 0 }, 1, 4, 4);
  CHECK(sum == straight, "rows with padding: %llx, without %llx", (unsigned long long)sum,
        (unsigned long long)straight);
  m[2] = 8;
  CHECK(checksum_reals(m, 2, 2, 16) == sum, "padding counts");
  m[17] = (real)1e-30;
  CHECK(checksum_reals(m, 2, 2, 16) != sum, "the last number does not count");
  CHECK(checksum_bytes(CHECKSUM_START, "foob", 4) == UINT64_C(0xdd120e790c2512af), "bytes of foob");
  CHECK(checksum_bytes(checksum_bytes(CHECKSUM_START, "fo", 2), "\377", 1) ==
            checksum_bytes(CHECKSUM_START, "fo\377", 3),
        "in two parts");
  const unsigned char sparse[40] = { [7] = 3, [16] = 1, [39] = 9 };
  uint64_t one_by_one = CHECKSUM_START;
  for (int i = 0; i < 40; i++) one_by_one = checksum_bytes(one_by_one, &sparse[i], 1);
  CHECK(checksum_bytes(CHECKSUM_START, sparse, 40) == one_by_one, "bytes with runs of zeros");
  return test_summary();
}
