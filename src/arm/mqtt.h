// mqtt.h - a connection to an MQTT broker: publish, subscribe, wait for the next message. The one door to libmosquitto;
// without it (METAXBAR_MOSQUITTO=0) mqtt_open fails with one line that says so. Nothing runs in the background: the
// connection lives inside mqtt_wait and its like. Every wait ends after its time; none waits for ever.
#ifndef ARM_MQTT_H
#define ARM_MQTT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/param.h"

struct mqtt;

struct mqtt_params {
  char host[PARAM_TEXT_SIZE];
  int64_t port;
  char user[PARAM_TEXT_SIZE], password[PARAM_TEXT_SIZE];  // "": none
  int64_t tls;
  char ca_file[PARAM_TEXT_SIZE];                          // certificates trusted; "": those of the system
  char cert_file[PARAM_TEXT_SIZE], key_file[PARAM_TEXT_SIZE];  // of this client; "": none
};

// What the broker publishes in the name of a client that vanishes without mqtt_close.
struct mqtt_will {
  const char *topic, *text;
  int delay_s;  // after the loss; more than 0 needs a broker that speaks MQTT 5
};

// A message that was received; texts end in a zero byte and are valid until the next wait.
struct mqtt_message {
  const char *topic, *text;
  size_t size;
};

bool mqtt_available(void);

// ERR_SETTING unless the files of certificates can be read and are used.
int mqtt_check(const struct mqtt_params *p);

// Connect within timeout_s, under an MQTT client id that nobody else has. will: NULL for none. Errors name host, port
// and reason.
int mqtt_open(struct mqtt **m, const struct mqtt_params *p, const struct mqtt_will *will, double timeout_s);

int mqtt_subscribe(struct mqtt *m, const char *topic, double timeout_s);
int mqtt_publish(struct mqtt *m, const char *topic, const char *text);

// 1 and a message; 0 if none came in time or a signal was caught meanwhile; ERR_IO if the connection is lost.
int mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s);

// What was published is brought out first, for at most a second.
void mqtt_close(struct mqtt *m);

#endif
