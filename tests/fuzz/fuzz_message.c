// A message of the robot from any bytes, on each of its topics: read or refused; what is read is in its bounds, and a
// measured point survives the way to our angles and back.
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "arm/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct message *m, int on) {
  double q[4], back[4];
  assert(memchr(m->client, 0, sizeof m->client) && memchr(m->name, 0, sizeof m->name));
  assert(m->signal >= (on != MESSAGE_ON_MOVED) && m->signal <= MESSAGE_HOME);
  assert(m->n_joints <= MESSAGE_JOINTS && m->n_angles <= MESSAGE_JOINTS);
  for (int j = 0; j < m->n_joints; j++) assert(m->limit_deg[j][0] <= m->limit_deg[j][1]);
  message_angles(q, m->angle_deg);
  message_degrees(back, q);
  for (int j = 0; j < 4; j++) assert(fabs(back[j] - m->angle_deg[j]) <= 1e-12*fabs(m->angle_deg[j]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (int on = 0; on < 3; on++) {
    struct message m;
    if (message_parse(&m, (enum message_topic)on, (const char *)data, size, "topic") == 0) check(&m, on);
  }
  return 0;
}
