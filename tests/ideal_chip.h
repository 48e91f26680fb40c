// A chip for tests: devices without errors, converters without steps, no correction.
#ifndef TESTS_IDEAL_CHIP_H
#define TESTS_IDEAL_CHIP_H

#include "chip/chip.h"

static inline struct chip_params ideal_chip(void) {
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.prog_scale = p.drift_scale = p.read_scale = 0;
  p.dac_bits = p.adc_bits = 0;
  p.correction = CHIP_NONE;
  return p;
}

#endif
