// lifetime.h - a programmed chip as time passes: it goes on from a saved state, its matrices age, and how well they
// hold their weights.
#ifndef CHIP_LIFETIME_H
#define CHIP_LIFETIME_H

struct chip;
struct json_t;
struct rng;

// The chip becomes that of a state file. The devices of a CSV, which has no corrections, are calibrated anew unless
// chip.correction=none.
int lifetime_load(struct chip *c, const char *state);

// What a state file ("": none) and chip.time_s ask of a chip just written: it becomes the chip that was saved, then
// time passes. A saved chip stays at its own time if chip.time_s is 0. later_s: how far the caller will let time run
// from there; ERR_SETTING if the chip cannot.
int lifetime_resume(struct chip *c, const char *state, double later_s);

// Matrix m of c becomes that of `from`, the same chip at an earlier time, as c's clock finds it: drifted, and
// calibrated when c was last calibrated if that was later. Of calibrations
// on a schedule the ledger counts those after since_s. What has not changed on `from` since c was made of it need not
// be aged again.
void lifetime_age(struct chip *c, const struct chip *from, int m, double since_s, struct rng *r);

// How well matrix m is held at the chip's clock, without read noise: with w the weights meant and v those conducted,
// kept = <v, w>/<w, w> (drift), error = |v/kept - w|/|w| (what no common gain corrects). Both 0 where nothing is kept,
// and then there is no error to speak of.
struct lifetime_quality {
  double kept, error;
};
struct lifetime_quality lifetime_quality(const struct chip *c, int m);

// {"clock_s", "matrices": [{"name", "rows", "columns", "devices", "scale", "kept", "error"}]}
struct json_t *lifetime_quality_json(const struct chip *c);

#endif
