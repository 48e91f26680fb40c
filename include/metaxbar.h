/// @file
/// The public C interface of metaxbar.
///
/// @mainpage The C library
///
/// A simulated phase-change-memory chip, networks that learn a task on it from a few examples, and an arm that learns a
/// movement from one demonstration. The functions are declared in metaxbar.h; see also the modules @ref chip,
/// @ref fewshot, @ref arm and @ref device, and the programs in the folder examples.
///
///     cc program.c $(pkg-config --cflags --libs metaxbar)
///
/// Conventions
///   - Functions that can fail return 0, or a negative enum mx_error; mx_last_error() then says in one line what
///     was wrong and where. A failed call leaves the objects as they were.
///   - Settings are those of the command line, "section.name=value", as a list that ends with NULL; NULL is
///     the empty list. docs/settings.md describes them, as does `metaxbar COMMAND --help`.
///   - Arrays are plain, row-major, without padding, and belong to the caller. (A, B) is A rows of B values.
///   - Objects are opaque, made by _new or _load and released by _free, which accepts NULL.
///     Different objects may be used by different threads at once, one object by one thread at a time.
///   - Equal settings, seeds and calls give equal results. Exhausted memory ends the process.
///   - Numbers in files, settings and messages have a decimal point, whatever locale the program has set.
///   - Units are in the names: _s seconds, _uS microsiemens.
#ifndef METAXBAR_H
#define METAXBAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Marks the functions that the shared library exports.
#define MX_API __attribute__((visibility("default")))

/// What a function that failed returns.
enum mx_error {
  MX_ERROR_IO = -1,        ///< a file cannot be read or written
  MX_ERROR_FORMAT = -2,    ///< the content of a file is not what it should be
  MX_ERROR_ARGUMENT = -3,  ///< a setting or an argument is not valid, or another call has to come first
  MX_ERROR_DIVERGED = -4,  ///< a value is not finite
  MX_ERROR_BUSY = -5,      ///< somebody else uses the chip or drives the arm
};

/// @return the version, such as "0.1.0". A program runs with every later version that has the same first number.
MX_API const char *mx_version(void);

/// @return the message of the last call that failed on this thread, one line; "" if none did. Valid until the next
/// failure.
MX_API const char *mx_last_error(void);

/// What a driver of a chip provides; metaxbar_driver.h.
struct mx_driver;

/// The simulated devices as a driver, to try drivers and layers around them on: a shared object that returns this table
/// from metaxbar_driver() is a chip (examples/driver/simulator.c).
/// @return the table of functions of metaxbar_driver.h; open takes settings of the sections chip and verify, seed=N,
/// and keep=FILE, where the cells stay while the driver is closed, separated by blanks
MX_API const struct mx_driver *mx_driver_simulated(void);

/// @defgroup chip The chip: crossbar cores that hold matrices, with a clock
///
/// A weight w is the difference of two conductances, w = scale (G+ - G-)/g_max. The devices compute a product:
/// inputs become pulses of 8 bits, currents sum up on the columns, and converters read them (docs/chip_model.md;
/// cores as in Khaddam-Aljameh et al., JSSC 2022, devices after Joshi et al., Nat. Commun. 11:2473, 2020).
/// A matrix is announced (mx_chip_add), placed (mx_chip_build), written (mx_chip_program) and calibrated
/// (mx_chip_calibrate) before it is used (mx_chip_product).
/// @{

/// A chip.
struct mx_chip;

/// Make an empty chip.
/// @param[out] chip  the new chip, to be released by mx_chip_free()
/// @param settings   of the sections chip (but chip.time_s), verify and ledger; one without effect beside the others is
///                   refused
/// @param seed       of all random numbers of this chip
/// @return 0; #MX_ERROR_ARGUMENT for a bad setting; #MX_ERROR_IO or #MX_ERROR_FORMAT for a bad chip.table. With
///         chip.driver this function and those below may return each of them, and #MX_ERROR_BUSY
MX_API int mx_chip_new(struct mx_chip **chip, const char *const *settings, uint64_t seed);

/// Release a chip.
/// @param chip  the chip, or NULL
MX_API void mx_chip_free(struct mx_chip *chip);

/// Announce an I x O matrix, before mx_chip_build().
/// @param chip  the chip
/// @param name  1 to 63 letters, digits and _ - . that no other matrix of the chip has
/// @param I     number of inputs, the rows of the matrix; 1 to 65536
/// @param O     number of outputs, its columns; 1 to 65536
/// @return the number of the matrix, from 0; #MX_ERROR_ARGUMENT
MX_API int mx_chip_add(struct mx_chip *chip, const char *name, int I, int O);

/// Cut the matrices to the size of the cores and place them.
/// @param chip  the chip, which takes no further matrix from now on
/// @return 0; #MX_ERROR_ARGUMENT if the matrices need more than chip.cores cores: then the chip can only be released
MX_API int mx_chip_build(struct mx_chip *chip);

/// Write a whole matrix. The largest |w| becomes the largest conductance (chip.scale). The calibration is lost.
/// @param chip    a built chip
/// @param matrix  number of the matrix
/// @param w       weights (I, O), of at most 1e30
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a weight is not finite
MX_API int mx_chip_program(struct mx_chip *chip, int matrix, const float *w);

/// Add dw to the weights, as far as the devices can: only those whose target changes are written (chip.update).
/// @param chip    a built chip
/// @param matrix  number of a matrix that was programmed
/// @param dw      changes of the weights (I, O)
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a change is not finite
MX_API int mx_chip_update(struct mx_chip *chip, int matrix, const float *dw);

/// Set the ranges of inputs and outputs and the corrections of the columns, from a sample of inputs as the matrix will
/// see them.
/// @param chip    a built chip
/// @param matrix  number of a matrix that was programmed
/// @param x       the sample (n, I); NULL: the last sample again, or N(0, 1/9) if there was none
/// @param n       vectors of the sample, 2 to chip.calibration_rows; not used if x is NULL
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if an input is not finite
MX_API int mx_chip_calibrate(struct mx_chip *chip, int matrix, const float *x, int n);

/// Compute y = x W on the chip, with noise and converters.
/// @param chip    a built chip
/// @param matrix  number of a matrix that was programmed
/// @param[out] y  outputs (B, O)
/// @param x       inputs (B, I)
/// @param B       number of vectors, 1 to 1048576
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if an input is not finite
MX_API int mx_chip_product(struct mx_chip *chip, int matrix, float *y, const float *x, int B);

/// Multiply the other way, as back-propagation through the matrix does: y = W d, inputs at the columns of the cores. It
/// uses the corrections of mx_chip_calibrate(); every vector is scaled to the range of the inputs, and read again at
/// half the size where an output saturates.
/// @param chip    a built chip of simulated devices
/// @param matrix  number of a matrix that was programmed
/// @param[out] y  (B, I)
/// @param d       (B, O)
/// @param B       vectors, 1 to 1048576
/// @return 0; #MX_ERROR_ARGUMENT, also with chip.driver; #MX_ERROR_DIVERGED if an input is not finite
MX_API int mx_chip_product_transposed(struct mx_chip *chip, int matrix, float *y, const float *d, int B);

/// Advance the clock. Every device drifts from its own time of writing. Calibrated matrices are calibrated again when
/// that is due (chip.recalibrate_s).
/// @param chip    a built chip
/// @param time_s  time of the clock afterwards (0 on a new chip); not less than its time now, at most 1e18
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_chip_advance(struct mx_chip *chip, double time_s);

/// Read the weights as written, without the errors of the devices.
/// @param chip    a built chip
/// @param matrix  number of a matrix that was programmed
/// @param[out] w  weights (I, O)
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_chip_weights(const struct mx_chip *chip, int matrix, float *w);

/// Read the weights as the devices conduct them now, without read noise and correction.
/// @param chip    a built chip
/// @param matrix  number of a matrix that was programmed
/// @param[out] w  weights (I, O)
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_chip_conducted(const struct mx_chip *chip, int matrix, float *w);

/// Read one property of every unit of devices of a matrix. The devices of a unit are written together.
/// @param chip      a built chip
/// @param matrix    number of a matrix that was programmed
/// @param property  target_uS, g_uS (conductance at t0 after writing), nu (drift exponent), q (read noise), stuck_uS
///                  (conductance of the stuck devices), written_s (clock when written), writes, fault, or now_uS
///                  (conductance at the clock)
/// @param[out] v    values (2 signs, units_per_sign, I, O), + first
/// @param n         length of v, which must be that of these values; mx_chip_number() has units_per_sign
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_chip_devices(const struct mx_chip *chip, int matrix, const char *property, double *v, size_t n);

/// Read a number about the chip.
/// @param chip        a built chip
/// @param name        clock_s, cores, devices, units_per_sign, g_max_uS, t0_s; counts since the chip was new: products,
///                    phases, input_conversions, output_conversions, devices_read, weights_written, devices_written,
///                    pulses, verify_reads, verify_failed, inputs_clipped, conversions_saturated, most_writes (of one
///                    device); their cost: read_energy_J, read_time_s, write_energy_J (0 where it is not known),
///                    endurance_used (fraction)
/// @param[out] value  the number
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_chip_number(const struct mx_chip *chip, const char *name, double *value);

/// Write the state of the chip to a file: all of it if the path ends in .safetensors or .npz, a table of the devices
/// alone if it ends in .csv (docs/file_formats.md); another ending is refused. With chip.driver the state lacks the
/// devices, which a driver does not report, and a table is refused.
/// @param chip  a built chip
/// @param path  of the file, which is replaced
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO
MX_API int mx_chip_save(const struct mx_chip *chip, const char *path);

/// Read the state of a chip from a file. From .safetensors or .npz it continues bit for bit; a .csv replaces the
/// devices alone, and matrices that are programmed are calibrated anew (unless chip.correction is none).
/// @param chip  a built chip with the same device model, cores and matrices, without chip.driver, whose cells
///              cannot be restored from a file
/// @param path  of the file
/// @return 0; #MX_ERROR_ARGUMENT, also with chip.driver; #MX_ERROR_IO; #MX_ERROR_FORMAT if it is no state of such a
///         chip
MX_API int mx_chip_load(struct mx_chip *chip, const char *path);

/// @}
/// @defgroup fewshot Few-shot learning: a classifier learns new classes by a few updates of its last layer
///
///     h = features(image),  p = softmax(h W),  W <- W - alpha h^T (p - onehot)/n        n support images
///
/// (Ortner et al., Nat. Commun. 16:1243, 2025). A model trained with train.adapt=dense or all changes those layers, by
/// back-propagation. The weights are exact numbers, quantised ones, or devices of a chip. The order of calls is load,
/// deploy, adapt, classify; examples/adapt_on_chip.c shows it.
/// @{

/// A classifier.
struct mx_fewshot;

/// Load a model file.
/// @param[out] model  the new classifier, to be released by mx_fewshot_free()
/// @param path        of the file
/// @param settings    of `metaxbar eval fewshot` and `learn`, above all synapse.kind=exact|quantised|chip, chip.*, and
///                    eval.batchnorm=support (the default: each query is classified alone) or task (the queries of
///                    one call are normalised together, as in the paper). Those of tasks that the program draws
///                    (eval.tasks, eval.ways, ...) and others without effect are refused
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO; #MX_ERROR_FORMAT
MX_API int mx_fewshot_load(struct mx_fewshot **model, const char *path, const char *const *settings);

/// Release a classifier.
/// @param model  the classifier, or NULL
MX_API void mx_fewshot_free(struct mx_fewshot *model);

/// Ask how many classes a task has, or how many were taught.
/// @param model  the classifier
/// @return the number of classes; #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_ways(const struct mx_fewshot *model);

/// Ask with how many support images of each class the model was trained.
/// @param model  the classifier
/// @return the number of images; #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_shots(const struct mx_fewshot *model);

/// Ask for the size S of an image.
/// @param model  the classifier
/// @return height and width in pixels; #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_image_size(const struct mx_fewshot *model);

/// Ask for the channels C of an image.
/// @param model  the classifier
/// @return 1 (ink) or 3 (red, green, blue); #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_channels(const struct mx_fewshot *model);

/// Bring a grey image of any size to the form that a model of one channel takes.
/// @param model       the classifier
/// @param[out] image  the image (S, S)
/// @param ink         pixels (H, W), 255 full ink, 0 background
/// @param H           height, 1 to 4096
/// @param W           width, 1 to 4096
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_image(const struct mx_fewshot *model, float *image, const unsigned char *ink, int H, int W);

/// Bring a colour image of any size to the form that a model of three channels takes: its central square.
/// @param model       the classifier
/// @param[out] image  the image (S, S, 3)
/// @param rgb         pixels (H, W, 3): red, green, blue
/// @param H           height, 1 to 4096
/// @param W           width, 1 to 4096
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_colours(const struct mx_fewshot *model, float *image, const unsigned char *rgb, int H, int W);

/// Write the weights to arrays of synapse.kind. On a chip: a new one, calibrated on background images (those that
/// data.* names, invented characters if it names none, which a model of photographs refuses), at chip.time_s seconds
/// after writing; or the one saved in synapse.state.
/// @param model  the classifier
/// @param seed   of the chip and of all tasks learned on it
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO; #MX_ERROR_FORMAT
MX_API int mx_fewshot_deploy(struct mx_fewshot *model, uint64_t seed);

/// Learn a task, each time from the state as deployed. Each call since then has random numbers (noise of the chip,
/// rounding) of its own: the same task may be learned otherwise the next time.
/// @param model   a deployed classifier
/// @param images  support images (n, S, S, C)
/// @param labels  class of each image (n), 0 to ways - 1
/// @param n       number of images, 1 to 1024
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a pixel is not finite
MX_API int mx_fewshot_adapt(struct mx_fewshot *model, const float *images, const int *labels, int n);

/// Classify images by the task learned last.
/// @param model               a classifier that has learned a task
/// @param[out] labels         likeliest class of each image (n)
/// @param[out] probabilities  of each class (n, ways), or NULL
/// @param images              query images (n, S, S, C)
/// @param n                   number of images, at least 1; with eval.batchnorm=task at most 1024
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a pixel is not finite
MX_API int mx_fewshot_classify(struct mx_fewshot *model, int *labels, float *probabilities, const float *images, int n);

/// Teach classes beside those that were taught before: any number, each with any number of images, whatever the model
/// was trained with (`metaxbar learn`). The first images give the statistics of the normalisation. From then on
/// mx_fewshot_ways() is the number of classes taught, and mx_fewshot_classify() tells these apart; mx_fewshot_adapt()
/// forgets them. It needs no mx_fewshot_deploy(): with synapse.kind=chip a chip of its own is written, calibrated on
/// these images; with chip.driver it is the one behind the driver, which a deployed model cannot use at the same time.
/// @param model    a classifier
/// @param classes  number of new classes; with those before at least 2 and at most 1024
/// @param images   their images (n, S, S, C)
/// @param labels   class of each image (n), 0 to classes - 1 for the new ones; every class has an image
/// @param n        number of images, at least 1
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a pixel is not finite
MX_API int mx_fewshot_teach(struct mx_fewshot *model, int classes, const float *images, const int *labels, int n);

/// Distances of images from the classes taught: that of their features from the nearest class mean. An image beyond the
/// threshold is taken for none of the classes.
/// @param model            a classifier that has been taught classes
/// @param[out] distances   of each image (n)
/// @param[out] threshold   chosen by the settings learn.reject and learn.threshold; infinite if there is none; or NULL
/// @param images           query images (n, S, S, C)
/// @param n                number of images, at least 1
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a pixel is not finite
MX_API int mx_fewshot_distances(struct mx_fewshot *model, double *distances, double *threshold, const float *images,
                                int n);

/// Write the classes taught to a file (docs/file_formats.md), with the state of the chip if there is one; the driver of
/// a chip keeps its cells (docs/drivers.md).
/// @param model  a classifier that has been taught classes
/// @param path   of the file, which is replaced: .safetensors, .npz, or without an ending
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO
MX_API int mx_fewshot_save_classes(const struct mx_fewshot *model, const char *path);

/// Read the classes that this model was taught, with the settings recorded there, in place of those that it has.
/// @param model  a classifier
/// @param path   of a file of mx_fewshot_save_classes() or `metaxbar learn`
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO; #MX_ERROR_FORMAT, also for a file of another model
MX_API int mx_fewshot_load_classes(struct mx_fewshot *model, const char *path);

/// Read a number about the chip that the model is deployed on. Counts include all tasks learned there.
/// @param model       a classifier deployed on a chip
/// @param name        as for mx_chip_number()
/// @param[out] value  the number
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_fewshot_number(const struct mx_fewshot *model, const char *name, double *value);

/// Draw an invented character, to try things without a data set.
/// @param[out] ink   pixels (size, size), 255 full ink, 0 background
/// @param size       height and width, 8 to 4096
/// @param seed       of the set of characters
/// @param character  number of the character, from 0
/// @param drawing    number of the drawing of this character, from 0
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_character(unsigned char *ink, int size, uint64_t seed, int character, int drawing);

/// @}
/// @defgroup arm The arm: a spiking network learns a movement of two joints from one demonstration, by one update
///
/// A generator network sees the target path and emits learning signals L;
/// dW_ij = sum_t h_j L_j e_i (e-prop), W <- W - eta dW (docs/equations.md, E1 to E3). examples/one_shot_arm.c shows it.
/// @{

/// Both networks of an arm.
struct mx_arm;

/// Load a model file. With synapse.kind=chip the network that moves the arm is written to a chip.
/// @param[out] arm  the new object, to be released by mx_arm_free()
/// @param path      of the file
/// @param settings  of `metaxbar eval arm`; run.seed: of all random numbers; target.*: of mx_arm_path(). Settings of
///                  the evaluation (eval.*) and others without effect are refused
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO; #MX_ERROR_FORMAT
MX_API int mx_arm_load(struct mx_arm **arm, const char *path, const char *const *settings);

/// Release an arm.
/// @param arm  the arm, or NULL
MX_API void mx_arm_free(struct mx_arm *arm);

/// Ask for the number of steps T of a movement.
/// @param arm  the arm
/// @return the number of steps; #MX_ERROR_ARGUMENT
MX_API int mx_arm_steps(const struct mx_arm *arm);

/// Ask for the duration of a step.
/// @param arm  the arm
/// @return seconds; #MX_ERROR_ARGUMENT
MX_API double mx_arm_step_s(const struct mx_arm *arm);

/// Draw a random movement. It sets the posture of mx_arm_begin().
/// @param arm         the arm, which forgets what it has learned
/// @param[out] omega  velocities (T, 2) of base and shoulder, rad/s
/// @param k           number of the movement, from 0
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_arm_movement(struct mx_arm *arm, double *omega, int k);

/// Ask where movements begin: at home, both joints at 0, or where the movement drawn last or mx_arm_begin_at() says.
/// @param arm         the arm
/// @param[out] begin  angles of base and shoulder, rad
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_arm_begin(const struct mx_arm *arm, double begin[2]);

/// Say where the next target and performance begin.
/// @param arm    the arm, which forgets what it has learned
/// @param begin  angles of base and shoulder, rad, within the limits of the joints
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_arm_begin_at(struct mx_arm *arm, const double begin[2]);

/// Show a movement and make the one update, each time from the state as loaded. Call k since then, from 0, has the
/// random numbers (noise of the chip, rounding) of movement k of `metaxbar eval arm`: the same movement may be learned
/// otherwise the next time.
/// @param arm    the arm
/// @param omega  velocities (T, 2) of base and shoulder, rad/s, from mx_arm_begin() on and within the limits of the
/// joints
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a velocity is not finite
MX_API int mx_arm_learn(struct mx_arm *arm, const double *omega);

/// Ask what the joints do. With arm.stops=yes they stop at their limits, whatever the network commands.
/// @param arm         an arm that has learned a movement
/// @param[out] omega  velocities (T, 2) of base and shoulder, rad/s
/// @param updates     1: after the update; 0: before it
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_arm_perform(const struct mx_arm *arm, double *omega, int updates);

/// Compute the path of the tip. The joints start at mx_arm_begin() and are not held within any limits.
/// @param arm       the arm
/// @param[out] xyz  positions (T, 3), m
/// @param omega     velocities (T, 2) of base and shoulder, rad/s
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if a velocity is not finite
MX_API int mx_arm_tips(const struct mx_arm *arm, double *xyz, const double *omega);

/// Learn and perform a path of any length, from a file (docs/own_path.md). A path longer than a movement is learned as
/// a chain of movements.
/// @param arm   the arm, which forgets the movement that it has learned; movements begin at home again
/// @param file  CSV file; NULL: that of the setting target.file
/// @return the number of steps n of the path; #MX_ERROR_ARGUMENT; #MX_ERROR_IO; #MX_ERROR_FORMAT
MX_API int mx_arm_path(struct mx_arm *arm, const char *file);

/// Ask for the angles of base and shoulder along the path of mx_arm_path().
/// @param arm             the arm
/// @param[out] target     (n, 2) rad, of the path; or NULL
/// @param[out] commanded  (n, 2) rad, after the updates; or NULL
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_arm_path_angles(const struct mx_arm *arm, double *target, double *commanded);

/// Ask how far the tip was from the path of mx_arm_path(), root mean square over time.
/// @param arm  the arm
/// @return centimetres; #MX_ERROR_ARGUMENT
MX_API double mx_arm_path_cm(const struct mx_arm *arm);

/// Let an arm take joint angles one after the other: a simulated one, or the real one over MQTT, which is checked,
/// driven and given back as docs/physical_arm.md says. After a failure of the real arm what it had reported is there.
/// @param[out] performed  measured angles (n, 4) of base, shoulder, elbow and wrist, rad; 0 where nothing was measured
/// @param[out] time_s     (n), since the start, s
/// @param[out] done       how many of the n set-points were performed
/// @param q               commanded angles (n, 2) of base and shoulder, rad; if the first is away from home, the arm
///                         goes there slowly before what is measured
/// @param n               set-points, from 1
/// @param settings        of `metaxbar arm`: arm.kind=mqtt, arm.hold_s, link.host, ...
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_DIVERGED if an angle is not finite; #MX_ERROR_IO; #MX_ERROR_BUSY if
///         somebody else drives the arm
MX_API int mx_arm_drive(double *performed, double *time_s, int *done, const double *q, int n,
                        const char *const *settings);

/// @}
/// @defgroup device A device model, by its formulas
/// @{

/// A device model.
struct mx_device;

/// Make a device model.
/// @param[out] device  the new model, to be released by mx_device_free()
/// @param settings     device.preset=joshi2020|hermes|hermes1|published-code or device.table=FILE.ini
///                     (docs/adding_a_device.md)
/// @return 0; #MX_ERROR_ARGUMENT; #MX_ERROR_IO or #MX_ERROR_FORMAT for a bad table
MX_API int mx_device_new(struct mx_device **device, const char *const *settings);

/// Release a device model.
/// @param device  the model, or NULL
MX_API void mx_device_free(struct mx_device *device);

/// Read a constant of the device model.
/// @param device      the model
/// @param name        g_max_uS, t0_s, t_read_s, or devices (that a unit consists of)
/// @param[out] value  the number
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_device_number(const struct mx_device *device, const char *name, double *value);

/// Evaluate the formulas for a unit written to a conductance. Each output may be NULL.
/// @param device                     the model
/// @param g_uS                       target of writing, 0 to g_max_uS
/// @param time_s                     time of the read after writing; earlier than t0_s counts as t0_s
/// @param[out] programming_sigma_uS  standard deviation of the conductance reached
/// @param[out] drift_mean            mean of the drift exponent: N(mean, spread), of presets |N(mean, spread)|
/// @param[out] drift_spread          its spread
/// @param[out] read_sigma_uS         standard deviation of one read, after the mean drift
/// @return 0; #MX_ERROR_ARGUMENT
MX_API int mx_device_at(const struct mx_device *device, double g_uS, double time_s, double *programming_sigma_uS,
                        double *drift_mean, double *drift_spread, double *read_sigma_uS);

/// @}

#ifdef __cplusplus
}
#endif

#endif
