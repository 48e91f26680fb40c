// simulateddriver.h - the simulated devices as a driver (metaxbar_driver.h): what examples/driver/simulator.c exports,
// and what drivers are compared with. Arguments, separated by blanks: settings of the sections chip and verify, seed=N,
// and keep=FILE. From there come the cells of the same regions, and their time, when regions are first placed, and there
// they go when the driver is closed.
#ifndef CHIP_SIMULATEDDRIVER_H
#define CHIP_SIMULATEDDRIVER_H

struct mx_driver;

const struct mx_driver *simulateddriver(void);

#endif
