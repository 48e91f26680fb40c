// colouring.h - the colours of invented characters: pictures for networks that see colours, without a download.
// A class has a pen and a ground of two colours in a pattern. A picture has them under a light of its own: brightness
// and tint vary, and both fall off across it; the pattern lies elsewhere. Colours are red, green, blue in 0..1.
#ifndef DATA_COLOURING_H
#define DATA_COLOURING_H

struct rng;

enum colouring_pattern { COLOURING_PLAIN, COLOURING_STRIPES, COLOURING_CHECKS, COLOURING_SHADE, COLOURING_PATTERNS };

struct colouring {
  double pen[3], ground[2][3];
  enum colouring_pattern pattern;  // of the two colours of the ground; plain: the first alone
  double period;                   // of stripes and checks, in canvases
  double along[2];                 // unit vector across the stripes
};

// Draw the colours of a class. The pen differs from both colours of the ground.
void colouring_invent(struct colouring *c, struct rng *r);

// pixels (size, size, 3): the drawing with ink (size, size), 255 = full ink, in the colours of a class under one light.
void colouring_paint(unsigned char *pixels, const unsigned char *ink, int size, const struct colouring *c,
                     struct rng *r);

#endif
