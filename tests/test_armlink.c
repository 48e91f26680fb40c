// The link to the real arm, against a real broker and a stand-in for the robot, correct or faulty. The linker
// gives its clock and its wait to this test (--wrap): where the stand-in is silent on purpose, the time-out passes at
// once; otherwise the clock moves too little for one, however slow the machine.
#include "arm/armlink.h"
#include "arm/jointpath.h"
#include "base/err.h"
#include "base/progress.h"
#include "base/signals.h"
#include "test.h"

#if METAXBAR_MOSQUITTO
#include "arm_stand_in.h"

enum { N = 20 };
static const double degree = 3.14159265358979323846/180;
static struct folder folder;
static struct broker broker;
static struct armlink_params params;
static struct jointpath commanded;
static char heard[4096];  // by the stand-in, of the last attempt
static double skipped_s;  // the clock is ahead by this
static bool skips = true, alone;

// A thousand times slower than the real one, whose time-outs a busy machine would reach.
double __real_clock_s(void);
double __wrap_clock_s(void);
double __wrap_clock_s(void) { return 1e-3*__real_clock_s() + skipped_s; }

// After the word "silence" nothing can come that is waited for; without a robot, after the question itself.
int __real_mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s);
int __wrap_mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s);
int __wrap_mqtt_wait(struct mqtt *m, struct mqtt_message *message, double timeout_s) {
  const int rc = __real_mqtt_wait(m, message, timeout_s);
  if (rc != 1 || strcmp(message->topic, "metainfo")) return rc;
  const bool silence = !strcmp(message->text, "silence");
  if (skips && (silence || alone)) skipped_s += 2*STAND_IN_PATIENCE_S;
  return silence ? 0 : 1;
}

static void read_heard(void) {
  char *text;
  size_t size;
  if (file_read(folder_path(&folder, "heard"), sizeof heard - 1, &text, &size) < 0) return;
  snprintf(heard, sizeof heard, "%s", strstr(text, "ready") ? strstr(text, "ready") + 6 : text);
  free(text);
}

// Wait until the stand-in has heard `signal`.
static void wait_heard(const char *signal) {
  for (int k = 0; k < 100*STAND_IN_PATIENCE_S && !strstr(heard, signal); k++, read_heard()) stand_in_sleep_ms(10);
}

static void forget(void) {
  unlink(folder_path(&folder, "heard"));
  heard[0] = 0;
}

static int attempt(struct jointpath *performed, const struct manners *w) {
  const pid_t robot = robot_start(&folder, &broker, w);
  const int rc = armlink_perform(performed, &params, &commanded);
  robot_dismiss(robot, &broker);
  read_heard();
  return rc;
}

static void check_polite(const struct manners *w) {
  struct jointpath p;
  double worst = 0;
  CHECK(attempt(&p, w) == 0, "%s", err_message());
  for (int k = 0; k < N; k++) {
    worst = fmax(worst, fabs(p.q[4*k] - commanded.q[4*k] - (w->measured ? 0.5*degree : 0)));
    worst = fmax(worst, fabs(p.q[4*k + 1] - commanded.q[4*k + 1] + (w->measured ? 0.5*degree : 0)));
    worst = fmax(worst, fabs(p.q[4*k + 2] + (w->measured ? 0.25*degree : 0)));
    CHECK(p.time_s[k] > 0 && (k == 0 || p.time_s[k] >= p.time_s[k - 1]), "times fall at %d", k);
  }
  CHECK(p.n == N && worst < test_tol(1e-12), "%d points, off by %g", p.n, worst);
  CHECK(!strcmp(heard, "1 3 5 8 11 "), "heard %s", heard);
  jointpath_release(&p);
}

// One clear reason, and the robot left alone: `told` is what it received.
static void check_rude(const struct manners *w, int code, const char *reason, const char *told) {
  struct jointpath p;
  const int rc = attempt(&p, w);
  CHECK(rc == code && strstr(err_message(), reason), "%d: %s", rc, err_message());
  CHECK(!strcmp(heard, told), "'%s': heard %s, not %s", reason, heard, told);
  if (rc == 0) jointpath_release(&p);
}

static void check_manners(void) {
  check_polite(&(struct manners){ 0 });
  check_polite(&(struct manners){ .measured = true });
  check_polite(&(struct manners){ .strangers = true });
  check_rude(&(struct manners){ .no_metainfo = true }, ERR_IO, "EDScorbotSim: no robot of this name", "1 ");
  check_rude(&(struct manners){ .name = "EDScorbot" }, ERR_IO, "EDScorbotSim: no robot of this name", "1 ");
  check_rude(&(struct manners){ .no_status = true }, ERR_IO, "does not tell its status", "1 3 ");
  check_rude(&(struct manners){ .owned = true }, ERR_IO, "another client may own it (busy)", "1 3 5 11 ");
  check_rude(&(struct manners){ .no_home = true }, ERR_IO, "did not find its home position within 60 s", "1 3 5 11 ");
  check_rude(&(struct manners){ .narrow = true }, ERR_SETTING, "base at 11.00 degrees; the robot states -10 to 10",
             "1 ");
  check_rude(&(struct manners){ .silent_after = 7 }, ERR_IO, "after 7 of 20 points: points lost", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .lost = 5 }, ERR_IO, "after 19 of 20 points: points lost", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .error_at = 4 }, ERR_IO, "reports an error after 3 of 20 points", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .silent_after = 2, .deaf_to_the_end = true }, ERR_IO,
             "after 2 of 20 points: points lost", "1 3 5 8 9 11 ");
}

static void check_garbage(void) {
  check_rude(&(struct manners){ .garbage = "not JSON" }, ERR_FORMAT, "metainfo: line 1:", "1 ");
  check_rude(&(struct manners){ .garbage = "{\"signal\":2,\"name\":\"EDScorbotSim\",\"joints\":[]}" }, ERR_FORMAT,
             "metainfo: 0 joints", "1 ");
  check_rude(&(struct manners){ .garbage = "\xff\xfe\n", .garbage_at = 3 }, ERR_FORMAT,
             "after 2 of 20 points: EDScorbotSim/moved: line 1:", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .garbage = "{\"content\":{\"coordinates\":[1,2,\"x\",4,5,6]}}", .garbage_at = 1 },
             ERR_FORMAT, "EDScorbotSim/moved: [2] is a text", "1 3 5 8 9 11 ");
}

// A signal in mid-path: the movement is cancelled, the arm given back.
static void check_interrupted(void) {
  forget();
  const pid_t client = stand_in_fork();
  if (client == 0) {
    skips = false;
    signal(SIGINT, SIG_DFL);  // whoever runs the tests may ignore it
    signals_install();
    robot_wait(&folder);  // it has to know whom to interrupt, so it comes second
    struct jointpath p;
    const int rc = armlink_perform(&p, &params, &commanded);
    _exit(rc == ERR_INTERRUPTED && strstr(err_message(), "stopped by a signal after") ? 0 : 1);
  }
  const pid_t robot =
      robot_start(&folder, &broker, &(struct manners){ .silent_after = 6, .interrupts_at = 6, .victim = client });
  int status = -1;
  waitpid(client, &status, 0);
  robot_dismiss(robot, &broker);
  read_heard();
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
  CHECK(!strcmp(heard, "1 3 5 8 9 11 "), "heard %s", heard);
}

// The client vanishes in mid-path: the broker cancels the movement in its name.
static void check_vanished(void) {
  forget();
  const pid_t client = stand_in_fork();
  if (client == 0) {
    struct jointpath p;
    skips = false;
    robot_wait(&folder);
    _exit(armlink_perform(&p, &params, &commanded) == 0);
  }
  const pid_t robot = robot_start(&folder, &broker, &(struct manners){ .silent_after = 3 });
  wait_heard("8 ");
  kill(client, SIGKILL);
  waitpid(client, NULL, 0);
  wait_heard("9 ");
  stand_in_end(robot);
  CHECK(!strcmp(heard, "1 3 5 8 9 "), "heard %s", heard);
}

static void check_refused(double *angle, double value, double back, const char *reason) {
  struct jointpath p;
  *angle = value;
  CHECK(armlink_perform(&p, &params, &commanded) == ERR_SETTING && strstr(err_message(), reason), "%s", err_message());
  *angle = back;
}

// Nothing is sent, not even to a broker: there is none at this port.
static void check_checks(void) {
  const int64_t port = params.broker.port;
  params.broker.port = 1;
  double *q = commanded.q + 4*3;
  check_refused(q, 156*degree, q[0], "set-point 3: base at 156.00 degrees; the limits in use are -155 to 155");
  check_refused(q + 1, -61*degree, q[1], "set-point 3: shoulder at -61.00 degrees; the limits in use are -60 to 110");
  check_refused(q + 2, -81*degree, 0, "set-point 3: elbow at 81.00 degrees; the limits in use are -145 to 80");
  check_refused(q + 3, NAN, 0, "set-point 3: wrist at ");
  check_refused(q, 9*degree, q[0],
                "set-point 3: base steps by 6.00 degrees from the one before; limit link.step_deg=5");
  check_refused(commanded.q, 5.5*degree, commanded.q[0], "set-point 0: base steps by 5.50 degrees from home");
  strcpy(params.robot, "a/b");
  check_refused(q, q[0], q[0], "link.robot=a/b: a name has");
  strcpy(params.robot, "EDScorbotSim");
  struct jointpath p;
  CHECK(armlink_perform(&p, &params, &commanded) == ERR_IO && strstr(err_message(),
                                                                     "127.0.0.1:1: no MQTT broker answers"), "%s",
                                                                     err_message());
  params.broker.port = port;
}

static void check_dry(void) {
  char *text;
  size_t size;
  strcpy(params.client, "me");
  FILE *f = open_memstream(&text, &size);
  CHECK(armlink_print(f, &params, &commanded) == 0, "%s", err_message());
  fclose(f);
  CHECK(!strncmp(text, "metainfo {\"signal\": 1}\nEDScorbotSim/commands {\"signal\": 3, \"client\": {\"id\": \"me\"}, "
                       "\"error\": false}\n", 92), "%.200s", text);
  CHECK(strstr(text, "{\"points\": [{\"coordinates\": [1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 250.0]}, ") != NULL, "%.400s",
        text);
  CHECK(strstr(text, "{\"signal\": 11, \"client\": {\"id\": \"me\"}, \"error\": false}\n") != NULL, "%s", text);
  params.client[0] = 0;
  free(text);
}

// Last: it takes the broker with it.
static void check_lost(void) {
  struct jointpath p;
  const struct manners w = { .broker_dies_at = 6, .victim = broker.pid };
  const pid_t robot = robot_start(&folder, &broker, &w);
  const int rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == ERR_IO && strstr(err_message(), "of 20 points: 127.0.0.1:") &&
            strstr(err_message(), "connection to the MQTT broker lost"),
        "%d: %s", rc, err_message());
  stand_in_end(robot);
  waitpid(broker.pid, NULL, 0);
}

static void check_password(void) {
  char extra[1024];
  snprintf(extra, sizeof extra, "allow_anonymous false\npassword_file %s\n", folder_path(&folder, "users"));
  char make[1200];
  snprintf(make, sizeof make, "mosquitto_passwd -c -b %s arm secret 2>/dev/null", folder_path(&folder, "users"));
  if (system(make) != 0) {
    printf("SKIP user and password: mosquitto_passwd is absent\n");
    return;
  }
  broker = broker_start(&folder, extra);
  params.broker.port = broker.port;
  struct jointpath p;
  int rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == ERR_IO && strstr(err_message(), "the MQTT broker refuses: ") && strstr(err_message(), "not authorised"),
        "%s", err_message());
  strcpy(params.broker.user, "arm");
  strcpy(params.broker.password, "secret");
  rc = armlink_perform(&p, &params, &commanded);  // let in; there is no robot
  CHECK(rc == ERR_IO && strstr(err_message(), "no robot of this name"), "%s", err_message());
  stand_in_end(broker.pid);
  params.broker.user[0] = 0;
}

static void check_tls(void) {
  char line[3000], extra[2000], key[300], cert[300];
  snprintf(key, sizeof key, "%s", folder_path(&folder, "key.pem"));
  snprintf(cert, sizeof cert, "%s", folder_path(&folder, "cert.pem"));
  snprintf(line, sizeof line, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
                              "/CN=localhost -addext subjectAltName=DNS:localhost "
           "-keyout %s -out %s >/dev/null 2>&1", key, cert);
  if (system(line) != 0) {
    printf("SKIP TLS: openssl is absent\n");
    return;
  }
  snprintf(extra, sizeof extra, "allow_anonymous true\ncertfile %s\nkeyfile %s\n", cert, key);
  broker = broker_start(&folder, extra);
  params.broker.port = broker.port;
  params.broker.tls = 1;
  strcpy(params.broker.host, "localhost");
  struct jointpath p;
  int rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == ERR_IO && strstr(err_message(), "no MQTT broker answers"), "a broker nobody knows: %s", err_message());
  strcpy(params.broker.ca_file, cert);
  rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == ERR_IO && strstr(err_message(), "no robot of this name"), "%s", err_message());
  strcpy(params.broker.ca_file, "/nowhere/ca.pem");
  rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == ERR_SETTING && strstr(err_message(), "link.ca_file=/nowhere/ca.pem: cannot be read"), "%s",
        err_message());
  stand_in_end(broker.pid);
}

int main(void) {
  if (!broker_program()) {
    printf("SKIP the broker mosquitto is absent\n");
    return 77;
  }
  progress_quiet(true);
  folder = folder_make();
  param_defaults(armlink_param_table, &params);
  strcpy(params.broker.host, "127.0.0.1");
  params.answer_s = params.homing_s = params.point_s = STAND_IN_PATIENCE_S;
  broker = broker_start(&folder, "allow_anonymous true\n");
  params.broker.port = broker.port;
  jointpath_init(&commanded, N, 0.25);
  for (int k = 0; k < N; k++) commanded.q[4*k] = (k + 1)*degree, commanded.q[4*k + 1] = -0.5*(k + 1)*degree;
  check_manners();
  check_garbage();
  check_interrupted();
  check_vanished();
  check_checks();
  check_dry();
  check_lost();
  alone = true;  // no robot from here on
  check_password();
  check_tls();
  jointpath_release(&commanded);
  folder_remove(&folder);
  return test_summary();
}

#else

int main(void) {
  struct armlink_params params;
  struct jointpath commanded, performed;
  param_defaults(armlink_param_table, &params);
  jointpath_init(&commanded, 3, 0.25);
  CHECK(armlink_perform(&performed, &params, &commanded) == ERR_SETTING && strstr(err_message(), "libmosquitto-dev"),
        "%s", err_message());
  jointpath_release(&commanded);
  printf("SKIP built without libmosquitto\n");
  return test_summary() ? EXIT_FAILURE : 77;
}

#endif
