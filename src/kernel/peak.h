// peak.h - what this processor can do at most: a loop of independent multiply-adds in registers.
#ifndef KERNEL_PEAK_H
#define KERNEL_PEAK_H

// Run n rounds and return the floating-point operations done; *sink keeps the compiler honest.
double peak_run(long n, double *sink);

// Size of the vectors that the kernels compute with.
int peak_vector_bytes(void);

#endif
