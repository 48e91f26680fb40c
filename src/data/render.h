// render.h - the one place where pixels are resampled: from a drawing to what an imageset keeps, and
// from there to the S x S image a network sees.
//
// published (105 -> 28): bilinear, half-pixel centres, no antialiasing: p = (i + 0.5) H/S - 0.5, lerp
// of the 2 x 2 pixels around p; background 1, ink 0.
// area: ink 1, background 0. The mean over boxes of s/2 drawing pixels is kept, s = H/S; the undistorted
// view takes the mean of 2 x 2 of them, which is the exact mean over s x s. A distorted view samples
// the same array bilinearly, outside is background.
// colours: the mean over boxes of s x s pixels is kept, and seen as v / 127.5 - 1, -1 black, 1 white. A view samples
// bilinearly; outside is 0, a middle grey. Turned, mirrored or shifted by whole pixels it is an exact copy.
#ifndef DATA_RENDER_H
#define DATA_RENDER_H

#include "base/real.h"

struct imageset;

enum { RENDER_MAX_S = 128, RENDER_MAX_INK = 4096 };  // largest final image, largest drawing

// How an image is transformed. With u = (x, y) the output pixel relative to the centre, in output
// pixels, the source position is turn^quarter (m u + t), also relative to the centre. A mirror image has m (x, y) =
// (-x, y).
struct view {
  int image;      // index in the imageset
  int quarter;    // counter-clockwise quarter turns, 0..3; exact
  float m[2][2];  // distortion; ignored by `published`, whose images are never distorted
  float t[2];
};

// The image as it is: what evaluation uses.
struct view render_plain(int image);

// out[(y*S + x)*stride + c] = channel c of pixel (y, x) of the view; nothing between is touched.
void render_view(const struct imageset *set, real *restrict out, int stride, const struct view *v);

// The same of the pixels y0 <= y < y1, x0 <= x < x1 alone.
struct render_box {
  int y0, x0, y1, x1;
};
void render_view_box(const struct imageset *set, real *restrict out, int stride, const struct view *v,
                     const struct render_box *box);

// Reductions of ink (H, W). kept (n, n): mean over boxes, the drawing centred in a square.
void render_reduce_area(unsigned char *restrict kept, int n, const unsigned char *restrict ink, int H, int W);
// pixels (H, W, 3) to kept (n, n, 3): mean over boxes of the central square.
void render_reduce_colour(unsigned char *restrict kept, int n, const unsigned char *restrict pixels, int H, int W);
// reduced (S, S)
void render_reduce_published(real *restrict reduced, int S, const unsigned char *restrict ink, int H, int W);

#endif
