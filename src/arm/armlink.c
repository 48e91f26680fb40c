#include "arm/armlink.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arm/jointpath.h"
#include "arm/message.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/note.h"
#include "base/progress.h"
#include "base/signals.h"

const struct param armlink_param_table[] = {
#define P struct armlink_params
  PARAM_TEXT(P, robot, "EDScorbotSim", "name of the robot: EDScorbot is the real one"),
  PARAM_TEXT(P, client, "", "client name that owns the robot during the movement; empty: a new one is made"),
  { .type = PARAM_TYPE_TEXT, .name = "host", .offset = offsetof(P, broker.host), .text = "localhost",
    .help = "MQTT broker" },
  { .type = PARAM_TYPE_I64, .name = "port", .offset = offsetof(P, broker.port), .value = 1883, .min = 1, .max = 65535,
    .help = "port of the broker; 8883 is usual with TLS" },
  { .type = PARAM_TYPE_TEXT, .name = "user", .offset = offsetof(P, broker.user), .text = "",
    .help = "user name at the broker; empty: none" },
  { .type = PARAM_TYPE_TEXT, .name = "password", .offset = offsetof(P, broker.password), .text = "",
    .help = "password at the broker; better in a file (-c) than on the command line" },
  { .type = PARAM_TYPE_BOOL, .name = "tls", .offset = offsetof(P, broker.tls), .max = 1,
    .help = "encrypt the connection, and accept only a broker with a trusted certificate" },
  { .type = PARAM_TYPE_TEXT, .name = "ca_file", .offset = offsetof(P, broker.ca_file), .text = "",
    .help = "file of trusted certificates; empty: those of the system" },
  PARAM_F64(P, answer_s, 5, 0.05, 3600, "longest wait for an answer"),
  PARAM_F64(P, homing_s, 600, 0.05, 36000, "longest wait until the robot has found its home position"),
  PARAM_F64(P, point_s, 10, 0.05, 3600, "longest wait for a point, beyond its hold time"),
  PARAM_F64(P, step_deg, 5, 0.01, 360, "largest step of a joint between two set-points"),
#undef P
  { 0 },
};

static const double in_use_deg[JOINTPATH_JOINTS][2] = { { -155, 155 }, { -60, 110 }, { -145, 80 }, { -90, 90 } };

// ---- checks before anything is sent

static int check_limits(const struct jointpath *c, double limit_deg[][2], const char *whose) {
  for (int k = 0; k < c->n; k++) {
    double now[JOINTPATH_JOINTS];
    message_degrees(now, c->q + JOINTPATH_JOINTS*k);
    for (int j = 0; j < JOINTPATH_JOINTS; j++)
      if (!(now[j] >= limit_deg[j][0] && now[j] <= limit_deg[j][1]))
        return err_set(ERR_SETTING, "set-point %d: %s at %.2f degrees; %s %g to %g", k, jointpath_joint_names[j],
                       now[j], whose, limit_deg[j][0], limit_deg[j][1]);
  }
  return 0;
}

static int check_steps(const struct jointpath *c, double most_deg) {
  double before[JOINTPATH_JOINTS] = { 0 }, now[JOINTPATH_JOINTS];
  for (int k = 0; k < c->n; k++, memcpy(before, now, sizeof now)) {
    message_degrees(now, c->q + JOINTPATH_JOINTS*k);
    for (int j = 0; j < JOINTPATH_JOINTS; j++)
      if (!(fabs(now[j] - before[j]) <= most_deg))
        return err_set(ERR_SETTING, "set-point %d: %s steps by %.2f degrees from %s; limit link.step_deg=%g", k,
                       jointpath_joint_names[j], now[j] - before[j], k ? "the one before" : "home", most_deg);
  }
  return 0;
}

static int check_name(const char *setting, const char *name, int may_be_empty) {
  const char *c = name;
  while (isalnum((unsigned char)*c) || (*c && strchr("_.-", *c))) c++;
  if (*c || (!*name && !may_be_empty) || c - name >= MESSAGE_NAME_SIZE)
    return err_set(ERR_SETTING, "%s=%s: a name has letters, digits and _ . - only, at most %d", setting, name,
                   MESSAGE_NAME_SIZE - 1);
  return 0;
}

// Limits in use and largest step, from home on. ERR_SETTING names set-point, joint and angle.
static int check_path(const struct armlink_params *p, const struct jointpath *c) {
  double limit_deg[JOINTPATH_JOINTS][2];
  memcpy(limit_deg, in_use_deg, sizeof limit_deg);
  TRY(check_name("link.robot", p->robot, 0));
  TRY(check_name("link.client", p->client, 1));
  TRY(check_limits(c, limit_deg, "the limits in use are"));
  return check_steps(c, p->step_deg);
}

// ---- the conversation

struct armlink {
  const struct armlink_params *p;
  struct mqtt *mqtt;
  char id[MESSAGE_NAME_SIZE];
  char topic[3][MESSAGE_NAME_SIZE + 16];  // by enum message_topic
  double hold_s;
  bool owner, moving;                     // what has to be undone
};

static void name_all(struct armlink *l, const struct armlink_params *p, const struct jointpath *c) {
  *l = (struct armlink){ .p = p, .hold_s = c->time_s[0] };
  if (p->client[0]) snprintf(l->id, sizeof l->id, "%.63s", p->client);
  else snprintf(l->id, sizeof l->id, "metaxbar-%d-%x", (int)getpid(), (unsigned)(1e3*fmod(clock_s(), 1e6)));
  snprintf(l->topic[MESSAGE_ON_METAINFO], sizeof l->topic[0], "metainfo");
  snprintf(l->topic[MESSAGE_ON_COMMANDS], sizeof l->topic[0], "%.63s/commands", p->robot);
  snprintf(l->topic[MESSAGE_ON_MOVED], sizeof l->topic[0], "%.63s/moved", p->robot);
}

static int publish(struct armlink *l, enum message_topic on, char *text) {
  const int rc = mqtt_publish(l->mqtt, l->topic[on], text);
  free(text);
  return rc;
}

static int command(struct armlink *l, enum message_signal signal) {
  return publish(l, MESSAGE_ON_COMMANDS, message_command(signal, l->id));
}

// Is it the answer: to us, or to nobody in particular?
static bool is_answer(const struct armlink *l, const struct message *m, enum message_topic on, int signal) {
  if (on == MESSAGE_ON_METAINFO) return m->signal == signal && !strcmp(m->name, l->p->robot);
  return m->signal == signal && (!m->client[0] || !strcmp(m->client, l->id));
}

// The next message on topic `on` with that signal, ignoring others: 1; 0 after timeout_s. Signals end the wait unless
// it is the orderly end that is waited for.
static int next(struct armlink *l, struct message *m, enum message_topic on, int signal, double timeout_s,
                bool ending) {
  const double end = clock_s() + timeout_s;
  for (double left_s = timeout_s; left_s > 0; left_s = end - clock_s()) {
    struct mqtt_message got;
    if (signals_caught() && !ending) return err_set(ERR_INTERRUPTED, "stopped by a signal");
    const int rc = mqtt_wait(l->mqtt, &got, fmin(left_s, 0.1));
    if (rc < 0) return rc;
    if (rc == 0 || strcmp(got.topic, l->topic[on])) continue;
    TRY(message_parse(m, on, got.text, got.size, got.topic));
    if (is_answer(l, m, on, signal)) return 1;
  }
  return 0;
}

static int expect(struct armlink *l, struct message *m, enum message_topic on, int signal, double timeout_s,
                  const char *silence) {
  const int rc = next(l, m, on, signal, timeout_s, false);
  if (rc < 0) return rc;
  if (rc == 0) return err_set(ERR_IO, "%s: %s within %g s", l->p->robot, silence, timeout_s);
  return m->error ? err_set(ERR_IO, "%s: reports an error (signal %d)", l->p->robot, signal) : 0;
}

static int discover(struct armlink *l, const struct jointpath *c) {
  struct message m;
  for (int on = 0; on < 3; on++) TRY(mqtt_subscribe(l->mqtt, l->topic[on], l->p->answer_s));
  TRY(publish(l, MESSAGE_ON_METAINFO, message_get_metainfo()));
  TRY(expect(l, &m, MESSAGE_ON_METAINFO, MESSAGE_METAINFO, l->p->answer_s,
             "no robot of this name (link.robot) answers"));
  TRY(check_limits(c, m.limit_deg, "the robot states"));
  TRY(command(l, MESSAGE_CHECK_STATUS));
  return expect(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_STATUS, l->p->answer_s, "does not tell its status");
}

static int take(struct armlink *l) {
  struct message m;
  TRY(command(l, MESSAGE_CONNECT));
  TRY(expect(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_CONNECTED, l->p->answer_s,
             "does not accept us; another client may own it (busy):"));
  l->owner = true;
  note("%s: connected as %s; it looks for its home position", l->p->robot, l->id);
  return expect(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_HOME, l->p->homing_s, "did not find its home position");
}

static int point(struct armlink *l, struct jointpath *performed, int k, double begin) {
  struct message m;
  const double timeout_s = l->p->point_s + l->hold_s;
  const int rc = next(l, &m, MESSAGE_ON_MOVED, 0, timeout_s, false);
  if (rc == ERR_INTERRUPTED)
    return err_set(rc, "stopped by a signal after %d of %d points; the arm was told to stop", k, performed->n);
  if (rc < 0) return err_set((enum err)rc, "after %d of %d points: %s", k, performed->n, err_message());
  if (rc == 0)
    return err_set(ERR_IO, "%s: silent for %g s after %d of %d points: points lost", l->p->robot, timeout_s, k,
                   performed->n);
  if (m.error) return err_set(ERR_IO, "%s: reports an error after %d of %d points", l->p->robot, k, performed->n);
  message_angles(performed->q + JOINTPATH_JOINTS*k, m.angle_deg);
  performed->time_s[k] = clock_s() - begin;
  return 0;
}

static int follow(struct armlink *l, struct jointpath *performed, const struct jointpath *c) {
  struct progress bar;
  l->moving = true;
  TRY(publish(l, MESSAGE_ON_COMMANDS, message_trajectory(l->id, c, l->hold_s)));
  const double begin = clock_s();
  int rc = 0;
  progress_start(&bar, "arm", c->n, 0);
  for (int k = 0; k < c->n && rc == 0; k++) {
    rc = point(l, performed, k, begin);
    progress_update(&bar, k + (rc == 0), NULL);
  }
  progress_finish(&bar);
  if (rc == 0) l->moving = false;
  return rc;
}

// Leave the arm as it was found; a failure here is noted, but does not replace the first error.
static void leave(struct armlink *l) {
  static const struct { enum message_signal say, answer; const char *silence; } steps[] = {
    { MESSAGE_CANCEL, MESSAGE_CANCELLED, "did not confirm that the movement was cancelled" },
    { MESSAGE_DISCONNECT, MESSAGE_DISCONNECTED, "did not confirm the disconnection" },
  };
  if (!l->owner) {  // nothing will be answered; it is for an arm that accepted us too late
    command(l, MESSAGE_DISCONNECT);
    return;
  }
  for (int k = l->moving ? 0 : 1; k < 2; k++) {
    struct message m;
    const double end = clock_s() + l->p->answer_s;
    int rc = command(l, steps[k].say);
    // an unreadable message may be the reason for leaving: ignore such messages
    while (rc == 0 && clock_s() < end) {
      rc = next(l, &m, MESSAGE_ON_COMMANDS, (int)steps[k].answer, end - clock_s(), true);
      if (rc == ERR_FORMAT) rc = 0;
    }
    if (rc <= 0) note("%s: %s", l->p->robot, steps[k].silence);
    if (rc < 0) return;
  }
}

static int converse(struct armlink *l, struct jointpath *performed, const struct jointpath *c) {
  TRY(discover(l, c));
  int rc = take(l);
  if (rc == 0) rc = follow(l, performed, c);
  char text[512];
  snprintf(text, sizeof text, "%s", rc < 0 ? err_message() : "");
  leave(l);
  return rc < 0 ? err_set((enum err)rc, "%s", text) : 0;
}

int armlink_perform(struct jointpath *performed, const struct armlink_params *p, const struct jointpath *c) {
  struct armlink l;
  TRY(check_path(p, c));
  name_all(&l, p, c);
  char *will = message_command(MESSAGE_CANCEL, l.id);
  int rc = mqtt_open(&l.mqtt, &p->broker, l.id, l.topic[MESSAGE_ON_COMMANDS], will, p->answer_s);
  free(will);
  TRY(rc);
  jointpath_init(performed, c->n, l.hold_s);
  signals_watch();
  rc = converse(&l, performed, c);
  signals_unwatch();
  mqtt_close(l.mqtt);
  if (rc < 0) jointpath_release(performed);
  return rc;
}

int armlink_print(FILE *out, const struct armlink_params *p, const struct jointpath *c) {
  struct armlink l;
  TRY(check_path(p, c));
  name_all(&l, p, c);
  static const enum message_signal before[] = { MESSAGE_CHECK_STATUS, MESSAGE_CONNECT };
  char *text = message_get_metainfo();
  fprintf(out, "%s %s\n", l.topic[MESSAGE_ON_METAINFO], text);
  free(text);
  for (int k = 0; k < 4; k++) {
    text = k < 2 ? message_command(before[k], l.id)
           : k == 2 ? message_trajectory(l.id, c, l.hold_s)
                    : message_command(MESSAGE_DISCONNECT, l.id);
    fprintf(out, "%s %s\n", l.topic[MESSAGE_ON_COMMANDS], text);
    free(text);
  }
  return 0;
}
