// base/settings: one list for command line, INI, JSON and model files; errors name the place.
#include "base/settings.h"

#include <ini.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "base/param.h"
#include "base/par.h"
#include "base/tensorfile.h"
#include "test.h"

struct net {
  int64_t channels, rule, rotate;
  double alpha;
};
struct data {
  char path[PARAM_TEXT_SIZE];
};

static const char *const rules[] = { "task", "support", NULL };
static const struct param net_table[] = {
  PARAM_I64(struct net, channels, 56, 1, 1024, "feature maps"),
  PARAM_F64(struct net, alpha, 0.1, 0, 10, "rate"),
  PARAM_CHOICE(struct net, rule, 1, rules, "statistics"),
  PARAM_BOOL(struct net, rotate, 1, "turn"),
  { 0 },
};
static const struct param data_table[] = { PARAM_TEXT(struct data, path, "", "folder"), { 0 } };

static struct net net;
static struct data data;
static const struct settings_section all[] = { { "net", net_table, &net }, { "data", data_table, &data }, { 0 } };

static int parse(const char *text) { return settings_parse(all, text, strlen(text), "f.ini"); }

static void test_set(void) {
  settings_defaults(all);
  CHECK(settings_set(all, "net.alpha=0.25") == 0 && net.alpha == 0.25, "%s", err_message());
  CHECK(settings_set(all, "data.path=a=b.c") == 0 && !strcmp(data.path, "a=b.c"), "%s", err_message());
  static const char *const bad[][2] = {
    { "net.alpha", "net.alpha: expected section.name=value" }, { "alpha=1", "expected section.name=value" },
    { "alpha=1.5", "expected section.name=value" },            { "net.alpha=", "net.alpha=: not a number" },
    { "net.alpha=11", "net.alpha=11: outside [0, 10]" },
    { "nut.alpha=1", "nut.alpha: no section 'nut'; sections are net, data" },
    { "net.alfa=1", "net.alfa: no such setting; the nearest is net.alpha" },
    { "net.beta_2=1", "net.beta_2: no such setting" },         { "data.path= x", "data.path= x: a text cannot" },
    { "data.path=x ", "a text cannot" },                       { "data.path=a ;b", "a text cannot" },
    { "data.path=;b", "a text cannot" },                       { "", ": expected" },
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(settings_set(all, bad[i][0]) == ERR_SETTING && strstr(err_message(), bad[i][1]), "%s: %s", bad[i][0],
          err_message());
}

// Passwords: read whole, and in no message.
static void test_password(void) {
  struct { char password[PARAM_TEXT_SIZE]; } link = { "" };
  static const struct param table[] = {
    { .type = PARAM_TYPE_TEXT, .name = "password", .offset = 0, .text = "" }, { 0 },
  };
  const struct settings_section one[] = { { "link", table, &link }, { 0 } };
  static const char *const read[][2] = {
    { "[link]\npassword = a ;b#c\n", "a ;b#c" }, { "[link]\npassword=#a # b", "#a # b" },
    { "[link]\n password : ;a=b:c ; \n", ";a=b:c ;" }, { "[link]\npassword =\n", "" },
  };
  for (size_t k = 0; k < sizeof read / sizeof *read; k++)
    CHECK(settings_parse(one, read[k][0], strlen(read[k][0]), "f.ini") == 0 && !strcmp(link.password, read[k][1]),
          "%s: %s", link.password, err_message());
  CHECK(settings_set(one, "link.password=a ;b") == 0 && !strcmp(link.password, "a ;b"), "%s", err_message());
  static const char *const bad[] = { "link.password= sesame", "link.password=sesame\x01", "link.password=sesame\xff",
                                     "password=sesame",       "link.user.password=sesame", "lint.password=sesame" };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    CHECK(settings_set(one, bad[k]) == ERR_SETTING && strstr(err_message(), "password") &&
              !strstr(err_message(), "sesame"),
          "%s: %s", bad[k], err_message());
  char line[2000] = "link.password=";
  memset(line + strlen(line), 's', 1500);
  CHECK(settings_set(one, line) == ERR_SETTING && !strstr(err_message(), "sss"), "%s", err_message());
  static const char twice[] = "[link]\npassword = sesame\npassword = sesame2\n";
  CHECK(settings_parse(one, twice, strlen(twice), "f.ini") == ERR_SETTING && strstr(err_message(), "f.ini:3:") &&
            !strstr(err_message(), "sesame"),
        "%s", err_message());
}

// Two tables of one section: each setting finds its own, and what is printed reads back.
static void test_two_tables(void) {
  struct data more;
  const struct settings_section two[] = {
    { "net", net_table, &net }, { "net", data_table, &more }, { "data", data_table, &data }, { 0 }
  };
  char *text;
  size_t size;
  settings_defaults(two);
  CHECK(settings_set(two, "net.alpha=0.5") == 0 && settings_set(two, "net.path=x") == 0, "%s", err_message());
  CHECK(net.alpha == 0.5 && !strcmp(more.path, "x") && !data.path[0], "%g %s %s", net.alpha, more.path, data.path);
  CHECK(settings_set(two, "net.alfa=1") == ERR_SETTING && strstr(err_message(), "net.alfa: no such setting"), "%s",
        err_message());
  CHECK(settings_set(two, "nut.a=1") == ERR_SETTING && strstr(err_message(), "sections are net, data"), "%s",
        err_message());
  FILE *f = open_memstream(&text, &size);
  settings_print_ini(two, f);
  fclose(f);
  CHECK(strstr(text, "rotate = yes\npath = x\n\n[data]\n") && !strstr(text + 1, "[net]"), "%s", text);
  settings_defaults(two);
  CHECK(settings_parse(two, text, size, "printed") == 0 && net.alpha == 0.5 && !strcmp(more.path, "x"), "%s",
        err_message());
  free(text);
  struct json_t *j = settings_json(two);
  f = open_memstream(&text, &size);
  CHECK(json_length(j) == 2 && json_print(j, f) == 0, "%s", err_message());
  fclose(f);
  CHECK(strstr(text, "\"rotate\": true, \"path\": \"x\"}"), "%s", text);
  free(text);
  json_release(j);
}

static void test_ini(void) {
  settings_defaults(all);
  CHECK(parse("\xef\xbb\xbf# comment\n\n[net]\r\nchannels = 7 ; seven\n  alpha: 2e-1\n[data]\npath = a;b "
              "#c\n[net]\nrotate=no") == 0,
        "%s", err_message());
  CHECK(net.channels == 7 && net.alpha == 0.2 && !net.rotate && !strcmp(data.path, "a;b #c"), "%s", data.path);
  char long_line[2000] = "[data]\npath = ";
  memset(long_line + strlen(long_line), 'x', 1000);
  const char *const bad[][2] = {
    { "[net]\nalpha = 11", "f.ini:2: net.alpha=11: outside [0, 10]" },
    { "[net]\n\nalfa = 1", "f.ini:3: net.alfa: no such setting" },
    { "[nut]\nalpha = 1", "f.ini:2: nut.alpha: no section 'nut'" },
    { "alpha = 1", "f.ini:1: alpha: stands before the first [section]; sections are net" },
    { "[net]\nalpha = 1\n[data]\n[net]\nalpha = 1", "f.ini:5: net.alpha=1: given twice" },
    { "[net\nalpha = 1", "f.ini:1: expected [section] or name = value" },
    { "[net]\nalpha", "f.ini:2: expected" },
    { long_line, "f.ini:2: a line of 1007 characters; at most 638" },
    { "[net]\nalpha =", "f.ini:2: net.alpha=: not a number" },
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(parse(bad[i][0]) == ERR_SETTING && !strncmp(err_message(), bad[i][1], strlen(bad[i][1])), "%zu: %s", i,
          err_message());
  CHECK(settings_parse(all, "[net]\n\0", 7, "f.ini") == ERR_SETTING && strstr(err_message(), "not a text file"), "%s",
        err_message());
  CHECK(settings_load(all, "/nowhere.ini") == ERR_IO && strstr(err_message(), "/nowhere.ini"), "%s", err_message());
}

static char noted[300];
static void keep_note(const char *line) { snprintf(noted, sizeof noted, "%s", line); }

static void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  if (!f || fputs(text, f) < 0 || fclose(f)) abort();
}

// A file of an older program: settings that only it knew are ignored, any other mistake is refused.
static void test_written(void) {
  char path[] = "/tmp/metaxbar-settings-XXXXXX";
  close(mkstemp(path));
  settings_defaults(all);
  write_text(path, "[net]\nalfa = 1\nchannels = 9\n[nut]\nalpha = 1\n");
  CHECK(settings_load(all, path) == ERR_SETTING && strstr(err_message(), ":2: net.alfa: no such setting"), "%s",
        err_message());
  note_to(keep_note);
  CHECK(settings_load_written(all, path) == 0 && net.channels == 9, "%s", err_message());
  CHECK(strstr(noted, ":5: nut.alpha=1: ignored"), "%s", noted);
  note_to(NULL);
  write_text(path, "[net]\nalpha = 11\n");
  CHECK(settings_load_written(all, path) == ERR_SETTING && strstr(err_message(), "outside"), "%s", err_message());
  unlink(path);
}

// Unround values, the longest text.
static void set_odd(void) {
  net = (struct net){ .channels = 1023, .alpha = 1.0 / 3, .rule = 0, .rotate = 0 };
  memset(data.path, 0, sizeof data.path);
  memset(data.path, 'p', PARAM_TEXT_SIZE - 1);
  data.path[7] = ' ';
  data.path[8] = '=';
}

static void test_round_trip(void) {
  char *text;
  size_t size;
  set_odd();
  const struct net net0 = net;
  const struct data data0 = data;
  FILE *f = open_memstream(&text, &size);
  settings_print_ini(all, f);
  fclose(f);
  settings_defaults(all);
  CHECK(parse(text) == 0 && !memcmp(&net, &net0, sizeof net) && !memcmp(&data, &data0, sizeof data), "%s\n%s",
        err_message(), text);
  free(text);
  f = open_memstream(&text, &size);
  settings_print_lines(all, f);
  fclose(f);
  settings_defaults(all);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    CHECK(settings_set(all, line) == 0, "%s", err_message());
  CHECK(!memcmp(&net, &net0, sizeof net) && !memcmp(&data, &data0, sizeof data), "lines");
  free(text);
  struct json_t *o = settings_json(all), *section;
  double alpha = 0;
  bool rotate = true;
  const char *rule = "";
  CHECK(!json_field_object(o, "s", "net", &section) && !json_field_f64(section, "s", "alpha", 0, 1, &alpha) &&
            !json_field_bool(section, "s", "rotate", &rotate) && !json_field_text(section, "s", "rule", &rule),
        "%s", err_message());
  CHECK(alpha == net0.alpha && !rotate && !strcmp(rule, "task"), "%g %s", alpha, rule);
  json_release(o);
}

// A setting that came later is not in a file that makes no use of it, and its absence is its default.
static void test_later(void) {
  char path[] = "/tmp/metaxbar-settings-XXXXXX", text[PARAM_TEXT_SIZE];
  struct later { int64_t turns; double share; char list[PARAM_TEXT_SIZE]; } later;
  static const struct param table[] = { PARAM_I64(struct later, turns, 3, 0, 9, "turns", .later = true),
                                        PARAM_F64(struct later, share, 0.5, 0, 1, "share", .later = true),
                                        PARAM_TEXT(struct later, list, "all", "list", .later = true), { 0 } };
  const struct settings_section sections[] = { { "later", table, &later }, { 0 } };
  const char *const none[] = { "other", NULL };
  struct tensorfile *tf;
  close(mkstemp(path));
  param_default_value(&table[1], text);
  CHECK(!strcmp(text, "0.5"), "%s", text);
  for (int used = 0; used < 2; used++) {
    settings_defaults(sections);
    if (used) later.turns = 4;
    struct tensorfile_writer *w = tensorfile_create(path);
    settings_store(sections, NULL, w);
    CHECK(tensorfile_commit(w) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
    const char *turns = tensorfile_metadata(tf, "later.turns");
    CHECK(used ? turns && !strcmp(turns, "4") : !turns, "%s", turns ? turns : "(nothing)");
    CHECK(!tensorfile_metadata(tf, "later.share") && !tensorfile_metadata(tf, "later.list"), "unused ones are there");
    later = (struct later){ .turns = 7, .share = 1, .list = "some" };
    CHECK(settings_restore(sections, none, tf) == 0 && later.turns == 7, "another section is restored");
    CHECK(settings_restore(sections, NULL, tf) == 0 && later.turns == (used ? 4 : 3) && later.share == 0.5 &&
              !strcmp(later.list, "all"),
          "%d %g %s", (int)later.turns, later.share, later.list);
    tensorfile_close(tf);
  }
  unlink(path);
}

static void test_metadata(void) {
  char path[] = "/tmp/metaxbar-settings-XXXXXX";
  static const char *const only[] = { "net", NULL };
  close(mkstemp(path));
  set_odd();
  const struct net net0 = net;
  struct tensorfile_writer *w = tensorfile_create(path);
  settings_store(all, only, w);
  tensorfile_put_text(w, "source", "no setting");
  tensorfile_put_text(w, "other.alpha", "x");
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  struct tensorfile *tf;
  settings_defaults(all);
  CHECK(tensorfile_open(&tf, path) == 0 && !tensorfile_metadata(tf, "data.path"), "%s", err_message());
  CHECK(settings_restore(all, NULL, tf) == 0 && !memcmp(&net, &net0, sizeof net) && !*data.path, "%s", err_message());
  tensorfile_close(tf);

  w = tensorfile_create(path);
  tensorfile_put_text(w, "net.alpha", "11");
  tensorfile_put_text(w, "data.alpha", "1");
  CHECK(tensorfile_commit(w) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
  CHECK(settings_restore(all, only, tf) == ERR_FORMAT && strstr(err_message(), path) &&
            strstr(err_message(), "net.alpha=11: outside"),
        "%s", err_message());
  note_to(keep_note);
  CHECK(settings_restore(all, (const char *const[]){ "data", NULL }, tf) == 0 && strstr(noted,
                                                                                        "data.alpha=1: ignored"),
                                                                                        "%s", noted);
  note_to(NULL);
  CHECK(settings_restore(all, (const char *const[]){ "none", NULL }, tf) == 0, "%s", err_message());
  tensorfile_close(tf);
  unlink(path);
}

// Several threads read files at once (the thread sanitizer looks on), and the options of libinih set by the host stay.
enum { THREADS = 4 };
static struct net nets[THREADS];
static int failed[THREADS];

static void read_often(void *context, int item, int worker) {
  const struct settings_section own[] = { { "net", net_table, &nets[item] }, { 0 } };
  char text[64];
  (void)context, (void)worker;
  for (int k = 1; k <= 200; k++) {
    snprintf(text, sizeof text, "[net]\nchannels = %d\nalpha = 0.25\n", k + item);
    failed[item] += settings_parse(own, text, strlen(text), "f.ini") != 0 || nets[item].channels != k + item;
  }
}

static void test_threads(void) {
  const int max_line = ini_max_line;
  ini_allow_multiline = true;
  struct par *p = par_new(THREADS);
  par_local(p, THREADS, read_often, NULL);
  par_free(p);
  for (int k = 0; k < THREADS; k++) CHECK(failed[k] == 0, "thread %d failed %d times", k, failed[k]);
  CHECK(ini_allow_multiline && ini_max_line == max_line, "the host's libinih: multiline %d, lines of %d",
        ini_allow_multiline, ini_max_line);
}

int main(void) {
  test_set();
  test_password();
  test_two_tables();
  test_ini();
  test_written();
  test_round_trip();
  test_metadata();
  test_later();
  test_threads();
  return test_summary();
}
