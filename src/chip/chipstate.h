// chipstate.h - the state of a chip as a file, to be continued later or looked at by other tools.
//
// safetensors: everything, so that a chip loaded from it goes on bit for bit: per tile k of the plan
//   tile.k.target_uS, g_uS, nu, q, stuck_uS, written_s, writes, fault    (2 signs, units, rows, columns)
//   tile.k.converter_gain, converter_offset, gain, offset (columns), lsb (1),
//   with chip.read_memory flicker (4, 1 + octaves, padded columns) and flicker_reads (4, 2)
// per matrix m: matrix.m.w, wanted (I, O), scale (O), sample (rows, I), state; and chip.clock, chip.rng,
// chip.ledger. The metadata says which chip it is, and for each matrix the checksum (base/checksum.h) of the weights it
// was written with, before any update: chip.matrix.m.weights. Another chip's state, or another model's, is refused.
// CSV: lines "# key=value" (clock_s, then which chip and weights it is; a table of another tool may leave out all but
// clock_s), a head, and one line per unit of devices with its matrix, row, column, sign: the same numbers, as text that
// reads back to the same bits, and now_uS, what each conducts at the clock: where that was changed it was measured, and
// g_uS, the conductance at t0, follows from it. Loading one replaces the devices of a programmed chip, and leaves
// weights and corrections as they are: calibrate afterwards (lifetime_load does).
#ifndef CHIP_CHIPSTATE_H
#define CHIP_CHIPSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct chip;
struct tensorfile;
struct tensorfile_writer;

int chipstate_save(const struct chip *c, const char *path);
int chipstate_save_csv(const struct chip *c, const char *path);

// Into a built chip with the same device model, geometry and matrices, programmed with the same weights or not at all.
// On failure the chip is as it was.
int chipstate_load(struct chip *c, const char *path);
int chipstate_load_stream(struct chip *c, FILE *stream, const char *name);  // closes it
int chipstate_load_csv(struct chip *c, const char *path);
// As a part of a file that holds more: all but the format and its version. The file stays open.
void chipstate_put(const struct chip *c, struct tensorfile_writer *w);
int chipstate_take(struct chip *c, struct tensorfile *tf);
// Of either form: a path ends in .safetensors, .npz or .csv.
int chipstate_read(struct chip *c, const char *path);
bool chipstate_is_csv(const char *path);
int chipstate_write(const struct chip *c, const char *path);
// ERR_SETTING for any other ending, to be asked before a state is computed. The message begins with setting, which may
// be "".
int chipstate_check_path(const char *setting, const char *path);
int chipstate_parse_csv(void *chip, const char *text, size_t size, const char *name);  // for file_parse

#endif
