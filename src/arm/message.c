#include "arm/message.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm/jointpath.h"
#include "base/err.h"
#include "base/json.h"

static const double pi = 3.14159265358979323846;
static const double signs[JOINTPATH_JOINTS] = { 1, 1, -1, 1 };
static const double widest_deg = 1e4;  // of any angle that a message may name

void message_degrees(double degrees[4], const double q[4]) {
  for (int j = 0; j < JOINTPATH_JOINTS; j++) degrees[j] = signs[j]*q[j]*180/pi + 0.0;  // no -0
}

void message_angles(double q[4], const double degrees[4]) {
  for (int j = 0; j < JOINTPATH_JOINTS; j++) q[j] = signs[j]*degrees[j]*pi/180 + 0.0;
}

// ---- reading

static int copy_name(char out[MESSAGE_NAME_SIZE], const char *text, const char *topic, const char *field) {
  if (snprintf(out, MESSAGE_NAME_SIZE, "%s", text) < MESSAGE_NAME_SIZE) return 0;
  return err_set(ERR_FORMAT, "%s: %s is longer than %d characters", topic, field, MESSAGE_NAME_SIZE - 1);
}

static int read_client(struct message *m, const struct json_t *o, const char *topic) {
  struct json_t *client;
  const char *id;
  TRY(json_field_object(o, topic, "client", &client));
  TRY(json_field_text(client, topic, "id", &id));
  return copy_name(m->client, id, topic, "client.id");
}

static int read_sender(struct message *m, const struct json_t *o, const char *topic) {
  if (json_has(o, "client")) TRY(read_client(m, o, topic));
  return json_has(o, "error") ? json_field_bool(o, topic, "error", &m->error) : 0;
}

static int read_metainfo(struct message *m, const struct json_t *o, const char *topic) {
  const char *name;
  struct json_t *joints, *joint;
  TRY(json_field_text(o, topic, "name", &name));
  TRY(copy_name(m->name, name, topic, "name"));
  TRY(json_field_array(o, topic, "joints", &joints));
  m->n_joints = (int)json_length(joints);
  if (m->n_joints < JOINTPATH_JOINTS || m->n_joints > MESSAGE_JOINTS)
    return err_set(ERR_FORMAT, "%s: %zu joints, expected %d to %d", topic, json_length(joints), JOINTPATH_JOINTS,
                   MESSAGE_JOINTS);
  for (int j = 0; j < m->n_joints; j++) {
    double a, b;
    TRY(json_item_object(joints, topic, (size_t)j, &joint));
    TRY(json_field_f64(joint, topic, "minimum", -widest_deg, widest_deg, &a));
    TRY(json_field_f64(joint, topic, "maximum", -widest_deg, widest_deg, &b));
    m->limit_deg[j][0] = fmin(a, b);
    m->limit_deg[j][1] = fmax(a, b);
  }
  return 0;
}

// The simulator echoes the set-point with its hold time as a seventh number.
static int read_moved(struct message *m, const struct json_t *o, const char *topic) {
  struct json_t *content, *angles;
  TRY(json_field_object(o, topic, "content", &content));
  TRY(json_field_array(content, topic, "coordinates", &angles));
  const size_t n = json_length(angles);
  if (n < JOINTPATH_JOINTS || n > MESSAGE_JOINTS + 1)
    return err_set(ERR_FORMAT, "%s: %zu coordinates, expected %d or %d", topic, n, MESSAGE_JOINTS, MESSAGE_JOINTS + 1);
  m->n_angles = n > MESSAGE_JOINTS ? MESSAGE_JOINTS : (int)n;
  for (int j = 0; j < m->n_angles; j++)
    TRY(json_item_f64(angles, topic, (size_t)j, -widest_deg, widest_deg, &m->angle_deg[j]));
  return 0;
}

static int read_message(struct message *m, enum message_topic on, const struct json_t *o, const char *topic) {
  int64_t signal = 0;
  TRY(read_sender(m, o, topic));
  if (on == MESSAGE_ON_MOVED) return read_moved(m, o, topic);
  TRY(json_field_i64(o, topic, "signal", MESSAGE_GET_METAINFO, MESSAGE_HOME, &signal));
  m->signal = (int)signal;
  return m->signal == MESSAGE_METAINFO ? read_metainfo(m, o, topic) : 0;
}

int message_parse(struct message *m, enum message_topic on, const char *text, size_t size, const char *topic) {
  struct json_t *o;
  *m = (struct message){ 0 };
  TRY(json_parse(&o, text, size, topic));
  const int rc = read_message(m, on, o, topic);
  json_release(o);
  return rc;
}

// ---- writing

static char *text_of(struct json_t *o) {
  char *text;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f || json_print(o, f) < 0 || fclose(f) != 0) abort();
  json_release(o);
  text[strcspn(text, "\n")] = 0;  // one line already
  return text;
}

bool message_is_name(const char *text) {
  size_t n = 0;
  while (isalnum((unsigned char)text[n]) || (text[n] && strchr("_.-", text[n]))) n++;
  return n > 0 && n < MESSAGE_NAME_SIZE && text[n] == 0;
}

char *message_get_metainfo(void) {
  struct json_t *o = json_object_new();
  json_put_i64(o, "signal", MESSAGE_GET_METAINFO);
  return text_of(o);
}

static struct json_t *command(enum message_signal signal, const char *client) {
  struct json_t *o = json_object_new();
  json_put_i64(o, "signal", signal);
  json_put_text(json_add_object(o, "client"), "id", client);
  json_put_bool(o, "error", false);
  return o;
}

char *message_command(enum message_signal signal, const char *client) { return text_of(command(signal, client)); }

char *message_trajectory(const char *client, const struct jointpath *path, double hold_s) {
  struct json_t *o = command(MESSAGE_TRAJECTORY, client);
  struct json_t *points = json_add_array(json_add_object(o, "trajectory"), "points");
  for (int k = 0; k < path->n; k++) {
    double row[MESSAGE_JOINTS + 1] = { 0 };
    message_degrees(row, path->q + JOINTPATH_JOINTS*k);
    row[MESSAGE_JOINTS] = 1e3*hold_s;
    json_put_f64s(json_add_object(points, NULL), "coordinates", row, MESSAGE_JOINTS + 1);
  }
  return text_of(o);
}
