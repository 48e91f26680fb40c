// The link to the real arm: what it sends and refuses, with a robot that is correct or faulty.
#include "arm/armlink.h"
#include "arm/jointpath.h"
#include "base/err.h"
#include "test.h"

#if METAXBAR_MOSQUITTO
#include "armlink_fixture.h"

static void check_polite(const struct manners *w, const char *told) {
  struct jointpath p;
  double worst = 0;
  const int rc = attempt(&p, w);
  CHECK(rc == 0, "%s; heard %s", err_message(), heard);
  if (rc < 0) return jointpath_release(&p);
  for (int k = 0; k < N; k++) {
    worst = fmax(worst, fabs(p.q[4*k] - commanded.q[4*k] - (w->measured ? 0.5*degree : 0)));
    worst = fmax(worst, fabs(p.q[4*k + 1] - commanded.q[4*k + 1] + (w->measured ? 0.5*degree : 0)));
    worst = fmax(worst, fabs(p.q[4*k + 2] + (w->measured ? 0.25*degree : 0)));
    CHECK(p.time_s[k] > 0 && (k == 0 || p.time_s[k] >= p.time_s[k - 1]), "times fall at %d", k);
  }
  CHECK(p.n == N && worst < test_tol(1e-12), "%d points, off by %g", p.n, worst);
  CHECK(!strcmp(heard, told), "heard %s", heard);
  jointpath_release(&p);
}

// One clear reason, and the robot left alone: `told` is what it received.
static void check_rude(const struct manners *w, int code, const char *reason, const char *told) {
  struct jointpath p;
  const int rc = attempt(&p, w);
  CHECK(rc == code && strstr(err_message(), reason), "%d: %s", rc, err_message());
  CHECK(!strcmp(heard, told), "'%s': heard %s, not %s", reason, heard, told);
  const char *after = strstr(err_message(), "after ");  // what came before is kept
  CHECK(p.n == (after ? atoi(after + 6) : 0), "%d points: %s", p.n, err_message());
  for (int k = 0; k < p.n; k++)
    CHECK(fabs(p.q[4*k] - commanded.q[4*k]) < 1e-12 || w->lost, "point %d at %g", k, p.q[4*k]);
  jointpath_release(&p);
}

static void check_manners(void) {
  check_polite(&(struct manners){ 0 }, "1 3 5 8 11 ");
  check_polite(&(struct manners){ .measured = true }, "1 3 5 8 11 ");
  check_polite(&(struct manners){ .strangers = true }, "1 3 5 8 11 ");
  check_rude(&(struct manners){ .no_metainfo = true }, ERR_IO, "EDScorbotSim: no robot of this name", "1 ");
  check_rude(&(struct manners){ .name = "EDScorbot" }, ERR_IO, "EDScorbotSim: no robot of this name", "1 ");
  check_rude(&(struct manners){ .no_status = true }, ERR_IO, "does not tell its status", "1 3 ");
  check_rude(&(struct manners){ .owned = true }, ERR_IO, "busy: another client may own it, no connection "
             "within 60 s; if that one is gone: metaxbar arm --release ID", "1 3 5 11 ");
  check_rude(&(struct manners){ .no_home = true }, ERR_IO, "did not find its home position within 60 s", "1 3 5 11 ");
  check_rude(&(struct manners){ .narrow = true }, ERR_SETTING, "base at 11.00 degrees; the robot states -10 to 10",
             "1 ");
  check_rude(&(struct manners){ .silent_after = 7 }, ERR_IO, "after 7 of 20 points: points lost", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .lost = 5 }, ERR_IO, "after 19 of 20 points: points lost", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .error_at = 4 }, ERR_IO, "reports an error after 3 of 20 points", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .silent_after = 2, .deaf_to_the_end = true }, ERR_IO,
             "after 2 of 20 points: points lost", "1 3 5 8 9 11 ");
  check_polite(&(struct manners){ 0 }, "1 3 9 11 5 8 11 ");  // the name that was left is tried first, and forgotten
  check_polite(&(struct manners){ 0 }, "1 3 5 8 11 ");
}

static void check_garbage(void) {
  check_rude(&(struct manners){ .garbage = "not JSON" }, ERR_IO,
             "answers within 60 s; ignored: metainfo: line 1:", "1 ");
  check_rude(&(struct manners){ .garbage = "{\"signal\":2,\"name\":\"EDScorbotSim\",\"joints\":[]}" }, ERR_IO,
             "ignored: metainfo: 0 joints", "1 ");
  check_rude(&(struct manners){ .garbage = "\xff\xfe\n", .garbage_at = 3 }, ERR_FORMAT,
             "after 2 of 20 points: EDScorbotSim/moved: line 1:", "1 3 5 8 9 11 ");
  check_rude(&(struct manners){ .garbage = "{\"content\":{\"coordinates\":[1,2,\"x\",4,5,6]}}", .garbage_at = 1 },
             ERR_FORMAT, "EDScorbotSim/moved: [2] is a text", "1 3 5 8 9 11 ");
}

// Everybody may write to the topics, and the broker keeps what is retained.
static void check_strangers(void) {
  static const char *const retained[][2] = {
    { "metainfo", "not JSON" },
    { "metainfo", "{\"joints\":[],\"name\":\"Other\",\"signal\":2}" },
    { "metainfo", "{\"joints\":[{\"minimum\":0,\"maximum\":1},{\"minimum\":0,\"maximum\":1},"
                  "{\"minimum\":0,\"maximum\":1},{\"minimum\":0,\"maximum\":1}],"
                  "\"name\":\"EDScorbotSim\",\"signal\":2}" },
    { "EDScorbotSim/commands", "{\"client\":{\"id\":\"me\"},\"error\":true,\"signal\":6}" },
    { "EDScorbotSim/commands", "\xff" },
    { "EDScorbotSim/moved",
      "{\"client\":{\"id\":\"me\"},\"content\":{\"coordinates\":[1,2,3,4,5,6]},\"error\":false}" },
  };
  strcpy(params.client, "me");
  for (size_t k = 0; k < sizeof retained/sizeof *retained; k++) {
    broker_retain(&broker, retained[k][0], retained[k][1]);
    check_polite(&(struct manners){ .strangers = true }, "1 3 5 8 11 ");
    broker_retain(&broker, retained[k][0], "");
  }
  params.client[0] = 0;
}

// What nobody reads is kept up to 4 MiB, and no message above 64 KiB.
static void check_flood(void) {
  enum { LONGEST = 1 << 16, SENT = 80, MOST = 1 << 22 };
  struct mqtt *from = NULL, *to = NULL;
  struct mqtt_message m = { 0 };
  char *text = err_calloc(LONGEST + 2, 1);
  int n = 0;
  CHECK(mqtt_open(&from, &params.broker, NULL, 60) == 0 && mqtt_open(&to, &params.broker, NULL, 60) == 0 &&
        mqtt_subscribe(to, "flood", 60) == 0, "%s", err_message());
  memset(text, 'x', LONGEST + 1);
  CHECK(mqtt_publish(from, "flood", text) == 0, "%s", err_message());
  text[LONGEST] = 0;
  CHECK(mqtt_publish(from, "flood", text) == 0 && mqtt_wait(to, &m, 60) == 1 && m.size == LONGEST, "%zu bytes", m.size);
  for (int k = 0; k < SENT; k++) CHECK(mqtt_publish(from, "flood", text) == 0, "%s", err_message());
  mqtt_close(from);  // all is with the broker, which has at least one on the way while it answers
  for (int k = 0; k < SENT; k++) CHECK(mqtt_subscribe(to, "quiet", 60) == 0, "%s", err_message());
  while (mqtt_wait(to, &m, 0) == 1) n++;
  CHECK(n > 0 && n < MOST/LONGEST, "%d messages of 64 KiB are kept", n);
  mqtt_close(to);
  free(text);
}

static void check_released(const char *name, const char *owner, int code, const char *told) {
  char released[MESSAGE_NAME_SIZE] = "";
  const pid_t robot = robot_start(&folder, &broker, &(struct manners){ .owner = owner });
  const int rc = armlink_release(released, &params, name);
  robot_dismiss(robot, &broker);
  read_heard();
  CHECK(rc == code && !strcmp(heard, told), "%d: %s; heard %s", rc, err_message(), heard);
  CHECK(rc < 0 || !strcmp(released, owner), "%s is not %s", released, owner);
}

// An arm that another client left behind.
static void check_release(void) {
  check_rude(&(struct manners){ .owner = "gone" }, ERR_IO, "busy: another client may own it", "1 3 5 11 ");
  check_released("stranger", "gone", ERR_IO, "1 9 11 ");
  CHECK(strstr(err_message(), "EDScorbotSim: does not confirm the disconnection of client stranger within 60 s"), "%s",
        err_message());
  check_released("gone", "gone", 0, "1 9 11 ");
  check_released(NULL, "gone", ERR_IO, "");
  CHECK(strstr(err_message(), "EDScorbotSim: no run of yours left it at 127.0.0.1:"), "%s", err_message());
  strcpy(params.client, "me");
  check_rude(&(struct manners){ .deaf_to_the_end = true, .error_at = 1 }, ERR_IO, "error after 0 of 20",
             "1 3 5 8 9 11 ");
  params.client[0] = 0;
  check_released(NULL, "me", 0, "1 9 11 ");
  check_released(NULL, "me", ERR_IO, "");
  char record[128];  // that no run wrote is neither a client nor in the way
  snprintf(record, sizeof record, "state/metaxbar/arm-EDScorbotSim-127.0.0.1-%d", (int)params.broker.port);
  folder_write(&folder, record, "metaxbar: a message\n", 20);
  check_released(NULL, "gone", ERR_IO, "");
  folder_write(&folder, record, "\x80\0\xff", 3);
  check_polite(&(struct manners){ 0 }, "1 3 5 8 11 ");
  strcpy(params.client, "me");  // a given name may be that of another client: its arm is not taken away
  check_rude(&(struct manners){ .owner = "me" }, ERR_IO, "busy: client me is not accepted", "1 3 5 ");
  params.client[0] = 0;
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
  params.step_deg = 60;
  check_refused(q, 9.5*degree, q[0], "set-point 3: base moves by 6.50 degrees from the one before within arm.hold_s="
                                     "0.25, at 26.0 degrees/s; limit link.speed_deg_s=25");
  commanded.time_s[0] = 0.03;
  check_refused(q, q[0], q[0], "set-point 0: base moves by 1.00 degrees from home within arm.hold_s=0.03, at 33.3");
  commanded.time_s[0] = 0.25;
  params.step_deg = 5;
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

int main(void) {
  if (!fixture_possible()) return 77;
  fixture_start();
  fixture_broker("allow_anonymous true\n");
  check_manners();
  check_garbage();
  check_strangers();
  check_flood();
  check_release();
  check_checks();
  check_dry();
  stand_in_end(broker.pid);
  return fixture_end();
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
