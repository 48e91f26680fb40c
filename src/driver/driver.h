// driver.h - a chip behind include/metaxbar_driver.h, however it is reached. Every request is one struct driver_call
// that the driver answers in place, so that layers (recording, replaying, faults) stand around any driver.
//
//   ./lib.so:ARGUMENTS   a shared object (driver/library.c)
//   exec:COMMAND         a process that answers lines of JSON (driver/remote.c, driver/calltext.h)
//   replay:FILE          the answers of a recording (driver/recording.c)
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaxbar_driver.h"

struct rng;

enum driver_op {
  DRIVER_INFO,
  DRIVER_PLACE,
  DRIVER_PROGRAM,
  DRIVER_READ,
  DRIVER_PRODUCT,
  DRIVER_RANGE,
  DRIVER_NOW,
  DRIVER_WAIT,
  DRIVER_RESET,
  DRIVER_SAVE,
  DRIVER_RESTORE,
  DRIVER_OPS
};
extern const char *const driver_op_names[DRIVER_OPS + 1];

// The ways in which a call fails: enum mx_driver_error by the name that texts use, with a line about each. Ends with a
// NULL name.
struct driver_failure {
  const char *name;
  int code;
  const char *about;
};
extern const struct driver_failure driver_failures[];

// What a driver can do beyond what every driver must.
struct driver_abilities {
  bool range, save, random;
};

struct driver_call {
  enum driver_op op;
  int region;
  struct mx_region shape;  // of this region; driver_ask
  // requests
  int n;                            // regions, or vectors
  const struct mx_region *regions;  // (n) PLACE
  const double *target;             // (rows, columns) PROGRAM
  const uint8_t *mask;              // (rows, columns) PROGRAM; NULL: all
  double tolerance;                 // PROGRAM
  const int32_t *input;             // (n, rows) PRODUCT, RANGE
  double margin, least;             // RANGE
  double until_s;                   // WAIT
  // requests and answers
  uint32_t random[MX_DRIVER_RANDOM];  // PROGRAM, PRODUCT; of drivers with this ability
  // answers
  struct mx_driver_info info;     // INFO
  struct driver_abilities can;    // INFO
  double *reached;                // (rows, columns) PROGRAM; READ
  uint8_t *status;                // (rows, columns) PROGRAM
  struct mx_program_count count;  // PROGRAM
  int32_t *output;                // (n, columns) PRODUCT
  double code_uS;                 // RANGE
  double now_s;                   // NOW
  int failure;                    // 0 or enum mx_driver_error
  char message[200];              // about the failure; may be ""
  bool unrecorded;                // a recording has no answer: nothing is known of the chip
};

struct driver;
struct driver_kind {
  // Answer the call; a failure of the chip is call->failure. ERR_*: the driver itself cannot be used any more.
  int (*ask)(struct driver *d, struct driver_call *call);
  // Ends it. ERR_IO where something could not be completed, such as a recording.
  int (*close)(struct driver *d);
};

// Head of every implementation's struct.
struct driver {
  const struct driver_kind *kind;
  char name[200];              // for messages
  struct mx_driver_info info;  // from driver_open on
  struct driver_abilities can;
  struct mx_region *regions;  // as placed
  int n_regions;
  double now_s;      // the last time seen
  double timeout_s;  // for an answer of a process
};

struct driver_options {
  const char *record;  // file; NULL or "": none
  const char *faults;  // driver/faults.c; NULL or "": none
  double timeout_s;    // for an answer of a process
};

// Whether `text` names a process, whose answers may come too late.
bool driver_is_process(const char *text);

// Connect to the driver that `text` names, and ask what it is. Errors name chip.driver.
int driver_open(struct driver **d, const char *text, const struct driver_options *o);

// Any table of functions, as a shared object would return it; what a library of this process provides.
int driver_open_table(struct driver **d, const struct mx_driver *table, const char *name, const char *arguments,
                      const struct driver_options *o);

// Close and release. ERR_IO if a recording cannot be completed.
int driver_close(struct driver *d);

// Ask, and check the answer: sizes, ranges, finite numbers, a clock that does not run backwards. A failure of the chip
// is ERR_IO with what failed, where and why; an answer out of range ERR_FORMAT with its field, place and value.
int driver_ask(struct driver *d, struct driver_call *call);
// The same; a driver that can draws its random numbers from r.
int driver_ask_drawing(struct driver *d, struct driver_call *call, struct rng *r);

// ---- for the kinds, and for layers that own what they stand around

// Ask without checks; the message of a failure becomes plain text. What the driver is and can do is taken from its
// answers to INFO.
int driver_forward(struct driver *d, struct driver_call *call);
// Check the answer of a call that did not fail. ERR_FORMAT.
int driver_check(struct driver *d, struct driver_call *call);

int library_open(struct driver **d, const char *text);
int library_wrap(struct driver **d, const struct mx_driver *table, const char *name, const char *arguments);
int remote_open(struct driver **d, const char *command, double timeout_s);
int recording_open(struct driver **d, struct driver *around, const char *path);
int recording_replay(struct driver **d, const char *path);
int faults_open(struct driver **d, struct driver *around, const char *faults);

// Cells and vectors of a call.
static inline size_t driver_cells(const struct driver_call *c) {
  return (size_t)c->shape.rows * (size_t)c->shape.columns;
}

#endif
