// armlink_fixture.h - the link to the real arm against a real broker and a stand-in for the robot. The linker gives its
// clock and its wait to the test (--wrap): where the stand-in is silent on purpose, the time-out passes at once;
// otherwise the clock moves too little for one, however slow the machine.
#ifndef ARMLINK_FIXTURE_H
#define ARMLINK_FIXTURE_H

#include "arm/armlink.h"
#include "arm/jointpath.h"
#include "arm_stand_in.h"
#include "base/err.h"
#include "base/progress.h"
#include "base/signals.h"
#include "test.h"

enum { N = 20 };
static const double degree = 3.14159265358979323846/180;
static struct folder folder;
static struct broker broker;
static struct armlink_params params;
static struct jointpath commanded;
static char heard[4096];  // by the stand-in, of the last attempt
static double skipped_s;  // the clock is ahead by this
static bool skips = true, alone;
static bool returning;    // the broker was lost: from when the robot listens again, time passes with every vain wait

// A thousand times slower than the real one, whose time-outs a busy machine would reach.
double __real_clock_s(void);
double __wrap_clock_s(void);
double __wrap_clock_s(void) { return 1e-3*__real_clock_s() + skipped_s; }

// Does the robot listen for a second time?
static inline bool robot_is_back(void) {
  char *text;
  size_t size;
  if (file_read(folder_path(&folder, "heard"), sizeof heard - 1, &text, &size) < 0) return false;
  const char *first = strstr(text, "ready");
  const bool back = first && strstr(first + 1, "ready");
  free(text);
  return back;
}

// After the word "silence" nothing can come that is waited for; without a robot, after the question itself.
int __real_mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s);
int __wrap_mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s);
int __wrap_mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s) {
  const int rc = __real_mqtt_wait(m, message, 1e-3*timeout_s);  // by the slow clock
  if (rc < 0) returning = true;
  if (returning && !skips && rc == 0 && timeout_s > 0) {
    folder_write(&folder, "waits", "", 0);
    if (robot_is_back()) skipped_s += STAND_IN_PATIENCE_S/10.0;
  }
  if (rc != 1 || strcmp(message->topic, "metainfo")) return rc;
  const bool silence = !strcmp(message->text, "silence");
  if (skips && (silence || alone)) skipped_s += 2*STAND_IN_PATIENCE_S;
  return silence ? 0 : 1;
}

// Without a broker nothing can come either.
int __real_mqtt_open(struct mqtt **m, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s);
int __wrap_mqtt_open(struct mqtt **m, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s);
int __wrap_mqtt_open(struct mqtt **m, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s) {
  const int rc = __real_mqtt_open(m, p, will, timeout_s);
  if (skips && rc < 0) skipped_s += 2*STAND_IN_PATIENCE_S;
  if (rc < 0) returning = true;
  return rc;
}

static inline void read_heard(void) {
  char *text;
  size_t size;
  if (file_read(folder_path(&folder, "heard"), sizeof heard - 1, &text, &size) < 0) return;
  snprintf(heard, sizeof heard, "%s", strstr(text, "ready") ? strstr(text, "ready") + 6 : text);
  free(text);
}

// Wait until the stand-in has heard `signal`; without it nothing that follows can be tested.
static inline void wait_heard(const char *signal) {
  for (int k = 0; k < 100*STAND_IN_PATIENCE_S; k++, stand_in_sleep_ms(10), read_heard())
    if (strstr(heard, signal)) return;
  printf("FAIL the stand-in has not heard '%s' within %d s, but '%s'\n", signal, STAND_IN_PATIENCE_S, heard);
  exit(EXIT_FAILURE);
}

static inline void forget(void) {
  unlink(folder_path(&folder, "heard"));
  heard[0] = 0;
}

static inline int attempt(struct jointpath *performed, const struct manners *w) {
  const pid_t robot = robot_start(&folder, &broker, w);
  const int rc = armlink_perform(performed, &params, &commanded);
  robot_dismiss(robot, &broker);
  read_heard();
  return rc;
}

// Whether there is a broker to test with; says so if there is none.
static inline bool fixture_possible(void) {
  if (broker_program()) return true;
  printf("SKIP the broker mosquitto is absent\n");
  return false;
}

// A movement of N points, and everything for the link to a broker on the loopback but the broker.
static inline void fixture_start(void) {
  progress_quiet(true);
  folder = folder_make();
  setenv("XDG_STATE_HOME", folder_path(&folder, "state"), 1);
  param_defaults(armlink_param_table, &params);
  strcpy(params.broker.host, "127.0.0.1");
  params.answer_s = params.homing_s = params.point_s = params.return_s = STAND_IN_PATIENCE_S;
  params.free_s = 1;
  jointpath_init(&commanded, N, 0.25);
  for (int k = 0; k < N; k++) commanded.q[4*k] = (k + 1)*degree, commanded.q[4*k + 1] = -0.5*(k + 1)*degree;
}

static inline void fixture_broker(const char *extra) {
  broker = broker_start(&folder, extra);
  params.broker.port = broker.port;
}

static inline int fixture_end(void) {
  jointpath_release(&commanded);
  folder_remove(&folder);
  return test_summary();
}

#endif
