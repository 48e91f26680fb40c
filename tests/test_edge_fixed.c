#include "test_edge.c"
