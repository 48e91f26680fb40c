#include "base/clocale.h"

// "C" is built into the C library: this neither fails nor allocates.
locale_t clocale_enter(void) { return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); }

void clocale_leave(const locale_t *before) { uselocale(*before); }
