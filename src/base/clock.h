// clock.h - seconds on a clock that never jumps, and of processor time; both for differences only.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

double clock_s(void);
double clock_processor_s(void);  // used by all threads of this process, however busy the machine is

#endif
