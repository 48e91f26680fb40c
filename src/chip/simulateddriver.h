// simulateddriver.h - the simulated devices as a driver (metaxbar_driver.h): what examples/driver/simulator.c exports,
// and what drivers are compared with. Arguments: settings of the sections chip and verify, and seed=N, separated by
// blanks.
#ifndef CHIP_SIMULATEDDRIVER_H
#define CHIP_SIMULATEDDRIVER_H

struct mx_driver;

const struct mx_driver *simulateddriver(void);

#endif
