// clocale.h - numbers are read and written with a decimal point, as files and settings need them, whatever locale the
// program that uses the library has set. The locale belongs to the calling thread; that of the process is never
// changed.
#ifndef BASE_CLOCALE_H
#define BASE_CLOCALE_H

#include <locale.h>

// The "C" locale for the calling thread. Returns the thread's locale until then, for clocale_leave.
locale_t clocale_enter(void);
void clocale_leave(const locale_t *before);

#endif
