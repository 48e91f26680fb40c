// arm_stand_in.h - what a test of the link to the arm talks to: Debian's broker mosquitto on a free port of the
// loopback, and a process that behaves like the ED-Scorbot, politely or not. What the robot receives is kept in a file,
// the signals in their order. When it withholds an answer it publishes "silence" in its place, so that a test need not
// wait for the time-out; on "over" it ends. Deadlines are for what hangs only.
#ifndef ARM_STAND_IN_H
#define ARM_STAND_IN_H

#include <arpa/inet.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arm/message.h"
#include "base/json.h"
#include "folder.h"

enum { STAND_IN_PATIENCE_S = 60 };

static inline void stand_in_sleep_ms(long ms) { nanosleep(&(struct timespec){ ms/1000, 1000000*(ms % 1000) }, NULL); }

// A child process that does not outlive the test.
static inline pid_t stand_in_fork(void) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) abort();
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

static inline void stand_in_end(pid_t pid) {
  kill(pid, SIGTERM);
  waitpid(pid, NULL, 0);
}

// ---- the broker

struct broker {
  pid_t pid;
  int port;
};

static inline const char *broker_program(void) {
  static const char *const places[] = { "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto" };
  for (size_t k = 0; k < sizeof places/sizeof *places; k++)
    if (access(places[k], X_OK) == 0) return places[k];
  return NULL;
}

static inline int broker_socket(int port, int listening) {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = { .sin_family = AF_INET,
                           .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  const int rc = listening ? bind(s, (struct sockaddr *)&a, sizeof a) : connect(s, (struct sockaddr *)&a, sizeof a);
  if (rc == 0) return s;
  close(s);
  return -1;
}

static inline int broker_free_port(void) {
  struct sockaddr_in a;
  socklen_t size = sizeof a;
  const int s = broker_socket(0, 1);
  if (s < 0 || getsockname(s, (struct sockaddr *)&a, &size)) abort();
  close(s);
  return ntohs(a.sin_port);
}

static inline void broker_wait(int port) {
  for (int k = 0; k < 100*STAND_IN_PATIENCE_S; k++, stand_in_sleep_ms(10)) {
    const int s = broker_socket(port, 0);
    if (s < 0) continue;
    close(s);
    return;
  }
  printf("the broker does not start\n");
  exit(EXIT_FAILURE);
}

// extra: further lines of its configuration. port 0: a free one.
static inline struct broker broker_start_at(const struct folder *f, int port, const char *extra) {
  struct broker b = { .port = port ? port : broker_free_port() };
  char text[4096];
  snprintf(text, sizeof text, "listener %d 127.0.0.1\npersistence false\nlog_dest none\nuser root\n%s", b.port, extra);
  folder_write(f, "broker.conf", text, strlen(text));
  b.pid = stand_in_fork();
  if (b.pid == 0) {
    if (!freopen("/dev/null", "w", stderr)) _exit(127);  // it warns when run as root
    execl(broker_program(), "mosquitto", "-c", folder_path(f, "broker.conf"), (char *)NULL);
    _exit(127);
  }
  broker_wait(b.port);
  return b;
}

static inline struct broker broker_start(const struct folder *f, const char *extra) {
  return broker_start_at(f, 0, extra);
}

// Let the broker keep a message, or forget it if it is empty. Returns when it has it.
static inline void broker_retained(struct mosquitto *library, void *context, int id) {
  (void)library, (void)id;
  *(bool *)context = true;
}

static inline void broker_retain(const struct broker *b, const char *topic, const char *text) {
  bool done = false;
  mosquitto_lib_init();
  struct mosquitto *m = mosquitto_new("keeper", true, &done);
  if (!m || mosquitto_connect(m, "127.0.0.1", b->port, 60)) abort();
  mosquitto_publish_callback_set(m, broker_retained);
  mosquitto_publish(m, NULL, topic, (int)strlen(text), text, 1, true);
  while (!done)
    if (mosquitto_loop(m, 5, 1) != MOSQ_ERR_SUCCESS) abort();
  mosquitto_destroy(m);
  mosquitto_lib_cleanup();
}

// ---- the robot

// How it behaves; all zero is polite. Counts of points begin at 1, 0: never.
struct manners {
  const char *name;              // NULL: EDScorbotSim
  bool no_metainfo, no_status, no_home, owned;  // what it is silent about; owned: by somebody else
  bool deaf_to_the_end;          // answers neither cancellation nor disconnection
  bool narrow;                   // states that the base turns by 10 degrees only
  bool measured;                 // six measured angles, half a degree off, in place of an echo
  bool strangers;                // talks to other clients as well
  int silent_after;              // no more points after this one
  bool stalls;                   // as if they were still to come
  int lost;                      // this point is not reported
  int error_at, garbage_at;
  int broker_dies_at;            // kills victim
  int interrupts_at;             // sends `interrupt` to victim (0: SIGINT), and more of them as it says farewell
  int interrupt;
  bool interrupts_again;
  const char *owner;             // from the start
  bool returns;                  // after a loss of the broker, and knows its owner
  const char *returns_upon;      // but not before this file exists
  pid_t victim;
  const char *garbage;           // on metainfo in place of the answer if garbage_at is 0
};

struct robot {
  struct manners manners;
  struct mosquitto *m;
  FILE *log;
  char owner[MESSAGE_NAME_SIZE];
  struct json_t *command;        // the trajectory being performed
  int at, n;                     // points done, points in all
  int subscribed;
  bool over;
};

static inline void robot_say(struct robot *r, const char *topic, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline void robot_say(struct robot *r, const char *topic, const char *format, ...) {
  char text[2048], full[128];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (strcmp(topic, "metainfo"))
    snprintf(full, sizeof full, "%s/%s", r->manners.name ? r->manners.name : "EDScorbotSim", topic);
  else snprintf(full, sizeof full, "metainfo");
  mosquitto_publish(r->m, NULL, full, (int)strlen(text), text, 1, false);
}

static inline void robot_answer(struct robot *r, int signal) {
  if (r->manners.strangers) robot_say(r, "commands", "{\"signal\":\"?\"}");
  if (r->manners.strangers)
    robot_say(r, "commands", "{\"client\":{\"id\":\"stranger\"},\"error\":true,\"signal\":%d}", signal);
  robot_say(r, "commands", "{\"client\":{\"id\":\"%s\"},\"error\":false,\"signal\":%d}", r->owner, signal);
}

static inline void robot_be_silent(struct robot *r) { robot_say(r, "metainfo", "silence"); }

static inline void robot_introduce(struct robot *r) {
  if (r->manners.no_metainfo) return robot_be_silent(r);
  if (r->manners.garbage && !r->manners.garbage_at) {
    robot_say(r, "metainfo", "%s", r->manners.garbage);
    return robot_be_silent(r);
  }
  if (r->manners.strangers) {
    robot_say(r, "metainfo", "not JSON");
    robot_say(r, "metainfo", "{\"joints\":[{\"maximum\":\"?\"}],\"name\":\"Other\",\"signal\":2}");
  }
  const double base = r->manners.narrow ? 10 : 166.67;
  robot_say(r, "metainfo",
            "{\"joints\":[{\"maximum\":%g,\"minimum\":%g},{\"maximum\":-85.1,\"minimum\":101.06},"
            "{\"maximum\":-112.9,\"minimum\":112.9},"
            "{\"maximum\":-90.8,\"minimum\":85.2},{\"maximum\":360,\"minimum\":-360},"
            "{\"maximum\":100,\"minimum\":0}],\"name\":\"%s\",\"signal\":2}",
            -base, base, r->manners.name ? r->manners.name : "EDScorbotSim");
  if (r->manners.name) robot_be_silent(r);  // it is not the one that was asked
}

static inline void robot_obey(struct robot *r, const struct message *m, const char *text, size_t size) {
  struct json_t *trajectory, *points;
  const struct manners *w = &r->manners;
  const bool ours = !strcmp(m->client, r->owner), owned = r->owner[0];
  if (m->signal == MESSAGE_CHECK_STATUS && !w->no_status) robot_say(r, "commands", "{\"error\":false,\"signal\":4}");
  if (m->signal == MESSAGE_CONNECT && !r->owner[0] && !w->owned) {
    strcpy(r->owner, m->client);
    robot_answer(r, MESSAGE_CONNECTED);
    if (!w->no_home) robot_answer(r, MESSAGE_HOME);
  }
  if (m->signal == MESSAGE_CHECK_STATUS && w->no_status) robot_be_silent(r);
  if (m->signal == MESSAGE_CONNECT && (w->owned || w->no_home)) robot_be_silent(r);
  if (m->signal == MESSAGE_CONNECT && owned) robot_be_silent(r);
  if (m->signal == MESSAGE_DISCONNECT && !ours) robot_be_silent(r);
  if (w->interrupts_again && (m->signal == MESSAGE_CANCEL || m->signal == MESSAGE_DISCONNECT)) {
    kill(w->victim, m->signal == MESSAGE_CANCEL ? SIGINT : SIGTERM);
    stand_in_sleep_ms(200);  // long enough for the victim to die of it
  }
  if (!ours || !r->owner[0]) return;
  if (m->signal == MESSAGE_TRAJECTORY && json_parse(&r->command, text, size, "command") == 0) {
    if (json_field_object(r->command, "", "trajectory", &trajectory) ||
        json_field_array(trajectory, "", "points", &points))
      abort();
    r->n = (int)json_length(points);
  }
  if (w->deaf_to_the_end) {
    if (m->signal == MESSAGE_CANCEL || m->signal == MESSAGE_DISCONNECT) robot_be_silent(r);
    return;
  }
  if (m->signal == MESSAGE_CANCEL) r->n = 0, robot_answer(r, MESSAGE_CANCELLED);
  if (m->signal == MESSAGE_DISCONNECT) robot_answer(r, MESSAGE_DISCONNECTED), r->owner[0] = 0;
}

static inline void robot_hear(struct mosquitto *library, void *context, const struct mosquitto_message *got) {
  struct robot *r = context;
  struct message m;
  (void)library;
  const bool metainfo = !strcmp(got->topic, "metainfo");
  if (metainfo && !strcmp(got->payload, "over")) r->over = true;
  if (message_parse(&m, metainfo ? MESSAGE_ON_METAINFO : MESSAGE_ON_COMMANDS, got->payload, (size_t)got->payloadlen,
                    "heard") < 0)
    return;
  if (m.signal % 2 == 1 && m.signal != MESSAGE_HOME) fprintf(r->log, "%d ", m.signal);
  else if (m.signal == MESSAGE_TRAJECTORY) fprintf(r->log, "8 ");
  if (m.signal == MESSAGE_GET_METAINFO) robot_introduce(r);
  else if (!metainfo) robot_obey(r, &m, got->payload, (size_t)got->payloadlen);
}

static inline void robot_subscribed(struct mosquitto *library, void *context, int id, int n, const int *granted) {
  struct robot *r = context;
  (void)library, (void)id, (void)n, (void)granted;
  if (++r->subscribed % 2 == 0) fprintf(r->log, "ready ");
}

static inline void robot_subscribe(struct robot *r, const char *topic) {
  mosquitto_subscribe(r->m, NULL, "metainfo", 1);
  mosquitto_subscribe(r->m, NULL, topic, 1);
}

// Report one point of the trajectory.
static inline void robot_move(struct robot *r) {
  const struct manners *w = &r->manners;
  const int k = ++r->at;
  struct json_t *trajectory, *points, *point, *coordinates;
  double c[MESSAGE_JOINTS + 1];
  if (json_field_object(r->command, "", "trajectory", &trajectory) ||
      json_field_array(trajectory, "", "points", &points))
    abort();
  if (json_item_object(points, "", (size_t)k - 1, &point) || json_field_array(point, "", "coordinates", &coordinates))
    abort();
  for (size_t j = 0; j < MESSAGE_JOINTS + 1; j++)
    if (json_item_f64(coordinates, "", j, -1e9, 1e9, &c[j]) < 0) abort();
  if (w->broker_dies_at == k) kill(w->victim, SIGKILL);
  if (w->interrupts_at == k) kill(w->victim, w->interrupt ? w->interrupt : SIGINT);
  if (w->garbage_at == k) robot_say(r, "moved", "%s", w->garbage);
  if (w->strangers)
    robot_say(r, "moved",
              "{\"error\":true,\"content\":{\"coordinates\":[1,2,%s]},\"client\":{\"id\":\"stranger\"}}",
              k % 2 ? "3,4,5,6" : "\"?\"");
  if (w->lost == k || (w->silent_after && k > w->silent_after)) return;
  if (w->measured)
    robot_say(r, "moved",
              "{\"client\":{\"id\":\"%s\"},\"content\":{\"coordinates\":[%.17g,%.17g,0.25,%.17g,0,0]},\"error\":false}",
              r->owner, c[0] + 0.5, c[1] - 0.5, c[3]);
  else
    robot_say(r, "moved",
              "{\"client\":{\"id\":\"%s\"},\"content\":{\"coordinates\":[%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g]},"
              "\"error\":%s}",
              r->owner, c[0], c[1], c[2], c[3], c[4], c[5], c[6], w->error_at == k ? "true" : "false");
}

// Wait until a stand-in listens: it says so in the file "heard" of the folder, where also goes what it hears.
static inline void robot_wait(const struct folder *f) {
  char path[512], *text;
  size_t size;
  snprintf(path, sizeof path, "%s", folder_path(f, "heard"));
  for (int k = 0; k < 100*STAND_IN_PATIENCE_S; k++, stand_in_sleep_ms(10)) {
    if (!file_exists(path) || file_read(path, 1 << 16, &text, &size) < 0) continue;
    free(text);
    if (size) return;
  }
  printf("the stand-in does not start\n");
  exit(EXIT_FAILURE);
}

// Start it; returns when it listens.
static inline pid_t robot_start(const struct folder *f, const struct broker *b, const struct manners *w) {
  char path[512], topic[128];
  snprintf(path, sizeof path, "%s", folder_path(f, "heard"));
  unlink(path);
  const pid_t pid = stand_in_fork();
  if (pid > 0) {
    robot_wait(f);
    return pid;
  }
  struct robot r = { .manners = *w, .log = fopen(path, "w") };
  snprintf(topic, sizeof topic, "%s/commands", w->name ? w->name : "EDScorbotSim");
  mosquitto_lib_init();
  r.m = mosquitto_new("stand-in", true, &r);
  if (!r.log || !r.m) _exit(1);
  setvbuf(r.log, NULL, _IONBF, 0);
  mosquitto_message_callback_set(r.m, robot_hear);
  mosquitto_subscribe_callback_set(r.m, robot_subscribed);
  if (w->owner) snprintf(r.owner, sizeof r.owner, "%s", w->owner);
  if (mosquitto_connect(r.m, "127.0.0.1", b->port, 60)) _exit(1);
  robot_subscribe(&r, topic);
  while (!r.over) {
    if (mosquitto_loop(r.m, 5, 1) != MOSQ_ERR_SUCCESS) {
      if (!w->returns) break;
      stand_in_sleep_ms(50);
      if (w->returns_upon && !file_exists(w->returns_upon)) continue;
      if (mosquitto_reconnect(r.m) == MOSQ_ERR_SUCCESS) robot_subscribe(&r, topic);
    } else if (r.at < r.n) {
      robot_move(&r);
      if (r.at == r.n && !w->stalls && (w->lost || w->silent_after)) robot_be_silent(&r);
    }
  }
  _exit(0);
}

// Wait until it has heard all that was published before, and is gone.
static inline void robot_dismiss(pid_t robot, const struct broker *b) {
  mosquitto_lib_init();
  struct mosquitto *m = mosquitto_new("test", true, NULL);
  if (!m || mosquitto_connect(m, "127.0.0.1", b->port, 60)) abort();
  mosquitto_publish(m, NULL, "metainfo", 4, "over", 1, false);
  while (waitpid(robot, NULL, WNOHANG) == 0)
    if (mosquitto_loop(m, 5, 1) != MOSQ_ERR_SUCCESS) abort();
  mosquitto_destroy(m);
  mosquitto_lib_cleanup();
}

#endif
