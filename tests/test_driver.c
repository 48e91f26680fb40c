// Drivers, however they are reached: answers that are out of range, not finite, too short or of another type are
// refused with field, place and value; a process may be late, end, or write too much; recordings are replayed call by
// call, and one that was cut or changed is refused; faults come where they are asked for.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/err.h"
#include "chip/simulateddriver.h"
#include "driver/driver.h"
#include "folder.h"
#include "test.h"

enum { ROWS = 2, COLUMNS = 3, CELLS = ROWS*COLUMNS };

static struct folder tmp;
static const struct mx_region region = { 0, 1, ROWS, 2, COLUMNS };
static const double target[CELLS] = { 0, 0.5, -0.5, 1, -1, 0.25 };
static const uint8_t mask[CELLS] = { 1, 0, 1, 0, 1, 0 };
static const int32_t input[2*ROWS] = { 127, 0, -127, 1 };
static double weight[CELLS];
static uint8_t status[CELLS];
static int32_t output[2*COLUMNS];

static int ask(struct driver *d, struct driver_call call) {
  call.reached = weight;
  call.status = status;
  call.output = output;
  return driver_ask(d, &call);
}
#define ASK(d, ...) ask(d, (struct driver_call){ __VA_ARGS__ })
#define PLACE .op = DRIVER_PLACE, .n = 1, .regions = &region
#define PROGRAM .op = DRIVER_PROGRAM, .target = target, .tolerance = 0.1
#define PRODUCT .op = DRIVER_PRODUCT, .n = 2, .input = input

static void refused(int rc, int code, const char *text) {
  CHECK(rc == code && strstr(err_message(), text), "%d, '%s', not %d, '%s'", rc, err_message(), code, text);
}

// ---- a table of functions, whose answers the tests change

static struct answer {
  struct mx_driver_info info;
  double reached, now_s, code_uS;
  int status, output, failure;
  int64_t devices;
  const char *message;
} now;
static const struct answer usual = {
  .info = { "table", 1, 8, 8, 2, 25, 8, 8, 1, 0 }, .reached = 0.5, .now_s = 1, .code_uS = 2, .output = 3, .devices = 6,
};
static int opened, closed;

static int t_open(void **device, const char *arguments) {
  *device = &now;
  opened++;
  return strcmp(arguments, "busy") ? 0 : MX_DRIVER_BUSY;
}
static int t_info(void *device, struct mx_driver_info *i) { return (void)device, *i = now.info, now.failure; }
static int t_place(void *d, int n, const struct mx_region *r) { return (void)d, (void)n, (void)r, now.failure; }
static int t_program(void *d, int k, const double *to, const uint8_t *m, double tolerance, double *reached, uint8_t *s,
                     struct mx_program_count *count) {
  (void)d, (void)k, (void)to, (void)tolerance;
  for (int i = 0; i < CELLS; i++) {
    reached[i] = m && !m[i] ? NAN : 0.5;  // of cells that are not asked for nothing is read
    s[i] = m && !m[i] ? 99 : 0;
  }
  reached[4] = now.reached;
  s[4] = (uint8_t)now.status;
  count->devices = now.devices;
  return now.failure;
}
static int t_read(void *d, int k, double *w) {
  (void)d, (void)k;
  for (int i = 0; i < CELLS; i++) w[i] = now.reached;
  return now.failure;
}
static int t_product(void *d, int k, int n, const int32_t *in, int32_t *out) {
  (void)d, (void)k, (void)in;
  for (int i = 0; i < n*COLUMNS; i++) out[i] = now.output;
  return now.failure;
}
static int t_range(void *d, int k, int n, const int32_t *in, double margin, double least, double *code_uS) {
  (void)d, (void)k, (void)n, (void)in, (void)margin, (void)least;
  return *code_uS = now.code_uS, now.failure;
}
static int t_now(void *d, double *s) { return (void)d, *s = now.now_s, now.failure; }
static int t_wait(void *d, double s) { return (void)d, (void)s, now.failure; }
static int t_reset(void *d) { return (void)d, now.failure; }
static void t_close(void *d) { (void)d, closed++; }
static const char *t_message(void *d) { return (void)d, now.message; }

static const struct mx_driver table = {
  .abi = MX_DRIVER_ABI, .open = t_open, .info = t_info, .place = t_place, .program = t_program, .read = t_read,
  .product = t_product, .range = t_range, .now = t_now, .wait = t_wait, .reset = t_reset, .close = t_close,
  .message = t_message,
};

static struct driver *open_usual(void) {
  struct driver *d = NULL;
  now = usual;
  if (driver_open_table(&d, &table, "table", "", &(struct driver_options){ 0 }) < 0 || ASK(d, PLACE)) abort();
  return d;
}

static void test_table(void) {
  struct mx_driver other = table;
  struct driver *d;
  const struct driver_options o = { 0 };
  now = usual;
  refused(driver_open_table(&d, NULL, "t", "", &o), ERR_FORMAT, "chip.driver=t: metaxbar_driver() returned no table");
  other.abi = 7;
  refused(driver_open_table(&d, &other, "t", "", &o), ERR_FORMAT, "chip.driver=t: made for version 7 of");
  other = table;
  other.product = NULL;
  refused(driver_open_table(&d, &other, "t", "", &o), ERR_FORMAT, "chip.driver=t: the function product is missing");
  now.message = "the rack is\noff";
  refused(driver_open_table(&d, &table, "t", "busy", &o), ERR_BUSY,
          "chip.driver=t:busy: cannot be opened: the rack is");
  CHECK(!strchr(err_message(), '\n'), "%s", err_message());
  now = usual;
  opened = closed = 0;
  now.info.rows = 0;
  refused(driver_open_table(&d, &table, "t", "", &o), ERR_FORMAT, "t: info: rows=0: must be in [1, 1024]");
  CHECK(opened == 1 && closed == 1, "opened %d times, closed %d times", opened, closed);
}

static void test_info(void) {
  static const struct {
    size_t field;
    int value;
    const char *text;
  } cases[] = {
#define FIELD(name, value) { offsetof(struct mx_driver_info, name), value, "info: " #name "=" #value ": must be" }
    FIELD(cores, 257), FIELD(cores, 0), FIELD(rows, 1025), FIELD(columns, -1), FIELD(devices, 0), FIELD(input_bits, 1),
    FIELD(input_bits, 17), FIELD(output_bits, 0), FIELD(output_bits, 17), FIELD(phases, 2), FIELD(phases, 5),
  };
  struct driver *d;
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    now = usual;
    *(int *)((char *)&now.info + cases[k].field) = cases[k].value;
    refused(driver_open_table(&d, &table, "t", "", &(struct driver_options){ 0 }), ERR_FORMAT, cases[k].text);
  }
  now = usual;
  now.info.g_max_uS = NAN;
  refused(driver_open_table(&d, &table, "t", "", &(struct driver_options){ 0 }), ERR_FORMAT, "info: g_max_uS=");
  now = usual;
  memcpy(now.info.name, "a\033[1m", 6);
  refused(driver_open_table(&d, &table, "t", "", &(struct driver_options){ 0 }), ERR_FORMAT, "info: name");
}

static void test_answers(void) {
  struct driver *d = open_usual();
  CHECK(ASK(d, PROGRAM) == 0, "%s", err_message());
  CHECK(ASK(d, PROGRAM, .mask = mask) == 0, "%s", err_message());
  now.reached = 4.5;
  refused(ASK(d, PROGRAM), ERR_FORMAT, "table: program of region 0: reached[4]=4.5: must be in [-4, 4]");
  refused(ASK(d, .op = DRIVER_READ), ERR_FORMAT, "table: read of region 0: weight[0]=4.5");
  now.reached = NAN;
  refused(ASK(d, PROGRAM, .mask = mask), ERR_FORMAT, "reached[4]=");
  now = usual;
  now.status = 3;
  refused(ASK(d, PROGRAM), ERR_FORMAT, "program of region 0: status[4]=3: must be in [0, 2]");
  now = usual;
  now.devices = -1;
  refused(ASK(d, PROGRAM), ERR_FORMAT, "program: devices=-1");
  now = usual;
  now.output = 127;
  CHECK(ASK(d, PRODUCT) == 0 && output[5] == 127, "%s", err_message());
  now.output = 128;
  refused(ASK(d, PRODUCT), ERR_FORMAT, "product of region 0: output[0]=128: must be in [-128, 127]");
  d->info.phases = 4;
  now.output = -511;
  refused(ASK(d, PRODUCT), ERR_FORMAT, "output[0]=-511: must be in [-510, 510]");
  now.code_uS = 0;
  refused(ASK(d, .op = DRIVER_RANGE, .n = 2, .input = input), ERR_FORMAT, "range: code_uS=0");
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  now.now_s = 0.5;
  refused(ASK(d, .op = DRIVER_NOW), ERR_FORMAT, "now: now_s=0.5: must be in [1, ");
  now.now_s = INFINITY;
  refused(ASK(d, .op = DRIVER_NOW), ERR_FORMAT, "now: now_s=inf");
  CHECK(driver_close(d) == 0, "%s", err_message());
}

static void test_failures(void) {
  static const struct {
    int failure, code;
    const char *text;
  } cases[] = {
    { MX_DRIVER_TIMEOUT, ERR_IO, "read of region 0: no answer in time: m" }, { MX_DRIVER_BUSY, ERR_BUSY, "busy" },
    { MX_DRIVER_ARGUMENT, ERR_IO, "a value that this chip cannot take" }, { MX_DRIVER_LOST, ERR_IO, "lost" },
    { MX_DRIVER_WORN, ERR_IO, "worn out" }, { MX_DRIVER_FAILED, ERR_IO, "region 0: failed: m" },
    { 17, ERR_IO, "unknown reason" },
  };
  struct driver *d = open_usual();
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    now.failure = cases[k].failure;
    now.message = "m\a";
    refused(ASK(d, .op = DRIVER_READ), cases[k].code, cases[k].text);
    CHECK(strchr(err_message(), '\a') == NULL, "%s", err_message());
  }
  now.message = NULL;
  refused(ASK(d, .op = DRIVER_RESET), ERR_IO, "table: reset: failed for an unknown reason");
  driver_close(d);
}

// ---- processes: a shell script that answers each call by its name; `cases` come before the usual answers

static const char *script(const char *cases) {
  static char command[600];
  char text[2000];
  snprintf(text, sizeof text,
           "while read -r line; do case $line in\n%s\n"
           "*'\"info\"'*) echo '{\"name\": \"sh\", \"cores\": 1, \"rows\": 8, \"columns\": 8, \"devices\": 2, "
           "\"g_max_uS\": 25, \"input_bits\": 8, \"output_bits\": 8, \"phases\": 1, \"range\": true}' ;;\n"
           "*'\"place\"'*) echo '{}' ;;\n"
           "*) echo '{\"error\": \"failed\", \"message\": \"not in this script\"}' ;;\nesac; done\n",
           cases);
  folder_write(&tmp, "driver.sh", text, strlen(text));
  snprintf(command, sizeof command, "exec:sh '%s/driver.sh'", tmp.path);
  return command;
}

static struct driver *open_script(const char *cases, double timeout_s) {
  struct driver *d = NULL;
  const int rc = driver_open(&d, script(cases), &(struct driver_options){ .timeout_s = timeout_s });
  CHECK(rc == 0 && ASK(d, PLACE) == 0, "%s: %s", cases, err_message());
  if (rc < 0) abort();
  return d;
}

static void test_process_answers(void) {
  static const struct {
    const char *answer;
    int code;
    const char *text;
  } cases[] = {
    { "{\"weight\": [0, 1, -1, 0.5, 0, 0]}", 0, "" },
    { "{\"weight\": [0, 1, -1, 0.5, 0]}", ERR_FORMAT, "answer to read: weight has 5 values, expected 6" },
    { "{\"weight\": [0, 1, -1, 0.5, 0, \"1\"]}", ERR_FORMAT, "answer to read" },
    { "{\"weight\": 1}", ERR_FORMAT, "weight" },
    { "{\"weights\": []}", ERR_FORMAT, "weight" },
    { "{\"weight\": [0, 1, -1, 0.5, 0, NaN]}", ERR_FORMAT, "answer to read" },
    { "{\"weight\": [0, 1, -1, 0.5, 0, 5]}", ERR_FORMAT, "weight[5]=5: must be in [-4, 4]" },
    { "[1]", ERR_FORMAT, "answer to read" },
    { "hello", ERR_FORMAT, "answer to read" },
    { "{\"error\": \"worn\", \"message\": \"row 3\"}", ERR_IO, "worn out: row 3" },
    { "{\"error\": \"tired\"}", ERR_FORMAT, "error=tired: no such error" },
  };
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    char line[200];
    snprintf(line, sizeof line, "*'\"read\"'*) echo '%s' ;;", cases[k].answer);
    struct driver *d = open_script(line, 60);
    const int rc = ASK(d, .op = DRIVER_READ);
    if (cases[k].code) refused(rc, cases[k].code, cases[k].text);
    else CHECK(rc == 0 && weight[3] == 0.5, "%s", err_message());
    CHECK(ASK(d, PLACE) == 0, "after '%s': %s", cases[k].answer, err_message());
    driver_close(d);
  }
}

static void test_process_ends(void) {
  struct driver *d = open_script("*'\"now\"'*) exit 3 ;;", 60);
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "driver.sh': ended with exit status 3");
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "driver.sh'");
  driver_close(d);
  d = open_script("*'\"now\"'*) kill -9 $$ ;;", 60);
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "ended by signal 9 (Killed)");
  driver_close(d);
  d = open_script("*'\"now\"'*) sleep 1 & exit 4 ;;", 60);  // the other program keeps the connection
  d->timeout_s = 0.5;
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "driver.sh': ended with exit status 4");
  driver_close(d);
  d = open_script("*'\"now\"'*) exec sleep 100 <&- >&- ;;", 60);
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "driver.sh': closed the connection");
  driver_close(d);
  d = open_script("*'\"now\"'*) ;;", 60);
  d->timeout_s = 0.5;
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "no answer within 0.5 s");
  driver_close(d);
  d = open_script("*'\"now\"'*) printf '{\"now_s\": 1}\\n{\"now_s\": 2}\\n' ;;", 60);
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  refused(ASK(d, PLACE), ERR_FORMAT, "more than one line for a request");
  driver_close(d);
  // the second line some time after the first, which has been taken
  d = open_script("*'\"now\"'*) echo '{\"now_s\": 1}'; sleep 0.1; echo '{}'; >\"$0.done\" ;;", 60);
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  while (!file_exists(folder_path(&tmp, "driver.sh.done"))) usleep(1000);
  refused(ASK(d, PLACE), ERR_FORMAT, "more than one line for a request");
  driver_close(d);
}

// A wait may take as long as the clock of the driver has to go, and the time for an answer.
static void test_process_waits(void) {
  struct driver *d = open_script("*'\"now\"'*) echo '{\"now_s\": 20}' ;; *'\"wait\"'*) ;;", 60);
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  d->timeout_s = 0.25;
  refused(ASK(d, .op = DRIVER_WAIT, .until_s = 20.5), ERR_IO, "no answer within 0.75 s");
  driver_close(d);
  d = open_script("*'\"now\"'*) echo '{\"now_s\": 20}' ;; *'\"wait\"'*) ;;", 60);
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  d->timeout_s = 0.25;
  refused(ASK(d, .op = DRIVER_WAIT, .until_s = 10), ERR_IO, "no answer within 0.25 s");
  driver_close(d);
}

static void pass_over(int number) { (void)number; }

// Ctrl-C in a terminal is a signal to the process group: the driver answers until its input ends.
static void test_process_group(void) {
  int ended = 0;
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    signal(SIGINT, pass_over);
    struct driver *d = open_script("*'\"now\"'*) echo '{\"now_s\": 1}' ;;", 60);
    kill(0, SIGINT);
    const int rc = ASK(d, .op = DRIVER_NOW);
    driver_close(d);
    _exit(rc < 0);
  }
  waitpid(child, &ended, 0);
  CHECK(ended == 0, "the driver ends before the program");
}

// A program that is killed leaves no driver behind.
static void test_process_orphan(void) {
  int ended = 0;
  const pid_t child = fork();
  if (child == 0) {
    open_script("*'\"place\"'*) echo '{}'; trap '>\"$0.ended\"' EXIT ;;", 60);
    kill(getpid(), SIGKILL);
  }
  waitpid(child, &ended, 0);
  for (int ms = 0; ms < 60000 && !file_exists(folder_path(&tmp, "driver.sh.ended")); ms++) usleep(1000);
  CHECK(file_exists(folder_path(&tmp, "driver.sh.ended")), "the driver goes on without the program");
}

static void test_commands(void) {
  struct driver *d;
  const struct driver_options o = { .timeout_s = 60 };
  refused(driver_open(&d, "exec:", &o), ERR_SETTING, "no program named");
  refused(driver_open(&d, "exec:sh 'x", &o), ERR_SETTING, "the quote ' is not closed");
  refused(driver_open(&d, "exec:/nosuch/program", &o), ERR_IO, "/nosuch/program: cannot be started");
  refused(driver_open(&d, "./nosuch.so:x", &o), ERR_IO, "chip.driver=./nosuch.so:x: ");
  refused(driver_open(&d, "replay:/nosuch", &o), ERR_IO, "/nosuch: No such file");
}

// ---- recordings

static struct driver *open_simulated(const struct driver_options *o) {
  struct driver *d;
  if (driver_open_table(&d, simulateddriver(), "simulated", "chip.preset=hermes chip.cores=1 chip.rows=16 "
                        "chip.columns=16", o) < 0) {
    printf("%s\n", err_message());
    abort();
  }
  return d;
}

// All calls; what they answered as one sum.
static int session(struct driver *d, uint64_t *sum) {
  struct driver_call call = { .op = DRIVER_RANGE, .n = 2, .input = input, .margin = 1.5 };
  TRY(ASK(d, PLACE));
  TRY(ASK(d, PROGRAM));
  *sum = checksum_bytes(CHECKSUM_START, weight, sizeof weight);
  TRY(ASK(d, PROGRAM, .mask = mask));
  TRY(ASK(d, .op = DRIVER_SAVE));
  TRY(driver_ask(d, &call));
  *sum = checksum_bytes(*sum, &call.code_uS, sizeof call.code_uS);
  TRY(ASK(d, PRODUCT));
  *sum = checksum_bytes(*sum, output, sizeof output);
  const int rc = ASK(d, .op = DRIVER_READ, .region = 5);  // a failure is recorded too
  if (rc == 0) return err_set(ERR_FORMAT, "region 5 was read");
  TRY(ASK(d, .op = DRIVER_WAIT, .until_s = 1000));
  TRY(ASK(d, .op = DRIVER_NOW));
  TRY(ASK(d, .op = DRIVER_READ));
  *sum = checksum_bytes(*sum, weight, sizeof weight);
  TRY(ASK(d, .op = DRIVER_RESTORE));
  return ASK(d, .op = DRIVER_RESET);
}

static int replay(struct driver **d, const char *name) {
  char text[300];
  snprintf(text, sizeof text, "replay:%s", folder_path(&tmp, name));
  return driver_open(d, text, &(struct driver_options){ 0 });
}

static void record(void) {
  uint64_t sum, again = 0;
  struct driver *d = open_simulated(&(struct driver_options){ .record = folder_path(&tmp, "session") });
  CHECK(session(d, &sum) == 0, "%s", err_message());
  CHECK(!file_exists(folder_path(&tmp, "session")), "a recording is there before its end");
  CHECK(driver_close(d) == 0, "%s", err_message());
  CHECK(replay(&d, "session") == 0 && session(d, &again) == 0, "%s", err_message());
  CHECK(sum == again, "the recording answers otherwise");
  refused(ASK(d, .op = DRIVER_NOW), ERR_FORMAT, "session: the recording ends after 13 calls; now is not one of them");
  driver_close(d);
}

static void test_other_calls(void) {
  struct driver *d;
  double other[CELLS];
  memcpy(other, target, sizeof other);
  other[4] = -0.75;
  if (replay(&d, "session") < 0) abort();
  CHECK(ASK(d, PLACE) == 0, "%s", err_message());
  refused(ASK(d, .op = DRIVER_PROGRAM, .target = other, .tolerance = 0.1), ERR_FORMAT,
          "session: call 2: another call than the recorded one: target[4] is -0.75, expected -1");
  driver_close(d);
  if (replay(&d, "session") < 0) abort();
  refused(ASK(d, .op = DRIVER_NOW), ERR_FORMAT, "call 1: another call than the recorded one: call is ");
  driver_close(d);
}

// Play the recording that has these bytes; the first failure.
static int play(const char *data, size_t size) {
  struct driver *d;
  uint64_t sum;
  folder_write(&tmp, "spoiled", data, size);
  TRY(replay(&d, "spoiled"));
  const int rc = session(d, &sum);
  driver_close(d);
  return rc;
}

static void test_spoiled(void) {
  char *data;
  size_t size;
  if (file_read(folder_path(&tmp, "session"), 1 << 24, &data, &size) < 0) abort();
  for (size_t cut = 0; cut < size; cut += cut < 64 ? 1 : 97) {
    char *end = memrchr(data, '\n', size - 1);
    if (cut > (size_t)(end - data)) break;  // the line that says it is the end is not needed for the calls before it
    const int rc = play(data, cut);
    CHECK(rc == ERR_FORMAT, "cut to %zu of %zu bytes: %d, %s", cut, size, rc, err_message());
  }
  int missed = 0;
  char *last = memrchr(data, '\n', size - 1);
  for (size_t at = 0; at < (size_t)(last - data); at += 13) {
    data[at] ^= 1;
    missed += play(data, size) != ERR_FORMAT;
    data[at] ^= 1;
  }
  CHECK(missed == 0, "%d changed bytes are not seen", missed);
  char *second = strchr(data, '\n') + 1, *third = strchr(second, '\n') + 1;
  memmove(second, third, size - (size_t)(third - data));
  refused(play(data, size - (size_t)(third - second)), ERR_FORMAT, "spoiled: call 0: the checksum does not match");
  refused(play("hello\n", 6), ERR_FORMAT, "spoiled: not a recording of the calls of a driver");
  free(data);
}

// A recording that cannot be written: the driver is closed, and the older file is there.
static void test_unwritable(void) {
  struct driver *d;
  now = usual;
  opened = closed = 0;
  refused(driver_open_table(&d, &table, "t", "", &(struct driver_options){ .record = "/nosuch/recording" }), ERR_IO,
          "/nosuch/recording");
  CHECK(opened == closed, "opened %d times, closed %d times", opened, closed);
  d = NULL;
  CHECK(driver_open_table(&d, &table, "t", "", &(struct driver_options){ .record = "/dev/full" }) == 0, "%s",
        err_message());
  refused(driver_close(d), ERR_IO, "/dev/full: cannot write");
}

// An answer that is refused, and a message that is no text: the error is that of the driver, and recorded.
static void test_recorded_failures(void) {
  struct driver *d = NULL;
  now = usual;
  CHECK(driver_open_table(&d, &table, "table", "", &(struct driver_options){ .record = folder_path(&tmp, "failures") })
        == 0 && ASK(d, PLACE) == 0, "%s", err_message());
  now.reached = NAN;
  refused(ASK(d, .op = DRIVER_READ), ERR_FORMAT, "table: read of region 0: weight[0]=nan: must be in [-4, 4]");
  now = usual;
  now.failure = MX_DRIVER_LOST;
  now.message = "row \xff";
  refused(ASK(d, .op = DRIVER_READ), ERR_IO, "lost: row ?");
  now = usual;
  now.now_s = 5;
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  CHECK(driver_close(d) == 0, "%s", err_message());
  CHECK(replay(&d, "failures") == 0 && ASK(d, PLACE) == 0, "%s", err_message());
  refused(ASK(d, .op = DRIVER_READ), ERR_IO, "read of region 0: failed: table: read of region 0: weight[0]=nan");
  refused(ASK(d, .op = DRIVER_READ), ERR_IO, "lost: row ?");
  CHECK(ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  driver_close(d);
  now = usual;
  memcpy(now.info.name, "a\xff", 3);
  refused(driver_open_table(&d, &table, "t", "", &(struct driver_options){ .record = folder_path(&tmp, "nameless") }),
          ERR_FORMAT, "info: name: must be plain text");
}

// ---- faults

static void test_fault_kinds(void) {
  static const struct {
    const char *name;
    int code;
    const char *text;
  } cases[] = {
    { "timeout", ERR_IO, "no answer in time: as chip.driver_faults asks" }, { "busy", ERR_BUSY, "busy" },
    { "argument", ERR_IO, "cannot take" }, { "worn", ERR_IO, "worn out" }, { "failed", ERR_IO, "failed" },
  };
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    char faults[40];
    snprintf(faults, sizeof faults, "read@2=%s", cases[k].name);
    struct driver *d = open_simulated(&(struct driver_options){ .faults = faults });
    CHECK(ASK(d, PLACE) == 0 && ASK(d, .op = DRIVER_READ) == 0 && ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
    refused(ASK(d, .op = DRIVER_READ), cases[k].code, cases[k].text);
    CHECK(ASK(d, .op = DRIVER_READ) == 0, "%s", err_message());
    driver_close(d);
  }
}

static void test_faults(void) {
  struct driver *d = open_simulated(&(struct driver_options){ .faults = "call@4=lost" });
  CHECK(ASK(d, PLACE) == 0 && ASK(d, .op = DRIVER_READ) == 0, "%s", err_message());
  refused(ASK(d, .op = DRIVER_NOW), ERR_IO, "now: the connection to the chip is lost");
  refused(ASK(d, .op = DRIVER_READ), ERR_IO, "read of region 0: the connection to the chip is lost");
  driver_close(d);
  static const char list[] = "product@1=saturate,product@2=zero,read@1=zero,now@1=delay:0.01";
  d = open_simulated(&(struct driver_options){ .faults = list });
  CHECK(ASK(d, PLACE) == 0 && ASK(d, PROGRAM) == 0 && ASK(d, PRODUCT) == 0, "%s", err_message());
  for (int k = 0; k < 2*COLUMNS; k++) CHECK(output[k] == 510, "output[%d]=%d", k, (int)output[k]);
  CHECK(ASK(d, PRODUCT) == 0 && ASK(d, .op = DRIVER_READ) == 0 && ASK(d, .op = DRIVER_NOW) == 0, "%s", err_message());
  for (int k = 0; k < 2*COLUMNS; k++) CHECK(output[k] == 0, "output[%d]=%d", k, (int)output[k]);
  for (int k = 0; k < CELLS; k++) CHECK(weight[k] == 0, "weight[%d]=%g", k, weight[k]);
  CHECK(ASK(d, .op = DRIVER_READ) == 0 && fabs(weight[3] - 1) < 0.5, "%g", weight[3]);
  driver_close(d);
}

static void test_fault_lists(void) {
  static const char *const wrong[] = { "read", "read@1", "read@0=lost", "read@x=lost", "reads@1=lost", "read@1=tired",
                                       "read@1=delay:", "read@1=delay:-1", "read@1=lost,", "=@1" };
  struct driver *d;
  for (size_t k = 0; k < sizeof wrong/sizeof *wrong; k++) {
    now = usual;
    opened = closed = 0;
    refused(driver_open_table(&d, &table, "t", "", &(struct driver_options){ .faults = wrong[k] }), ERR_SETTING,
            "chip.driver_faults: '");
    CHECK(opened == closed, "%s: opened %d times, closed %d times", wrong[k], opened, closed);
  }
}

int main(void) {
  tmp = folder_make();
  test_table();
  test_info();
  test_answers();
  test_failures();
  test_process_answers();
  test_process_ends();
  test_process_waits();
  test_process_group();
  test_process_orphan();
  test_commands();
  record();
  test_other_calls();
  test_spoiled();
  test_unwritable();
  test_recorded_failures();
  test_fault_kinds();
  test_faults();
  test_fault_lists();
  folder_remove(&tmp);
  return test_summary();
}
