// INI files of any kind; settings that were accepted must print and read back.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/param.h"
#include "base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct net {
  int64_t n, kind, yes;
  double x;
  char text[PARAM_TEXT_SIZE];
};

static const char *const kinds[] = { "exact", "chip", NULL };
static const struct param table[] = {
  PARAM_I64(struct net, n, 5, -100, 100, "number"),   PARAM_F64(struct net, x, 0.1, -1e9, 1e9, "real"),
  PARAM_CHOICE(struct net, kind, 0, kinds, "choice"), PARAM_BOOL(struct net, yes, 0, "bool"),
  PARAM_TEXT(struct net, text, "t", "text"),          { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct net a, b;
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  const struct settings_section first[] = { { "net", table, &a }, { 0 } }, second[] = { { "net", table, &b }, { 0 } };
  settings_defaults(first);
  settings_defaults(second);
  settings_parse(first, (const char *)data, size, "fuzz");
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  settings_print_ini(first, f);
  fclose(f);
  if (settings_parse(second, text, n, "printed") || memcmp(&a, &b, sizeof a)) abort();
  free(text);
  return 0;
}
