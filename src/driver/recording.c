// Recordings: a layer that writes every call and answer of the driver it stands around to a file, and a driver that
// answers from such a file. Lines are "CHECKSUM JSON": the checksum is that of all lines before and of this one, so a
// line that was lost, moved or changed is found. docs/drivers.md has the format.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "driver/calltext.h"

#define FIRST_LINE "metaxbar driver recording 1"
enum { SUM_DIGITS = 16, MAX_LINE = 1 << 29 };

// ---- record

struct recorder {
  struct driver base, *around;
  struct file_out out;
  uint64_t sum;
  int64_t n;
  double start_s;
};

static int put_line(struct recorder *r, struct json_t *o) {
  char *line;
  size_t size;
  TRY(json_line(&line, &size, o));
  r->sum = checksum_bytes(r->sum, line, size);
  fprintf(r->out.stream, "%016" PRIx64 " %s", r->sum, line);
  free(line);
  return 0;
}

static int put_call(struct recorder *r, struct json_t *request, struct json_t *answer, double time_s) {
  struct json_t *o = json_object_new();
  json_put_i64(o, "number", r->n++);
  json_put_f64(o, "time_s", time_s);
  json_put(o, "request", request);
  json_put(o, "answer", answer);
  const int rc = put_line(r, o);
  json_release(o);
  return rc;
}

// A driver that has failed for good is recorded as lost, a call whose answer is refused as failed.
static int record(struct driver *d, struct driver_call *c) {
  struct recorder *r = (struct recorder *)d;
  const double time_s = clock_s() - r->start_s;
  struct json_t *request = calltext_request(c, d->can.random);
  int rc = driver_forward(r->around, c);
  const int failure = rc < 0 ? MX_DRIVER_LOST : MX_DRIVER_FAILED;
  if (rc == 0 && !c->failure) rc = driver_check(d, c);
  if (rc < 0) {
    c->failure = failure;
    snprintf(c->message, sizeof c->message, "%s", err_message());
    text_make_plain(c->message);  // it may have been cut within a character
  }
  TRY(put_call(r, request, calltext_answer(c, d->can.random), time_s));
  return rc;
}

static int close_recorder(struct driver *d) {
  struct recorder *r = (struct recorder *)d;
  struct json_t *o = json_object_new();
  json_put_i64(o, "end", r->n);
  int rc = put_line(r, o);
  json_release(o);
  if (rc == 0) rc = file_out_commit(&r->out);
  else file_out_abort(&r->out);
  driver_close(r->around);
  free(r);
  return rc;
}

static const struct driver_kind recorder_kind = { record, close_recorder };

int recording_open(struct driver **d, struct driver *around, const char *path) {
  struct recorder *r = err_calloc(1, sizeof *r);
  r->base = (struct driver){ .kind = &recorder_kind };
  snprintf(r->base.name, sizeof r->base.name, "%s", around->name);
  r->around = around;
  r->sum = CHECKSUM_START;
  r->start_s = clock_s();
  const int rc = file_out_open(&r->out, path);
  if (rc < 0) {
    free(r);
    return rc;
  }
  fputs(FIRST_LINE "\n", r->out.stream);
  *d = &r->base;
  return 0;
}

// ---- replay

struct replayer {
  struct driver base;
  char path[FILE_PATH_SIZE];
  FILE *in;
  char *line;
  size_t room;
  uint64_t sum;
  int64_t n;
};

// The next line as JSON.
static int next(struct replayer *r, struct json_t **o) {
  char where[300], digits[SUM_DIGITS + 1];
  snprintf(where, sizeof where, "%.200s: call %" PRId64, r->path, r->n);
  errno = 0;
  const ssize_t size = getline(&r->line, &r->room, r->in);
  if (size < 0 && errno) return err_set(ERR_IO, "%s: %s", where, strerror(errno));
  if (size < 0 || size > MAX_LINE || r->line[size - 1] != '\n' || size < SUM_DIGITS + 3 || r->line[SUM_DIGITS] != ' ')
    return err_set(ERR_FORMAT, "%s: the recording is cut off here", where);
  const char *json = r->line + SUM_DIGITS + 1;
  r->sum = checksum_bytes(r->sum, json, (size_t)size - SUM_DIGITS - 1);
  snprintf(digits, sizeof digits, "%016" PRIx64, r->sum);
  if (memcmp(digits, r->line, SUM_DIGITS)) return err_set(ERR_FORMAT, "%s: the checksum does not match", where);
  return json_parse(o, json, (size_t)size - SUM_DIGITS - 1, where);
}

// Compare the call with the recorded one, then answer as it was answered.
static int answer_from(struct replayer *r, struct driver_call *c, const struct json_t *o) {
  char where[300], difference[200];
  struct json_t *request, *answer, *now = calltext_request(c, r->base.can.random);
  int64_t number;
  snprintf(where, sizeof where, "%.200s: call %" PRId64, r->path, r->n);
  int rc = json_field_i64(o, where, "number", r->n, r->n, &number);
  if (rc == 0) rc = json_field_object(o, where, "request", &request);
  if (rc == 0 && json_differs(difference, now, request))
    rc = err_set(ERR_FORMAT, "%s: another call than the recorded one: %s", where, difference);
  if (rc == 0) rc = json_field_object(o, where, "answer", &answer);
  if (rc == 0) rc = calltext_take(c, answer, r->base.can.random, where);
  json_release(now);
  return rc;
}

static int replay(struct driver *d, struct driver_call *c) {
  struct replayer *r = (struct replayer *)d;
  struct json_t *o;
  c->unrecorded = true;
  TRY(next(r, &o));
  const int rc = json_has(o, "end")
                   ? err_set(ERR_FORMAT, "%s: the recording ends after %" PRId64 " calls; %s is not one of them",
                             r->path, r->n, driver_op_names[c->op])
                   : answer_from(r, c, o);
  json_release(o);
  r->n++;
  c->unrecorded = rc < 0;
  return rc;
}

static int close_replayer(struct driver *d) {
  struct replayer *r = (struct replayer *)d;
  fclose(r->in);
  free(r->line);
  free(r);
  return 0;
}

static const struct driver_kind replayer_kind = { replay, close_replayer };

int recording_replay(struct driver **d, const char *path) {
  char first[sizeof FIRST_LINE + 1] = "";
  if (!*path) return err_set(ERR_SETTING, "replay: needs a recording, as replay:FILE");
  FILE *in = fopen(path, "re");
  if (!in) return err_set(ERR_IO, "%s: %s", path, strerror(errno));
  if (!fgets(first, sizeof first, in) || strcmp(first, FIRST_LINE "\n")) {
    fclose(in);
    return err_set(ERR_FORMAT, "%s: not a recording of the calls of a driver", path);
  }
  struct replayer *r = err_calloc(1, sizeof *r);
  r->base = (struct driver){ .kind = &replayer_kind };
  snprintf(r->base.name, sizeof r->base.name, "%s", path);
  snprintf(r->path, sizeof r->path, "%s", path);
  r->in = in;
  r->sum = CHECKSUM_START;
  *d = &r->base;
  return 0;
}
