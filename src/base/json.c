#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

// ---- reading

int json_parse(struct json_t **v, const char *text, size_t size, const char *where) {
  json_error_t error;
  *v = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
  if (*v) return 0;
  return err_set(ERR_FORMAT, "%s: line %d: %s", where, error.line < 1 ? 1 : error.line, error.text);
}

static int parse_text(void *v, const char *text, size_t size, const char *path) {
  return json_parse(v, text, size, path);
}

int json_read(struct json_t **v, const char *path, size_t max) { return file_parse(path, max, parse_text, v); }

void json_release(struct json_t *v) { json_decref(v); }

static const char *type_name(const json_t *v) {
  static const char *const names[] = { "an object", "an array", "a text", "a whole number",
                                       "a number",  "true",     "false",  "null" };
  return v ? names[json_typeof(v)] : "missing";
}

// The value v, found at the place "name" or "[i]" of `where`, as a T.
static int want(const json_t *v, const char *where, const char *place, bool good, const char *expected) {
  if (good) return 0;
  return v ? err_set(ERR_FORMAT, "%s: %s is %s, expected %s", where, place, type_name(v), expected)
           : err_set(ERR_FORMAT, "%s: %s is missing", where, place);
}

static int want_i64(const json_t *v, const char *where, const char *place, int64_t min, int64_t max, int64_t *out) {
  TRY(want(v, where, place, json_is_integer(v), "a whole number"));
  const int64_t i = json_integer_value(v);
  if (i < min || i > max)
    return err_set(ERR_FORMAT, "%s: %s is %" PRId64 ", outside [%" PRId64 ", %" PRId64 "]", where, place, i, min, max);
  *out = i;
  return 0;
}

static int want_f64(const json_t *v, const char *where, const char *place, double min, double max, double *out) {
  TRY(want(v, where, place, json_is_number(v), "a number"));
  const double x = json_number_value(v);
  if (!(x >= min && x <= max))
    return err_set(ERR_FORMAT, "%s: %s is %.9g, outside [%.9g, %.9g]", where, place, x, min, max);
  *out = x;
  return 0;
}

static int want_text(const json_t *v, const char *where, const char *place, const char **out) {
  TRY(want(v, where, place, json_is_string(v), "a text"));
  *out = json_string_value(v);
  return 0;
}

static int want_array(json_t *v, const char *where, const char *place, struct json_t **out) {
  TRY(want(v, where, place, json_is_array(v), "an array"));
  *out = v;
  return 0;
}

static int want_object(json_t *v, const char *where, const char *place, struct json_t **out) {
  TRY(want(v, where, place, json_is_object(v), "an object"));
  *out = v;
  return 0;
}

int json_field_bool(const struct json_t *o, const char *where, const char *name, bool *out) {
  const json_t *v = json_object_get(o, name);
  TRY(want(v, where, name, json_is_boolean(v), "true or false"));
  *out = json_is_true(v);
  return 0;
}

// A field of an object and an item of an array, of each type; numbers WITHIN limits.
#define PLACE_OF(i)                                                                                                    \
  char place[32];                                                                                                      \
  snprintf(place, sizeof place, "[%zu]", i)
#define READ(kind, type)                                                                                               \
  int json_field_##kind(const struct json_t *o, const char *where, const char *name, type *out) {                      \
    return want_##kind(json_object_get(o, name), where, name, out);                                                    \
  }                                                                                                                    \
  int json_item_##kind(const struct json_t *array, const char *where, size_t i, type *out) {                           \
    PLACE_OF(i);                                                                                                       \
    return want_##kind(json_array_get(array, i), where, place, out);                                                   \
  }
#define READ_WITHIN(kind, type)                                                                                        \
  int json_field_##kind(const struct json_t *o, const char *where, const char *name, type min, type max, type *out) {  \
    return want_##kind(json_object_get(o, name), where, name, min, max, out);                                          \
  }                                                                                                                    \
  int json_item_##kind(const struct json_t *array, const char *where, size_t i, type min, type max, type *out) {       \
    PLACE_OF(i);                                                                                                       \
    return want_##kind(json_array_get(array, i), where, place, min, max, out);                                         \
  }
READ_WITHIN(i64, int64_t)
READ_WITHIN(f64, double)
READ(text, const char *)
READ(array, struct json_t *)
READ(object, struct json_t *)

bool json_has(const struct json_t *o, const char *name) { return json_object_get(o, name) != NULL; }

size_t json_length(const struct json_t *v) { return json_is_object(v) ? json_object_size(v) : json_array_size(v); }

struct json_t *json_next(struct json_t *o, void **at, const char **name) {
  *at = *at ? json_object_iter_next(o, *at) : json_object_iter(o);
  if (!*at) return NULL;
  *name = json_object_iter_key(*at);
  return json_object_iter_value(*at);
}

bool json_is_text(const struct json_t *v, const char **text) {
  *text = json_string_value(v);
  return *text != NULL;
}

static void short_text(char text[60], const json_t *v) {
  if (json_is_integer(v)) snprintf(text, 60, "%" PRId64, (int64_t)json_integer_value(v));
  else if (json_is_real(v)) snprintf(text, 60, "%.17g", json_real_value(v));
  else if (json_is_string(v)) snprintf(text, 60, "'%.50s'", json_string_value(v));
  else if (json_is_array(v)) snprintf(text, 60, "an array of %zu", json_array_size(v));
  else snprintf(text, 60, "%s", type_name(v));
}

static bool differs_at(char text[200], const char *place, json_t *v, json_t *expected);

static bool objects_differ(char text[200], const char *place, json_t *v, json_t *expected) {
  const char *name;
  json_t *field;
  char at[100];
  json_object_foreach(expected, name, field) {
    snprintf(at, sizeof at, "%.40s%s%.40s", place, *place ? "." : "", name);
    if (differs_at(text, at, json_object_get(v, name), field)) return true;
  }
  json_object_foreach(v, name, field) {
    if (json_object_get(expected, name)) continue;
    snprintf(text, 200, "%.40s%s%.40s is not expected", place, *place ? "." : "", name);
    return true;
  }
  return false;
}

static bool arrays_differ(char text[200], const char *place, json_t *v, json_t *expected) {
  char at[100];
  for (size_t i = 0; i < json_array_size(expected); i++) {
    snprintf(at, sizeof at, "%.70s[%zu]", place, i);
    if (differs_at(text, at, json_array_get(v, i), json_array_get(expected, i))) return true;
  }
  return false;
}

static bool differs_at(char text[200], const char *place, json_t *v, json_t *expected) {
  if (v && json_equal(v, expected)) return false;
  if (json_is_object(v) && json_is_object(expected)) return objects_differ(text, place, v, expected);
  if (json_is_array(v) && json_is_array(expected) && json_array_size(v) == json_array_size(expected))
    return arrays_differ(text, place, v, expected);
  char is[60], wanted[60];
  short_text(is, v);
  short_text(wanted, expected);
  snprintf(text, 200, "%.60s is %.59s, expected %.59s", place, is, wanted);
  return true;
}

bool json_differs(char text[200], json_t *v, json_t *expected) { return differs_at(text, "", v, expected); }

// ---- building. In place of what cannot be said in JSON stands a text that no UTF-8 text equals, and it is
// refused by name when printed: one check at the end instead of one for every value.

static const char unsayable[] = "\xff";

static struct json_t *owned(struct json_t *v) { return v ? v : json_string_nocheck(unsayable); }

struct json_t *json_object_new(void) {
  json_t *v = json_object();
  assert(v);
  return v;
}

struct json_t *json_array_new(void) {
  json_t *v = json_array();
  assert(v);
  return v;
}

void json_put(struct json_t *o, const char *name, struct json_t *v) {
  const int rc = name ? json_object_set_new(o, name, owned(v)) : json_array_append_new(o, owned(v));
  assert(rc == 0);
}

struct json_t *json_add_object(struct json_t *o, const char *name) {
  struct json_t *v = json_object_new();
  json_put(o, name, v);
  return v;
}

struct json_t *json_add_array(struct json_t *o, const char *name) {
  struct json_t *v = json_array_new();
  json_put(o, name, v);
  return v;
}

void json_put_i64(struct json_t *o, const char *name, int64_t v) { json_put(o, name, json_integer(v)); }
void json_put_f64(struct json_t *o, const char *name, double v) { json_put(o, name, json_real(v)); }
void json_put_known(struct json_t *o, const char *name, double v) {
  if (v == INFINITY) json_put(o, name, json_null());
  else json_put_f64(o, name, v);
}
void json_put_bool(struct json_t *o, const char *name, bool v) { json_put(o, name, json_boolean(v)); }
void json_put_text(struct json_t *o, const char *name, const char *v) { json_put(o, name, json_string(v)); }

#define PUT_LIST(list, put, type)                                                                                      \
  void list(struct json_t *o, const char *name, const type *v, size_t n) {                                             \
    struct json_t *array = json_array_new();                                                                           \
    for (size_t i = 0; i < n; i++) put(array, NULL, v[i]);                                                             \
    json_put(o, name, array);                                                                                          \
  }
PUT_LIST(json_put_f64s, json_put_f64, double)
PUT_LIST(json_put_known_f64s, json_put_known, double)
PUT_LIST(json_put_i64s, json_put_i64, int64_t)

// ---- printing

static int check_printable(json_t *v, const char *name) {
  if (json_is_string(v) && !strcmp(json_string_value(v), unsayable))
    return err_set(ERR_DIVERGED, "%s: not a finite number (or not UTF-8 text)", name);
  for (size_t i = 0; i < json_array_size(v); i++) TRY(check_printable(json_array_get(v, i), name));
  const char *key;
  json_t *child;
  json_object_foreach(v, key, child) TRY(check_printable(child, key));
  return 0;
}

static void print_text(const char *text, FILE *out) {
  fputc('"', out);
  uint32_t c = 0;
  for (int n; *text; text += n) {
    n = text_character(text, &c);
    assert(n > 0);  // jansson's texts are UTF-8
    if (*text == '"' || *text == '\\') fprintf(out, "\\%c", *text);
    else if (!text_shows(c)) fprintf(out, "\\u%04x", (unsigned)c);  // none of them beyond 0xffff
    else fwrite(text, 1, (size_t)n, out);
  }
  fputc('"', out);
}

// Shortest of 15, 17 digits that is exact, and always recognisable as a real.
static void print_f64(double x, FILE *out) {
  char text[40];
  snprintf(text, sizeof text, "%.15g", x);
  if (strtod(text, NULL) != x) snprintf(text, sizeof text, "%.17g", x);
  fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void print_value(json_t *v, FILE *out) {
  const char *separator = "", *key;
  json_t *child;
  switch (json_typeof(v)) {
  case JSON_OBJECT:
    fputc('{', out);
    json_object_foreach(v, key, child) {
      fputs(separator, out);
      print_text(key, out);
      fputs(": ", out);
      print_value(child, out);
      separator = ", ";
    }
    fputc('}', out);
    break;
  case JSON_ARRAY:
    fputc('[', out);
    for (size_t i = 0; i < json_array_size(v); i++) {
      fputs(separator, out);
      print_value(json_array_get(v, i), out);
      separator = ", ";
    }
    fputc(']', out);
    break;
  case JSON_STRING: print_text(json_string_value(v), out); break;
  case JSON_INTEGER: fprintf(out, "%" PRId64, (int64_t)json_integer_value(v)); break;
  case JSON_REAL: print_f64(json_real_value(v), out); break;
  case JSON_NULL: fputs("null", out); break;
  default: fputs(json_is_true(v) ? "true" : "false", out);
  }
}

int json_print(struct json_t *v, FILE *out) {
  TRY(check_printable(v, "value"));
  print_value(v, out);
  fputc('\n', out);
  return fflush(out) || ferror(out) ? err_set(ERR_IO, "cannot print JSON: write failed") : 0;
}

int json_line(char **text, size_t *size, json_t *v) {
  *text = NULL;
  FILE *out = open_memstream(text, size);
  if (!out) return err_set(ERR_IO, "cannot print JSON: out of memory");
  int rc = json_print(v, out);
  if (fclose(out) && rc == 0) rc = err_set(ERR_IO, "cannot print JSON: out of memory");
  if (rc < 0) free(*text);
  return rc;
}

int json_write(struct json_t *v, const char *path) {
  struct file_out out;
  TRY(check_printable(v, "value"));
  TRY(file_out_open(&out, path));
  print_value(v, out.stream);
  fputc('\n', out.stream);
  return file_out_commit(&out);
}
