// chipparams.h - the settings of a chip (chip/chip.h), section "chip".
#ifndef CHIP_CHIPPARAMS_H
#define CHIP_CHIPPARAMS_H

#include <stdint.h>

#include "base/param.h"
#include "device/verify.h"

enum chip_correction { CHIP_NONE, CHIP_GLOBAL, CHIP_COLUMN };
enum chip_scale { CHIP_SCALE_MATRIX, CHIP_SCALE_COLUMN, CHIP_SCALE_UNIT, CHIP_SCALE_CORE };
enum chip_update { CHIP_ALL, CHIP_THRESHOLD, CHIP_STOCHASTIC, CHIP_NEAREST };
enum chip_update_write { CHIP_WRITE_PROGRAM, CHIP_WRITE_PULSES };
enum chip_update_aim { CHIP_AIM_CURRENT, CHIP_AIM_NOMINAL };
enum { CHIP_MAX_SIDE = 1024 };  // rows and columns of a core

struct chip_params {
  int64_t preset;               // of pcm_preset_names
  char driver[PARAM_TEXT_SIZE], record[PARAM_TEXT_SIZE], driver_faults[PARAM_TEXT_SIZE];
  double driver_timeout_s, driver_tolerance;
  char table[PARAM_TEXT_SIZE];  // a device table instead of the preset
  int64_t cores, rows, columns;
  int64_t devices_per_sign;     // 0: 2, but 1 for hermes1 and published-code
  int64_t programming;          // statistical | verify
  int64_t phases;               // 4 | 1
  int64_t dac_bits, adc_bits;   // 0: ideal
  double adc_margin;            // output range over the largest charge seen in calibration
  double adc_gain_spread, adc_offset_spread;
  double input_quantile;        // input range: this quantile of the |inputs| seen
  int64_t calibration_rows;     // input vectors kept for calibration
  int64_t correction;           // enum chip_correction
  double recalibrate_s;         // 0: whenever the clock is set; else the interval
  int64_t scale;                // enum chip_scale
  double weight_clip;           // scale at most this many standard deviations of the weights; 0: largest |w|
  double aim_s;                 // conductances are in proportion to the weights then; 0: when written
  double headroom;              // scale over the largest |w|: room for updates
  int64_t update;               // enum chip_update
  double update_threshold;      // in units of scale
  int64_t update_levels;        // steps of the grid per scale
  int64_t update_aim;           // enum chip_update_aim
  double update_aim_s;          // changed weights are in proportion to the others then; 0: at once
  int64_t update_write;         // enum chip_update_write
  double pulse_step, pulse_reset_step, pulse_saturation, pulse_spread;  // device/pulses.h
  double prog_scale, drift_scale, read_scale, read_white;
  int64_t read_memory;
  double on_off_ratio, reset_spread;
  int64_t endurance;
  double wire_ohm;
  double fault_reset, fault_set, fault_dead;
  int64_t fault_aware;
  double time_s;                // for experiments: when the model is used, after writing
  struct verify_params verify;  // its own settings section
};
extern const char *const chip_update_names[];
extern const struct param chip_param_table[];  // all but verify, which verify_param_table describes
// How a model is laid out on devices: it goes with the model, so model files carry these.
#define CHIP_LAYOUT_SETTINGS "chip.scale", "chip.weight_clip", "chip.headroom"

#endif
