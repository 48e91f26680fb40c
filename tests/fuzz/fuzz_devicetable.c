// A device table from arbitrary bytes: INI, a line "%%", CSV. What is accepted must be usable everywhere.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "device/devicetable.h"
#include "device/pcm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *cut = size ? memmem(text, size, "%%\n", 3) : NULL;
  const size_t ini = cut ? (size_t)(cut - text) : size, skip = cut ? ini + 3 : size;
  struct pcm p;
  if (devicetable_parse(&p, text, ini, "ini", text + skip, size - skip, "csv") < 0) return 0;
  for (int k = 0; k <= 8; k++) {
    const double g = p.g_max_uS * k / 8, sigma = pcm_sigma_prog_uS(&p, g), q = pcm_read_q(&p, g);
    if (!(sigma >= 0) || !(q >= 0) || !isfinite(sigma) || !isfinite(pcm_sigma_read_uS(&p, g, q, 1e6))) abort();
  }
  return 0;
}
