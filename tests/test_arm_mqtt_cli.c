// metaxbar arm with the real arm: what it prints and writes of a movement, whole or not, and how it frees an arm.
#include "process.h"

#if METAXBAR_MOSQUITTO
#include "arm_stand_in.h"
#include "arm/physics.h"
#include "base/err.h"

enum { N = 20 };
static struct folder folder;
static struct broker broker;
static char target[300], port[40], csv[300], text[1 << 16];

static void args(struct process *p, const char *const *more) {
  *p = (struct process){ 0 };
  process_args(p, (const char *const[]){ "arm", "arm.kind=mqtt", "link.host=127.0.0.1", port, "link.answer_s=60",
                                         NULL });
  process_args(p, more);
}
#define ARGS(p, ...) args(p, (const char *const[]){ __VA_ARGS__, NULL })

static void read_file(const char *path) {
  char *data;
  size_t size;
  text[0] = 0;
  if (file_read(path, sizeof text - 1, &data, &size) < 0) return;
  snprintf(text, sizeof text, "%s", data);
  free(data);
}

static void check_heard(const char *told) {
  char all[200];
  read_file(folder_path(&folder, "heard"));
  snprintf(all, sizeof all, "ready %s", told);
  CHECK(!strcmp(text, all), "heard %s", text);
}

// The program, started when the robot listens; the robot may send it signals.
static void perform(struct process *p, struct manners w) {
  unlink(folder_path(&folder, "heard"));
  unlink(csv);
  const pid_t waiting = stand_in_fork();
  if (waiting == 0) {
    robot_wait(&folder);
    const char *argv[PROCESS_MAX_ARGS + 1] = { getenv("METAXBAR") };
    for (int k = 0; k < PROCESS_MAX_ARGS; k++) argv[k + 1] = p->args[k];
    const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    for (int k = 0; k < 3; k++) signal(numbers[k], SIG_DFL);
    if (!freopen(folder_path(&folder, "out"), "w", stdout)) abort();
    if (!freopen(folder_path(&folder, "err"), "w", stderr)) abort();
    const struct rlimit limit = { (rlim_t)p->file_limit, (rlim_t)p->file_limit };
    if (p->file_limit) setrlimit(RLIMIT_FSIZE, &limit);
    execv(argv[0], (char **)(uintptr_t)argv);
    _exit(127);
  }
  w.victim = waiting;
  const pid_t robot = robot_start(&folder, &broker, &w);
  int status;
  waitpid(waiting, &status, 0);
  p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  robot_dismiss(robot, &broker);
  read_file(folder_path(&folder, "out"));
  snprintf(p->out, sizeof p->out, "%s", text);
  read_file(folder_path(&folder, "err"));
  snprintf(p->err, sizeof p->err, "%s", text);
}

static void check_file(int performed) {
  int rows = 0;
  read_file(csv);
  for (const char *row = strchr(text, '\n'); row && row[1]; row = strchr(row + 1, '\n'), rows++) {
    int commas = 0, empty = 0;
    for (const char *c = row + 1; *c && *c != '\n'; c++) {
      commas += *c == ',';
      empty += *c == ',' && (c[1] == ',' || c[1] == '\n');
    }
    CHECK(commas == 15 && empty == (rows < performed ? 0 : 8), "row %d: %d commas, %d empty", rows, commas, empty);
  }
  CHECK(rows == N, "%d rows", rows);
}

static void check_movements(struct process *p) {
  ARGS(p, target, "--json", "--out", csv);
  perform(p, (struct manners){ 0 });
  CHECK(p->status == 0 && strstr(p->out, "\"complete\": true") && strstr(p->out, "\"steps_performed\": 20"), "%d: %s%s",
        p->status, p->out, p->err);
  check_heard("1 3 5 8 11 ");
  check_file(N);
  ARGS(p, target, "--json", "--out", csv);
  perform(p, (struct manners){ .silent_after = 6, .interrupts_at = 6, .interrupt = SIGHUP, .interrupts_again = true });
  CHECK(p->status == 128 + SIGHUP && strstr(p->out, "\"complete\": false") && strstr(p->out, "\"steps_performed\": 6,"),
        "%d: %s%s", p->status, p->out, p->err);
  CHECK(strstr(p->err, "EDScorbotSim: stopping the arm and disconnecting\n") &&
            strstr(p->err, "EDScorbotSim: still stopping the arm and disconnecting; please wait\n") &&
            strstr(p->err, "\nmetaxbar arm: stopped by a signal after 6 of 20 points\n"),
        "%s", p->err);
  check_heard("1 3 5 8 9 11 ");
  check_file(6);
  ARGS(p, target, "--out", csv);
  perform(p, (struct manners){ .error_at = 4 });
  CHECK(p->status == 1 && strstr(p->out, "\nincomplete: 3 of 20 set-points were performed") &&
            strstr(p->err, "\nmetaxbar arm: EDScorbotSim: reports an error after 3 of 20 points\n"),
        "%d: %s%s", p->status, p->out, p->err);
  check_file(3);
}

// Nothing is sent, not even to a broker, before it is clear that results can be written.
static void check_outputs(struct process *p) {
  const char *const flags[][2] = { { "--out", "/nowhere/a.csv" }, { "--render", "/nowhere/a.png" } };
  for (int k = 0; k < (physics_available() ? 2 : 1); k++) {
    ARGS(p, target, flags[k][0], flags[k][1]);
    perform(p, (struct manners){ 0 });
    CHECK(p->status == 1 && strstr(p->err, flags[k][1]) && strstr(p->err, "No such file"), "%d: %s%s", p->status,
          p->out, p->err);
    check_heard("");
  }
  ARGS(p, target, "--out", csv);
  p->file_limit = 1000;
  perform(p, (struct manners){ 0 });
  CHECK(p->status == 1 && strstr(p->err, ": cannot write: no room for"), "%d: %s%s", p->status, p->out, p->err);
  check_heard("");
}

static void check_release(struct process *p) {
  ARGS(p, "--release", "gone", "--json");
  perform(p, (struct manners){ .owner = "gone" });
  CHECK(p->status == 0 && !strcmp(p->out, "{\"robot\": \"EDScorbotSim\", \"released\": \"gone\"}\n"), "%d: %s%s",
        p->status, p->out, p->err);
  ARGS(p, "--release");
  perform(p, (struct manners){ .owner = "gone" });
  CHECK(p->status == 1 && strstr(p->err, "EDScorbotSim: no run of yours left it at 127.0.0.1:"), "%s", p->err);
  ARGS(p, target, "link.client=me", "--quiet");
  perform(p, (struct manners){ .silent_after = 3, .interrupts_at = 3, .interrupt = SIGKILL });
  CHECK(p->status == 128 + SIGKILL, "%d: %s", p->status, p->err);
  ARGS(p, "--release", "--quiet");
  perform(p, (struct manners){ .owner = "me" });
  CHECK(p->status == 0 && !strcmp(p->out, "EDScorbotSim: stopped and disconnected; client me had owned it\n"),
        "%d: %s%s", p->status, p->out, p->err);
  check_heard("1 9 11 ");
  static const struct { const char *args[4], *texts[2]; } bad[] = {
    { { "--release", "a/b" }, { "--release=a/b: a name has letters" } },
    { { "--release", "--out", "a.csv" }, { "--release: nothing is performed with it" } },
    { { "--release", "--dry-run" }, { "--release: nothing is performed with it" } },
  };
  for (size_t k = 0; k < sizeof bad/sizeof *bad; k++) {
    args(p, bad[k].args);
    process_run(p);
    process_check_line(p, 2, bad[k].texts);
  }
}

int main(void) {
  static struct process p;
  if (!process_available()) return 77;
  if (!broker_program()) {
    printf("SKIP the broker mosquitto is absent\n");
    return 77;
  }
  char path[2000] = "base,shoulder\n";
  folder = folder_make();
  setenv("XDG_STATE_HOME", folder_path(&folder, "state"), 1);
  broker = broker_start(&folder, "allow_anonymous true\n");
  for (int k = 0; k < N; k++) sprintf(path + strlen(path), "%.3f,%.3f\n", 0.02*(k + 1), -0.01*(k + 1));
  folder_write(&folder, "p.csv", path, strlen(path));
  snprintf(target, sizeof target, "target.file=%s", folder_path(&folder, "p.csv"));
  snprintf(csv, sizeof csv, "%s", folder_path(&folder, "out.csv"));
  snprintf(port, sizeof port, "link.port=%d", broker.port);
  check_movements(&p);
  check_outputs(&p);
  check_release(&p);
  stand_in_end(broker.pid);
  folder_remove(&folder);
  return test_summary();
}

#else

int main(void) {
  printf("SKIP built without libmosquitto\n");
  return 77;
}

#endif
