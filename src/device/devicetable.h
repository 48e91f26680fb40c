// devicetable.h - a device model from measured data, without recompiling: an INI file of constants and a
// CSV file of curves over conductance, joined by straight lines.
//
//   [device]                       g_uS,sigma_prog_uS,drift_mean,drift_std,read_q
//   name = my-device               0,0.3,0.09,0.04,0.05
//   devices = 1                    5,0.8,0.06,0.02,0.02
//   g_max_uS = 20                  20,1.0,0.05,0.01,0.015
//   t0_s = 100
//   t_read_s = 1e-6
//   read_white = 0
//   data = my-device.csv           (relative to the INI file)
//
// drift_mean and drift_std are mu and s of (P2), read_q is Q of (P4), see device/pcm.h. Conductances must
// increase strictly from 0 to at least g_max, everything must be finite and not negative, but for drift_mean, at
// least -1: a conductance may rise.
#ifndef DEVICE_DEVICETABLE_H
#define DEVICE_DEVICETABLE_H

#include <stddef.h>

struct pcm;

// Errors name the file, the line and the value.
int devicetable_load(struct pcm *p, const char *path);

// The same from memory: `ini` and `csv` are the texts, the names stand in errors.
int devicetable_parse(struct pcm *p, const char *ini, size_t ini_size, const char *ini_name, const char *csv,
                      size_t csv_size, const char *csv_name);

#endif
