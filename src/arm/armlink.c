#include "arm/armlink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arm/jointpath.h"
#include "arm/owner.h"
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
  { .type = PARAM_TYPE_TEXT, .name = "cert_file", .offset = offsetof(P, broker.cert_file), .text = "",
    .help = "certificate of this client, where the broker requires one" },
  { .type = PARAM_TYPE_TEXT, .name = "key_file", .offset = offsetof(P, broker.key_file), .text = "",
    .help = "its private key, without a pass phrase" },
  PARAM_F64(P, answer_s, 5, 0.05, 3600, "longest wait for an answer"),
  PARAM_F64(P, homing_s, 600, 0.05, 36000, "longest wait until the robot has found its home position"),
  PARAM_F64(P, point_s, 10, 0.05, 3600, "longest wait for a point, beyond its hold time"),
  PARAM_I64(P, free_s, 10, 1, 3600, "time from the loss of this program, which stops the arm, to its disconnection"),
  PARAM_F64(P, return_s, 30, 0, 3600, "longest attempt to reconnect after a loss of the broker, to release the robot"),
  PARAM_F64(P, step_deg, 5, 0.01, 360, "largest step of a joint between two set-points"),
  PARAM_F64(P, speed_deg_s, 25, 0.01, 360, "largest speed of a joint: a step by arm.hold_s; the arm's own limit is 25"),
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

static int check_steps(const struct jointpath *c, const struct armlink_params *p) {
  double before[JOINTPATH_JOINTS] = { 0 }, now[JOINTPATH_JOINTS];
  const double hold_s = c->time_s[0];
  for (int k = 0; k < c->n; k++, memcpy(before, now, sizeof now)) {
    message_degrees(now, c->q + JOINTPATH_JOINTS*k);
    for (int j = 0; j < JOINTPATH_JOINTS; j++) {
      const double step = now[j] - before[j];
      const char *joint = jointpath_joint_names[j], *from = k ? "the one before" : "home";
      if (!(fabs(step) <= p->step_deg))
        return err_set(ERR_SETTING, "set-point %d: %s steps by %.2f degrees from %s; limit link.step_deg=%g", k, joint,
                       step, from, p->step_deg);
      if (!(fabs(step) <= p->speed_deg_s*hold_s*(1 + 1e-9)))
        return err_set(ERR_SETTING, "set-point %d: %s moves by %.2f degrees from %s within arm.hold_s=%g, at %.1f "
                                    "degrees/s; limit link.speed_deg_s=%g",
                       k, joint, step, from, hold_s, fabs(step)/hold_s, p->speed_deg_s);
    }
  }
  return 0;
}

static int check_name(const char *setting, const char *name, int may_be_empty) {
  if (message_is_name(name) || (!*name && may_be_empty)) return 0;
  return err_set(ERR_SETTING, "%s=%s: a name has letters, digits and _ . - only, at most %d", setting, name,
                 MESSAGE_NAME_SIZE - 1);
}

// Limits in use, largest step and speed, from home on. ERR_SETTING names set-point, joint and angle.
static int check_path(const struct armlink_params *p, const struct jointpath *c) {
  double limit_deg[JOINTPATH_JOINTS][2];
  memcpy(limit_deg, in_use_deg, sizeof limit_deg);
  TRY(check_name("link.robot", p->robot, 0));
  TRY(check_name("link.client", p->client, 1));
  TRY(check_limits(c, limit_deg, "the limits in use are"));
  TRY(check_steps(c, p));
  return mqtt_check(&p->broker);
}

// ---- the conversation

struct armlink {
  const struct armlink_params *p;
  struct mqtt *mqtt, *guards[2];
  struct owner record;
  char id[MESSAGE_NAME_SIZE], other[MESSAGE_NAME_SIZE];  // ours; of another client that was heard
  char topic[3][MESSAGE_NAME_SIZE + 16];                 // by enum message_topic
  char unreadable[256];                                  // what was last ignored
  struct jointpath *performed;                           // so far, of n points, timed from begin_s on
  int n;
  double hold_s, begin_s;
  bool asked, owner, moving;                             // what has to be undone
  bool interrupted;                                      // by the user: all points are known up to now
  int signals;                                           // counted so far
};

static void name_all(struct armlink *l, const struct armlink_params *p) {
  *l = (struct armlink){ .p = p, .record.fd = -1 };
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

// Does it concern another robot or another client?
static bool is_foreign(struct armlink *l, const struct message *m, enum message_topic on) {
  if (on == MESSAGE_ON_METAINFO) return strcmp(m->name, l->p->robot) != 0;
  if (!m->client[0] || !strcmp(m->client, l->id)) return false;
  if (on == MESSAGE_ON_MOVED) memcpy(l->other, m->client, sizeof l->other);
  return true;
}

static int keep_point(struct armlink *l, const struct message *m) {
  struct jointpath *p = l->performed;
  if (m->error) return err_set(ERR_IO, "%s: reports an error after %d of %d points", l->p->robot, p->n, l->n);
  message_angles(p->q + JOINTPATH_JOINTS*p->n, m->angle_deg);
  p->time_s[p->n++] = clock_s() - l->begin_s;
  return 0;
}

// A message about the movement that comes while something else is waited for: points on the way when the user stopped
// the arm are kept.
static int read_aside(struct armlink *l, const struct message *m) {
  if (l->interrupted && l->performed->n < l->n && !m->error) return keep_point(l, m);
  if (m->client[0] && l->asked && !l->owner)
    return err_set(ERR_BUSY, "%s: busy: another client of the same name moves it (link.client=%s)", l->p->robot, l->id);
  return 0;
}

// Read a message: 1 if it is the one waited for. Everybody may write to the topics, so what cannot be read is ignored,
// except on `moved`, where it may stand for a point of ours.
static int read_message(struct armlink *l, struct message *m, const struct mqtt_message *got, enum message_topic on,
                        int signal) {
  const bool aside = on == MESSAGE_ON_COMMANDS && !strcmp(got->topic, l->topic[MESSAGE_ON_MOVED]);
  if (aside) on = MESSAGE_ON_MOVED;
  if (strcmp(got->topic, l->topic[on])) return 0;
  const int rc = message_parse(m, on, got->text, got->size, got->topic);
  if ((rc == 0 || m->client[0] || m->name[0]) && is_foreign(l, m, on)) return 0;
  if (rc < 0 && (on != MESSAGE_ON_MOVED || aside)) {
    snprintf(l->unreadable, sizeof l->unreadable, "; ignored: %.200s", err_message());
    return 0;
  }
  TRY(rc);
  return aside ? read_aside(l, m) : m->signal == signal;
}

// A further signal does not end what leaves the arm.
static void ask_for_patience(struct armlink *l) {
  if (signals_count() == l->signals) return;
  l->signals = signals_count();
  note("%s: still stopping the arm and disconnecting; please wait", l->p->robot);
}

// Keep the connections alive that carry the last wills.
static int guard(struct armlink *l) {
  struct mqtt_message ignored;
  for (int k = 0; k < 2; k++)
    if (l->guards[k]) TRY(mqtt_wait(l->guards[k], &ignored, 0));
  return 0;
}

// The next message on topic `on` with that signal, ignoring others: 1; 0 after timeout_s. Signals end the wait unless
// it is the orderly end that is waited for.
static int next(struct armlink *l, struct message *m, enum message_topic on, int signal, double timeout_s,
                bool ending) {
  const double end = clock_s() + timeout_s;
  for (double left_s = timeout_s; left_s > 0; left_s = end - clock_s()) {
    struct mqtt_message got;
    if (ending) ask_for_patience(l);
    else if (signals_caught()) return err_set(ERR_INTERRUPTED, "stopped by a signal");
    const int guarded = guard(l);
    if (!ending) TRY(guarded);
    int rc = mqtt_wait(l->mqtt, &got, fmin(left_s, 0.1));
    if (rc == 1) rc = read_message(l, m, &got, on, signal);
    if (rc) return rc;
  }
  return 0;
}

static int expect(struct armlink *l, struct message *m, enum message_topic on, int signal, double timeout_s,
                  const char *silence) {
  const int rc = next(l, m, on, signal, timeout_s, false);
  if (rc < 0) return rc;
  if (rc == 0) return err_set(ERR_IO, "%s: %s within %g s%s", l->p->robot, silence, timeout_s, l->unreadable);
  return m->error ? err_set(ERR_IO, "%s: reports an error (signal %d)", l->p->robot, signal) : 0;
}

// ---- the end

// Stop the arm and give it back: 1 if it confirms, 0 if it is silent.
static int farewell(struct armlink *l) {
  static const struct { enum message_signal say, answer; const char *silence; } steps[] = {
    { MESSAGE_CANCEL, MESSAGE_CANCELLED, "did not confirm that the movement was cancelled" },
    { MESSAGE_DISCONNECT, MESSAGE_DISCONNECTED, "did not confirm the disconnection" },
  };
  int rc = 1;
  for (int k = l->moving ? 0 : 1; k < 2; k++) {
    struct message m;
    TRY(command(l, steps[k].say));
    rc = next(l, &m, MESSAGE_ON_COMMANDS, (int)steps[k].answer, l->p->answer_s, true);
    if (rc == 0) note("%s: %s within %g s", l->p->robot, steps[k].silence, l->p->answer_s);
    TRY(rc);
  }
  return rc;
}

// The same at once, for a movement that nobody follows any more.
static int farewell_at_once(struct armlink *l) {
  TRY(command(l, MESSAGE_CANCEL));
  l->moving = false;
  return farewell(l);
}

static int subscribe(struct armlink *l) {
  for (int on = 0; on < 3; on++) TRY(mqtt_subscribe(l->mqtt, l->topic[on], l->p->answer_s));
  return 0;
}

static int is_there(struct armlink *l) {
  struct message m;
  TRY(command(l, MESSAGE_CHECK_STATUS));
  return next(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_STATUS, l->p->answer_s, true);
}

// A robot that is silent may not have come back yet, and not have heard. One that is there and silent to a second
// farewell has another owner or none.
static int farewell_again(struct armlink *l) {
  const int heard = farewell_at_once(l);
  if (heard) return heard;
  const int there = is_there(l);
  if (there <= 0) return there;
  const int again = farewell_at_once(l);
  if (again == 0) note("%s: client %s does not own it any more", l->p->robot, l->id);
  return again < 0 ? again : 1;
}

// The connection is lost: come back for the farewell.
static int come_back(struct armlink *l) {
  const double end = clock_s() + l->p->return_s;
  note("%s: %s; trying for %g s to come back, to stop the arm and disconnect", l->p->robot, err_message(),
       l->p->return_s);
  for (;;) {
    mqtt_close(l->mqtt);
    int rc = mqtt_open(&l->mqtt, &l->p->broker, NULL, l->p->answer_s);
    if (rc == 0) rc = subscribe(l);
    if (rc == 0) rc = farewell_again(l);
    if (rc == 1 || clock_s() >= end) return rc;  // silence: the robot may be slower to come back
    ask_for_patience(l);
    nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
  }
}

// An arm that did not accept us may do so later. Under a name of our own that is undone at once; under a given one the
// robot may belong to another client that has it too.
static void withdraw(struct armlink *l) {
  struct mqtt_message ignored;
  int rc = mqtt_wait(l->mqtt, &ignored, 0);
  if (rc >= 0 && !l->p->client[0]) rc = command(l, MESSAGE_DISCONNECT);
  if (rc >= 0) owner_remove(&l->record);
}

// Leave the arm as it was found; a failure here is noted, but does not replace the first error.
static void leave(struct armlink *l) {
  if (!l->asked) return;
  if (!l->owner) return withdraw(l);
  l->signals = signals_count();
  if (l->moving) note("%s: stopping the arm and disconnecting", l->p->robot);
  int rc = farewell(l);
  if (rc < 0) rc = come_back(l);
  if (rc == 1) owner_remove(&l->record);
  else note("%s: client %s may still own it; when it can be reached: metaxbar arm --release %s", l->p->robot, l->id,
            l->id);
}

// ---- the conversation

static int introduce(struct armlink *l, struct message *m) {
  TRY(subscribe(l));
  TRY(publish(l, MESSAGE_ON_METAINFO, message_get_metainfo()));
  return expect(l, m, MESSAGE_ON_METAINFO, MESSAGE_METAINFO, l->p->answer_s,
                "no robot of this name (link.robot) answers");
}

static int discover(struct armlink *l, const struct jointpath *c) {
  struct message m;
  TRY(introduce(l, &m));
  TRY(check_limits(c, m.limit_deg, "the robot states"));
  TRY(command(l, MESSAGE_CHECK_STATUS));
  return expect(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_STATUS, l->p->answer_s, "does not tell its status");
}

// Say farewell in the name of a client that is gone.
static int farewell_as(struct armlink *l, const char *name) {
  char own[MESSAGE_NAME_SIZE];
  memcpy(own, l->id, sizeof own);
  snprintf(l->id, sizeof l->id, "%s", name);
  const int rc = farewell_at_once(l);
  memcpy(l->id, own, sizeof own);
  return rc;
}

// What an earlier run left behind when it died.
static int clear_up(struct armlink *l) {
  if (!l->record.name[0]) return 0;
  note("%s: an earlier run ended as its owner %s: disconnecting it", l->p->robot, l->record.name);
  const int rc = farewell_as(l, l->record.name);
  return rc < 0 ? rc : 0;  // silence: it did not own the robot any more
}

// Two connections that carry a last will each. Cancelling comes first, since the arm would go on without an owner, and
// obey nobody; but only a client that disconnects makes room for another.
static int set_guards(struct armlink *l) {
  char *stop = message_command(MESSAGE_CANCEL, l->id), *end = message_command(MESSAGE_DISCONNECT, l->id);
  const char *topic = l->topic[MESSAGE_ON_COMMANDS];
  int rc = mqtt_open(&l->guards[0], &l->p->broker, &(struct mqtt_will){ topic, stop, 0 }, l->p->answer_s);
  if (rc == 0 && mqtt_open(&l->guards[1], &l->p->broker, &(struct mqtt_will){ topic, end, (int)l->p->free_s },
                           l->p->answer_s) < 0)
    note("%s (MQTT 5): should this program crash, the arm stops but stays owned until the next run", err_message());
  free(stop);
  free(end);
  return rc;
}

static int busy(const struct armlink *l) {
  if (l->p->client[0])
    return err_set(ERR_IO, "%s: busy: client %s is not accepted within %g s; if the owner%s%s is gone: metaxbar arm "
                           "--release %s", l->p->robot, l->id, l->p->answer_s, *l->other ? " " : "", l->other,
                   *l->other ? l->other : "ID");
  return err_set(ERR_IO, "%s: busy: another client%s%s may own it, no connection within %g s; if that one is gone: "
                         "metaxbar arm --release %s",
                 l->p->robot, *l->other ? ", " : "", l->other, l->p->answer_s, *l->other ? l->other : "ID");
}

static int take(struct armlink *l) {
  struct message m;
  TRY(owner_write(&l->record, l->id));
  l->asked = true;
  TRY(command(l, MESSAGE_CONNECT));
  const int rc = next(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_CONNECTED, l->p->answer_s, false);
  if (rc == 0) return busy(l);
  TRY(rc);
  if (m.error) return err_set(ERR_IO, "%s: reports an error (signal %d)", l->p->robot, m.signal);
  l->owner = true;
  TRY(set_guards(l));
  note("%s: connected as %s; it looks for its home position", l->p->robot, l->id);
  return expect(l, &m, MESSAGE_ON_COMMANDS, MESSAGE_HOME, l->p->homing_s, "did not find its home position");
}

static int point(struct armlink *l) {
  struct message m;
  const int k = l->performed->n, n = l->n;
  const double timeout_s = l->p->point_s + l->hold_s;
  const int rc = next(l, &m, MESSAGE_ON_MOVED, 0, timeout_s, false);
  l->interrupted = rc == ERR_INTERRUPTED;
  if (rc == ERR_INTERRUPTED) return rc;
  if (rc < 0) return err_set((enum err)rc, "after %d of %d points: %s", k, n, err_message());
  if (rc == 0)
    return err_set(ERR_IO, "%s: silent for %g s after %d of %d points: points lost", l->p->robot, timeout_s, k, n);
  return keep_point(l, &m);
}

static int follow(struct armlink *l, const struct jointpath *c) {
  struct progress bar;
  l->moving = true;
  TRY(publish(l, MESSAGE_ON_COMMANDS, message_trajectory(l->id, c, l->hold_s)));
  l->begin_s = clock_s();
  int rc = 0;
  progress_start(&bar, "arm", l->n, 0);
  while (l->performed->n < l->n && rc == 0) {
    rc = point(l);
    progress_update(&bar, l->performed->n, NULL);
  }
  progress_finish(&bar);
  if (rc == 0) l->moving = false;
  return rc;
}

static int converse(struct armlink *l, const struct jointpath *c) {
  TRY(discover(l, c));
  TRY(clear_up(l));
  int rc = take(l);
  if (rc == 0) rc = follow(l, c);
  char text[512];
  snprintf(text, sizeof text, "%s", rc < 0 ? err_message() : "");
  leave(l);
  if (rc < 0 && l->interrupted)
    return err_set((enum err)rc, "stopped by a signal after %d of %d points", l->performed->n, l->n);
  return rc < 0 ? err_set((enum err)rc, "%s", text) : 0;
}

// Nothing is left of the connections and the record afterwards.
static int finish(struct armlink *l, int rc) {
  for (int k = 0; k < 2; k++) mqtt_close(l->guards[k]);
  mqtt_close(l->mqtt);
  if (!l->asked && !l->record.name[0]) owner_remove(&l->record);
  owner_close(&l->record);
  signals_unhold();
  return rc;
}

int armlink_perform(struct jointpath *performed, const struct armlink_params *p, const struct jointpath *c) {
  struct armlink l;
  *performed = (struct jointpath){ 0 };
  TRY(check_path(p, c));
  name_all(&l, p);
  l.performed = performed;
  l.n = c->n;
  l.hold_s = c->time_s[0];
  TRY(owner_open(&l.record, p->robot, p->broker.host, (int)p->broker.port));
  signals_hold();
  int rc = mqtt_open(&l.mqtt, &p->broker, NULL, p->answer_s);
  if (rc == 0) {
    jointpath_init(performed, c->n, l.hold_s);
    performed->n = 0;
    rc = converse(&l, c);
    if (!performed->n) jointpath_release(performed);
  }
  return finish(&l, rc);
}

static int release(struct armlink *l, const char *name) {
  struct message m;
  TRY(introduce(l, &m));
  const int rc = farewell_as(l, name);
  if (rc == 1 && !strcmp(name, l->record.name)) owner_remove(&l->record);
  if (rc) return rc < 0 ? rc : 0;
  return err_set(ERR_IO, "%s: does not confirm the disconnection of client %s within %g s: it is free, or another "
                         "client owns it", l->p->robot, name, l->p->answer_s);
}

int armlink_release(char released[MESSAGE_NAME_SIZE], const struct armlink_params *p, const char *name) {
  struct armlink l;
  TRY(check_name("link.robot", p->robot, 0));
  if (name) TRY(check_name("--release", name, 0));
  name_all(&l, p);
  const int known = owner_open(&l.record, p->robot, p->broker.host, (int)p->broker.port);
  if (!name) TRY(known);
  if (!name && !l.record.name[0]) {
    owner_remove(&l.record);
    return err_set(ERR_IO, "%s: no run of yours left it at %s:%d; for another client: metaxbar arm --release ID",
                   p->robot, p->broker.host, (int)p->broker.port);
  }
  snprintf(released, MESSAGE_NAME_SIZE, "%s", name ? name : l.record.name);
  signals_hold();
  int rc = mqtt_open(&l.mqtt, &p->broker, NULL, p->answer_s);
  if (rc == 0) rc = release(&l, released);
  return finish(&l, rc);
}

int armlink_print(FILE *out, const struct armlink_params *p, const struct jointpath *c) {
  struct armlink l;
  TRY(check_path(p, c));
  name_all(&l, p);
  static const enum message_signal before[] = { MESSAGE_CHECK_STATUS, MESSAGE_CONNECT };
  char *text = message_get_metainfo();
  fprintf(out, "%s %s\n", l.topic[MESSAGE_ON_METAINFO], text);
  free(text);
  for (int k = 0; k < 4; k++) {
    text = k < 2 ? message_command(before[k], l.id)
           : k == 2 ? message_trajectory(l.id, c, c->time_s[0])
                    : message_command(MESSAGE_DISCONNECT, l.id);
    fprintf(out, "%s %s\n", l.topic[MESSAGE_ON_COMMANDS], text);
    free(text);
  }
  return 0;
}
