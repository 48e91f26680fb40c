#include "arm/mqtt.h"

#include "base/err.h"

#if METAXBAR_MOSQUITTO
#include <errno.h>
#include <math.h>
#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { KEEPALIVE_S = 10, QOS = 1, SLICE_MS = 50, MAX_QUEUED = 4096 };

struct queued {
  struct queued *next;
  size_t size;
  char *topic, text[];  // the topic lies behind the text
};

struct mqtt {
  struct mosquitto *library;
  char place[PARAM_TEXT_SIZE + 16];  // host:port
  int connected;                     // -1 not yet; 0 yes; otherwise the code of refusal
  int subscribed, granted;           // id of the last acknowledged subscription; its quality of service
  int n_published, n_acknowledged;
  int n_queued;
  struct queued *first, **last, *current;
};

bool mqtt_available(void) { return true; }

// ---- what the library reports from inside mosquitto_loop

static void on_connect(struct mosquitto *library, void *context, int code) {
  struct mqtt *m = context;
  (void)library;
  m->connected = code;
}

static void on_subscribe(struct mosquitto *library, void *context, int id, int n, const int *granted) {
  struct mqtt *m = context;
  (void)library;
  m->subscribed = id;
  m->granted = n > 0 ? granted[0] : 128;
}

static void on_publish(struct mosquitto *library, void *context, int id) {
  struct mqtt *m = context;
  (void)library, (void)id;
  m->n_acknowledged++;
}

static void on_message(struct mosquitto *library, void *context, const struct mosquitto_message *message) {
  struct mqtt *m = context;
  (void)library;
  if (m->n_queued >= MAX_QUEUED) return;  // a flood: nobody can be waiting for it
  const size_t size = (size_t)message->payloadlen, topic = strlen(message->topic) + 1;
  struct queued *q = err_calloc(1, sizeof *q + size + 1 + topic);
  q->size = size;
  if (size) memcpy(q->text, message->payload, size);
  q->topic = q->text + size + 1;
  memcpy(q->topic, message->topic, topic);
  *m->last = q;
  m->last = &q->next;
  m->n_queued++;
}

// ---- the connection

static const char *reason(int rc) { return rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc); }

// One slice of the library's work.
static int turn(struct mqtt *m, double left_s) {
  const double ms = fmin(fmax(1e3*left_s, 0), SLICE_MS);
  const int rc = mosquitto_loop(m->library, (int)ms, 1);
  if (rc == MOSQ_ERR_SUCCESS) return 0;
  if (m->connected > 0)
    return err_set(ERR_IO, "%s: the MQTT broker refuses: %s", m->place, mosquitto_connack_string(m->connected));
  if (m->connected < 0) return err_set(ERR_IO, "%s: no MQTT broker answers: %s", m->place, reason(rc));
  return err_set(ERR_IO, "%s: connection to the MQTT broker lost: %s", m->place, reason(rc));
}

static int secure(struct mqtt *m, const struct mqtt_params *p) {
  if (p->user[0]) mosquitto_username_pw_set(m->library, p->user, p->password[0] ? p->password : NULL);
  if (!p->tls) return 0;
  const int rc = p->ca_file[0] ? mosquitto_tls_set(m->library, p->ca_file, NULL, NULL, NULL, NULL)
                               : mosquitto_tls_set(m->library, NULL, "/etc/ssl/certs", NULL, NULL, NULL);
  return rc ? err_set(ERR_SETTING, "link.ca_file=%s: %s", p->ca_file,
                      rc == MOSQ_ERR_INVAL ? "cannot be read" : reason(rc))
            : 0;
}

static int begin(struct mqtt *m, const struct mqtt_params *p, const char *will_topic, const char *will_text,
                 double timeout_s) {
  mosquitto_connect_callback_set(m->library, on_connect);
  mosquitto_subscribe_callback_set(m->library, on_subscribe);
  mosquitto_publish_callback_set(m->library, on_publish);
  mosquitto_message_callback_set(m->library, on_message);
  TRY(secure(m, p));
  mosquitto_will_set(m->library, will_topic, (int)strlen(will_text), will_text, QOS, false);
  const int rc = mosquitto_connect_async(m->library, p->host, (int)p->port, KEEPALIVE_S);
  if (rc != MOSQ_ERR_SUCCESS) return err_set(ERR_IO, "%s: no MQTT broker answers: %s", m->place, reason(rc));
  const double end = clock_s() + timeout_s;
  while (m->connected < 0 && clock_s() < end) TRY(turn(m, end - clock_s()));
  if (m->connected > 0)
    return err_set(ERR_IO, "%s: the MQTT broker refuses: %s", m->place, mosquitto_connack_string(m->connected));
  return m->connected < 0 ? err_set(ERR_IO, "%s: no MQTT broker answers within %g s", m->place, timeout_s) : 0;
}

int mqtt_open(struct mqtt **out, const struct mqtt_params *p, const char *id, const char *will_topic,
              const char *will_text, double timeout_s) {
  struct mqtt *m = *out = err_calloc(1, sizeof *m);
  mosquitto_lib_init();
  m->connected = -1;
  m->last = &m->first;
  snprintf(m->place, sizeof m->place, "%s:%d", p->host, (int)p->port);
  m->library = mosquitto_new(id, true, m);
  int rc = m->library ? 0 : err_set(ERR_IO, "libmosquitto: %s", strerror(errno));
  if (rc == 0) rc = begin(m, p, will_topic, will_text, timeout_s);
  if (rc == 0) return 0;
  mqtt_close(m);
  *out = NULL;
  return rc;
}

int mqtt_subscribe(struct mqtt *m, const char *topic, double timeout_s) {
  int id = 0;
  const int rc = mosquitto_subscribe(m->library, &id, topic, QOS);
  if (rc) return err_set(ERR_IO, "%s: cannot subscribe to %s: %s", m->place, topic, reason(rc));
  const double end = clock_s() + timeout_s;
  while (m->subscribed != id && clock_s() < end) TRY(turn(m, end - clock_s()));
  if (m->subscribed != id)
    return err_set(ERR_IO, "%s: the MQTT broker does not answer the subscription to %s within %g s", m->place, topic,
                   timeout_s);
  return m->granted > 2 ? err_set(ERR_IO, "%s: the MQTT broker refuses the subscription to %s", m->place, topic) : 0;
}

int mqtt_publish(struct mqtt *m, const char *topic, const char *text) {
  const int rc = mosquitto_publish(m->library, NULL, topic, (int)strlen(text), text, QOS, false);
  if (rc) return err_set(ERR_IO, "%s: cannot publish on %s: %s", m->place, topic, reason(rc));
  m->n_published++;
  return 0;
}

int mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s) {
  const double end = clock_s() + timeout_s;
  free(m->current);
  m->current = NULL;
  do {
    if (!m->first) TRY(turn(m, end - clock_s()));
  } while (!m->first && clock_s() < end);
  if (!m->first) return 0;
  struct queued *q = m->current = m->first;
  m->first = q->next;
  if (!m->first) m->last = &m->first;
  m->n_queued--;
  *message = (struct mqtt_message){ q->topic, q->text, q->size };
  return 1;
}

void mqtt_close(struct mqtt *m) {
  if (!m) return;
  const double end = clock_s() + 1;
  if (m->connected == 0) {
    while (m->n_acknowledged < m->n_published && clock_s() < end)
      if (mosquitto_loop(m->library, SLICE_MS, 1) != MOSQ_ERR_SUCCESS) break;
    mosquitto_disconnect(m->library);
    mosquitto_loop(m->library, 0, 1);
  }
  if (m->library) mosquitto_destroy(m->library);
  for (struct queued *q = m->first, *next; q; q = next) {
    next = q->next;
    free(q);
  }
  free(m->current);
  free(m);
  mosquitto_lib_cleanup();
}

#else

bool mqtt_available(void) { return false; }

int mqtt_open(struct mqtt **m, const struct mqtt_params *p, const char *id, const char *will_topic,
              const char *will_text, double timeout_s) {
  (void)p, (void)id, (void)will_topic, (void)will_text, (void)timeout_s;
  *m = NULL;
  return err_set(ERR_SETTING, "this program was built without libmosquitto (package libmosquitto-dev): no "
                              "arm.kind=mqtt");
}

int mqtt_subscribe(struct mqtt *m, const char *topic, double timeout_s) {
  (void)m, (void)topic, (void)timeout_s;
  return ERR_IO;
}

int mqtt_publish(struct mqtt *m, const char *topic, const char *text) {
  (void)m, (void)topic, (void)text;
  return ERR_IO;
}

int mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s) {
  (void)m, (void)message, (void)timeout_s;
  return ERR_IO;
}

void mqtt_close(struct mqtt *m) { (void)m; }

#endif
