// calibration.h - input ranges, output ranges and digital column corrections of a chip, from a sample of the
// inputs that each matrix sees (chip_observe).
//
// Column o of a tile gave codes c for inputs whose exact partial sums are t, both of the inputs cut off at the
// input range. Programming error and read noise are in c, so c is regressed on t and the line inverted:
//   gain = var(t)/cov(t, c),  offset = mean(t) - gain mean(c)
// which is unbiased where regression of t on c would shrink the gain. A column that the sample does not
// excite, corr^2 < 1/2, has no line of its own: it takes the gain common to the matrix, sum t^2/sum t y.
#ifndef CHIP_CALIBRATION_H
#define CHIP_CALIBRATION_H

struct chip;
struct rng;

// Calibrate matrix m of a programmed chip at its clock.
void calibration_run(struct chip *c, int m, struct rng *r);

#endif
