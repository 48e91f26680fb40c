// The user's path as steps that the arm can follow: its times, where it begins, and how it is refused.
#include <stdlib.h>

#include "base/err.h"
#include "base/note.h"
#include "experiment/arm/path.h"
#include "folder.h"
#include "small_arm.h"

static struct folder folder;
static char said[1024];
static double first_s;  // time of the first row
static void hear(const char *line) { snprintf(said, sizeof said, "%s", line); }

// n rows of a header's columns: time first_s + k*interval_s, base from + k*by, shoulder the half of it.
static void write_rows(struct reach *f, const char *header, int n, double interval_s, double from, double by) {
  snprintf(f->target.file, sizeof f->target.file, "%s", folder_path(&folder, "p.csv"));
  FILE *out = fopen(f->target.file, "w");
  fprintf(out, "%s", header);
  for (int k = 0; k < n; k++) {
    if (interval_s > 0) fprintf(out, "%.9g,", first_s + k*interval_s);
    fprintf(out, "%.12f,%.12f\n", from + k*by, (from + k*by)/2);
  }
  fclose(out);
}

static struct reach_path read_path(const struct reach *f, double hold_s) {
  struct reach_path p = { 0 };
  said[0] = 0;
  CHECK(reach_path_read(&p, f, hold_s) == 0, "%s", err_message());
  return p;
}

static void check_end(struct reach_path *p, int n, double start, double first, double last) {
  CHECK(p->n == n, "%d steps, not %d: %s", p->n, n, said);
  if (!p->n) return;
  const double got[] = { p->begin[0], p->q[0], p->q[2*p->n - 2] }, expected[] = { start, first, last };
  for (int k = 0; k < 3; k++) CHECK(fabs(got[k] - expected[k]) < 1e-9, "%d: %.12f, not %.12f", k, got[k], expected[k]);
  CHECK(fabs(p->q[1] - p->q[0]/2) < 1e-12, "shoulder %g", p->q[1]);
  reach_path_release(p);
}

// What is said of a file: its first words without the folder.
#define SAID(text) CHECK(strstr(said, text), "'%s' is not in '%s'", text, said)

static void check_times(struct reach *f) {
  write_rows(f, "base,shoulder\n", 30, 0, 0.01, 0.01);  // 60 steps of 10 ms in a movement: half of each row
  struct reach_path p = read_path(f, 0);
  check_end(&p, 60, 0, 0.005, 0.3);
  SAID("p.csv: 30 rows of base, shoulder in rad (the unit assumed), without times, spread over one movement of 0.6 s");
  f->target.step_s = 0.04;
  p = read_path(f, 0);
  check_end(&p, 120, 0, 0.0025, 0.3);
  SAID("1.2 s, one every 0.04 s");
  f->target.step_s = 0;
  p = read_path(f, 0.25);  // set-points
  check_end(&p, 30, 0, 0.01, 0.3);
  SAID("each a set-point");
  first_s = 1000;
  write_rows(f, "time_s,base,shoulder\n", 30, 0.04, 0.01, 0.01);
  p = read_path(f, 0.25);  // when the clock began changes nothing
  check_end(&p, 116, 0.01, 0.0125, 0.3);
  SAID("1.16 s by their times; begins at base 0.6");
  write_rows(f, "time,base,shoulder\n", 30, 0.04, 0, 0.01);
  p = read_path(f, 0.25);
  check_end(&p, 116, 0, 0.0025, 0.29);
  SAID("1.16 s by their times (s assumed)");
  write_rows(f, "step,base,shoulder\n", 30, 4, 0.01, 0.01);
  p = read_path(f, 0);
  check_end(&p, 116, 0.01, 0.0125, 0.3);
  SAID("1.16 s, a step every 0.01 s");
  first_s = 1;
  write_rows(f, "step,base,shoulder\n", 120, 1, 0.0025, 0.0025);  // one step after home
  p = read_path(f, 0);
  check_end(&p, 120, 0, 0.0025, 0.3);
  SAID("1.2 s, a step every 0.01 s");
  write_rows(f, "time_s,base_rad_s,shoulder_rad_s\n", 30, 0.04, 0.5, 0);
  p = read_path(f, 0);
  check_end(&p, 120, 0, 0.005, 0.6);
}

static void check_start(struct reach *f) {
  first_s = 0;
  write_rows(f, "time_s,base,shoulder\n", 31, 0.02, 0.3, 0.01);  // its first row is time 0
  struct reach_path p = read_path(f, 0);
  check_end(&p, 60, 0.3, 0.305, 0.6);
  SAID("begins at base 17.2, shoulder 8.6 degrees");
  write_rows(f, "time_s,base,shoulder\n", 31, 0.02, 0, 0.01);
  p = read_path(f, 0);
  CHECK(!strstr(said, "begins"), "%s", said);
  check_end(&p, 60, 0, 0.005, 0.3);
  write_rows(f, "base,shoulder\n", 61, 0, 0.3, 0.01);
  p = read_path(f, 0);
  check_end(&p, 60, 0.3, 0.31, 0.9);
  write_rows(f, "time_s,base,shoulder\n", 31, 0.02, 0.01, 0.01);  // near home, and time 0
  p = read_path(f, 0);
  check_end(&p, 60, 0.01, 0.015, 0.31);
  write_rows(f, "base,shoulder\n", 61, 0, 0, 0.01);  // at home
  p = read_path(f, 0);
  check_end(&p, 60, 0, 0.01, 0.6);
  p = read_path(f, 0.25);
  check_end(&p, 61, 0, 0, 0.6);
}

static void check_rounding(struct reach *f) {
  const double limit = kinematics_limit_rad(&f->arm, 0);  // a joint at its limit, in a table of 6 digits
  write_rows(f, "time_s,base,shoulder\n", 12, 0.01, limit + 4e-7, 0);
  struct reach_path p = read_path(f, 0);
  CHECK(p.n == 11 && p.q[0] == limit, "%.9f", p.q[0] - limit);
  reach_path_release(&p);
  write_rows(f, "time_s,base_rad_s,shoulder_rad_s\n", 400, 0.01, 1, 0);  // driven beyond it
  p = read_path(f, 0);
  CHECK(p.n == 400 && p.q[2*399] == limit, "%.9f", p.q[2*399] - limit);
  SAID("; in 174 rows a joint stays at its limit");
  reach_path_release(&p);
}

static void refused(const struct reach *f, enum err code, const char *text) {
  struct reach_path p;
  const int rc = reach_path_read(&p, f, 0);
  CHECK(rc == (int)code && strstr(err_message(), text), "'%s' gave %d '%s'", text, rc, err_message());
}

static void check_refused(struct reach *f) {
  write_rows(f, "time_s,base,shoulder\n", 30, 0.01, 0.5, 0.04);
  refused(f, ERR_FORMAT, "p.csv:3: base jumps by 2.292 degrees from the row before; limit 1.8 (trajectory.speed_rad_s");
  f->target.step_s = 0.01;
  refused(f, ERR_SETTING, "target.step_s=0.01: ");
  f->target.step_s = 0;
  write_rows(f, "base_rad_s,shoulder_rad_s\n", 30, 0, 0.1, 0);
  refused(f, ERR_SETTING, "angular velocities need times");
  write_rows(f, "time_s,base_deg,shoulder_deg\n", 30, 0.1, 129, 0.1);
  refused(f, ERR_FORMAT, "p.csv:13: base at 130.1 degrees; limit 130");
  write_rows(f, "time_s,base,shoulder\n", 30, 1000, 0.1, 0);
  refused(f, ERR_FORMAT, "29000 s are 2.9e+06 steps of 0.01 s; at most 100000");
  write_rows(f, "time_s,base_rad_s,shoulder_rad_s\n", 30, 0.01, 1, 0.2);
  refused(f, ERR_FORMAT, "p.csv:13: base moves at 3.2 rad/s; limit trajectory.speed_rad_s=3.14159");
  first_s = 0;
  write_rows(f, "time_s,base,shoulder\n", 20, 1e-10, 0.1, 0);
  refused(f, ERR_FORMAT, "p.csv: lasts 1.9e-09 s, less than a step of 0.01 s");
}

int main(void) {
  struct reach f;
  folder = folder_make();
  small_arm(&f);
  note_to(hear);
  check_times(&f);
  check_start(&f);
  check_rounding(&f);
  check_refused(&f);
  folder_remove(&folder);
  return test_summary();
}
