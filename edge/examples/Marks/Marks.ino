// Copy model.c and model.h into this folder (docs/edge.md).
#include "marks.h"

void setup() {
  Serial.begin(115200);
  while (!Serial) {}
  Serial.print("of 20 marks told apart: ");
  Serial.println(marks_run());
}

void loop() {}
