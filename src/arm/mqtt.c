#include "arm/mqtt.h"

#include "base/err.h"

#if METAXBAR_MOSQUITTO
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

enum { KEEPALIVE_S = 10, QOS = 1, SLICE_MS = 50 };
// A robot's messages are short, but everybody may write to its topics.
enum { MAX_PAYLOAD = 1 << 16, MAX_QUEUED = 1 << 22 };  // bytes

struct queued {
  struct queued *next;
  size_t size, bytes;   // of the text; of all this
  char *topic, text[];  // the topic lies behind the text
};

struct mqtt {
  struct mosquitto *library;
  char place[PARAM_TEXT_SIZE + 16];  // host:port
  int connected;                     // -1 not yet; 0 yes; otherwise the code of refusal
  int subscribed, granted;           // id of the last acknowledged subscription; its quality of service
  int n_published, n_acknowledged;
  bool tls, certified, secured;      // wanted; with a certificate of ours; the handshake is over
  const char *certificate;           // what is wrong with the broker's; NULL: nothing
  char fault[512];                   // what the library said about a failure
  size_t queued;                     // bytes
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
  if (message->retain) return;  // from before this connection: no answer to anything
  const size_t size = (size_t)message->payloadlen, topic = strlen(message->topic) + 1;
  const size_t bytes = sizeof(struct queued) + size + 1 + topic;
  if (size > MAX_PAYLOAD) return;  // no answer is so long, only the movements that are sent
  if (m->queued + bytes > MAX_QUEUED) return;  // a flood: nobody can be waiting for it
  struct queued *q = err_calloc(1, bytes);
  q->bytes = bytes;
  q->size = size;
  if (size) memcpy(q->text, message->payload, size);
  q->topic = q->text + size + 1;
  memcpy(q->topic, message->topic, topic);
  *m->last = q;
  m->last = &q->next;
  m->queued += bytes;
}

// ---- reasons

// OpenSSL comes with libmosquitto, which does not pass on all that it says: ask it, if it is there. NULL: nothing.
static const char *certificate_fault(struct mosquitto *library) {
  long (*result)(const void *);
  const char *(*text)(long);
  void *const ssl = mosquitto_ssl_get(library);
  *(void **)&result = dlsym(RTLD_DEFAULT, "SSL_get_verify_result");
  *(void **)&text = dlsym(RTLD_DEFAULT, "X509_verify_cert_error_string");
  const long code = ssl && result && text ? result(ssl) : 0;
  return code ? text(code) : NULL;
}

// What happens to TLS while the library works, on this thread: an alert with which the broker ends the connection, and
// the end of the handshake.
static _Thread_local struct {
  int alert;
  bool done;
} tls;

static void on_tls(const void *ssl, int event, int value) {
  enum { HANDSHAKE_DONE = 0x20, READ_ALERT = 0x4004 };
  (void)ssl;
  if (event == READ_ALERT) tls.alert = value & 0xff;
  if (event == HANDSHAKE_DONE) tls.done = true;
}

static void listen_to_tls(const struct mqtt *m) {
  void (*set)(void *, void (*)(const void *, int, int));
  void *const ssl = m->tls ? mosquitto_ssl_get(m->library) : NULL;
  *(void **)&set = dlsym(RTLD_DEFAULT, "SSL_set_info_callback");
  tls.alert = 0;
  tls.done = m->secured;
  if (ssl && set) set(ssl, on_tls);
}

static void add_fault(struct mqtt *m, const char *line) {
  const size_t n = strlen(m->fault);
  snprintf(m->fault + n, sizeof m->fault - n, "%s%s", n ? "; " : "", line);
}

static void on_log(struct mosquitto *library, void *context, int level, const char *line) {
  struct mqtt *m = context;
  if (level != MOSQ_LOG_ERR) return;
  const char *certificate = strstr(line, "certificate verify failed") ? certificate_fault(library) : NULL;
  if (certificate) m->certificate = certificate;  // a constant of OpenSSL
  add_fault(m, line);
}

static const char *reason(int rc) { return rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc); }

// What a line of the library means. The texts are those of libmosquitto 2 and OpenSSL 3.
struct meaning {
  int alert;  // of TLS
  const char *part, *text;
};
static const char no_tls[] = "connection closed during the TLS handshake; there may be no TLS at this port "
                             "(link.tls=yes)";
static const struct meaning faults[] = {
  { 0, "host name verification failed", "the certificate of the MQTT broker is not for the host name link.host" },
  { 0, "wrong version number", "no TLS at this port (link.tls=yes)" },
  { 0, "unexpected eof", no_tls },
  { 0, "load CA certificates", "link.ca_file holds no certificate" },
  { 0, "load client certificate", "link.cert_file holds no certificate" },
  { 0, "key values mismatch", "link.key_file is not the key of link.cert_file" },
  { 0, "are inconsistent", "link.key_file is not the key of link.cert_file" },
  { 0, "load client key file", "link.key_file holds no private key without a pass phrase" },
  { 116, NULL, "the MQTT broker requires a client certificate (link.cert_file, link.key_file)" },
  { 40, NULL, "the MQTT broker refuses the TLS connection; it may require a client certificate (link.cert_file, "
              "link.key_file)" },
  { 42, NULL, "the MQTT broker refuses the client certificate link.cert_file" },
  { 44, NULL, "the MQTT broker refuses the client certificate link.cert_file: it is revoked" },
  { 45, NULL, "the MQTT broker refuses the client certificate link.cert_file: it is not valid now" },
  { 48, NULL, "the MQTT broker does not trust the client certificate link.cert_file" },
};

static const char *meaning(const struct mqtt *m, int rc) {
  enum { REQUIRED = 116, UNKNOWN_AUTHORITY = 48 };
  if (tls.alert == REQUIRED && m->certified) tls.alert = UNKNOWN_AUTHORITY;  // ours was not even sent
  for (size_t k = 0; k < sizeof faults/sizeof *faults; k++)
    if (faults[k].part ? strstr(m->fault, faults[k].part) != NULL : tls.alert == faults[k].alert) return faults[k].text;
  // TLS 1.3 tells of a client's certificate after the handshake, and the alert may be lost as the connection closes
  const bool read = rc == MOSQ_ERR_CONN_LOST || (rc == MOSQ_ERR_ERRNO && errno == EPROTO);  // not in the handshake
  if (m->connected == 0 || m->fault[0]) return NULL;
  if (!tls.done && !read) return rc == MOSQ_ERR_TLS ? no_tls : NULL;
  return m->certified ? "connection closed after the TLS handshake; the MQTT broker may not trust the client "
                        "certificate link.cert_file"
                      : "connection closed after the TLS handshake; the MQTT broker may require a client certificate "
                        "(link.cert_file, link.key_file)";
}

static int lost(const struct mqtt *m, int rc) {
  const char *stage = m->connected ? "no MQTT broker answers" : "connection to the MQTT broker lost";
  const char *known = m->tls ? meaning(m, rc) : NULL;
  if (m->connected > 0)
    return err_set(ERR_IO, "%s: the MQTT broker refuses: %s", m->place, mosquitto_connack_string(m->connected));
  if (known) return err_set(ERR_IO, "%s: %s", m->place, known);
  if (m->certificate)
    return err_set(ERR_IO, "%s: the certificate of the MQTT broker is not accepted: %s", m->place, m->certificate);
  if (m->fault[0]) return err_set(ERR_IO, "%s: %s: %s", m->place, stage, m->fault);
  if (m->connected && !m->tls && rc == MOSQ_ERR_CONN_LOST)
    return err_set(ERR_IO, "%s: %s: connection closed; the port may expect TLS (link.tls=yes)", m->place, stage);
  return err_set(ERR_IO, "%s: %s: %s", m->place, stage, reason(rc));
}

// ---- the connection

// One slice of the library's work.
static int turn(struct mqtt *m, double left_s) {
  const double ms = fmin(fmax(1e3*left_s, 0), SLICE_MS);
  listen_to_tls(m);
  const int rc = mosquitto_loop(m->library, (int)ms, 1);
  m->secured = tls.done;
  return rc == MOSQ_ERR_SUCCESS ? 0 : lost(m, rc);
}

static int check_file(const char *setting, const char *path) {
  if (!*path) return 0;
  FILE *f = fopen(path, "re");
  const bool text = f && fgetc(f) != EOF, empty = f && feof(f);
  const int reason = errno;
  if (f) fclose(f);
  if (text) return 0;
  return err_set(ERR_SETTING, "link.%s=%s: cannot be read: %s", setting, path, empty ? "no text" : strerror(reason));
}

int mqtt_check(const struct mqtt_params *p) {
  const struct { const char *name, *path; } files[] = {
    { "ca_file", p->ca_file }, { "cert_file", p->cert_file }, { "key_file", p->key_file },
  };
  for (int k = 0; k < 3; k++) {
    if (files[k].path[0] && !p->tls)
      return err_set(ERR_SETTING, "link.%s=%s: needs link.tls=yes; without it everything, passwords too, is sent in "
                                  "clear", files[k].name, files[k].path);
    TRY(check_file(files[k].name, files[k].path));
  }
  if (!p->cert_file[0] != !p->key_file[0])
    return err_set(ERR_SETTING, "link.%s is missing: a client certificate consists of link.cert_file and link.key_file",
                   p->cert_file[0] ? "key_file" : "cert_file");
  return p->password[0] && !p->user[0] ? err_set(ERR_SETTING, "link.user is missing: link.password is given") : 0;
}

static int no_pass_phrase(char *text, int size, int writing, void *context) {
  (void)text, (void)size, (void)writing, (void)context;
  return 0;  // nobody may be there to be asked
}

static int secure(struct mqtt *m, const struct mqtt_params *p) {
  if (p->user[0]) mosquitto_username_pw_set(m->library, p->user, p->password[0] ? p->password : NULL);
  if (!p->tls) return 0;
  m->tls = true;
  m->certified = p->cert_file[0];
  const char *cert = p->cert_file[0] ? p->cert_file : NULL, *key = cert ? p->key_file : NULL;
  const int rc = p->ca_file[0] ? mosquitto_tls_set(m->library, p->ca_file, NULL, cert, key, no_pass_phrase)
                               : mosquitto_tls_set(m->library, NULL, "/etc/ssl/certs", cert, key, no_pass_phrase);
  return rc ? err_set(ERR_SETTING, "TLS: %s", reason(rc)) : 0;
}

// MQTT 3.1.1, which every broker speaks, unless the will has a delay: version 5, with a session that lasts longer.
static int connect_to(struct mqtt *m, const struct mqtt_params *p, const struct mqtt_will *w) {
  mosquitto_property *of_will = NULL, *of_session = NULL;
  const int delay_s = w ? w->delay_s : 0;
  int rc = 0;
  if (w && !delay_s) rc = mosquitto_will_set(m->library, w->topic, (int)strlen(w->text), w->text, QOS, false);
  if (rc || !delay_s) return rc ? rc : mosquitto_connect_async(m->library, p->host, (int)p->port, KEEPALIVE_S);
  mosquitto_int_option(m->library, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_property_add_int32(&of_will, MQTT_PROP_WILL_DELAY_INTERVAL, (uint32_t)delay_s);
  mosquitto_property_add_int32(&of_session, MQTT_PROP_SESSION_EXPIRY_INTERVAL, (uint32_t)delay_s + 60);
  rc = mosquitto_will_set_v5(m->library, w->topic, (int)strlen(w->text), w->text, QOS, false, of_will);
  if (rc) mosquitto_property_free_all(&of_will);
  else rc = mosquitto_connect_bind_v5(m->library, p->host, (int)p->port, KEEPALIVE_S, NULL, of_session);
  mosquitto_property_free_all(&of_session);
  return rc;
}

static int begin(struct mqtt *m, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s) {
  mosquitto_connect_callback_set(m->library, on_connect);
  mosquitto_subscribe_callback_set(m->library, on_subscribe);
  mosquitto_publish_callback_set(m->library, on_publish);
  mosquitto_message_callback_set(m->library, on_message);
  mosquitto_log_callback_set(m->library, on_log);
  TRY(secure(m, p));
  const int rc = connect_to(m, p, will);
  if (rc != MOSQ_ERR_SUCCESS) return lost(m, rc);
  const double end = clock_s() + timeout_s;
  while (m->connected < 0 && clock_s() < end) TRY(turn(m, end - clock_s()));
  if (m->connected > 0) return lost(m, 0);
  return m->connected < 0 ? err_set(ERR_IO, "%s: no MQTT broker answers within %g s", m->place, timeout_s) : 0;
}

// Two connections of one name would end each other. At most 23 characters, as MQTT 3.1.1 has it.
static void name_client(char id[24]) {
  unsigned long long random = 0;
  if (getrandom(&random, sizeof random, 0) < 0) random = (unsigned long long)getpid();
  snprintf(id, 24, "metaxbar-%014llx", random >> 8);
}

int mqtt_open(struct mqtt **out, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s) {
  char id[24];
  *out = NULL;
  TRY(mqtt_check(p));
  struct mqtt *m = err_calloc(1, sizeof *m);
  mosquitto_lib_init();
  m->connected = -1;
  m->last = &m->first;
  snprintf(m->place, sizeof m->place, "%s:%d", p->host, (int)p->port);
  name_client(id);
  m->library = mosquitto_new(id, true, m);
  int rc = m->library ? 0 : err_set(ERR_IO, "libmosquitto: %s", strerror(errno));
  if (rc == 0) rc = begin(m, p, will, timeout_s);
  if (rc == 0) *out = m;
  else mqtt_close(m);
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
  m->queued -= q->bytes;
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

int mqtt_check(const struct mqtt_params *p) {
  (void)p;
  return 0;
}

int mqtt_open(struct mqtt **m, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s) {
  (void)p, (void)will, (void)timeout_s;
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
