// turned.h - a tile read the other way: inputs drive its columns, currents are summed on its rows. Devices and wires
// are the same, as a network of resistors conducts alike in both directions; converters at the rows have no errors of
// gain and offset, and read noise has no memory.
// Nothing is calibrated for this direction: one code is such that inputs of both signs, normal and a third of the range
// wide, stay within the range by 4 standard deviations on every row (P9).
#ifndef DEVICE_TURNED_H
#define DEVICE_TURNED_H

struct tile;
struct tile_design;

// What products (core.h) see of t as a tile of t->columns rows and t->rows columns; ends with tile_release.
void turned_init(struct tile *turned, const struct tile *t, const struct tile_design *d, double margin);

#endif
