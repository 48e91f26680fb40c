#include "long_edge.c"
