// base/text: which bytes are UTF-8, which characters a terminal shows as they are; and that nothing that passes through
// the program's outputs - messages, settings, JSON - is other than that.
#include "base/text.h"

#include "base/err.h"
#include "base/json.h"
#include "base/param.h"
#include "test.h"

static const char *const good[] = { "", "weights", "Gewichte für ö€😀",
                                    "\xc2\xa0\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
                                    "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", ("a\xe2\x80\x8d" "b") };
static const char *const not_utf8[] = { "\x80", "caf\xe9", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3", "\xe2\x80", "\xe2\x80z",
                                        "\xff" };
static const struct { const char *text, *plain; } not_plain[] = {
  { "a\x1b[31mb", "a?[31mb" }, { "\x7f", "?" }, { "a\nb", "a?b" }, { "\xc2\x9b" "31m", "?31m" },
  { "\xc2\x80\xc2\x9f", "??" },
  { "x\xe2\x80\xaey", "x?y" }, { "\xe2\x80\x8e\xe2\x80\x8f", "??" }, { "\xe2\x81\xa6\xe2\x81\xa9", "??" },
  { "\xd8\x9c", "?" },
  { "\xe2\x80\xa8\xe2\x80\xa9", "??" }, { "caf\xe9", "caf?" }, { "\xe2\x80", "??" },
};

static void test_characters(void) {
  for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
    char text[64];
    strcpy(text, good[k]);
    text_make_plain(text);
    CHECK(text_is_utf8(good[k]) && text_is_plain(good[k]) && !strcmp(text, good[k]), "'%s'", good[k]);
  }
  for (size_t k = 0; k < sizeof not_utf8 / sizeof *not_utf8; k++)
    CHECK(!text_is_utf8(not_utf8[k]) && !text_is_plain(not_utf8[k]), "case %zu", k);
  for (size_t k = 0; k < sizeof not_plain / sizeof *not_plain; k++) {
    char text[64];
    strcpy(text, not_plain[k].text);
    text_make_plain(text);
    CHECK(!text_is_plain(not_plain[k].text) && !strcmp(text, not_plain[k].plain), "case %zu: %s", k, text);
  }
}

static void test_messages(void) {
  for (size_t k = 0; k < sizeof not_plain / sizeof *not_plain; k++) {
    err_set(ERR_FORMAT, "%s", not_plain[k].text);
    CHECK(!strcmp(err_message(), not_plain[k].plain), "case %zu: %s", k, err_message());
  }
}

// A setting that could not be written into a checkpoint is refused before any work.
static void test_settings(void) {
  struct set { char path[PARAM_TEXT_SIZE]; } set;
  static const struct param table[] = { PARAM_TEXT(struct set, path, "", "a path"), { 0 } };
  for (size_t k = 0; k < sizeof good / sizeof *good; k++)
    CHECK(param_set(table, &set, "path", good[k]) == 0, "%s", err_message());
  for (size_t k = 0; k < sizeof not_utf8 / sizeof *not_utf8; k++)
    CHECK(param_set(table, &set, "path", not_utf8[k]) == ERR_SETTING && strstr(err_message(),
                                                                               "path: text is not UTF-8"),
                                                                               "case %zu: %s", k, err_message());
  CHECK(param_set(table, &set, "path", "a\xe2\x80\xae" "b") == ERR_SETTING && strstr(err_message(),
                                                                                     "path: control character"), "%s",
                                                                                     err_message());
}

// JSON says such characters by their numbers, and reads back the same.
static void test_json(void) {
  char *text;
  size_t size;
  const char *found = "";
  static const char hostile[] = "\x1b\x7f\xc2\x9b\xe2\x80\xae\xe2\x81\xa9 \xf0\x9f\x98\x80";
  struct json_t *o = json_object_new(), *again;
  json_put_text(o, "a", hostile);
  FILE *out = open_memstream(&text, &size);
  CHECK(json_print(o, out) == 0, "%s", err_message());
  fclose(out);
  json_release(o);
  CHECK(strstr(text, "\\u001b\\u007f\\u009b\\u202e\\u2069 \xf0\x9f\x98\x80"), "%s", text);
  CHECK(json_parse(&again, text, size, "text") == 0 && json_field_text(again, "text", "a", &found) == 0 &&
            !strcmp(found, hostile),
        "%s", err_message());
  json_release(again);
  free(text);
}

static void test_counts(void) {
  static const struct { int n; const char *text; } cases[] = {
    { 0, "0 images, 0 classes, 0 queries, 0 tasks" }, { 1, "1 image, 1 class, 1 query, 1 task" },
    { 2, "2 images, 2 classes, 2 queries, 2 tasks" },
  };
  char text[100];
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    const int n = cases[k].n;
    snprintf(text, sizeof text, "%d image%s, %d class%s, %d quer%s, %d %.*s", n, text_s(n), n, text_es(n), n,
             text_ies(n), n, text_named(n, "tasks"), "tasks");
    CHECK(!strcmp(text, cases[k].text), "%s", text);
  }
}

static void test_quote(void) {
  static const struct { const char *text, *cell; } known[] = {
    { "", "\"\"" }, { "a, b", "\"a, b\"" }, { "\"a\"\"", "\"\"\"a\"\"\"\"\"" }, { "\303\244", "\"\303\244\"" },
  };
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    char cell[64] = "";
    FILE *out = fmemopen(cell, sizeof cell, "w");
    text_quote(known[k].text, out);
    fclose(out);
    CHECK(!strcmp(cell, known[k].cell), "'%s', not '%s'", cell, known[k].cell);
  }
}

int main(void) {
  test_quote();
  test_counts();
  test_characters();
  test_messages();
  test_settings();
  test_json();
  return test_summary();
}
