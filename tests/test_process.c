// A program that is run: its arguments, input and output reach it and us as they are, and every way to fail has its
// line.
#include "base/process.h"

#include <stdlib.h>

#include "base/err.h"
#include "test.h"

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char *text;
static size_t size;

// Run a program with `times` times the input; its output is in text.
static int run(const char *const *argv, const char *input, int times) {
  struct process p;
  free(text);
  FILE *out = open_memstream(&text, &size);
  int rc = process_start(&p, argv, "none");
  if (rc == 0) {
    for (int k = 0; k < times; k++) fputs(input, p.in);
    rc = process_finish(&p, out);
  }
  fclose(out);
  return rc;
}

static void test_passes(void) {
  CHECK(run(ARGS("cat"), "a\nb", 1) == 0 && !strcmp(text, "a\nb"), "%s: '%s'", err_message(), text);
  // more than any pipe holds
  CHECK(run(ARGS("cat"), "0123456789", 300000) == 0 && size == 3000000, "%s: %zu bytes", err_message(), size);
  CHECK(run(ARGS("printf", "%s|", "$(id)", "it's", ";", "-n", "a\nb"), "", 0) == 0 && !strcmp(text,
                                                                                              "$(id)|it's|;|-n|a\nb|"),
                                                                                              "'%s'", text);
  CHECK(run(ARGS("sh", "-c", "echo read nothing"), "0123456789", 300000) == 0 && !strcmp(text, "read nothing\n"),
        "%s: '%s'", err_message(), text);
}

static void test_fails(void) {
  CHECK(run(ARGS("/no/such/program"), "", 0) == ERR_IO &&
        !strcmp(err_message(), "/no/such/program: cannot be started: No such file or directory (package none)"),
        "%s", err_message());
  CHECK(run(ARGS("/"), "", 0) == ERR_IO && strstr(err_message(), "Permission denied"), "%s", err_message());
  CHECK(run(ARGS("sh", "-c", "echo half; echo ' two\n lines' >&2; exit 3"), "x", 1) == ERR_IO && size == 0, "%zu bytes",
        size);
  CHECK(!strcmp(err_message(), "sh: failed with exit status 3: two lines"), "'%s'", err_message());
  CHECK(run(ARGS("sh", "-c", "echo half; kill -9 $$"), "0123456789", 300000) == ERR_IO && size == 0, "%zu bytes", size);
  CHECK(!strcmp(err_message(), "sh: ended by signal 9"), "'%s'", err_message());
  CHECK(run(ARGS("sh", "-c", "echo why >&2"), "", 0) == ERR_IO && !strcmp(err_message(), "sh: wrote nothing: why"),
        "'%s'", err_message());
}

static void test_stop(void) {
  struct process p;
  CHECK(process_start(&p, ARGS("sleep", "1000"), "none") == 0, "%s", err_message());
  process_stop(&p);  // comes back
}

int main(void) {
  test_passes();
  test_fails();
  test_stop();
  free(text);
  return test_summary();
}
