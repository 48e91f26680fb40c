// The same in integers.
#define MXA_FIXED
#include "fuzz_edge.c"
