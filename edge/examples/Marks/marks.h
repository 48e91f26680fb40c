// Crosses and rings, drawn here: three of each are learned, ten of each are told apart. For a camera, fill `image` with
// its pixels. model.h and model.c come from `metaxbar model export` of a file model.safetensors (docs/edge.md).
#ifndef MARKS_H
#define MARKS_H

#include "metaxbar_adapt.h"
#include "model.h"

enum { MARKS_CLASSES = 2, MARKS_EXAMPLES = 3, MARKS_QUERIES = 10 };

static uint32_t marks_ram[MODEL_RAM(MARKS_CLASSES, MARKS_CLASSES * MARKS_EXAMPLES) / 4];
static struct mxa marks_learner;
static uint8_t marks_image[MODEL_SIDE * MODEL_SIDE];
static int8_t marks_features[MODEL_CHANNELS];

static int marks_size(int x) { return x < 0 ? -x : x; }

// A cross or a ring with its centre near the middle; `number` moves it and changes its size.
static void marks_draw(int ring, int number) {
  const int x0 = MODEL_SIDE / 2 + number % 3 - 1, y0 = MODEL_SIDE / 2 + number / 3 % 3 - 1, size = 7 + number % 4;
  for (int y = 0; y < MODEL_SIDE; y++)
    for (int x = 0; x < MODEL_SIDE; x++) {
      const int dx = x - x0, dy = y - y0, far = dx*dx + dy*dy;
      const int on_ring = far >= (size - 1)*(size - 1) && far <= (size + 1)*(size + 1);
      const int on_cross = (marks_size(dx) <= 1 && marks_size(dy) <= size) ||
                           (marks_size(dy) <= 1 && marks_size(dx) <= size);
      marks_image[y*MODEL_SIDE + x] = (ring ? on_ring : on_cross) ? 255 : 0;
    }
  mxa_features(&marks_learner, marks_features, marks_image);
}

// How many of 20 marks were told apart rightly; a negative number is an enum mxa_error.
static int marks_run(void) {
  int right = 0;
  int rc = mxa_init(&marks_learner, model, MODEL_BYTES, marks_ram, sizeof marks_ram, MARKS_CLASSES,
                    MARKS_CLASSES * MARKS_EXAMPLES);
  for (int k = 0; k < MARKS_CLASSES && rc == 0; k++)
    for (int i = 0; i < MARKS_EXAMPLES && rc == 0; i++) {
      marks_draw(k, i);
      rc = mxa_add(&marks_learner, k, marks_features);
    }
  if (rc == 0) rc = mxa_learn(&marks_learner, MODEL_UPDATES);
  for (int i = 0; i < MARKS_CLASSES * MARKS_QUERIES && rc == 0; i++) {
    marks_draw(i % 2, MARKS_EXAMPLES + i / 2);
    const int found = mxa_classify(&marks_learner, marks_features);
    if (found < 0) return found;
    right += found == i % 2;
  }
  return rc < 0 ? rc : right;
}

#endif
