// simulator.c - the simulated chip as a driver in a shared object:
//   cc -shared -fPIC -o simulator.so simulator.c $(pkg-config --cflags --libs metaxbar)
//   metaxbar eval fewshot ... synapse.kind=chip chip.driver='./simulator.so:chip.preset=hermes chip.cores=2 seed=1'
// A driver of hardware has functions of its own in such a table; metaxbar_driver.h describes them.
#include <metaxbar.h>
#include <metaxbar_driver.h>

__attribute__((visibility("default"))) const struct mx_driver *metaxbar_driver(void) { return mx_driver_simulated(); }
