// simulateddriver.h - the simulated devices as a driver (metaxbar_driver.h): what examples/driver/simulator.c exports,
// and what drivers are compared with. Arguments, separated by blanks: settings of the sections chip and verify, seed=N,
// and keep=FILE: when regions are first placed, their cells and the time come from there, if the regions are the same,
// and when the driver is closed they go there.
#ifndef CHIP_SIMULATEDDRIVER_H
#define CHIP_SIMULATEDDRIVER_H

struct mx_driver;

const struct mx_driver *simulateddriver(void);

#endif
