// Any bytes as the scores of an evaluation, compared with themselves.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "lab/compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct compare_scores s;
  struct compare c;
  if (compare_parse(&s, (const char *)data, size, "fuzz") < 0) return 0;
  if (compare_run(&c, &s, &s) == 0) {
    assert(c.difference.mean == 0);
    json_release(compare_json(&c));
  }
  compare_release(&s);
  return 0;
}
