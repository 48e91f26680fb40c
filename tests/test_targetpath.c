// The file of a user's own path: columns and units by name, what may stand around them, and the message for every kind
// of bad one.
#include "arm/targetpath.h"
#include "base/err.h"
#include "test.h"

// `lines`, then enough rows; %d in `row` is its number.
static void fill(char *text, size_t size, const char *lines, const char *row) {
  snprintf(text, size, "%s", lines);
  for (int k = 0; k < TARGETPATH_MIN_ROWS; k++) {
    const size_t n = strlen(text);
    snprintf(text + n, size - n, row, k + 1);
  }
}

static int parse(struct targetpath *p, const char *lines, const char *row, const char *names) {
  char text[4096];
  fill(text, sizeof text, lines, row);
  *p = (struct targetpath){ .names = names };
  return targetpath_parse(p, text, strlen(text), "path.csv");
}

static void refused_with(const char *names, const char *text, const char *expected) {
  struct targetpath p = { .names = names };
  const int rc = targetpath_parse(&p, text, strlen(text), "path.csv");
  CHECK(rc == ERR_FORMAT && strstr(err_message(), expected), "'%s' gave '%s'", expected,
        rc < 0 ? err_message() : "no error");
  if (rc == 0) targetpath_release(&p);
}
static void refused(const char *text, const char *expected) { refused_with(NULL, text, expected); }

// ---- what is understood

struct good {
  const char *lines, *row;  // %d in row: its number, from 1
  enum targetpath_kind kind;
  enum targetpath_clock clock;
  double first[3], second_time;  // of the first row; time of the second
  const char *text;
  const char *names;
};

static void check_good(const struct good *g) {
  struct targetpath p;
  const int rc = parse(&p, g->lines, g->row, g->names);
  CHECK(rc == 0, "%s%s: %s", g->lines, g->row, err_message());
  if (rc < 0) return;
  CHECK(p.n == TARGETPATH_MIN_ROWS && p.kind == g->kind && p.clock == g->clock, "%s: %d rows, kind %d, clock %d",
        g->lines, p.n, p.kind, p.clock);
  for (int c = 0; c < p.columns; c++)
    CHECK(fabs(p.value[c] - g->first[c]) < 1e-15, "%s: column %d: %.17g", g->lines, c, p.value[c]);
  CHECK(fabs(p.time[1] - g->second_time) < 1e-15, "%s: time %.17g", g->lines, p.time[1]);
  CHECK(!strcmp(p.text, g->text), "%s: '%s'", g->lines, p.text);
  targetpath_release(&p);
}

static void check_columns(void) {
  const double deg = 3.14159265358979323846/180;
  const enum targetpath_kind A = TARGETPATH_ANGLES, P = TARGETPATH_POINTS, V = TARGETPATH_SPEEDS;
  const enum targetpath_clock NONE = TARGETPATH_NO_TIMES, SECONDS = TARGETPATH_SECONDS, STEPS = TARGETPATH_STEPS;
  const struct good all[] = {
    { "base,shoulder\n", "0.5,-0.25\n", A, NONE, { 0.5, -0.25 }, 0, "base, shoulder in rad (the unit assumed)", NULL },
    { "", "0.5,-0.25\n", A, NONE, { 0.5, -0.25 }, 0, "base, shoulder in rad (columns and units assumed)", NULL },
    { "", "1,2,3\n", P, NONE, { 1, 2, 3 }, 0, "x, y, z in m (columns and units assumed)", NULL },
    { "base_deg,shoulder_deg\n", "30,-8\n", A, NONE, { 30*deg, -8*deg }, 0, "base, shoulder in deg", NULL },
    { "shoulder_rad,base_deg\n", "0.1,30\n", A, NONE, { 30*deg, 0.1 }, 0, "base in deg, shoulder in rad", NULL },
    { "time_s,x_mm,y_mm,z_mm\n", "%d,920,-33,358.5\n", P, SECONDS, { 0.92, -0.033, 0.3585 }, 2, "x, y, z in mm", NULL },
    { "z [cm],y [cm],x [cm],time (ms)\n", "3,2,1,%d\n", P, SECONDS, { 0.01, 0.02, 0.03 }, 0.002, "x, y, z in cm",
      NULL },
    { "\"X\",\"Y\",\"Z\"\r\n", "1,2,3\r\n", P, NONE, { 1, 2, 3 }, 0, "x, y, z in m (the unit assumed)", NULL },
    { "base_rad_s,shoulder_rad/s\n", "0.5,1\n", V, NONE, { 0.5, 1 }, 0, "base, shoulder in rad_s", NULL },
    { "step,base_deg_s,shoulder_deg_s\n", "%d,2,1\n", V, STEPS, { 2*deg, deg }, 2, "base, shoulder in deg_s", NULL },
    { "time,base,shoulder\ns,deg,deg\n", "%d,30,-8\n", A, SECONDS, { 30*deg, -8*deg }, 2, "base, shoulder in deg",
      NULL },
    { "x;y;z\n[mm];[mm];[mm]\n", "1,5;-2,5;.5\n", P, NONE, { 0.0015, -0.0025, 0.0005 }, 0, "x, y, z in mm", NULL },
    { "\xEF\xBB\xBF", "0.5,1\n", A, NONE, { 0.5, 1 }, 0, "base, shoulder in rad (columns and units assumed)", NULL },
    { "\xEF\xBB\xBF" "base_deg,shoulder_deg\n", "30,-8\n", A, NONE, { 30*deg, -8*deg }, 0,
      "base, shoulder in deg", NULL },
    { "# a comment\n\nbase\tshoulder\n# another\n\n", "0.5\t1\n\n", A, NONE, { 0.5, 1 }, 0,
      "base, shoulder in rad (the unit assumed)", NULL },
    { "", "  0.5   1e0 \n", A, NONE, { 0.5, 1 }, 0, "base, shoulder in rad (columns and units assumed)", NULL },
    { "", "0.5,1\n", V, NONE, { 0.5, 1 }, 0, "base, shoulder in rad_s", "base_rad_s,shoulder_rad_s" },
    { "", "%d,0.5,30\n", A, SECONDS, { 30*deg, 0.5 }, 0.002, "base in deg, shoulder in rad",
      "time_ms,shoulder_rad,base_deg" },
    { "step,time_s,target_base_rad_s,target_shoulder_rad_s,target_x_m,target_y_m,target_z_m,after_x_m\n",
      "7,%d,7,8,1,2,3,9\n", P, SECONDS, { 1, 2, 3 }, 2, "x, y, z in m", NULL },
    { "step,target_x_m,target_y_m,target_z_m,after_x_m\n", "%d,1,2,3,9\n", P, STEPS, { 1, 2, 3 }, 2, "x, y, z in m",
      NULL },
    { "step,time_s,target_s,target_x_m,target_y_m,target_z_m,commanded_base_rad\n", "7,,%d,1,2,3,9\n", P, SECONDS,
      { 1, 2, 3 }, 2, "x, y, z in m", NULL },
    { "step,time_s,target_x_m,target_y_m,target_z_m,commanded_base_rad\n", "%d,0,1,2,3,9\n", P, NONE,
      { 1, 2, 3 }, 0, "x, y, z in m", NULL },
    { "# base_deg,shoulder_deg\n", "30,-8\n", A, NONE, { 30*deg, -8*deg }, 0, "base, shoulder in deg", NULL },
    { "# measured today\n# time_s shoulder_deg base_rad\n", "%d -8 0.5\n", A, SECONDS, { 0.5, -8*deg }, 2,
      "base in rad, shoulder in deg", NULL },
    { "# step one\n# x,y,z\n", "0.5 1\n", A, NONE, { 0.5, 1 }, 0, "base, shoulder in rad (columns and units assumed)",
      NULL },
    { "base [\xC2\xB0],shoulder_degree\n", "30,-8\n", A, NONE, { 30*deg, -8*deg }, 0, "base, shoulder in deg", NULL },
  };
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) check_good(&all[k]);
}

static void check_lines(void) {
  struct targetpath p = { 0 };
  static const char text[] = "x,y,z\n# a comment\n1,2,3\r\n\n 4 , -5e-1 "
                             ",6\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n7,8,9";
  CHECK(targetpath_parse(&p, text, sizeof text - 1, "path.csv") == 0, "%s", err_message());
  CHECK(p.n == 10 && p.columns == 3 && p.value[4] == -0.5 && p.value[29] == 9 && p.line[0] == 3 && p.line[9] == 13,
        "%d rows of %d, line %d", p.n, p.columns, p.line[9]);
  targetpath_release(&p);
}

// ---- what is refused

static void check_names(void) {
  refused("x,y,q\n", "path.csv:1: column 3: 'q' is no column of a path; known are base, shoulder (rad");
  refused("basement,shoulder\n", "path.csv:1: column 1: 'basement'");
  refused("base_cm,shoulder\n", "path.csv:1: column 1: 'base_cm'");
  refused("x [inch],y,z\n", "path.csv:1: column 1: 'x [inch]'");
  refused("x,y,z,x_mm\n", "path.csv:1: column 4: 'x_mm' is there twice");
  refused("x,z\n", "path.csv:1: column y is missing");
  refused("base,shoulder_rad_s\n", "path.csv:1: column shoulder is missing");
  refused("base,shoulder,x,y,z\n", "path.csv:1: more than one of angles, points");
  refused("time,step,x,y,z\n", "path.csv:1: both time and step");
  refused("time_s\n", "path.csv:1: no columns of a path; known are");
  refused("my path\n1,2\n", "path.csv:1: column 1: 'my'");
  refused("base,shoulder\ndeg,m\n", "path.csv:2: column 2: 'm' is neither a number nor a unit of shoulder");
  refused("base_rad,shoulder\ndeg,deg\n", "path.csv:2: column 1: unit 'deg' below a name in rad");
  refused("base,shoulder\nrad,rad\nrad,rad\n", "path.csv:3: column 1: 'rad': expected a number");
  refused_with("base_deg", "1,2\n", "target.columns: column shoulder is missing");
  refused_with("time,base,shoulder", "1,2\n", "path.csv:1: 2 columns; target.columns names 3");
  refused_with("base,shoulder", "base,shoulder\n1,2\n", "path.csv:1: 'base': expected a number; target.columns is for");
}

static void check_rows(void) {
  refused("", "path.csv: empty");
  refused("1,2\n3,4\n", "path.csv:2: the path ends after 2 rows; at least 10 are needed, or times");
  refused("time,x,y,z\n1,2,3,4\n", "path.csv:2: the path ends after 1 row; at least 2 are needed");
  refused("# t,base_deg\n1,2\n", "path.csv:1: column 1: 't' is no column of a path");
  refused("0x10,2\n3,4\n", "path.csv:1: column 1: '0x10': expected a number");
  refused("1,2\n1e13,4\n", "path.csv:2: column 1: 1e+13: not finite, or beyond 1e+12");
  refused("1,2\n3\n", "path.csv:2: 1 column; the lines before have 2");
  refused("1,2\n3,4,5\n", "path.csv:2: 3 columns; the lines before have 2");
  refused("1,2,3,4\n", "path.csv:1: 4 columns without names");
  refused("base,shoulder\n0,5,0,25\n", "path.csv:2: 4 columns; the lines before have 2 (a decimal comma needs ';'");
  refused("1,2\n3,x\n", "path.csv:2: column 2: 'x': expected a number");
  refused("1,2\n3,4 5\n", "path.csv:2: column 2: '4 5': expected a number");
  refused("base;shoulder\n1.234,5;2\n", "path.csv:2: column 1: '1.234,5': expected a number");
  refused("1,2\n3,nan\n", "path.csv:2: column 2: nan: not finite");
  refused("1,2\n1e999,3\n", "path.csv:2: column 1: inf: not finite");
  refused("nan,2\n1,3\n", "path.csv:1: column 1: nan: not finite");
  refused("O.1,2\n3,4\n", "path.csv:1: column 1: 'O.1': expected a number");
  refused("\xEF\xBB\xBF" "O.1,2\n3,4\n", "path.csv:1: column 1: 'O.1': expected a number");
  refused("1,2\nbase,shoulder\n", "path.csv:2: column 1: 'base': expected a number");
  refused("1,2,\n", "path.csv:1: column 3: '': expected a number");
  refused("time,x,y,z\n1,1,1,1\n1,1,1,1\n", "path.csv:3: column 1: '1': not after the row before");
  refused("base,step,shoulder\n1,3,1\n1,2,1\n", "path.csv:3: column 2: '2': not after the row before");
  char longer[4000];
  memset(longer, '1', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  refused(longer, "longer than");
  memset(longer, ',', 100);
  longer[100] = 0;
  refused(longer, "path.csv:1: more than 64 columns");
  refused("\xff\xfe" "1,2\n", "path.csv:1: UTF-16; save it as UTF-8");
  refused("1,2\r3,4\r", "path.csv:1: lines end with CR alone");
  struct targetpath p = { 0 };
  CHECK(targetpath_parse(&p, "1,2\0\n", 5, "path.csv") == ERR_FORMAT && strstr(err_message(), "a zero byte"), "%s",
        err_message());
  CHECK(targetpath_read(&p, "/nonexistent/path.csv", NULL) == ERR_IO &&
            strstr(err_message(), "/nonexistent/path.csv"), "%s", err_message());
}

int main(void) {
  check_columns();
  check_lines();
  check_names();
  check_rows();
  return test_summary();
}
