#include "data/characters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "data/colouring.h"
#include "data/render.h"

// A stroke is a turtle's path: parts of constant curvature, with corners between them. A character's
// strokes and how they hang together are drawn once; a hand then varies all numbers a little, and bends,
// places and scales the result. Unit: about half the height of a character; y points down.
enum { CHARACTERS_STROKES = 5, CHARACTERS_PARTS = 4, CHARACTERS_STEPS = 12 };  // at most; line segments per part
enum { CHARACTERS_POINTS = CHARACTERS_PARTS * CHARACTERS_STEPS + 1 };

struct part {
  double length;
  double corner;  // turn at its start, rad
  double turn;    // along it, rad
};

struct stroke {
  int n_parts;
  struct part parts[CHARACTERS_PARTS];
  double heading;      // at the start, rad
  int on;              // the earlier stroke it hangs on, -1: placed beside the others
  double there, here;  // where the two touch: fractions of that stroke and of this one
  double side_x, side_y;  // beside: towards which side of the others, -1..1
};

struct box {
  double x0, x1, y0, y1;
};

struct character {
  int n_strokes;
  struct stroke strokes[CHARACTERS_STROKES];
  struct box plain;  // as drawn without noise
  double size;       // of its longer side, in canvases
};

struct path {
  int n;
  double x[CHARACTERS_POINTS], y[CHARACTERS_POINTS];
};

struct drawing {
  int n;
  struct path paths[CHARACTERS_STROKES];
};

static const double characters_degree = 3.141592653589793 / 180;

static double characters_between(struct rng *r, double lo, double hi) { return lo + (hi - lo) * rng_uniform(r); }

static double characters_signed(struct rng *r, double lo, double hi) {
  const double v = characters_between(r, lo, hi);
  return rng_uniform(r) < 0.5 ? -v : v;
}

// Index drawn with the given probabilities (in percent, n of them).
static int characters_choose(struct rng *r, const unsigned char *percent, int n) {
  double u = 100 * rng_uniform(r);
  for (int i = 0; i < n - 1; i++)
    if ((u -= percent[i]) < 0) return i;
  return n - 1;
}

// ---- what a character is (no two random numbers in one expression: the order would be the compiler's)

// Lines, arcs, loops, angular and flowing strokes, boxes and triangles, dots.
enum { STROKE_LINE, STROKE_ARC, STROKE_LOOP, STROKE_ANGULAR, STROKE_FLOWING, STROKE_CLOSED, STROKE_DOT, STROKE_KINDS };

static double characters_corner(struct rng *r) {
  static const double angles[] = { 90, 90, 90, 90, 90, 120, 135, 60 };
  const double angle = angles[(int)(8 * rng_uniform(r))];
  return angle + characters_between(r, -6, 6);
}

// Box or triangle: it ends where it began.
static void characters_closed(struct stroke *s, double length, struct rng *r) {
  const double sign = rng_uniform(r) < 0.5 ? -1 : 1, ratio = characters_between(r, 0.6, 1.6);
  s->n_parts = rng_uniform(r) < 0.6 ? 4 : 3;
  for (int i = 0; i < s->n_parts; i++)
    s->parts[i] = (struct part){ length / s->n_parts * (s->n_parts == 4 && i % 2 ? ratio : 1),
                                 i ? sign * 360 / s->n_parts : 0, 0 };
}

static void characters_angular(struct stroke *s, double length, struct rng *r) {
  static const unsigned char counts[] = { 50, 35, 15 };
  const int zigzag = rng_uniform(r) < 0.3;
  double sign = rng_uniform(r) < 0.5 ? -1 : 1;
  s->n_parts = 2 + characters_choose(r, counts, 3);
  for (int i = 0; i < s->n_parts; i++, sign = zigzag ? -sign : sign) {
    struct part *p = s->parts + i;
    p->length = length / s->n_parts * characters_between(r, 0.5, 1.4);
    p->corner = i ? sign * characters_corner(r) : 0;
    p->turn = characters_between(r, -8, 8);
  }
}

static void characters_flowing(struct stroke *s, double length, struct rng *r) {
  static const unsigned char counts[] = { 55, 30, 15 };
  double sign = rng_uniform(r) < 0.5 ? -1 : 1;
  s->n_parts = 2 + characters_choose(r, counts, 3);
  for (int i = 0; i < s->n_parts; i++) {
    const int straight = rng_uniform(r) < 0.35;
    const int sharp = i > 0 && rng_uniform(r) < 0.3;
    if (rng_uniform(r) < 0.55) sign = -sign;
    struct part *p = s->parts + i;
    p->length = length / s->n_parts * characters_between(r, 0.5, 1.4);
    p->corner = sharp ? characters_signed(r, 70, 160) : 0;
    p->turn = straight ? characters_between(r, -10, 10) : sign * characters_between(r, 60, 250);
  }
}

static void characters_shape(struct stroke *s, int kind, double length, struct rng *r) {
  static const double headings[] = { 0, 0, 0, 90, 90, 90, 90, 45, 135, 180, 60, 120 };
  s->heading = headings[(int)(12 * rng_uniform(r))];
  s->heading += characters_between(r, -8, 8);
  s->n_parts = 1;
  struct part *p = s->parts;
  switch (kind) {
  case STROKE_LINE: p[0] = (struct part){ length * 0.7, 0, characters_between(r, -12, 12) }; break;
  case STROKE_ARC: p[0] = (struct part){ length, 0, characters_signed(r, 50, 240) }; break;
  case STROKE_LOOP: p[0] = (struct part){ length * 1.1, 0, characters_signed(r, 300, 385) }; break;
  case STROKE_DOT: p[0] = (struct part){ 0.08, 0, 0 }; break;
  case STROKE_ANGULAR: characters_angular(s, length * 1.2, r); break;
  case STROKE_CLOSED: characters_closed(s, length * 1.5, r); break;
  case STROKE_FLOWING: characters_flowing(s, length * 1.3, r); break;
  }
  s->heading *= characters_degree;
  for (int i = 0; i < s->n_parts; i++) {
    p[i].corner *= characters_degree;
    p[i].turn *= characters_degree;
  }
}

// A copy of an earlier stroke, often mirrored.
static void characters_repeat(struct stroke *s, const struct stroke *old, struct rng *r) {
  *s = *old;
  if (rng_uniform(r) < 0.5) return;
  s->heading = 180 * characters_degree - s->heading;
  for (int i = 0; i < s->n_parts; i++) {
    s->parts[i].corner = -s->parts[i].corner;
    s->parts[i].turn = -s->parts[i].turn;
  }
}

// Where stroke k hangs: at an end, along, across an earlier one, or beside all of them.
static void characters_attach(struct stroke *s, int k, int is_dot, struct rng *r) {
  static const unsigned char relations[] = { 26, 16, 22, 18, 18 }, dot_relations[] = { 0, 0, 0, 0, 100 };
  static const double sides[] = { -1, -1, 0, 0, 1, 1 };
  const int relation = characters_choose(r, is_dot ? dot_relations : relations, 5);
  s->on = (int)(k * rng_uniform(r));
  s->here = 0;
  s->there = 0;
  switch (relation) {
  case 0: break;                                                             // start on start
  case 1: s->there = 1; break;                                               // start on end
  case 2: s->there = characters_between(r, 0.2, 0.8); break;                 // start on the middle
  case 3:                                                                    // across
    s->there = characters_between(r, 0.2, 0.8);
    s->here = characters_between(r, 0.3, 0.7);
    break;
  default:
    s->on = -1;
    s->side_x = sides[(int)(6 * rng_uniform(r))];
    s->side_y = sides[(int)(6 * rng_uniform(r))];
    s->side_x *= characters_between(r, 0.5, 1.1);
    s->side_y *= characters_between(r, 0.5, 1.1);
  }
}

// ---- what a hand makes of it

// The path of one stroke, from the origin. noise scales all that a hand varies; 0 gives the character itself.
static void characters_trace(struct path *p, const struct stroke *s, double noise, struct rng *r) {
  double x = 0, y = 0, heading = s->heading + noise * 5 * characters_degree * rng_normal(r);
  const double scale = exp(noise * 0.10 * rng_normal(r));
  p->n = 0;
  p->x[p->n] = x;
  p->y[p->n++] = y;
  for (int i = 0; i < s->n_parts; i++) {
    const double length = s->parts[i].length * scale * exp(noise * 0.10 * rng_normal(r));
    const double stretch = exp(noise * 0.07 * rng_normal(r)),
                 turn_error = noise * 6 * characters_degree * rng_normal(r);
    const double turn = s->parts[i].turn * stretch + turn_error;
    const double corner = s->parts[i].corner + (i ? noise * 6 * characters_degree * rng_normal(r) : 0);
    heading += corner;
    for (int k = 0; k < CHARACTERS_STEPS; k++) {
      heading += turn / (2 * CHARACTERS_STEPS);  // half before and half after the step: the midpoint rule
      x += length / CHARACTERS_STEPS * cos(heading);
      y += length / CHARACTERS_STEPS * sin(heading);
      heading += turn / (2 * CHARACTERS_STEPS);
      p->x[p->n] = x;
      p->y[p->n++] = y;
    }
  }
}

static struct box characters_box(const struct drawing *d) {
  struct box b = { 1e9, -1e9, 1e9, -1e9 };
  for (int k = 0; k < d->n; k++)
    for (int i = 0; i < d->paths[k].n; i++) {
      b.x0 = fmin(b.x0, d->paths[k].x[i]);
      b.x1 = fmax(b.x1, d->paths[k].x[i]);
      b.y0 = fmin(b.y0, d->paths[k].y[i]);
      b.y1 = fmax(b.y1, d->paths[k].y[i]);
    }
  return b;
}

static void characters_shift(struct path *p, double dx, double dy) {
  for (int i = 0; i < p->n; i++) {
    p->x[i] += dx;
    p->y[i] += dy;
  }
}

static int characters_at(const struct path *p, double fraction) {
  return (int)lround(fmin(fmax(fraction, 0), 1) * (p->n - 1));
}

// Put path k of the drawing where its stroke hangs.
static void characters_place(struct drawing *d, const struct stroke *s, double noise, struct rng *r) {
  struct path *p = d->paths + d->n;
  const double ex = noise * 0.045 * rng_normal(r), ey = noise * 0.045 * rng_normal(r);
  const double slip = noise * 0.05 * rng_normal(r);
  if (s->on >= 0) {
    const struct path *on = d->paths + s->on;
    const int there = characters_at(on, s->there > 0 && s->there < 1 ? s->there + slip : s->there);
    const int here = characters_at(p, s->here);
    characters_shift(p, on->x[there] - p->x[here] + ex, on->y[there] - p->y[here] + ey);
    return;
  }
  if (d->n == 0) return;
  const struct box b = characters_box(d);
  const struct drawing alone = { .n = 1, .paths = { *p } };
  const struct box own = characters_box(&alone);
  const double reach_x = (b.x1 - b.x0 + own.x1 - own.x0) / 2 + 0.25;
  const double reach_y = (b.y1 - b.y0 + own.y1 - own.y0) / 2 + 0.25;
  characters_shift(p, (b.x0 + b.x1) / 2 + s->side_x * reach_x - (own.x0 + own.x1) / 2 + ex,
                   (b.y0 + b.y1) / 2 + s->side_y * reach_y - (own.y0 + own.y1) / 2 + ey);
}

// Add the strokes up to the n-th to the drawing.
static void characters_perform(struct drawing *d, const struct character *c, int n, double noise, struct rng *r) {
  for (; d->n < n; d->n++) {
    characters_trace(d->paths + d->n, c->strokes + d->n, noise, r);
    characters_place(d, c->strokes + d->n, noise, r);
  }
}

// Does the last path of the drawing mostly cover earlier ones?
static int characters_hides(const struct drawing *d) {
  const struct path *p = d->paths + d->n - 1;
  int covered = 0;
  for (int i = 0; i < p->n; i++) {
    double nearest = 1e9;
    for (int k = 0; k < d->n - 1; k++)
      for (int j = 0; j < d->paths[k].n; j++) {
        const double dx = d->paths[k].x[j] - p->x[i], dy = d->paths[k].y[j] - p->y[i];
        nearest = fmin(nearest, dx * dx + dy * dy);
      }
    covered += nearest < 0.15 * 0.15;
  }
  return covered > 0.4 * p->n;
}

static void characters_stroke(struct character *c, int k, struct rng *r) {
  static const unsigned char first[] = { 22, 14, 11, 21, 26, 6, 0 }, later[] = { 42, 17, 10, 9, 11, 1, 10 };
  struct stroke *s = c->strokes + k;
  int kind = characters_choose(r, k ? later : first, STROKE_KINDS);
  if (c->n_strokes == 1 && kind == STROKE_LINE) kind = STROKE_ANGULAR;  // a bare line or arc is hardly a letter
  if (c->n_strokes == 1 && kind == STROKE_ARC) kind = STROKE_FLOWING;
  characters_shape(s, kind, k ? characters_between(r, 0.5, 1.5) : characters_between(r, 1.6, 2.6), r);
  if (k > 0 && kind != STROKE_DOT && rng_uniform(r) < 0.15)
    characters_repeat(s, c->strokes + (int)(k * rng_uniform(r)), r);
  if (k > 0) characters_attach(s, k, kind == STROKE_DOT, r);
  else s->on = -1;
}

// Strokes that would only thicken others are drawn again, a few times.
static void characters_invent(struct character *c, struct rng *r) {
  static const unsigned char counts[] = { 20, 30, 27, 15, 8 };
  struct drawing d;
  memset(c, 0, sizeof *c);
  c->n_strokes = 1 + characters_choose(r, counts, 5);
  for (int k = 0; k < c->n_strokes; k++)
    for (int attempt = 0; attempt < 8; attempt++) {
      characters_stroke(c, k, r);
      d.n = k;
      characters_perform(&d, c, k + 1, 0, r);
      if (!characters_hides(&d)) break;
    }
  c->size = characters_between(r, 0.42, 0.78);
  c->plain = characters_box(&d);
}

// A smooth displacement of the whole drawing and a tremble along the strokes.
static void characters_bend(struct drawing *d, double amount, struct rng *r) {
  double wave[2][4];
  for (int k = 0; k < 8; k++) wave[k / 4][k % 4] = k % 4 == 3 ? characters_between(r, 0, 6.2832) : rng_normal(r);
  for (int k = 0; k < d->n; k++) {
    struct path *p = d->paths + k;
    const double phase = characters_between(r, 0, 6.2832), pitch = characters_between(r, 0.3, 0.8);
    for (int i = 0; i < p->n; i++) {
      const double x = 2 * p->x[i], y = 2 * p->y[i];
      const double bend_x = wave[0][0] * sin(wave[0][1] * x + wave[0][2] * y + wave[0][3]);
      const double bend_y = wave[1][0] * sin(wave[1][1] * x + wave[1][2] * y + wave[1][3]);
      p->x[i] += amount * (bend_x + 0.15 * sin(pitch * i + phase));
      p->y[i] += amount * (bend_y + 0.15 * cos(pitch * i + phase));
    }
  }
}

// To the canvas [0, 1]^2: unit size of the character, then slant, turn, size, proportions and place of this drawing.
static void characters_fit(struct drawing *d, const struct character *c, struct rng *r) {
  const struct box *plain = &c->plain;
  const double side = fmax(fmax(plain->x1 - plain->x0, plain->y1 - plain->y0), 0.6);
  const double size = c->size * exp(0.10 * rng_normal(r)) / side, aspect = exp(0.05 * rng_normal(r));
  const double slant = 0.08 * rng_normal(r), angle = 4 * characters_degree * rng_normal(r);
  const double sx = size * aspect, sy = size / aspect, cosine = cos(angle), sine = sin(angle);
  for (int k = 0; k < d->n; k++)
    for (int i = 0; i < d->paths[k].n; i++) {
      const double x = d->paths[k].x[i] - slant * d->paths[k].y[i], y = d->paths[k].y[i];
      d->paths[k].x[i] = sx * (cosine * x - sine * y);
      d->paths[k].y[i] = sy * (sine * x + cosine * y);
    }
  const struct box b = characters_box(d);
  const double limit = 0.90, shrink = fmin(1, limit / fmax(b.x1 - b.x0, b.y1 - b.y0));
  const double room_x = (limit - shrink * (b.x1 - b.x0)) / 2, room_y = (limit - shrink * (b.y1 - b.y0)) / 2;
  const double x0 = fmin(fmax(0.045 * rng_normal(r), -room_x), room_x);
  const double y0 = fmin(fmax(0.045 * rng_normal(r), -room_y), room_y);
  for (int k = 0; k < d->n; k++)
    for (int i = 0; i < d->paths[k].n; i++) {
      d->paths[k].x[i] = 0.5 + x0 + shrink * (d->paths[k].x[i] - (b.x0 + b.x1) / 2);
      d->paths[k].y[i] = 0.5 + y0 + shrink * (d->paths[k].y[i] - (b.y0 + b.y1) / 2);
    }
}

// ---- ink

// A round pen of radius R pixels along the segment a-b: coverage from the distance to it.
static void characters_ink(unsigned char *ink, int size, double ax, double ay, double bx, double by, double R) {
  const double reach = R + 0.5, dx = bx - ax, dy = by - ay, length2 = fmax(dx * dx + dy * dy, 1e-12);
  const int x0 = (int)fmax(fmin(ax, bx) - reach, 0), x1 = (int)fmin(fmax(ax, bx) + reach, size - 1);
  const int y0 = (int)fmax(fmin(ay, by) - reach, 0), y1 = (int)fmin(fmax(ay, by) + reach, size - 1);
  for (int y = y0; y <= y1; y++)
    for (int x = x0; x <= x1; x++) {
      const double px = x + 0.5 - ax, py = y + 0.5 - ay, along = (px * dx + py * dy) / length2;
      const double t = along < 0 ? 0 : along > 1 ? 1 : along, ex = px - t * dx, ey = py - t * dy;
      const double distance2 = ex * ex + ey * ey;
      if (distance2 >= reach * reach) continue;
      const double beyond = reach - sqrt(distance2), cover = beyond < 1 ? beyond : 1;
      if (cover * 255 > ink[y * size + x]) ink[y * size + x] = (unsigned char)(cover * 255);
    }
}

static void characters_render(unsigned char *ink, int size, const struct character *c, struct rng *r) {
  struct drawing d = { .n = 0 };
  characters_perform(&d, c, c->n_strokes, characters_between(r, 0.5, 1.3), r);
  characters_bend(&d, 0.06, r);
  characters_fit(&d, c, r);
  const double R = size * characters_between(r, 0.022, 0.028);
  memset(ink, 0, (size_t)size * (size_t)size);
  for (int k = 0; k < d.n; k++) {
    const struct path *p = d.paths + k;
    for (int i = 0; i + 1 < p->n; i++)
      characters_ink(ink, size, size * p->x[i], size * p->y[i], size * p->x[i + 1], size * p->y[i + 1], R);
  }
}

// The second word of a stream's position numbers the drawings; the character itself and its colours are drawn from 0.
static struct rng characters_stream(enum rng_purpose purpose, uint64_t seed, int character, int drawing) {
  struct rng r = rng_stream(seed, purpose, (uint32_t)character);
  r.counter[1] = (uint32_t)drawing + 1;
  return r;
}

static struct rng characters_hand(uint64_t seed, int character, int drawing) {
  return characters_stream(RNG_GENERATE, seed, character, drawing);
}

void characters_draw(unsigned char *ink, int size, uint64_t seed, int character, int drawing) {
  struct rng mind = rng_stream(seed, RNG_GENERATE, (uint32_t)character);
  struct rng hand = characters_hand(seed, character, drawing);
  struct character c;
  characters_invent(&c, &mind);
  characters_render(ink, size, &c, &hand);
}

// One drawing as ink, in colours where the set has them: the same drawing, painted.
static void characters_add(struct imageset *set, const struct character *c, const struct colouring *colours,
                           unsigned char *ink, int size, uint64_t seed, int character, int drawing) {
  struct rng hand = characters_hand(seed, character, drawing);
  characters_render(ink, size, c, &hand);
  if (set->channels == 1) {
    imageset_add_image(set, ink, size, size);
    return;
  }
  const int S = set->S;
  unsigned char *small = ink + size * size, *pixels = small + S * S;
  struct rng light = characters_stream(RNG_COLOUR, seed, character, drawing);
  render_reduce_area(small, S, ink, size, size);
  colouring_paint(pixels, small, S, colours, &light);
  imageset_add_colour(set, pixels, S, S);
}

void characters_load(struct imageset *set, const char *part, uint64_t seed, int first, int n, int n_drawings) {
  const int size = set->preprocessing == IMAGESET_AREA ? 2 * set->S : 105;  // as kept, or as Omniglot
  unsigned char *ink = err_calloc((size_t)(size * size + 4 * set->S * set->S), 1);
  for (int k = 0; k < n; k++) {
    struct rng mind = rng_stream(seed, RNG_GENERATE, (uint32_t)(first + k));
    struct rng colour = rng_stream(seed, RNG_COLOUR, (uint32_t)(first + k));
    struct character c;
    struct colouring colours;
    char name[64];
    characters_invent(&c, &mind);
    colouring_invent(&colours, &colour);
    snprintf(name, sizeof name, "%.32s/character%04d", part, k + 1);
    imageset_add_class(set, name, name);
    for (int d = 0; d < n_drawings; d++) characters_add(set, &c, &colours, ink, size, seed, first + k, d);
  }
  free(ink);
}
