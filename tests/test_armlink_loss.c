// The arm is given back whatever happens to the program, to the broker and to the connection between them.
#include "arm/armlink.h"
#include "test.h"

#if METAXBAR_MOSQUITTO
#include "armlink_fixture.h"

// What a client that performs the movement ends with.
struct ending {
  int code, n;
  char reason[512];
};

static const char *ending_path(void) { return folder_path(&folder, "ending"); }

// A client in a process of its own, which starts when a robot listens.
static pid_t client_start(void) {
  forget();
  unlink(ending_path());
  const pid_t client = stand_in_fork();
  if (client) return client;
  const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  for (int k = 0; k < 3; k++) signal(numbers[k], SIG_DFL);  // whoever runs the tests may ignore them
  signals_install();
  robot_wait(&folder);
  struct jointpath p;
  struct ending e = { .code = armlink_perform(&p, &params, &commanded) };
  e.n = p.n;
  snprintf(e.reason, sizeof e.reason, "%s", err_message());
  folder_write(&folder, "ending", &e, sizeof e);
  _exit(0);
}

static void check_ending(pid_t client, int code, const char *reason, int least) {
  int status = -1;
  struct ending e = { 0 };
  char *data;
  size_t size;
  for (int k = 0; waitpid(client, &status, WNOHANG) == 0; k++, stand_in_sleep_ms(10))
    if (k == 200*STAND_IN_PATIENCE_S) {
      printf("FAIL the client does not end: expected '%s'\n", reason);
      exit(EXIT_FAILURE);
    }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "'%s': status %x", reason, status);
  if (file_read(ending_path(), sizeof e, &data, &size) < 0) return;
  memcpy(&e, data, size);
  free(data);
  CHECK(e.code == code && strstr(e.reason, reason) && e.n >= least, "%d after %d points: %s", e.code, e.n, e.reason);
}

// A signal in mid-path, and more of them during the farewell: the movement is cancelled, the arm given back.
static void check_signals(int number, bool again) {
  const pid_t client = client_start();
  const struct manners w = { .silent_after = 6, .interrupts_at = 6, .interrupt = number, .interrupts_again = again,
                             .victim = client };
  const pid_t robot = robot_start(&folder, &broker, &w);
  check_ending(client, ERR_INTERRUPTED, "stopped by a signal after 6 of 20 points", 6);
  robot_dismiss(robot, &broker);
  read_heard();
  CHECK(!strcmp(heard, "1 3 5 8 9 11 "), "signal %d: heard %s", number, heard);
}

// The client vanishes in mid-path: the broker cancels the movement in its name, and disconnects it later. The next
// run finds the name that was left.
static void check_vanished(void) {
  struct jointpath p;
  const pid_t client = client_start();
  const pid_t robot = robot_start(&folder, &broker, &(struct manners){ .silent_after = 3, .stalls = true });
  wait_heard("8 ");
  kill(client, SIGKILL);
  waitpid(client, NULL, 0);
  wait_heard("11 ");
  CHECK(!strcmp(heard, "1 3 5 8 9 11 "), "heard %s", heard);
  stand_in_end(robot);
  CHECK(attempt(&p, &(struct manners){ 0 }) == 0 && !strcmp(heard, "1 3 9 11 5 8 11 "), "%s; heard %s", err_message(),
        heard);
  jointpath_release(&p);
}

// Standing still for longer than the broker waits.
static void check_frozen(void) {
  const pid_t client = client_start();
  const pid_t robot = robot_start(&folder, &broker, &(struct manners){ .silent_after = 3, .stalls = true });
  wait_heard("8 ");
  kill(client, SIGSTOP);
  wait_heard("11 ");
  CHECK(!strcmp(heard, "1 3 5 8 9 11 "), "heard %s", heard);
  kill(client, SIGCONT);
  check_ending(client, ERR_IO, "connection to the MQTT broker lost", 0);
  robot_dismiss(robot, &broker);
  read_heard();
  CHECK(!strncmp(heard, "1 3 5 8 9 11 9 11 ", 18), "heard %s", heard);
}

// The broker is started again, with the robot still in the hands of the client. A late robot comes back when the client
// has said its farewell, to nobody, and waits for an answer.
static void check_restarted(bool late) {
  char waits[512];
  snprintf(waits, sizeof waits, "%s", folder_path(&folder, "waits"));
  unlink(waits);
  skips = false;
  params.return_s = 3600;
  const pid_t client = client_start();
  params.return_s = STAND_IN_PATIENCE_S;
  const struct manners w = { .broker_dies_at = 6, .silent_after = 6, .victim = broker.pid, .returns = true,
                             .returns_upon = late ? waits : NULL };
  const pid_t robot = robot_start(&folder, &broker, &w);
  waitpid(broker.pid, NULL, 0);
  broker = broker_start_at(&folder, broker.port, "allow_anonymous true\n");
  check_ending(client, ERR_IO, "connection to the MQTT broker lost", 0);
  wait_heard("ready");  // again: the robot has found the new broker
  robot_dismiss(robot, &broker);
  read_heard();
  const size_t n = strlen(heard);
  CHECK(n > 5 && !strcmp(heard + n - 5, "9 11 "), "heard %s", heard);
  skips = true;
}

// A name that is used twice: nobody may lose the arm by it.
static void check_twice(void) {
  struct jointpath p;
  strcpy(params.client, "me");
  skips = false;  // the silence is not for the first client
  const pid_t client = client_start();
  skips = true;
  const pid_t robot = robot_start(&folder, &broker, &(struct manners){ .silent_after = 6, .stalls = true });
  wait_heard("8 ");
  CHECK(armlink_perform(&p, &params, &commanded) == ERR_BUSY &&
            strstr(err_message(), "EDScorbotSim: busy: another process on this computer drives it as me"),
        "%s", err_message());
  setenv("XDG_STATE_HOME", folder_path(&folder, "elsewhere"), 1);
  CHECK(armlink_perform(&p, &params, &commanded) == ERR_IO &&
            strstr(err_message(), "busy: client me is not accepted within 60 s"),
        "%s", err_message());
  setenv("XDG_STATE_HOME", folder_path(&folder, "state"), 1);
  kill(client, SIGINT);
  check_ending(client, ERR_INTERRUPTED, "stopped by a signal after 6 of 20 points", 6);
  robot_dismiss(robot, &broker);
  read_heard();
  CHECK(!strcmp(heard, "1 3 5 8 1 3 5 9 11 "), "heard %s", heard);
  params.client[0] = 0;
}

// Last: it takes the broker with it. The name is kept, and frees the arm when there is a broker again.
static void check_lost(void) {
  char released[MESSAGE_NAME_SIZE] = "";
  strcpy(params.client, "me");
  struct jointpath p;
  const struct manners w = { .broker_dies_at = 6, .victim = broker.pid };
  pid_t robot = robot_start(&folder, &broker, &w);
  const int rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == ERR_IO && strstr(err_message(), "of 20 points: 127.0.0.1:") &&
            strstr(err_message(), "connection to the MQTT broker lost"),
        "%d: %s", rc, err_message());
  jointpath_release(&p);
  stand_in_end(robot);
  waitpid(broker.pid, NULL, 0);
  broker = broker_start_at(&folder, broker.port, "allow_anonymous true\n");
  robot = robot_start(&folder, &broker, &(struct manners){ .owner = "me" });
  CHECK(armlink_release(released, &params, NULL) == 0 && !strcmp(released, "me"), "%s", err_message());
  robot_dismiss(robot, &broker);
  stand_in_end(broker.pid);
}

int main(void) {
  if (!fixture_possible()) return 77;
  fixture_start();
  fixture_broker("allow_anonymous true\n");
  check_signals(SIGINT, false);
  check_signals(SIGHUP, false);
  check_signals(SIGTERM, true);
  check_signals(SIGINT, true);
  check_vanished();
  check_frozen();
  if (test_failed) return fixture_end();  // the next waits are not cut short: after a failure they would be long
  check_restarted(false);
  check_restarted(true);
  check_twice();
  check_lost();
  return fixture_end();
}

#else

int main(void) {
  printf("SKIP built without libmosquitto\n");
  return 77;
}

#endif
