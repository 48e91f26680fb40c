#include "data/colouring.h"

#include <math.h>

#include "base/rng.h"

static double colouring_between(struct rng *r, double lo, double hi) { return lo + (hi - lo) * rng_uniform(r); }

// Hue (in turns), saturation and value to red, green and blue.
static void colouring_rgb(double rgb[3], double hue, double saturation, double value) {
  for (int c = 0; c < 3; c++) {
    double from = 6 * (hue + (3 - c) / 3.0);  // in sixths of a turn, from the hue that is this colour
    from = fabs(from - 6 * floor(from / 6 + 0.5));
    const double pure = fmin(fmax(2 - from, 0), 1);
    rgb[c] = value * (1 - saturation * (1 - pure));
  }
}

static void colouring_draw(double rgb[3], struct rng *r, double value_lo, double value_hi) {
  const double hue = rng_uniform(r), saturation = colouring_between(r, 0.35, 1);
  const double value = colouring_between(r, value_lo, value_hi);
  colouring_rgb(rgb, hue, saturation, value);
}

static double colouring_distance(const double a[3], const double b[3]) {
  return fmax(fabs(a[0] - b[0]), fmax(fabs(a[1] - b[1]), fabs(a[2] - b[2])));
}

// ---- what a class is (no two random numbers in one expression: the order would be the compiler's)

void colouring_invent(struct colouring *c, struct rng *r) {
  colouring_draw(c->ground[0], r, 0.3, 0.95);
  colouring_draw(c->ground[1], r, 0.3, 0.95);
  c->pattern = (enum colouring_pattern)(COLOURING_PATTERNS * rng_uniform(r));
  c->period = colouring_between(r, 0.2, 0.5);
  const double angle = colouring_between(r, 0, 6.283185307179586);
  c->along[0] = cos(angle);
  c->along[1] = sin(angle);
  for (int attempt = 0; attempt < 32; attempt++) {
    colouring_draw(c->pen, r, 0.1, 1);
    if (colouring_distance(c->pen, c->ground[0]) > 0.4 && colouring_distance(c->pen, c->ground[1]) > 0.4) break;
  }
}

// ---- what a picture makes of it

struct light {
  double gain[3];           // of its colours
  double slope_x, slope_y;  // how it changes across the picture, per canvas
  double x0, y0;            // where the pattern begins, in canvases
};

static void colouring_light(struct light *l, struct rng *r) {
  const double brightness = 0.22 * rng_normal(r);
  for (int c = 0; c < 3; c++) l->gain[c] = exp(brightness + 0.13 * rng_normal(r));
  l->slope_x = 0.3 * rng_normal(r);
  l->slope_y = 0.3 * rng_normal(r);
  l->x0 = rng_uniform(r);
  l->y0 = rng_uniform(r);
}

// How much of the second colour the ground has at (x, y), 0..1; edges are a twelfth of a period wide.
static double colouring_second(const struct colouring *c, double x, double y) {
  const double along = c->along[0] * x + c->along[1] * y, across = c->along[0] * y - c->along[1] * x;
  const double u = 2 * fabs(along / c->period - floor(along / c->period) - 0.5) - 0.5;  // -1/2..1/2
  const double v = 2 * fabs(across / c->period - floor(across / c->period) - 0.5) - 0.5;
  switch (c->pattern) {
  case COLOURING_STRIPES: return fmin(fmax(0.5 + 6 * u, 0), 1);
  case COLOURING_CHECKS: return fmin(fmax(0.5 + 24 * u * v, 0), 1);
  case COLOURING_SHADE: return 0.5 + u;
  default: return 0;
  }
}

void colouring_paint(unsigned char *pixels, const unsigned char *ink, int size, const struct colouring *c,
                     struct rng *r) {
  struct light l;
  colouring_light(&l, r);
  for (int y = 0; y < size; y++)
    for (int x = 0; x < size; x++) {
      const double px = (x + 0.5) / size, py = (y + 0.5) / size, cover = ink[y * size + x] / 255.0;
      const double second = colouring_second(c, px + l.x0, py + l.y0);
      const double shine = fmax(1 + l.slope_x * (px - 0.5) + l.slope_y * (py - 0.5), 0);
      for (int k = 0; k < 3; k++) {
        const double ground = c->ground[0][k] + second * (c->ground[1][k] - c->ground[0][k]);
        const double v = l.gain[k] * shine * (ground + cover * (c->pen[k] - ground));
        pixels[3 * (y * size + x) + k] = (unsigned char)(255 * fmin(v, 1) + 0.5);
      }
    }
}
