#include "kernel/conv.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/vector.h"

// Every pass is the same small matrix product: a block of R rows by NV vectors stays in registers
// while runs of multiply-adds  block[r][:] += a[r] * b[:]  stream past. Forward and data gradient
// take the same pixel of R images as rows, so that padding costs nothing; the weight gradient takes
// R input channels.
enum { ROWS = 6, COLS = VECTOR_REGISTERS/8 };  // 24 of 32 registers accumulate, or 12 of 16
enum { MAX_TAPS = 128, IMAGES = 8 };
#ifdef __AVX512F__
static_assert(COLS == 4, "there are blocks of 1 to 4 vectors");
#else
static_assert(COLS == 2, "there are blocks of 1 and 2 vectors");
#endif

struct run {
  const real *a;  // first row, first term
  const real *b;  // vectors of the first term
  int n;          // terms
};

struct strides {
  ptrdiff_t row;   // of a between rows
  ptrdiff_t term;  // of a between terms
  ptrdiff_t b;     // of b between terms
  ptrdiff_t c;     // of the block's rows in memory
};

#define INLINE static inline __attribute__((always_inline))

INLINE void block(int R, int NV, real *c, const struct run *runs, int n_runs, struct strides s, int add) {
  vector acc[ROWS][COLS];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) acc[r][v] = add ? *(const vector *)(c + r*s.c + v*VECTOR_LANES) : (vector){ 0 };
  for (int i = 0; i < n_runs; i++) {
    const real *a = runs[i].a;
    const real *b = runs[i].b;
    for (int n = runs[i].n; n > 0; n--, a += s.term, b += s.b) {
      vector w[COLS];
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) w[v] = *(const vector *)(b + v*VECTOR_LANES);
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        const real x = a[r*s.row];
#pragma GCC unroll 8
        for (int v = 0; v < NV; v++) acc[r][v] += x * w[v];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) *(vector *)(c + r*s.c + v*VECTOR_LANES) = acc[r][v];
}

#define TILE_ROWS(NV)                                                                              \
  static void tile_##NV(int R, real *c, const struct run *runs, int n, struct strides s, int add) { \
    switch (R) {                                                                                   \
    case 1: block(1, NV, c, runs, n, s, add); break;                                                \
    case 2: block(2, NV, c, runs, n, s, add); break;                                                \
    case 3: block(3, NV, c, runs, n, s, add); break;                                                \
    case 4: block(4, NV, c, runs, n, s, add); break;                                                \
    case 5: block(5, NV, c, runs, n, s, add); break;                                                \
    default: block(6, NV, c, runs, n, s, add); break;                                               \
    }                                                                                              \
  }
TILE_ROWS(1)
TILE_ROWS(2)
#ifdef __AVX512F__
TILE_ROWS(3)
TILE_ROWS(4)
#endif

// All columns of R rows: width is a multiple of VECTOR_LANES.
static void tile_row(int R, int width, real *c, struct run *runs, int n, struct strides s, int add) {
  for (int o = 0; o < width;) {
    const int left = (width - o) / VECTOR_LANES;
    const int nv = left < COLS ? left : COLS;
    switch (nv) {
    case 1: tile_1(R, c + o, runs, n, s, add); break;
    case 2: tile_2(R, c + o, runs, n, s, add); break;
#ifdef __AVX512F__
    case 3: tile_3(R, c + o, runs, n, s, add); break;
    default: tile_4(R, c + o, runs, n, s, add); break;
#endif
    }
    o += nv*VECTOR_LANES;
    for (int i = 0; i < n; i++) runs[i].b += nv*VECTOR_LANES;
  }
}

// Tiles of nearly equal height: the k-th of n.
static int tile_begin(int n, int k, int total) { return (int)((long)total * k / n); }
static int tile_count(int total) { return (total + ROWS - 1) / ROWS; }

struct conv conv_shape(int B, int H, int W, int C, int O, int k, int stride, int pad) {
  assert(B >= 0 && H > 0 && W > 0 && C > 0 && O > 0 && k > 0 && stride > 0 && pad >= 0 && k*k <= MAX_TAPS);
  return (struct conv){ .B = B, .H = H, .W = W, .C = C, .O = O, .k = k, .stride = stride, .pad = pad,
                        .OH = (H + 2*pad - k) / stride + 1, .OW = (W + 2*pad - k) / stride + 1 };
}

static long taps_inside(int n_in, int n_out, const struct conv *c) {
  long n = 0;
  for (int o = 0; o < n_out; o++)
    for (int k = 0; k < c->k; k++) {
      const int i = o*c->stride + k - c->pad;
      n += i >= 0 && i < n_in;
    }
  return n;
}

double conv_flop(const struct conv *c) {
  return 2.0 * c->B * c->C * c->O * (double)taps_inside(c->H, c->OH, c) * (double)taps_inside(c->W, c->OW, c);
}

void conv_forward(real *restrict y, const real *restrict x, const real *restrict w, const struct conv *c) {
  const int CP = vector_padded(c->C), OP = vector_padded(c->O);
  const ptrdiff_t image = (ptrdiff_t)c->H*c->W*CP, out = (ptrdiff_t)c->OH*c->OW*OP;
  const struct strides s = { .row = image, .term = 1, .b = OP, .c = out };
  const int n_tiles = tile_count(c->B);
  for (int t = 0; t < n_tiles; t++) {
    const int b = tile_begin(n_tiles, t, c->B), R = tile_begin(n_tiles, t + 1, c->B) - b;
    for (int p = 0; p < c->OH*c->OW; p++) {
      const int ih = p / c->OW * c->stride - c->pad, iw = p % c->OW * c->stride - c->pad;
      struct run runs[MAX_TAPS];
      int n = 0;
      for (int ky = 0; ky < c->k; ky++) {
        if (ih + ky < 0 || ih + ky >= c->H) continue;
        for (int kx = 0; kx < c->k; kx++) {
          if (iw + kx < 0 || iw + kx >= c->W) continue;
          runs[n++] = (struct run){ x + b*image + (ptrdiff_t)((ih + ky)*c->W + iw + kx)*CP,
                                    w + (ptrdiff_t)(ky*c->k + kx)*c->C*OP, c->C };
        }
      }
      tile_row(R, OP, y + b*out + (ptrdiff_t)p*OP, runs, n, s, 0);
    }
  }
}

void conv_backward_data(real *restrict dx, const real *restrict dy, const real *restrict wt, const struct conv *c) {
  const int CP = vector_padded(c->C), OP = vector_padded(c->O);
  const ptrdiff_t image = (ptrdiff_t)c->H*c->W*CP, out = (ptrdiff_t)c->OH*c->OW*OP;
  const struct strides s = { .row = out, .term = 1, .b = CP, .c = image };
  const int n_tiles = tile_count(c->B);
  for (int t = 0; t < n_tiles; t++) {
    const int b = tile_begin(n_tiles, t, c->B), R = tile_begin(n_tiles, t + 1, c->B) - b;
    for (int p = 0; p < c->H*c->W; p++) {
      struct run runs[MAX_TAPS];
      int n = 0;
      for (int ky = 0; ky < c->k; ky++) {
        const int h = p / c->W + c->pad - ky, oh = h / c->stride;
        if (h < 0 || h % c->stride || oh >= c->OH) continue;
        for (int kx = 0; kx < c->k; kx++) {
          const int v = p % c->W + c->pad - kx, ow = v / c->stride;
          if (v < 0 || v % c->stride || ow >= c->OW) continue;
          runs[n++] = (struct run){ dy + b*out + (ptrdiff_t)(oh*c->OW + ow)*OP,
                                    wt + (ptrdiff_t)(ky*c->k + kx)*c->O*CP, c->O };
        }
      }
      tile_row(R, CP, dx + b*image + (ptrdiff_t)p*CP, runs, n, s, 0);
    }
  }
}

// Outputs [first, last) along one axis whose tap k falls inside the image.
static void outputs_inside(int *first, int *last, int k, int n_in, int n_out, const struct conv *c) {
  *first = 0;
  while (*first < n_out && *first*c->stride + k - c->pad < 0) ++*first;
  *last = n_out;
  while (*last > *first && (*last - 1)*c->stride + k - c->pad >= n_in) --*last;
}

// One tap, images [b0, b1): dw[tap] += x^T dy
static void weights_of_tap(real *dw, const real *x, const real *dy, int ky, int kx, int b0, int b1,
                           const struct conv *c) {
  enum { MAX_RUNS = 1024 };
  const int CP = vector_padded(c->C), OP = vector_padded(c->O);
  const struct strides s = { .row = 1, .term = (ptrdiff_t)c->stride*CP, .b = OP, .c = OP };
  const int n_tiles = tile_count(c->C);
  int oh0, oh1, ow0, ow1;
  outputs_inside(&oh0, &oh1, ky, c->H, c->OH, c);
  outputs_inside(&ow0, &ow1, kx, c->W, c->OW, c);
  if (ow0 >= ow1) return;
  for (int t = 0; t < n_tiles; t++) {
    const int ci = tile_begin(n_tiles, t, c->C), R = tile_begin(n_tiles, t + 1, c->C) - ci;
    struct run runs[MAX_RUNS];
    int n = 0;
    for (int b = b0; b < b1; b++)
      for (int oh = oh0; oh < oh1; oh++) {
        const int ih = oh*c->stride + ky - c->pad, iw = ow0*c->stride + kx - c->pad;
        runs[n++] = (struct run){ x + ((ptrdiff_t)(b*c->H + ih)*c->W + iw)*CP + ci,
                                  dy + ((ptrdiff_t)(b*c->OH + oh)*c->OW + ow0)*OP, ow1 - ow0 };
        if (n == MAX_RUNS || (b == b1 - 1 && oh == oh1 - 1)) {
          tile_row(R, OP, dw + (ptrdiff_t)ci*OP, runs, n, s, 1);
          n = 0;
        }
      }
  }
}

void conv_backward_weights(real *restrict dw, const real *restrict x, const real *restrict dy, const struct conv *c) {
  const int OP = vector_padded(c->O);
  for (int b = 0; b < c->B; b += IMAGES) {  // a block of images stays in the second-level cache
    const int end = b + IMAGES < c->B ? b + IMAGES : c->B;
    for (int ky = 0; ky < c->k; ky++)
      for (int kx = 0; kx < c->k; kx++)
        weights_of_tap(dw + (ptrdiff_t)(ky*c->k + kx)*c->C*OP, x, dy, ky, kx, b, end, c);
  }
}

void conv_transpose(real *restrict wt, const real *restrict w, const struct conv *c) {
  const int CP = vector_padded(c->C), OP = vector_padded(c->O);
  for (int tap = 0; tap < c->k*c->k; tap++, w += (ptrdiff_t)c->C*OP, wt += (ptrdiff_t)c->O*CP)
    for (int o = 0; o < c->O; o++) {
      for (int i = 0; i < c->C; i++) wt[(ptrdiff_t)o*CP + i] = w[(ptrdiff_t)i*OP + o];
      for (int i = c->C; i < CP; i++) wt[(ptrdiff_t)o*CP + i] = 0;
    }
}

// Visit every multiply-add: y[iy] is fed by x[ix] through w[iw].
#define FOR_EACH_PRODUCT(c, body)                                                                  \
  for (int b = 0; b < (c)->B; b++)                                                                 \
    for (int oh = 0; oh < (c)->OH; oh++)                                                           \
      for (int ow = 0; ow < (c)->OW; ow++)                                                         \
        for (int ky = 0; ky < (c)->k; ky++)                                                        \
          for (int kx = 0; kx < (c)->k; kx++) {                                                    \
            const int ih = oh*(c)->stride + ky - (c)->pad, iw = ow*(c)->stride + kx - (c)->pad;    \
            if (ih < 0 || iw < 0 || ih >= (c)->H || iw >= (c)->W) continue;                        \
            for (int i = 0; i < (c)->C; i++)                                                       \
              for (int o = 0; o < (c)->O; o++) {                                                   \
                const ptrdiff_t at_x = ((ptrdiff_t)(b*(c)->H + ih)*(c)->W + iw)*vector_padded((c)->C) + i;    \
                const ptrdiff_t at_y = ((ptrdiff_t)(b*(c)->OH + oh)*(c)->OW + ow)*vector_padded((c)->O) + o;  \
                const ptrdiff_t at_w = ((ptrdiff_t)(ky*(c)->k + kx)*(c)->C + i)*vector_padded((c)->O) + o;    \
                body                                                                               \
              }                                                                                    \
          }

void conv_forward_ref(real *restrict y, const real *restrict x, const real *restrict w, const struct conv *c) {
  memset(y, 0, sizeof(real) * (size_t)(c->B*c->OH*c->OW) * (size_t)vector_padded(c->O));
  FOR_EACH_PRODUCT(c, y[at_y] += x[at_x] * w[at_w];)
}

void conv_backward_ref(real *restrict dx, real *restrict dw, const real *restrict dy, const real *restrict x,
                       const real *restrict w, const struct conv *c) {
  memset(dx, 0, sizeof(real) * (size_t)(c->B*c->H*c->W) * (size_t)vector_padded(c->C));
  FOR_EACH_PRODUCT(c, { dx[at_x] += dy[at_y] * w[at_w]; dw[at_w] += dy[at_y] * x[at_x]; })
}
