#include <Arduino.h>

#include "marks.h"

void setup() {
  Serial.begin(115200);
  Serial.println(marks_run());
}

void loop() {}
