// The example Marks on a computer (docs/edge.md).
#include <stdio.h>

#include "marks.h"

int main(void) {
  printf("of 20 marks told apart: %d\n", marks_run());
  return 0;
}
