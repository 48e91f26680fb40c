#include "kernel/conv.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/vector.h"

// Every pass is the same small matrix product: a block of R rows by NV vectors stays in registers
// while runs of multiply-adds  block[r][:] += a[r] * b[:]  stream past. Forward and data gradient
// take the same pixel of R images as rows, so that padding costs nothing; the weight gradient takes
// R input channels. Every sum has one accumulator and one order, whatever the sizes of blocks.
//
// What many blocks read is packed first, so that they read it in order: at strides of a power of two a
// cache holds little. Weights are packed in panels of columns as wide as a block, used for all images.
enum { ROWS = 6, COLS = VECTOR_REGISTERS/8, PANEL = COLS*VECTOR_LANES };  // 24 of 32 registers accumulate, or 12 of 16
enum { TALL = 12 };  // rows where there is but one vector of columns
enum { PANEL_REALS = 36864, TERMS = PANEL_REALS/PANEL };  // a panel: 9 taps of 256 channels at 16 columns
enum { MAX_TAPS = 128, PIXELS = 128 };  // pixels that are added to the weight gradient at once
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
  vector acc[TALL][COLS];
#pragma GCC unroll 12
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
#pragma GCC unroll 12
      for (int r = 0; r < R; r++) {
        const real x = a[r*s.row];
#pragma GCC unroll 8
        for (int v = 0; v < NV; v++) acc[r][v] += x * w[v];
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) *(vector *)(c + r*s.c + v*VECTOR_LANES) = acc[r][v];
}

typedef void block_fn(real *c, const struct run *runs, int n_runs, const struct strides *s, int add);

#define BLOCK(R, NV)                                                                                              \
  static void block_##R##_##NV(real *c, const struct run *runs, int n, const struct strides *s, int add) {        \
    block(R, NV, c, runs, n, *s, add);                                                                            \
  }
#define BLOCKS(NV) BLOCK(1, NV) BLOCK(2, NV) BLOCK(3, NV) BLOCK(4, NV) BLOCK(5, NV) BLOCK(6, NV)
#define NAMES(NV) block_1_##NV, block_2_##NV, block_3_##NV, block_4_##NV, block_5_##NV, block_6_##NV
// clang-format off
BLOCKS(1)
BLOCK(7, 1) BLOCK(8, 1) BLOCK(9, 1) BLOCK(10, 1) BLOCK(11, 1) BLOCK(12, 1)
BLOCKS(2)
#ifdef __AVX512F__
BLOCKS(3)
BLOCKS(4)
#endif
static block_fn *const blocks[COLS][TALL] = {
  { NAMES(1), block_7_1, block_8_1, block_9_1, block_10_1, block_11_1, block_12_1 },
  { NAMES(2) },
#ifdef __AVX512F__
  { NAMES(3) },
  { NAMES(4) },
#endif
};
// clang-format on

static void block_sized(int R, int NV, real *c, const struct run *runs, int n, const struct strides *s, int add) {
  // Tuned for some processors, gcc does not fuse multiply and add where there is a single chain of sums: take two.
  if (R == 1 && NV == 1 && VECTOR_LANES < (int)VECTOR_PADDING) NV = 2;
  blocks[NV - 1][R - 1](c, runs, n, s, add);
}

// Blocks of nearly equal height: the k-th of n.
static int block_begin(int n, int k, int total) { return (int)((long)total * k / n); }
static int block_count(int total, int NV) { return NV == 1 ? (total + TALL - 1)/TALL : (total + ROWS - 1)/ROWS; }

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

static int min(int a, int b) { return a < b ? a : b; }

// The columns that hold numbers come in vectors, the others stay zero.
static int vectors_of(int n) { return (n + VECTOR_LANES - 1) / VECTOR_LANES; }

typedef real loose __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

// n zeros, in whole vectors: what follows is overwritten. Without the barrier such a short loop becomes a call of
// memset.
INLINE void zero_over(real *to, int n) {
  for (int i = 0; i < n; i += VECTOR_LANES) {
    __asm__("" ::: "memory");
    *(loose *)(to + i) = (loose){ 0 };
  }
}

// One row of a panel, n vectors.
INLINE void copy_row(real *to, const real *from, int n) {
#pragma GCC unroll 8
  for (int v = 0; v < COLS; v++)
    if (v < n) *(vector *)(to + v*VECTOR_LANES) = *(const vector *)(from + v*VECTOR_LANES);
}

// ---- forward and data gradient

// From `in` to `out`: input to output of the convolution, or backward the gradients of output to input.
struct pass {
  real *out;
  const real *in;
  int rows, columns, ld_out;       // of an image; reals of a pixel
  int in_rows, in_columns, ld_in;
  int backward;
};

// Weights of taps [tap, tap + taps), channels [first, first + n) of `in`, NV vectors of channels of `out`.
struct panel {
  const real *w;
  ptrdiff_t ld, ld_tap;            // reals between channels of `in`, between taps
  int tap, taps, first, n, NV;
};

// What reaches one coordinate of `out`: n taps tap, tap + step .. at the coordinates from, from + way .. of `in`.
struct axis {
  int n, tap, step, from, way;
};

static struct axis axis_forward(int o, int n_in, const struct conv *c) {
  const int i = o*c->stride - c->pad, tap = i < 0 ? -i : 0;
  return (struct axis){ min(c->k, n_in - i) - tap, tap, 1, i + tap, 1 };
}

static struct axis axis_backward(int i, int n_out, const struct conv *c) {
  int tap = (i + c->pad) % c->stride, o = (i + c->pad) / c->stride;
  const int beyond = o < n_out ? 0 : o - n_out + 1;
  tap += beyond*c->stride;
  o -= beyond;
  return (struct axis){ tap < c->k ? min((c->k - 1 - tap)/c->stride, o) + 1 : 0, tap, c->stride, o, -1 };
}

static struct axis axis_of(const struct pass *p, int at, int rows, const struct conv *c) {
  return p->backward ? axis_backward(at, rows ? c->OH : c->OW, c) : axis_forward(at, rows ? c->H : c->W, c);
}

// The runs that make a pixel of `out`, of image b.
static int list_runs(struct run *runs, const struct pass *p, const struct panel *w, int b, struct axis y, struct axis x,
                     const struct conv *c) {
  int n = 0;
  for (int i = 0; i < y.n; i++)
    for (int j = 0; j < x.n; j++) {
      const int tap = (y.tap + i*y.step)*c->k + x.tap + j*x.step - w->tap;
      if (tap < 0 || tap >= w->taps) continue;
      const ptrdiff_t pixel = ((ptrdiff_t)b*p->in_rows + y.from + i*y.way)*p->in_columns + x.from + j*x.way;
      runs[n++] = (struct run){ p->in + pixel*p->ld_in + w->first, w->w + tap*w->ld_tap, w->n };
    }
  return n;
}

// The columns of a panel, o the first, for all images: out = or, after its first part, += in w.
static void sweep(const struct pass *p, const struct panel *w, int o, const struct conv *c) {
  const ptrdiff_t out = (ptrdiff_t)p->rows*p->columns*p->ld_out;
  const struct strides s = { (ptrdiff_t)p->in_rows*p->in_columns*p->ld_in, 1, w->ld, out };
  const int n_blocks = block_count(c->B, w->NV), add = w->tap > 0 || w->first > 0;
  for (int t = 0, b = 0, R; t < n_blocks; t++, b += R) {
    R = block_begin(n_blocks, t + 1, c->B) - b;
    real *to = p->out + b*out + o;
    for (int row = 0; row < p->rows; row++) {
      const struct axis y = axis_of(p, row, 1, c);
      for (int column = 0; column < p->columns; column++, to += p->ld_out) {
        struct run runs[MAX_TAPS];
        const int n = list_runs(runs, p, w, b, y, axis_of(p, column, 0, c), c);
        block_sized(R, w->NV, to, runs, n, &s, add);
      }
    }
  }
}

// A panel of w (k,k,C,padded O) from column o.
static void pack_columns(real *restrict to, const real *restrict w, const struct panel *p, int o,
                         const struct conv *c) {
  const int OP = vector_padded(c->O);
  for (int tap = p->tap; tap < p->tap + p->taps; tap++)
    for (int i = p->first; i < p->first + p->n; i++, to += PANEL)
      copy_row(to, w + (ptrdiff_t)(tap*c->C + i)*OP + o, min(COLS, (OP - o)/VECTOR_LANES));
}

typedef real quad __attribute__((vector_size(4*sizeof(real)), may_alias));

// Four rows, from `from` on and ld apart, become columns; of those from the n-th on zeros are taken.
INLINE void turn(real *to, const real *from, int ld, int n) {
  quad r[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) r[k] = k < n ? *(const quad *)(from + (ptrdiff_t)k*ld) : (quad){ 0 };
  const quad a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5), b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const quad c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7), d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  *(quad *)to = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  *(quad *)(to + PANEL) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  *(quad *)(to + 2*PANEL) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  *(quad *)(to + 3*PANEL) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

// The same of w with its last two dimensions exchanged, from channel i.
static void pack_rows(real *restrict to, const real *restrict w, const struct panel *p, int i, const struct conv *c) {
  const int OP = vector_padded(c->O), n = min(c->C - i, PANEL);
  for (int tap = p->tap; tap < p->tap + p->taps; tap++, to += p->n*PANEL)
    for (int o = 0; o < p->n; o += 4)
      for (int k = 0; k < PANEL; k += 4)
        turn(to + o*PANEL + k, w + (ptrdiff_t)(tap*c->C + i + k)*OP + p->first + o, OP, n - k);
}

// Zero in the columns that no vector reaches.
static void clear_padding(const struct pass *p, int columns, int B) {
  const int begin = vectors_of(columns)*VECTOR_LANES;
  if (begin == p->ld_out) return;
  for (ptrdiff_t i = 0; i < (ptrdiff_t)B*p->rows*p->columns; i++)
    for (int o = begin; o < p->ld_out; o += VECTOR_LANES) *(vector *)(p->out + i*p->ld_out + o) = (vector){ 0 };
}

static void run_pass(const struct pass *p, const real *w, int columns, int terms, const struct conv *c) {
  _Alignas(64) real packed[PANEL_REALS + 3*PANEL];
  const int OP = vector_padded(c->O), taps = c->k*c->k, each = min(terms, TERMS), at_once = TERMS/each;
  const int in_place = !p->backward && (OP <= PANEL || c->B*p->rows*p->columns <= 4*ROWS);
  for (int o = 0; o < columns; o += PANEL) {
    const int NV = min(vectors_of(columns - o), COLS);
    if (in_place) sweep(p, &(struct panel){ w + o, OP, (ptrdiff_t)terms*OP, 0, taps, 0, terms, NV }, o, c);
    for (int tap = 0; tap < taps && !in_place; tap += at_once)
      for (int first = 0; first < terms; first += each) {
        const int n = min(terms - first, each);
        const struct panel part = { packed, PANEL, (ptrdiff_t)n*PANEL, tap, min(taps - tap, at_once), first, n, NV };
        if (p->backward) pack_rows(packed, w, &part, o, c);
        else pack_columns(packed, w, &part, o, c);
        sweep(p, &part, o, c);
      }
  }
  clear_padding(p, columns, c->B);
}

// ---- few input channels: where an image lies without padding between its pixels, with zeros on both sides, the inputs
// of a row of taps lie side by side

enum { BAND_REALS = 16384, SPARE = VECTOR_LANES };  // spare: whole vectors are written

// The rows of one image that make some output rows.
struct band {
  int rows, ld;                                  // output rows; reals of a row of the image
  _Alignas(64) real inputs[BAND_REALS + SPARE];
};

// Output rows of a band; 0 where channels are many, or a row does not fit.
static int band_rows(const struct conv *c) {
  const int room = BAND_REALS/((c->W + 2*c->pad)*c->C), wanted = (PIXELS + c->OW - 1)/c->OW;
  if (c->C >= VECTOR_PADDING || room < c->k) return 0;
  return min(min((room - c->k)/c->stride + 1, wanted), c->OH);
}

static void take_row(real *restrict to, const real *restrict from, const struct conv *c) {
  const int CP = vector_padded(c->C), edge = c->pad*c->C;
  zero_over(to, edge);
  for (int i = 0; i < c->C; i++)
    for (int w = 0; w < c->W; w++) to[edge + w*c->C + i] = from[w*CP + i];
  zero_over(to + edge + c->W*c->C, edge);
}

// Fill a band with `rows` output rows of image b, beginning with row oh.
static void band_gather(struct band *d, const real *x, int b, int oh, int rows, const struct conv *c) {
  const int h0 = oh*c->stride - c->pad;
  d->rows = rows;
  d->ld = (c->W + 2*c->pad)*c->C;
  for (int h = 0; h < (rows - 1)*c->stride + c->k; h++) {
    if (h0 + h < 0 || h0 + h >= c->H) memset(d->inputs + h*d->ld, 0, sizeof *x * (size_t)d->ld);
    else take_row(d->inputs + h*d->ld, x + (ptrdiff_t)(b*c->H + h0 + h)*c->W*vector_padded(c->C), c);
  }
}

// Blocks of neighbouring pixels.
static void forward_band(real *restrict y, const struct band *d, const real *restrict w, const struct conv *c) {
  const int OP = vector_padded(c->O), each = c->k*c->C, pixel = c->stride*c->C, n_blocks = block_count(c->OW, COLS);
  const struct strides s = { .row = pixel, .term = 1, .b = OP, .c = OP };
  for (int h = 0; h < d->rows; h++, y += (ptrdiff_t)c->OW*OP)
    for (int t = 0, p = 0, R; t < n_blocks; t++, p += R) {
      R = block_begin(n_blocks, t + 1, c->OW) - p;
      for (int o = 0; o < c->O; o += PANEL) {
        struct run runs[MAX_TAPS];
        for (int ky = 0; ky < c->k; ky++)
          runs[ky] = (struct run){ d->inputs + (h*c->stride + ky)*d->ld + p*pixel, w + (ptrdiff_t)ky*each*OP + o,
                                   each };
        block_sized(R, min(vectors_of(c->O - o), COLS), y + (ptrdiff_t)p*OP + o, runs, c->k, &s, 0);
      }
    }
}

// Blocks of the inputs of a row of taps.
static void weights_band(real *restrict dw, const struct band *d, const real *restrict dy, const struct conv *c) {
  const int OP = vector_padded(c->O), each = c->k*c->C, n_blocks = block_count(each, COLS);
  const struct strides s = { .row = 1, .term = c->stride*c->C, .b = OP, .c = OP };
  for (int ky = 0; ky < c->k; ky++, dw += (ptrdiff_t)each*OP)
    for (int t = 0, i = 0, R; t < n_blocks; t++, i += R) {
      R = block_begin(n_blocks, t + 1, each) - i;
      for (int o = 0; o < c->O; o += PANEL) {
        struct run runs[PIXELS];
        for (int h = 0; h < d->rows; h++)
          runs[h] = (struct run){ d->inputs + (h*c->stride + ky)*d->ld + i, dy + (ptrdiff_t)h*c->OW*OP + o, c->OW };
        block_sized(R, min(vectors_of(c->O - o), COLS), dw + (ptrdiff_t)i*OP + o, runs, d->rows, &s, 1);
      }
    }
}

void conv_forward(real *restrict y, const real *restrict x, const real *restrict w, const struct conv *c) {
  const struct pass p = { y, x, c->OH, c->OW, vector_padded(c->O), c->H, c->W, vector_padded(c->C), 0 };
  struct band d;
  const int rows = band_rows(c);
  if (rows == 0) {
    run_pass(&p, w, c->O, c->C, c);
    return;
  }
  for (int b = 0; b < c->B; b++)
    for (int oh = 0; oh < c->OH; oh += rows) {
      band_gather(&d, x, b, oh, min(rows, c->OH - oh), c);
      forward_band(y + (ptrdiff_t)(b*c->OH + oh)*c->OW*p.ld_out, &d, w, c);
    }
  clear_padding(&p, c->O, c->B);
}

void conv_backward_data(real *restrict dx, const real *restrict dy, const real *restrict w, const struct conv *c) {
  const struct pass p = { dx, dy, c->H, c->W, vector_padded(c->C), c->OH, c->OW, vector_padded(c->O), 1 };
  run_pass(&p, w, c->C, c->O, c);
}

// ---- weight gradient

enum { CHANNELS = 256, LD_INPUTS = CHANNELS + 16 };  // an odd number of cache lines
// Up to so many channels, a copy for each tap takes longer than it saves. Rows that are read where they lie share few
// sets of the first cache, so that they are added up few pixels at once; images that fit the second one pass all taps.
enum { IN_PLACE = 64, IN_PLACE_PIXELS = 32, GROUP_PIXELS = 128 };

// Outputs [first, last) along one axis whose tap k falls inside the image.
static void outputs_inside(int *first, int *last, int k, int n_in, int n_out, const struct conv *c) {
  *first = 0;
  while (*first < n_out && *first*c->stride + k - c->pad < 0) ++*first;
  *last = n_out;
  while (*last > *first && (*last - 1)*c->stride + k - c->pad >= n_in) --*last;
}

// Rows [first, first + rows) of dw (C, padded O) += x^T dy over n <= PIXELS pixels, rows <= CHANNELS.
static void weights_block(real *restrict dw, const struct run *runs, int n_runs, int first, int rows,
                          const struct conv *c) {
  _Alignas(64) real inputs[PIXELS*LD_INPUTS], outputs[PIXELS*PANEL];
  const int CP = vector_padded(c->C), OP = vector_padded(c->O);
  const struct strides s = { .row = 1, .term = LD_INPUTS, .b = PANEL, .c = OP };
  int n = 0;
  for (int k = 0; k < n_runs; k++)
    for (int p = 0; p < runs[k].n; p++, n++)
      memcpy(inputs + n*LD_INPUTS, runs[k].a + p*c->stride*CP + first, (size_t)rows*sizeof *inputs);
  for (int o = 0; o < c->O; o += PANEL) {
    const int NV = min(vectors_of(c->O - o), COLS), n_blocks = block_count(rows, NV);
    n = 0;
    for (int k = 0; k < n_runs; k++)
      for (int p = 0; p < runs[k].n; p++, n++)
        copy_row(outputs + n*PANEL, runs[k].b + (ptrdiff_t)p*OP + o, min(COLS, (OP - o)/VECTOR_LANES));
    for (int t = 0, i = 0, R; t < n_blocks; t++, i += R) {
      R = block_begin(n_blocks, t + 1, rows) - i;
      const struct run run = { inputs + i, outputs, n };
      block_sized(R, NV, dw + (ptrdiff_t)(first + i)*OP + o, &run, 1, &s, 1);
    }
  }
}

// The same of all rows, read where they lie.
static void weights_in_place(real *restrict dw, const struct run *all, int n_runs, const struct conv *c) {
  const int OP = vector_padded(c->O);
  const struct strides s = { .row = 1, .term = (ptrdiff_t)c->stride*vector_padded(c->C), .b = OP, .c = OP };
  for (int o = 0; o < c->O; o += PANEL) {
    const int NV = min(vectors_of(c->O - o), COLS), n_blocks = block_count(c->C, NV);
    for (int t = 0, i = 0, R; t < n_blocks; t++, i += R) {
      struct run runs[PIXELS];
      R = block_begin(n_blocks, t + 1, c->C) - i;
      for (int k = 0; k < n_runs; k++) runs[k] = (struct run){ all[k].a + i, all[k].b + o, all[k].n };
      block_sized(R, NV, dw + (ptrdiff_t)i*OP + o, runs, n_runs, &s, 1);
    }
  }
}

// One tap of images [b0, b1): dw[tap] += x^T dy
static void weights_of_tap(real *dw, const real *x, const real *dy, int ky, int kx, int b0, int b1,
                           const struct conv *c) {
  const int CP = vector_padded(c->C), OP = vector_padded(c->O), in_place = c->C <= IN_PLACE;
  const int most = in_place ? IN_PLACE_PIXELS : PIXELS;
  struct run runs[PIXELS];
  int oh0, oh1, ow0, ow1, n_runs = 0, pixels = 0;
  outputs_inside(&oh0, &oh1, ky, c->H, c->OH, c);
  outputs_inside(&ow0, &ow1, kx, c->W, c->OW, c);
  for (int b = b0; b < b1; b++)
    for (int oh = oh0; oh < oh1; oh++)
      for (int ow = ow0; ow < ow1;) {
        const int ih = oh*c->stride + ky - c->pad, iw = ow*c->stride + kx - c->pad, n = min(ow1 - ow, most - pixels);
        runs[n_runs++] = (struct run){ x + ((ptrdiff_t)(b*c->H + ih)*c->W + iw)*CP,
                                       dy + ((ptrdiff_t)(b*c->OH + oh)*c->OW + ow)*OP, n };
        ow += n;
        pixels += n;
        if (pixels < most && (b < b1 - 1 || oh < oh1 - 1 || ow < ow1)) continue;
        if (in_place) weights_in_place(dw, runs, n_runs, c);
        for (int i = 0; i < c->C && !in_place; i += CHANNELS)
          weights_block(dw, runs, n_runs, i, min(CHANNELS, c->C - i), c);
        n_runs = pixels = 0;
      }
}

void conv_backward_weights(real *restrict dw, const real *restrict x, const real *restrict dy, const struct conv *c) {
  const int OP = vector_padded(c->O);
  struct band d;
  const int rows = band_rows(c);
  for (int b = 0; rows && b < c->B; b++)
    for (int oh = 0; oh < c->OH; oh += rows) {
      band_gather(&d, x, b, oh, min(rows, c->OH - oh), c);
      weights_band(dw, &d, dy + (ptrdiff_t)(b*c->OH + oh)*c->OW*OP, c);
    }
  if (rows) return;
  const int pixels = c->OH*c->OW, group = c->C > IN_PLACE ? c->B : (GROUP_PIXELS + pixels - 1)/pixels;
  for (int b = 0; b < c->B; b += group)
    for (int ky = 0; ky < c->k; ky++)
      for (int kx = 0; kx < c->k; kx++)
        weights_of_tap(dw + (ptrdiff_t)(ky*c->k + kx)*c->C*OP, x, dy, ky, kx, b, min(c->B, b + group), c);
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
