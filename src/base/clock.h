// clock.h - seconds on a clock that never jumps, for differences only.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

double clock_s(void);

#endif
