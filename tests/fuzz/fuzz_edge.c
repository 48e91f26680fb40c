// Any array is refused by the core for microcontrollers, or learns and classifies within its memory.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../edge/metaxbar_adapt.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WAYS = 3, EXAMPLES = 7, LARGEST = 1 << 18 };

static void learn(struct mxa *s, const uint8_t *data, size_t size) {
  int8_t *h = malloc((size_t)s->channels);
  uint8_t *image = malloc((size_t)(s->side*s->side*s->inputs));
  assert(h && image);
  for (int i = 0; i < EXAMPLES; i++) {
    for (int p = 0; p < s->side*s->side*s->inputs; p++) image[p] = data[(size_t)(p + 31*i) % size];
    mxa_features(s, h, image);
    for (int c = 0; i > 3 && c < s->channels; c++) h[c] = (int8_t)(i % 2 ? 127 : -128);  // the extremes
    assert(mxa_add(s, i % WAYS, h) == 0);
  }
  assert(mxa_add(s, 0, h) == MXA_EXAMPLES);
  assert(mxa_learn(s, s->n_updates + 1) == 0);
  const int class = mxa_classify(s, h);
  assert(class >= 0 && class < WAYS);
  free(image);
  free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mxa s;
  uint32_t *model = malloc(size ? size : 1);  // exact: a sanitizer sees what is read past the end
  assert(model);
  if (size > 0) memcpy(model, data, size);
  const size_t bytes = mxa_ram(model, size, WAYS, EXAMPLES);
  void *memory = malloc(bytes ? bytes : 4);
  assert(memory);
  if (bytes == 0) assert(mxa_init(&s, model, size, memory, 4, WAYS, EXAMPLES) < 0);
  else {
    assert(mxa_init(&s, model, size, memory, bytes - 1, WAYS, EXAMPLES) == MXA_MEMORY);
    assert(mxa_init(&s, model, size, memory, bytes, WAYS, EXAMPLES) == 0);
    if (s.side*s.side*s.channels < LARGEST) learn(&s, data, size);
  }
  free(memory);
  free(model);
  return 0;
}
