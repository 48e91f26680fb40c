// metaxbar.h - the public C interface of metaxbar: a simulated phase-change-memory chip, networks that learn a
// task on it from a few examples, and an arm that learns a movement from one demonstration.
//
//   cc program.c $(pkg-config --cflags --libs metaxbar)
//
// Conventions
//   - Functions that can fail return 0, or a negative enum mx_error; mx_last_error() then says in one line what
//     was wrong and where. A failed call changes nothing.
//   - Settings are those of the command line, "section.name=value", as a list that ends with NULL; NULL is
//     the empty list. `metaxbar chip --help` and so on describe them.
//   - Arrays are plain, row-major, without padding, and belong to the caller. (A, B) is A rows of B values.
//   - Objects are opaque, made by _new or _load and given back by _free, which accepts NULL.
//     Different objects may be used by different threads at once, one object by one thread at a time.
//   - Equal settings, seeds and calls give equal results. Exhausted memory ends the process.
//   - Numbers in files, settings and messages have a decimal point, whatever locale the program has set.
//   - Units are in the names: _s seconds, _uS microsiemens.
#ifndef METAXBAR_H
#define METAXBAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MX_API __attribute__((visibility("default")))

enum mx_error {
  MX_ERROR_IO = -1,        // a file cannot be read or written
  MX_ERROR_FORMAT = -2,    // a file does not hold what it should
  MX_ERROR_ARGUMENT = -3,  // a setting or an argument is not valid, or it is not the time for this call
  MX_ERROR_DIVERGED = -4,  // a value is not finite
};

// "0.1.0". Within one first number, programs linked against an older version go on working.
MX_API const char *mx_version(void);

// What was wrong with the last call that failed on this thread; "" if none did. Valid until the next failure.
MX_API const char *mx_last_error(void);

// ---- the chip: crossbar cores that hold matrices, with a clock
//
// A weight w is the difference of two conductances, w = scale (G+ - G-)/g_max. A product is taken by the devices:
// inputs become pulses of 8 bits, currents sum up on the columns, and converters read them (docs/chip_model.md;
// cores as in Khaddam-Aljameh et al., JSSC 2022, devices after Joshi et al., Nat. Commun. 11:2473, 2020).

struct mx_chip;

// An empty chip. Settings of the sections chip, verify and ledger. seed: of everything random on it.
MX_API int mx_chip_new(struct mx_chip **chip, const char *const *settings, uint64_t seed);
MX_API void mx_chip_free(struct mx_chip *chip);

// Announce an I x O matrix (inputs x outputs) before mx_chip_build. name: 1 to 63 letters, digits and _ - . not used
// before. Returns the number of the matrix, from 0.
MX_API int mx_chip_add(struct mx_chip *chip, const char *name, int I, int O);

// Cut the matrices to the size of the cores and place them. Fails if they need more than chip.cores.
MX_API int mx_chip_build(struct mx_chip *chip);

// Write a whole matrix, w (I, O). The largest |w| becomes the largest conductance. Forgets the calibration of the
// matrix.
MX_API int mx_chip_program(struct mx_chip *chip, int matrix, const float *w);

// w += dw as far as devices can, dw (I, O): only the devices whose target changes are written (chip.update).
MX_API int mx_chip_update(struct mx_chip *chip, int matrix, const float *dw);

// Set input and output ranges and the corrections of the columns from a sample of inputs as the matrix will see them,
// x (n, I), n from 2 to chip.calibration_rows. x NULL: the sample of the last time; without one, N(0, 1/9).
MX_API int mx_chip_calibrate(struct mx_chip *chip, int matrix, const float *x, int n);

// y (B, O) = x (B, I) W as the chip computes it, with its noise and converters.
MX_API int mx_chip_product(struct mx_chip *chip, int matrix, float *y, const float *x, int B);

// Let time pass until the clock, 0 when the chip is new, shows time_s. Every device drifts from its own time of
// writing. What was calibrated is calibrated again when that is due (chip.recalibrate_s).
MX_API int mx_chip_advance(struct mx_chip *chip, double time_s);

// w (I, O): the weights as written, without error; and as the devices conduct now, without read noise and correction.
MX_API int mx_chip_weights(const struct mx_chip *chip, int matrix, float *w);
MX_API int mx_chip_conducted(const struct mx_chip *chip, int matrix, float *w);

// A property of every unit of devices of a matrix, v (2 signs, units_per_sign, I, O). A unit is written as one; what
// properties there are: target_uS, g_uS (at t0 after writing), nu (drift exponent), q (read noise), stuck_uS,
// written_s, writes, fault. n: values that v has room for.
MX_API int mx_chip_devices(const struct mx_chip *chip, int matrix, const char *property, double *v, size_t n);

// A number about the chip: clock_s, cores, devices, units_per_sign, g_max_uS, t0_s; what it has been asked to do so
// far: products, phases, input_conversions, output_conversions, devices_read, weights_written, devices_written, pulses,
// verify_reads, verify_failed, most_writes (of one device); what that costs: read_energy_J, read_time_s,
// write_energy_J (0 what is not priced), endurance_used.
MX_API int mx_chip_number(const struct mx_chip *chip, const char *name, double *value);

// The whole state as a file, safetensors or, if the path ends in .csv, a table of the devices alone. Loading needs a
// built chip with the same devices, cores and matrices; from safetensors it then goes on bit for bit.
MX_API int mx_chip_save(const struct mx_chip *chip, const char *path);
MX_API int mx_chip_load(struct mx_chip *chip, const char *path);

// ---- few-shot learning: a classifier that learns new classes by a few updates of its last layer
//
//   h = features(image),  p = softmax(h W),  W <- W - alpha h^T (p - onehot)/n        n support images
// (Ortner et al., Nat. Commun. 16:1243, 2025); a model trained with train.adapt=dense or all changes those layers, by
// back-propagation. The weights are exact numbers, quantised ones, or devices of a chip.

struct mx_fewshot;

// Load a model file. Settings of `metaxbar eval fewshot`, above all synapse.kind=exact|quantised|chip, chip.*, and
// eval.batchnorm=support (the default here: each query stands for itself) or task (all queries of one call are
// normalised together, as in the paper).
MX_API int mx_fewshot_load(struct mx_fewshot **model, const char *path, const char *const *settings);
MX_API void mx_fewshot_free(struct mx_fewshot *model);

MX_API int mx_fewshot_ways(const struct mx_fewshot *model);        // classes of a task
MX_API int mx_fewshot_shots(const struct mx_fewshot *model);       // images of each that it was trained with
MX_API int mx_fewshot_image_size(const struct mx_fewshot *model);  // height and width S
MX_API int mx_fewshot_channels(const struct mx_fewshot *model);    // C of an image: 1 of ink, 3 of colours

// An image of any size as the model wants it, for a model of one channel: image (S, S). ink (H, W): 255 full ink, 0
// background; H, W from 1 to 4096.
MX_API int mx_fewshot_image(const struct mx_fewshot *model, float *image, const unsigned char *ink, int H, int W);
// The same for a model of three: image (S, S, 3), rgb (H, W, 3), of which the central square is taken.
MX_API int mx_fewshot_colours(const struct mx_fewshot *model, float *image, const unsigned char *rgb, int H, int W);

// Write the model to what synapse.kind says. On a chip: a new one of this seed, calibrated on background images (those
// that data.* names; invented characters unless it does), at chip.time_s seconds after writing; or the one saved in
// synapse.state.
MX_API int mx_fewshot_deploy(struct mx_fewshot *model, uint64_t seed);

// Learn a task, always from the state as deployed. images (n, S, S, C), labels (n) in [0, ways); n from 1 to 1024.
MX_API int mx_fewshot_adapt(struct mx_fewshot *model, const float *images, const int *labels, int n);

// labels (n) = the likeliest class of each image (n, S, S, C); probabilities (n, ways), or NULL. n at least 1, with
// eval.batchnorm=task at most 1024.
MX_API int mx_fewshot_classify(struct mx_fewshot *model, int *labels, float *probabilities, const float *images, int n);

// As mx_chip_number, of the chip the model is deployed on; counts include all tasks learned there.
MX_API int mx_fewshot_number(const struct mx_fewshot *model, const char *name, double *value);

// Invented handwriting to try things with: drawing number `drawing` of a character, ink (size, size), size from 8 to
// 4096.
MX_API int mx_character(unsigned char *ink, int size, uint64_t seed, int character, int drawing);

// ---- the arm: a spiking network that learns a movement of two joints from one demonstration, by one update
//
// A generator network sees the target path and emits learning signals L; dW_ij = sum_t h_j L_j e_i (e-prop), W <- W -
// eta dW.

struct mx_arm;

// Load a model file. Settings of `metaxbar eval arm`; with synapse.kind=chip the network that moves the arm is written
// to a chip. run.seed: of everything random.
MX_API int mx_arm_load(struct mx_arm **arm, const char *path, const char *const *settings);
MX_API void mx_arm_free(struct mx_arm *arm);

MX_API int mx_arm_steps(const struct mx_arm *arm);      // steps T of a movement
MX_API double mx_arm_step_s(const struct mx_arm *arm);  // duration of one

// Random movement number k, from 0: velocities of base and shoulder, omega (T, 2) rad/s.
MX_API int mx_arm_movement(struct mx_arm *arm, double *omega, int k);

// Show a movement, omega (T, 2) rad/s, beginning with both joints at 0 and within their limits, and make the one
// update, always from the state as loaded.
MX_API int mx_arm_learn(struct mx_arm *arm, const double *omega);

// What the joints do after the update, or with updates = 0 did before it: omega (T, 2) rad/s. With arm.stops=yes they
// stop at their limits, whatever the network says.
MX_API int mx_arm_perform(const struct mx_arm *arm, double *omega, int updates);

// Path of the tip, xyz (T, 3) metres, under velocities omega (T, 2) rad/s from rest at 0; they are not held within any
// limits.
MX_API int mx_arm_tips(const struct mx_arm *arm, double *xyz, const double *omega);

// ---- a device model, by its formulas

struct mx_device;

// Settings device.preset=joshi2020|hermes|hermes1|published-code or device.table=FILE.ini (docs/adding_a_device.md).
MX_API int mx_device_new(struct mx_device **device, const char *const *settings);
MX_API void mx_device_free(struct mx_device *device);

// g_max_uS, t0_s, t_read_s, devices (that a unit consists of).
MX_API int mx_device_number(const struct mx_device *device, const char *name, double *value);

// A unit written to g_uS in [0, g_max]: standard deviation of the conductance reached; drift exponent ~ |N(mean,
// spread)|; standard deviation of one read time_s after writing, after the mean drift. Any of the four may be NULL.
MX_API int mx_device_at(const struct mx_device *device, double g_uS, double time_s, double *programming_sigma_uS,
                        double *drift_mean, double *drift_spread, double *read_sigma_uS);

#ifdef __cplusplus
}
#endif

#endif
