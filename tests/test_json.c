// base/json: every error says where and what; numbers come back to the bit.
#include "base/json.h"

#include <math.h>

#include "base/err.h"
#include "test.h"

static struct json_t *parse(const char *text) {
  struct json_t *v = NULL;
  CHECK(json_parse(&v, text, strlen(text), "f.json") == 0, "%s", err_message());
  return v;
}

#define FAILS(call, text) CHECK((call) == ERR_FORMAT && !strcmp(err_message(), text), "%s", err_message())

static void test_fields(void) {
  struct json_t *o = parse("{\"n\": 5, \"x\": 0.5, \"big\": 1e300, \"t\": \"text\", \"yes\": true, \"a\": [1, 2.5, "
                           "\"s\", [], {}]}");
  struct json_t *a, *child;
  int64_t n = 0;
  double x = 0;
  const char *t;
  bool yes;
  CHECK(!json_field_i64(o, "f", "n", 5, 5, &n) && n == 5, "%s", err_message());
  CHECK(!json_field_f64(o, "f", "n", 0, 9, &x) && x == 5, "%s", err_message());
  CHECK(!json_field_f64(o, "f", "x", 0, 1, &x) && x == 0.5, "%s", err_message());
  CHECK(!json_field_text(o, "f", "t", &t) && !strcmp(t, "text"), "%s", err_message());
  CHECK(!json_field_bool(o, "f", "yes", &yes) && yes, "%s", err_message());
  CHECK(!json_field_array(o, "f", "a", &a) && json_length(a) == 5, "%s", err_message());
  CHECK(!json_item_i64(a, "f", 0, 0, 9, &n) && n == 1, "%s", err_message());
  CHECK(!json_item_f64(a, "f", 1, 0, 9, &x) && x == 2.5, "%s", err_message());
  CHECK(!json_item_text(a, "f", 2, &t) && !strcmp(t, "s"), "%s", err_message());
  CHECK(!json_item_array(a, "f", 3, &child) && !json_item_object(a, "f", 4, &child), "%s", err_message());
  FAILS(json_field_i64(o, "f", "m", 0, 9, &n), "f: m is missing");
  FAILS(json_field_i64(o, "f", "x", 0, 9, &n), "f: x is a number, expected a whole number");
  FAILS(json_field_i64(o, "f", "n", 6, 9, &n), "f: n is 5, outside [6, 9]");
  FAILS(json_field_f64(o, "f", "big", 0, 1, &x), "f: big is 1e+300, outside [0, 1]");
  FAILS(json_field_f64(o, "f", "t", 0, 1, &x), "f: t is a text, expected a number");
  FAILS(json_field_text(o, "f", "n", &t), "f: n is a whole number, expected a text");
  FAILS(json_field_bool(o, "f", "n", &yes), "f: n is a whole number, expected true or false");
  FAILS(json_field_array(o, "f", "n", &a), "f: n is a whole number, expected an array");
  FAILS(json_item_i64(a, "f", 7, 0, 1, &n), "f: [7] is missing");
  FAILS(json_item_object(a, "f", 0, &child), "f: [0] is a whole number, expected an object");
  FAILS(json_field_object(a, "f", "n", &child), "f: n is missing");  // of an array
  json_release(o);
}

static void test_parse_errors(void) {
  struct json_t *v;
  static const char *const bad[] = { "", "{", "[1,]", "{\"a\":1,\"a\":2}", "[1] 2",
                                     "[NaN]", "[1e999]", "\xff", "[\"\\u0000\"]",     "[99999999999999999999]" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(json_parse(&v, bad[i], strlen(bad[i]), "f.json") == ERR_FORMAT && strstr(err_message(), "f.json: line 1: "),
          "%s: %s", bad[i], err_message());
  CHECK(json_parse(&v, "{\n\n x", 6, "f.json") == ERR_FORMAT && strstr(err_message(), "line 3"), "%s", err_message());
  static char deep[100000];
  memset(deep, '[', sizeof deep);
  CHECK(json_parse(&v, deep, sizeof deep, "deep") == ERR_FORMAT, "no limit of depth");
  CHECK(json_read(&v, "/nowhere.json", 99) == ERR_IO && strstr(err_message(), "/nowhere.json"), "%s", err_message());
}

static char *printed(struct json_t *v, int *rc) {
  char *text;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  *rc = json_print(v, f);
  fclose(f);
  return text;
}

static void test_print(void) {
  const double values[] = { 0.1, 1.0 / 3, 1e300, -5e-324, 2, 123456789012345678.0, 0.97880000000000000 };
  enum { N = sizeof values / sizeof *values };
  struct json_t *o = json_object_new(), *back;
  json_put_f64s(o, "x", values, N);
  json_put_i64s(o, "i", (int64_t[]){ INT64_MIN, 7 }, 2);
  json_put_bool(o, "b", false);
  json_put_text(o, "t", "a \"b\" \\ \n \xc3\xa4");
  json_put(o, "none", json_array_new());
  int rc;
  char *text = printed(o, &rc);
  CHECK(rc == 0 && strstr(text, "\"x\": [0.1, 0.33333333333333331,") && strstr(text, "0.9788]"), "%s", text);
  CHECK(strstr(text, ", 2.0, ") && strstr(text, "[-9223372036854775808, 7]"), "%s", text);
  CHECK(strstr(text, "\"b\": false, \"t\": \"a \\\"b\\\" \\\\ \\u000a \xc3\xa4\", \"none\": []}\n"), "%s", text);
  back = parse(text);
  free(text);
  struct json_t *x;
  CHECK(!json_field_array(back, "f", "x", &x), "%s", err_message());
  for (size_t k = 0; k < N; k++) {
    double v = 0;
    CHECK(!json_item_f64(x, "f", k, -1e308, 1e308, &v) && v == values[k], "%.17g %.17g", v, values[k]);
  }
  json_release(back);
  FILE *full = fopen("/dev/full", "w");
  CHECK(json_print(o, full) == ERR_IO, "full disk unnoticed");
  fclose(full);
  json_put_known(o, "ci95", (double)INFINITY);
  json_put_known_f64s(o, "list", (double[]){ 0.5, (double)INFINITY }, 2);
  text = printed(o, &rc);
  CHECK(rc == 0 && strstr(text, "\"ci95\": null, \"list\": [0.5, null]"), "%d: %s", rc, text);
  free(text);
  json_put_f64s(o, "loss", (double[]){ 1, (double)NAN }, 2);
  text = printed(o, &rc);
  CHECK(rc == ERR_DIVERGED && strstr(err_message(), "loss") && !*text, "%s %s", err_message(), text);
  free(text);
  json_release(o);
}

int main(void) {
  test_fields();
  test_parse_errors();
  test_print();
  return test_summary();
}
