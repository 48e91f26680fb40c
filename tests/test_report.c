// The report: text and numbers in HTML, charts of any data, what is read of a run. Files that are missing, cut, of
// other types or hostile are named or harmless.
#include "report/report.h"
#include "base/err.h"
#include "report/chart.h"
#include "report/html.h"
#include "report_fixture.h"
#include "test.h"

static struct folder tmp;
static char *text;  // what `stream` was given, after a flush
static size_t text_size;
static FILE *stream;

static void begin(void) { stream = open_memstream(&text, &text_size); }
static void end(void) { fclose(stream); }
static void drop(void) {
  free(text);
  text = NULL;
}

static int count(const char *all, const char *what) {
  int n = 0;
  for (const char *at = all; (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
  return n;
}

// ---- html

#define REPLACED "\xef\xbf\xbd"
#define MINUS "\xe2\x88\x92"
#define DASH "\xe2\x80\x93"
#define MICRO "\xc2\xb5"

static void expect_text(const char *in, const char *out) {
  begin();
  html_text(stream, in);
  end();
  CHECK(!strcmp(text, out), "'%s' became '%s', expected '%s'", in, text, out);
  drop();
}

static void check_text(void) {
  expect_text("", "");
  expect_text("<a href=\"x\">'&amp;'</a>", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;");
  expect_text("\xc2\xb5S \xe2\x82\xac \xf0\x9f\xa6\xbe", "\xc2\xb5S \xe2\x82\xac \xf0\x9f\xa6\xbe");
  expect_text("a\tb\nc", "a\tb\nc");
  expect_text("a\x01\x1b\x7f", "a" REPLACED REPLACED REPLACED);
  expect_text("a\xe2\x80\xae\xc2\x9b", "a" REPLACED REPLACED);  // right to left; a control character
  expect_text("\xff<", REPLACED "&lt;");
  expect_text("\xc3", REPLACED);                              // torn
  expect_text("\xc3<", REPLACED "&lt;");                      // torn, and what follows is not swallowed
  expect_text("\xe2\x82", REPLACED REPLACED);
  expect_text("\xc0\xbc", REPLACED REPLACED);                 // "<", overlong
  expect_text("\xe0\x80\xbc", REPLACED REPLACED REPLACED);
  expect_text("\xed\xa0\x80", REPLACED REPLACED REPLACED);    // a surrogate
  expect_text("\xf4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED);
}

static void expect_number(double v, int decimals, const char *out) {
  begin();
  html_number(stream, v, decimals);
  end();
  CHECK(!strcmp(text, out), "%g became '%s', expected '%s'", v, text, out);
  drop();
}

static void expect_quantity(double v, int digits, const char *out) {
  begin();
  html_quantity(stream, v, digits, "J");
  end();
  CHECK(!strcmp(text, out), "%g became '%s', expected '%s'", v, text, out);
  drop();
}

static void check_numbers(void) {
  expect_number(3.14159, 2, "3.14");
  expect_number(-0.5, 1, MINUS "0.5");
  expect_number(-0.001, 2, "0.00");
  expect_number(NAN, 2, DASH);
  expect_number(INFINITY, 0, DASH);
  expect_quantity(0.00031, 2, "310 " MICRO "J");
  expect_quantity(3.1e-5, 3, "31.0 " MICRO "J");
  expect_quantity(-1500, 2, MINUS "1.5 kJ");
  expect_quantity(1000, 3, "1.00 kJ");
  expect_quantity(0, 3, "0 J");
  expect_quantity(NAN, 3, DASH " J");
  begin();
  html_quantity(stream, 1e-300, 3, "J");
  html_quantity(stream, 1.7e308, 3, "J");
  html_number(stream, -1.7e308, 300);
  for (size_t n = 0; n < 5; n++) fputc(' ', stream), html_data_uri(stream, "image/png", "many", n);
  end();
  CHECK(strstr(text, " data:image/png;base64, data:image/png;base64,bQ== data:image/png;base64,bWE= "
                     "data:image/png;base64,bWFu data:image/png;base64,bWFueQ=="),
        "base64: %s", text);
  drop();
}

// ---- charts

static void draw(const double *x, const double *y, const double *error, int n, unsigned how, bool log) {
  const struct chart_series s = { .name = "<s>", .x = x, .y = y, .error = error, .n = n, .look = 1, .how = how };
  begin();
  chart_draw(stream, &(struct chart){ .title = "<t>", .about = "\"a\"", .x = { "<x>", NAN, NAN, .log = false },
                                      .y = { "<y>", NAN, NAN, .log = log } }, &s, 1);
  end();
  CHECK(!strstr(text, "nan") && !strstr(text, "inf"), "a number that is none: %s", text);
  CHECK(!strstr(text, "<s>") && strstr(text, "&lt;s&gt;") && !strstr(text, "<t>") && !strstr(text, "<x>") &&
            !strstr(text, "<y>") && strstr(text, "&quot;a&quot;"),
        "a text is not escaped: %s", text);
  CHECK(count(text, "<svg") == count(text, "</svg>") && count(text, "<g") == count(text, "</g>") &&
            count(text, "<text") == count(text, "</text>"),
        "%s", text);
  CHECK(count(text, "class=\"num\"") >= 3, "too few ticks: %s", text);
}

static void expect_empty(const double *y, bool log) {
  draw((const double[]){ 1, 2, 3 }, y, NULL, 3, CHART_LINE, log);
  CHECK(strstr(text, ">no data</text>"), "%g: not said to be empty", y[0]);
  drop();
}

static void check_empty_charts(void) {
  draw(NULL, NULL, NULL, 0, CHART_LINE | CHART_MARKS, false);
  CHECK(strstr(text, ">no data</text>"), "no points: %s", text);
  drop();
  expect_empty((const double[]){ NAN, NAN, NAN }, false);
  expect_empty((const double[]){ INFINITY, -INFINITY, NAN }, false);
  expect_empty((const double[]){ 0, -1, NAN }, true);
  begin();
  chart_draw(stream, &(struct chart){ .about = "none", .x = { "x", NAN, NAN, .log = false },
                                      .y = { "y", NAN, NAN, .log = false } }, NULL, 0);
  end();
  CHECK(strstr(text, ">no data</text>"), "no series: %s", text);
  drop();
}

// A point alone is seen, also on a line; a gap takes the line apart.
static void check_points(void) {
  const double x[] = { 1, 2, 3, 4, 5 }, y[] = { 1, NAN, 3, 4, NAN }, error[] = { 0.5, 1, NAN, 2, 1 };
  draw(x, y, NULL, 1, CHART_LINE, false);
  CHECK(count(text, "class=\"mark\"") == 1 && !strstr(text, "no data"), "one point: %s", text);
  drop();
  draw(x, y, NULL, 5, CHART_LINE, false);
  CHECK(count(text, "class=\"mark\"") == 1, "a point between gaps: %s", text);
  const char *line = strstr(strstr(text, "<g class=\"c1\"><path class=\"line\" d=\"M") + 1,
                            "<g class=\"c1\"><path class=\"line\"");
  CHECK(line && count(line, "M") == 3 && count(line, "L") == 1, "two pieces and the mark: %s", line);
  drop();
  draw(x, y, error, 5, CHART_MARKS, false);
  CHECK(count(text, "class=\"mark\"") == 4 && count(text, "class=\"bar\"") == 2, "marks and their legend, bars: %s",
        text);
  drop();
  draw(x, y, NULL, 5, CHART_AREA, false);
  CHECK(count(text, "class=\"area\"") == 2 && count(text, "z\"") == 2, "area: %s", text);
  drop();
}

static void check_extremes(void) {
  const double x[] = { 1, 2 };
  const double y[][2] = { { 1e308, 1e308 }, { -1e308, 1e308 }, { 5e-324, 5e-324 }, { 0, 0 },
                          { 1e299, -1e299 }, { 1e-310, 1e299 }, { 3, 3 }, { 1e15, 1e15 + 2 } };
  for (int k = 0; k < 8; k++)
    for (int log = 0; log < 2; log++) {
      draw(x, y[k], NULL, 2, CHART_LINE | CHART_MARKS, log);
      drop();
      draw(x, y[k], y[(k + 1) % 8], 2, CHART_AREA, log);
      drop();
    }
}

static void check_ticks(void) {
  double t[CHART_MAX_TICKS];
  int decimals;
  int n = chart_ticks(t, 0, 102, 5, &decimals);
  CHECK(n == 6 && t[1] == 20 && t[5] == 100 && decimals == 0, "%d ticks, %g", n, t[1]);
  n = chart_ticks(t, -0.013, 0.021, 5, &decimals);
  CHECK(n == 7 && rel_diff(t[0], -0.01) < 1e-12 && decimals == 3, "%d ticks from %g, %d decimals", n, t[0], decimals);
  CHECK(chart_ticks(t, 0, 5e-324, 5, &decimals) == 0 && decimals == 0, "a range too small to divide");
  CHECK(chart_ticks(t, -1e308, 1e308, 5, &decimals) <= CHART_MAX_TICKS, "a large range");
  // own ticks outside the range are left out; an axis of half a decade has more than one label
  const double own[] = { 0, 1, 2 }, x[] = { 0, 1, 2 }, y[] = { 3.1, 4.2, 9.1 };
  const struct chart_series s = { .x = x, .y = y, .n = 3, .how = CHART_LINE };
  begin();
  chart_draw(stream, &(struct chart){ .about = "", .x = { "x", 0.8, 2.2, .n_ticks = 3, .ticks = own,
                                                          .names = (const char *const[]){ "zero", "one", "two" } },
                                      .y = { "y", NAN, NAN, .log = true } }, &s, 1);
  end();
  CHECK(!strstr(text, "zero") && strstr(text, ">one<") && strstr(text, ">two<"), "own ticks: %s", text);
  CHECK(count(text, "class=\"grid\"") >= 3, "ticks of less than a decade: %s", text);
  drop();
}

// ---- runs

static const char *run_name(enum fixture_kind kind) {
  return kind == FIXTURE_FEWSHOT ? "few" : kind == FIXTURE_MOVEMENTS ? "arm" : "usual";
}
static const char *run_path(enum fixture_kind kind) { return folder_path(&tmp, run_name(kind)); }

// Read a run and write its page there: what comes back.
static int write_page(enum fixture_kind kind, const char *out) {
  static struct report_run run;
  int rc = report_open(&run, run_path(kind), fixture_kinds());
  if (rc < 0) return rc;
  rc = report_write(out, fixture_kinds(), &run, 1, "metaxbar report");
  report_close(&run);
  return rc;
}
static int attempt(enum fixture_kind kind) { return write_page(kind, "/dev/null"); }  // which is not brought to disk

// The same, the page in `text`.
static int page(enum fixture_kind kind) {
  const char *out = folder_path(&tmp, "page.html");
  const int rc = write_page(kind, out);
  if (rc == 0 && file_read(out, 1 << 24, &text, &text_size) < 0) abort();
  return rc;
}

static void put(enum fixture_kind kind, const char *name, const void *data, size_t size) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", run_name(kind), name);
  folder_write(&tmp, path, data, size);
}

static void put_text(enum fixture_kind kind, const char *name, const char *data) {
  put(kind, name, data, strlen(data));
}

static void check_good(enum fixture_kind kind) {
  fixture_write(&tmp, run_name(kind), kind, "word");
  CHECK(page(kind) == 0, "%s", err_message());
  CHECK(count(text, "<figure") == count(text, "</figure>") &&
            count(text, "<figure") >= (kind == FIXTURE_USUAL ? 2 : 3) && !strstr(text, "no data"),
        "%s", text);
  CHECK(!strncmp(text, "<!doctype html>", 15) && strstr(text, "</html>") && strstr(text, "default-src 'none'"),
        "%.200s", text);
  CHECK(kind != FIXTURE_FEWSHOT || strstr(text, "(upper bounds for cores in part use; word)"),
        "the source of the costs is missing");
  CHECK(kind != FIXTURE_FEWSHOT || (strstr(text, "nearest class mean") && strstr(text, ">75.00 ") &&
                                    strstr(text, "<td>76.1</td>") && !strstr(text, "99.9 +- 0.1")),
        "class means or the published results on the same data are missing");
  CHECK(!strncmp(strstr(text, "<title>"), "<title>metaxbar: ", 17) && strstr(text, "<code>metaxbar report</code>"),
        "%.600s", text);
  drop();
}

// What is not known is a dash; an evaluation that is not there is an error.
static void check_usual(void) {
  fixture_write(&tmp, "usual", FIXTURE_USUAL, "word");
  CHECK(page(FIXTURE_USUAL) == 0 && strstr(text, "<td>9.0000</td><td>1.5000 <span "
                                                 "class=\"ci\">&#177;&#8239;0.2500</span></td><td>3</td>"),
        "%s", text);
  CHECK(count(text, "<code>word</code>") && strstr(text, "<h2>what an experiment learns</h2>") &&
            strstr(text, "Loss in training"),
        "%s", text);
  drop();
  put_text(FIXTURE_USUAL, "showcase/usual.json", "{\"evaluations\": []}");
  CHECK(attempt(FIXTURE_USUAL) == ERR_FORMAT && strstr(err_message(), "usual.json: evaluations: there are none"), "%s",
        err_message());
  put_text(FIXTURE_USUAL, "showcase/usual.json", FIXTURE_USUAL_FACTS(""));
  CHECK(page(FIXTURE_USUAL) == 0 &&
            strstr(text, "<td>" DASH "</td><td>1.5000 <span class=\"ci\">&#177;&#8239;" DASH "</span>"),
        "%s", text);
  drop();
}

// A text that would run, leave its element or its attribute: as often in the page as a harmless one, and escaped.
// 20 bytes at most, so that none is cut.
static void check_hostile(enum fixture_kind kind) {
  static const char *const words[][2] = { { "<img src=x>'<b>&", "&lt;img src=x&gt;&#39;&lt;b&gt;&amp;" },
                                          { "</script><script>1", "&lt;/script&gt;&lt;script&gt;1" },
                                          { "\\\" onload=x '", "&quot; onload=x &#39;" } };
  fixture_write(&tmp, run_name(kind), kind, "(one.word)");
  CHECK(page(kind) == 0, "%s", err_message());
  const int scripts = count(text, "<script"), bold = count(text, "<b>"), texts = count(text, "(one.word)");
  CHECK(texts > 15, "%d texts", texts);
  drop();
  for (size_t k = 0; k < sizeof words/sizeof *words; k++) {
    fixture_write(&tmp, run_name(kind), kind, words[k][0]);
    CHECK(page(kind) == 0, "%s", err_message());
    CHECK(count(text, "<script") == scripts && count(text, "<b>") == bold && !strstr(text, "<img") &&
              !strstr(text, "\" onload"),
          "'%s' is not escaped", words[k][0]);
    CHECK(count(text, words[k][1]) == texts, "%d texts, %d times %s", texts, count(text, words[k][1]), words[k][1]);
    drop();
  }
}

static void check_missing(enum fixture_kind kind) {
  for (const struct fixture_file *f = fixture_files(kind); f->name; f++) {
    const bool optional = !strncmp(f->name, "metrics", 7) || !strncmp(f->name, "build", 5);
    char path[256];
    fixture_write(&tmp, run_name(kind), kind, "word");
    snprintf(path, sizeof path, "%s/%s", run_name(kind), f->name);
    unlink(folder_path(&tmp, path));
    const int rc = attempt(kind);
    if (optional) CHECK(rc == 0, "without %s: %s", f->name, err_message());
    else
      CHECK(rc == ERR_IO && strstr(err_message(), f == fixture_files(kind) ? "no results to draw" : f->name),
            "without %s: %s", f->name, rc ? err_message() : "no error");
  }
}

// Every file at every length up to its end: a page, or an error that names the file.
static void check_truncated(enum fixture_kind kind) {
  for (const struct fixture_file *f = fixture_files(kind); f->name; f++) {
    char *good = fixture_text(f->text, "word");
    const size_t size = strlen(good), step = size > 400 ? 37 : 5;  // the last byte is a line end, which may be missing
    fixture_write(&tmp, run_name(kind), kind, "word");
    for (size_t n = 0; n + 1 < size; n += step) {
      put(kind, f->name, good, n);
      const int rc = attempt(kind);
      if (strstr(f->name, ".json")) CHECK(rc == ERR_FORMAT, "%zu bytes of %s are taken", n, f->name);
      CHECK(rc == 0 || strstr(err_message(), f->name), "%zu bytes of %s: %s", n, f->name, err_message());
    }
    free(good);
  }
}

// Every value of a JSON file in turn made another: a name misspelt, a number, a text, a list, an object, nothing.
static void check_wrong_types(enum fixture_kind kind) {
  static const char *const values[] = { "-1", "1e300", "\"text\"", "[]", "{}", "true", "[{}]" };
  for (const struct fixture_file *f = fixture_files(kind); f->name; f++) {
    if (!strstr(f->name, ".json")) continue;
    char *good = fixture_text(f->text, "word");
    fixture_write(&tmp, run_name(kind), kind, "word");
    int refused = 0, all = 0;
    for (const char *at = good; (at = strstr(at, "\": ")) != NULL; at += 3)
      for (size_t v = 0; v < sizeof values/sizeof *values; v++, all++) {
        char *bad = NULL;  // the rest of the value becomes one of another name
        size_t size;
        FILE *out = open_memstream(&bad, &size);
        fprintf(out, "%.*s\": %s, \"rest of it\": %s", (int)(at - good), good, values[v], at + 3);
        fclose(out);
        put(kind, f->name, bad, size);
        const int rc = attempt(kind);
        refused += rc < 0;
        CHECK(rc == 0 || (rc == ERR_FORMAT && strstr(err_message(), f->name)), "%s: %s", bad, err_message());
        free(bad);
      }
    CHECK(refused > all/2 && refused < all, "%s: %d of %d refused", f->name, refused, all);
    free(good);
  }
}

static void refused(enum fixture_kind kind, const char *name, const char *data, const char *expected) {
  fixture_write(&tmp, run_name(kind), kind, "word");
  put_text(kind, name, data);
  const int rc = attempt(kind);
  CHECK(rc == ERR_FORMAT && strstr(err_message(), name) && strstr(err_message(), expected), "'%.40s' gave '%s'", data,
        rc < 0 ? err_message() : "no error");
}

static void check_refused(void) {
  refused(FIXTURE_FEWSHOT, "showcase/accuracy.csv", "updates,software\n0,1\n", "column software_ci95 is missing");
  refused(FIXTURE_FEWSHOT, "showcase/accuracy.csv", "updates,software\n0,x\n", ":2: software is 'x'");
  refused(FIXTURE_FEWSHOT, "showcase/later.csv", "seconds,accuracy,ci95\n0,1,1\n", "column word_kept is missing");
  refused(FIXTURE_FEWSHOT, "showcase/ledger.csv", "updates,accuracy,ci95\n0,1,1\n",
          "column devices_written is missing");
  refused(FIXTURE_FEWSHOT, "showcase/fewshot.json", "{}", "missing");
  refused(FIXTURE_FEWSHOT, "build.json", "{}", "version");
  refused(FIXTURE_FEWSHOT, "build.json", "[1]", "version");
  refused(FIXTURE_FEWSHOT, "metrics.csv", "", "no line of column names");
  refused(FIXTURE_MOVEMENTS, "showcase/arm_chip.csv", "time_s\n1\n", "column before_base_rad_s is missing");
  refused(FIXTURE_MOVEMENTS, "showcase/arm_joints.csv", "step\n", "0 steps, expected 1 to");
  refused(FIXTURE_MOVEMENTS, "showcase/arm_joints.csv", "step\n1\n", "column target_shoulder_x_m is missing");
}

// A pose of the arm with a coordinate missing.
static void check_pose(void) {
  char *joints = strdup(fixture_arm[3].text), *at = strstr(joints, "\n2,.1");
  CHECK(at, "another fixture: %s", joints);
  if (at) memmove(at + 3, at + 5, strlen(at + 5) + 1);
  refused(FIXTURE_MOVEMENTS, "showcase/arm_joints.csv", joints, ":3: an empty cell");
  free(joints);
}

// Tables without rows, without layers, of numbers that no chart can show: still a page.
static void check_odd_tables(void) {
  static const struct { const char *name, *data;
  } odd[] = {
    { "showcase/accuracy.csv", "updates,software,software_ci95,quantised,quantised_ci95,chip,chip_ci95\n" },
    { "showcase/accuracy.csv", "updates,software,software_ci95,quantised,quantised_ci95,chip,chip_ci95\n,,,,,,\n1e308,"
                               "1e308,1e308,-1e308,-1e308,,1e308\n" },
    { "showcase/later.csv", "seconds,accuracy,ci95,word_kept,word_error\n" },
    { "showcase/later.csv", "seconds,accuracy,ci95,word_kept,word_error\n-1,-1e308,1e308,1e308,-1e308\n" },
    { "showcase/histogram.csv", "conductance_uS\n" },
    { "showcase/ledger.csv", "updates,accuracy,ci95,devices_written,devices_addressed,read_energy_J,read_time_s\n" },
    { "showcase/task.png", "" },
    { "metrics.csv", "iteration\n" },
    { "metrics.csv", "other\n1\n" },
    { "metrics.csv", "iteration,loss,accuracy_last\n1,1e308,1e308\n" },
    { "metrics.csv", "iteration,loss,accuracy_last\n-5,5e-324,\n" },
  };
  for (size_t k = 0; k < sizeof odd/sizeof *odd; k++) {
    fixture_write(&tmp, "few", FIXTURE_FEWSHOT, "word");
    put_text(FIXTURE_FEWSHOT, odd[k].name, odd[k].data);
    const int rc = page(FIXTURE_FEWSHOT);
    CHECK(rc == 0 && strstr(text, "</html>"), "%s of '%.60s': %s", odd[k].name, odd[k].data,
          rc < 0 ? err_message() : text);
    CHECK(rc < 0 || (!strstr(text, "=\"nan") && !strstr(text, " nan") && !strstr(text, " inf")),
          "%s of '%.60s': a number that is none", odd[k].name, odd[k].data);
    drop();
  }
}

// Costs that are not known are not drawn as if they were nothing.
static void check_unknown_costs(void) {
  fixture_write(&tmp, "few", FIXTURE_FEWSHOT, "word");
  CHECK(page(FIXTURE_FEWSHOT) == 0 && strstr(text, "energy of reading, up to each update") &&
            !strstr(text, "<td>unknown</td>"),
        "%s", text);
  drop();
  put_text(FIXTURE_FEWSHOT, "showcase/ledger.csv",
           "updates,accuracy,ci95,devices_written,devices_addressed,read_energy_J,read_time_s\n0,.2,.01,0,0,0,0\n1,.9,."
           "01,7,9,0,0\n");
  CHECK(page(FIXTURE_FEWSHOT) == 0 && !strstr(text, "energy of reading, up to each update") &&
            strstr(text, "<td>unknown</td>"),
        "%s", text);
  drop();
}

static void check_folder(void) {
  static struct report_run run, runs[2];
  char name[600];
  CHECK(report_open(&run, folder_path(&tmp, "nothing"), fixture_kinds()) == ERR_IO &&
        strstr(err_message(), "/nothing: no results to draw"), "%s", err_message());
  memset(name, 'n', sizeof name);
  char *longer = calloc(FILE_PATH_SIZE, 1);
  memset(longer, 'n', FILE_PATH_SIZE - 1);
  CHECK(report_open(&run, longer, fixture_kinds()) == ERR_IO && strstr(err_message(), "path too long"), "%s",
        err_message());
  free(longer);
  // the name is the last part, whatever it holds
  fixture_write(&tmp, "<b>&", FIXTURE_FEWSHOT, "word");
  fixture_write(&tmp, "arm", FIXTURE_MOVEMENTS, "word");
  snprintf(name, sizeof name, "%s//", folder_path(&tmp, "<b>&"));
  CHECK(report_open(&runs[0], name, fixture_kinds()) == 0 && !strcmp(runs[0].name, "<b>&"), "%s: %s", runs[0].name,
        err_message());
  CHECK(report_open(&runs[1], run_path(FIXTURE_MOVEMENTS), fixture_kinds()) == 0, "%s", err_message());
  const char *out = folder_path(&tmp, "two.html");
  CHECK(report_write(out, fixture_kinds(), runs, 2, NULL) == 0 && file_read(out, 1 << 24, &text, &text_size) == 0, "%s",
        err_message());
  CHECK(strstr(text, "<title>metaxbar: &lt;b&gt;&amp; and 1 more</title>") && !strstr(text, "<b>&<"), "%.600s", text);
  CHECK(strstr(text, "<h2>New classes") && strstr(text, "<h2>The arm"), "a kind is missing");
  drop();
  CHECK(report_write("/dev/full", fixture_kinds(), runs, 2, NULL) == ERR_IO && strstr(err_message(),
                                                                                      "/dev/full: cannot write"), "%s",
                                                                                      err_message());
  for (int k = 0; k < 2; k++) report_close(&runs[k]);
}

int main(void) {
  tmp = folder_make();
  check_text();
  check_numbers();
  check_empty_charts();
  check_points();
  check_extremes();
  check_ticks();
  for (enum fixture_kind kind = FIXTURE_FEWSHOT; kind < FIXTURE_KINDS; kind++) {
    check_good(kind);
    check_hostile(kind);
    check_missing(kind);
    check_truncated(kind);
    check_wrong_types(kind);
  }
  check_usual();
  check_refused();
  check_pose();
  check_odd_tables();
  check_unknown_costs();
  check_folder();
  folder_remove(&tmp);
  return test_summary();
}
