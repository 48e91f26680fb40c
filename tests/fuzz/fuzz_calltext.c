// A line that a driver answers: whatever it says, the call is refused or its answer is within its ranges, and what was
// taken prints and is taken again. The first byte chooses the call.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "driver/calltext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 2, COLUMNS = 3, CELLS = ROWS*COLUMNS, VECTORS = 2 };

struct answerer {
  struct driver base;
  const char *text;
  size_t size;
};

static int answer(struct driver *d, struct driver_call *c) {
  const struct answerer *a = (const struct answerer *)d;
  struct json_t *o;
  TRY(json_parse(&o, a->text, a->size, "fuzz"));
  const int rc = calltext_take(c, o, true, "fuzz");
  json_release(o);
  return rc;
}

static int nothing(struct driver *d) {
  (void)d;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct driver_kind kind = { answer, nothing };
  struct mx_region region = { 0, 0, ROWS, 0, COLUMNS };
  double reached[CELLS] = { 0 };
  uint8_t status[CELLS] = { 0 };
  int32_t output[VECTORS*COLUMNS] = { 0 };
  if (size == 0) return 0;
  struct answerer a = { .base = { .kind = &kind, .name = "fuzz", .regions = &region, .n_regions = 1 },
                        .text = (const char *)data + 1, .size = size - 1 };
  a.base.info = (struct mx_driver_info){ .output_bits = 8, .phases = 4 };
  struct driver_call c = { .op = data[0] % DRIVER_OPS, .n = VECTORS, .reached = reached, .status = status,
                           .output = output };
  if (c.op == DRIVER_PLACE || driver_ask(&a.base, &c)) return 0;  // place takes regions
  struct json_t *again = calltext_answer(&c, true);
  if (calltext_take(&c, again, true, "again")) abort();
  json_release(again);
  return 0;
}
