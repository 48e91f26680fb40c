#include "report/chart.h"

#include <math.h>
#include <string.h>

#include "report/html.h"

enum { WIDTH = 440, HEIGHT = 290, RIGHT = 14, BOTTOM = 44, LINE = 17 };
static const double CHARACTER = 6.4;  // mean width of one at 12 px
static const double LARGEST = 1e300;  // what is larger, or on a logarithmic axis smaller than its inverse, is not drawn

struct frame {
  const struct chart *c;
  double left, top, right, bottom;  // of the plot, px
  double x[2], y[2];                // ranges; logarithms of them for log axes
};

// ---- values

static double value(const double *v, const struct chart_series *s, int k, double factor) {
  return v[k * (s->stride ? s->stride : 1)] * (factor != 0 ? factor : 1);
}
static double x_of(const struct chart_series *s, int k) { return value(s->x, s, k, s->fx); }
static double y_of(const struct chart_series *s, int k) { return value(s->y, s, k, s->fy); }
static double error_of(const struct chart_series *s, int k) { return s->error ? value(s->error, s, k, s->fy) : NAN; }
static bool usable(double v, bool log) { return fabs(v) < LARGEST && (!log || v > 1 / LARGEST); }  // NaN: no

// ---- ranges and ticks

// The range of all finite values (above 0 for log), widened where it is empty or a point.
static void data_range(double range[2], const struct chart_series *series, int n, bool vertical, bool log) {
  range[0] = INFINITY;
  range[1] = -INFINITY;
  for (int s = 0; s < n; s++) {
    const struct chart_series *p = &series[s];
    for (int k = 0; k < p->n; k++) {
      const double v = vertical ? y_of(p, k) : x_of(p, k), bar = vertical ? error_of(p, k) : 0,
                   e = usable(bar, false) ? bar : 0;
      if (!usable(v, log)) continue;
      if (usable(v - e, log)) range[0] = fmin(range[0], v - e);
      range[1] = fmax(range[1], v + e);
    }
  }
  if (range[0] > range[1]) range[0] = log ? 0.1 : 0, range[1] = log ? 10 : 1;
  if (range[1] - range[0] > 1e-12 * fmax(fabs(range[0]), fabs(range[1]))) return;
  const double by = fmax(fabs(range[0]) / 2, range[0] == 0);
  range[0] = log ? range[0] / 2 : range[0] - by;
  range[1] = log ? range[1] * 2 : range[1] + by;
}

int chart_ticks(double *ticks, double low, double high, int want, int *decimals) {
  const double raw = high / want - low / want, ten = pow(10, floor(log10(raw)));
  const double step = raw <= 1.5 * ten ? ten : raw <= 3.5 * ten ? 2 * ten : raw <= 7.5 * ten ? 5 * ten : 10 * ten;
  int n = 0;
  *decimals = 0;
  if (!usable(raw, true)) return 0;
  for (double k = ceil(low / step - 1e-9); k * step <= high + 1e-9 * step && n < CHART_MAX_TICKS; k++)
    ticks[n++] = k * step;
  *decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
  return n;
}

// The position of a value, px; a value far outside is at the edge of a wide margin.
static double place(const double range[2], double from, double to, const struct chart_axis *a, double v) {
  const double at = from + ((a->log ? log10(fmax(v, a->least)) : v) - range[0]) / (range[1] - range[0]) * (to - from);
  return fmin(fmax(at, -9999), 9999);
}
static double px(const struct frame *f, double v) { return place(f->x, f->left, f->right, &f->c->x, v); }
static double py(const struct frame *f, double v) { return place(f->y, f->bottom, f->top, &f->c->y, v); }

static void range_of(double range[2], const struct chart_axis *a, const struct chart_series *series, int n,
                     bool vertical) {
  data_range(range, series, n, vertical, a->log);
  if (isfinite(a->low)) range[0] = a->low;
  if (isfinite(a->high)) range[1] = a->high;
  if (range[1] <= range[0]) range[1] = range[0] + 1;
  if (a->log) range[0] = log10(range[0]), range[1] = log10(range[1]);
  const double room = 0.04 * (range[1] - range[0]);
  if (vertical && !isfinite(a->low)) range[0] -= room;
  if (vertical && !isfinite(a->high)) range[1] += room;
}

// Widen one range so that a unit is as long on both axes.
static void make_equal(struct frame *f) {
  const double sx = (f->x[1] - f->x[0]) / (f->right - f->left), sy = (f->y[1] - f->y[0]) / (f->bottom - f->top),
               s = fmax(sx, sy) * 1.06;
  const double mx = (f->x[0] + f->x[1]) / 2, my = (f->y[0] + f->y[1]) / 2, w = (f->right - f->left) * s / 2,
               h = (f->bottom - f->top) * s / 2;
  f->x[0] = mx - w, f->x[1] = mx + w;
  f->y[0] = my - h, f->y[1] = my + h;
}

// ---- axes

static void put_tick(FILE *out, const struct frame *f, double v, bool vertical) {
  if (vertical) {
    const double y = py(f, v);
    fprintf(out,
            "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text class=\"num\" x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"end\">",
            f->left, y, f->right, f->left - 6, y + 4);
  } else {
    const double x = px(f, v);
    fprintf(out,
            "<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text class=\"num\" x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"middle\">",
            x, f->bottom, x, f->bottom + 17);
  }
}

// Powers of ten, with 2 and 5 between where there may be less than two of them, round numbers where that is not enough.
// decimals: -1, as many as each needs, or those of the round numbers.
static int log_ticks(double *ticks, const double range[2], int *decimals) {
  static const double between[] = { 1, 2, 5 };
  const int per = range[1] - range[0] < 2 ? 3 : 1;
  int n = 0;
  for (double power = floor(range[0]); power <= range[1]; power++)
    for (int k = 0; k < per && n < CHART_MAX_TICKS; k++) {
      const double v = between[k] * pow(10, power);
      if (log10(v) >= range[0] - 1e-9 && log10(v) <= range[1] + 1e-9) ticks[n++] = v;
    }
  *decimals = -1;
  return n >= 2 ? n : chart_ticks(ticks, pow(10, range[0]), pow(10, range[1]), 4, decimals);
}

static int ticks_of(double *ticks, const struct chart_axis *a, const double range[2], int *decimals) {
  if (a->log && !a->n_ticks) return log_ticks(ticks, range, decimals);
  if (!a->n_ticks) return chart_ticks(ticks, range[0], range[1], 5, decimals);
  memcpy(ticks, a->ticks, (size_t)a->n_ticks * sizeof *ticks);
  return a->n_ticks;
}

static void draw_axis(FILE *out, const struct frame *f, bool vertical) {
  const struct chart_axis *a = vertical ? &f->c->y : &f->c->x;
  const double *range = vertical ? f->y : f->x;
  double ticks[CHART_MAX_TICKS];
  int decimals = 0;
  const int n = ticks_of(ticks, a, range, &decimals);
  for (int k = 0; k < n; k++) {
    const double at = a->log ? log10(ticks[k]) : ticks[k], room = 1e-6 * (range[1] - range[0]);
    if (at < range[0] - room || at > range[1] + room) continue;
    put_tick(out, f, ticks[k], vertical);
    if (a->n_ticks && a->names) html_text(out, a->names[k]);
    else if (decimals < 0) fprintf(out, "%.4g", ticks[k]);
    else html_number(out, ticks[k], decimals);
    fputs("</text>", out);
  }
  if (!vertical) fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>", f->left, f->bottom, f->right);
  if (vertical)
    fprintf(out, "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(11 %.1f) rotate(-90)\">",
            (f->top + f->bottom) / 2);
  else
    fprintf(out, "<text class=\"label\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">", (f->left + f->right) / 2,
            f->bottom + 37);
  html_text(out, a->label);
  fputs("</text>", out);
}

// ---- series

static void put_mark(FILE *out, int look, double x, double y) {
  static const char *const shapes[CHART_LOOKS] = { "",
                                                   "m-3.6 -3.6h7.2v7.2h-7.2z",
                                                   "m0 -4.8l4.6 8h-9.2z",
                                                   "m0 -5l5 5l-5 5l-5 -5z",
                                                   "m0 4.8l4.6 -8h-9.2z",
                                                   "m-5 -1.6h3.4v-3.4h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4z" };
  const char *shape = shapes[look % CHART_LOOKS];
  if (*shape) fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1f%s\"/>", x, y, shape);
  else fprintf(out, "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.9\"/>", x, y);
}

static bool visible(const struct frame *f, double x, double y) {
  const struct chart_axis *ax = &f->c->x, *ay = &f->c->y;
  return usable(x, ax->log && ax->least <= 0) && usable(y, ay->log && ay->least <= 0);
}

static bool any_visible(const struct frame *f, const struct chart_series *series, int n) {
  for (int s = 0; s < n; s++)
    for (int k = 0; k < series[s].n; k++)
      if (visible(f, x_of(&series[s], k), y_of(&series[s], k))) return true;
  return false;
}

static void draw_line(FILE *out, const struct frame *f, const struct chart_series *s) {
  bool pen = false;
  double first = 0, last = 0;
  fprintf(out, "<path class=\"%s\" d=\"", s->how & CHART_AREA ? "area" : "line");
  for (int k = 0; k < s->n; k++) {
    const double x = x_of(s, k), y = y_of(s, k);
    const bool on = visible(f, x, y);
    if (on) {
      last = px(f, x);
      if (!pen) first = last;
      if (!pen && s->how & CHART_AREA) fprintf(out, "M%.1f %.1f", last, f->bottom);
      fprintf(out, "%s%.1f %.1f", pen || s->how & CHART_AREA ? "L" : "M", last, py(f, y));
    }
    if (s->how & CHART_AREA && pen && (!on || k == s->n - 1)) fprintf(out, "V%.1fH%.1fz", f->bottom, first);
    pen = on;
  }
  fputs("\"/>", out);
}

static bool point_visible(const struct frame *f, const struct chart_series *s, int k) {
  return k >= 0 && k < s->n && visible(f, x_of(s, k), y_of(s, k));
}

// Marks and bars; a point of a line that has no neighbour, which no line shows, is a mark too.
static void draw_points(FILE *out, const struct frame *f, const struct chart_series *s) {
  for (int k = 0; k < s->n; k++) {
    const double x = x_of(s, k), y = y_of(s, k), e = error_of(s, k);
    if (!visible(f, x, y)) continue;
    const bool alone = !(s->how & CHART_AREA) && !point_visible(f, s, k - 1) && !point_visible(f, s, k + 1);
    if (e > 0 && visible(f, x, y - e))
      fprintf(out, "<path class=\"bar\" d=\"M%.1f %.1fV%.1fm-3 0h6M%.1f %.1fh6\"/>", px(f, x), py(f, y - e),
              py(f, y + e), px(f, x) - 3, py(f, y - e));
    if (s->how & CHART_MARKS || alone) put_mark(out, s->look, px(f, x), py(f, y));
  }
}

static void draw_series(FILE *out, const struct frame *f, const struct chart_series *s) {
  fprintf(out, "<g class=\"c%d\">", s->look);
  if (s->how & (CHART_LINE | CHART_AREA)) draw_line(out, f, s);
  draw_points(out, f, s);
  fputs("</g>", out);
}

// ---- legend

static double entry_width(const char *name) {
  int n = 0;
  for (const char *p = name; *p; p++) n += (*p & 0xc0) != 0x80;
  return 40 + CHARACTER * n;
}

// Entries in as many lines as they need, from `top`; out NULL: only count. Returns the lines.
static int draw_legend(FILE *out, const struct chart_series *series, int n, double left, double right, double top) {
  double x = left;
  int lines = 0;
  for (int s = 0; s < n; s++) {
    const struct chart_series *p = &series[s];
    if (!p->name) continue;
    const double w = entry_width(p->name);
    if (lines == 0 || x + w > right) lines++, x = left;
    if (out) {
      const double y = top + LINE * (lines - 0.5);
      fprintf(out, "<g class=\"c%d\">", p->look);
      if (p->how & CHART_AREA) fprintf(out, "<path class=\"area\" d=\"M%.1f %.1fh22v9h-22z\"/>", x, y - 4.5);
      if (p->how & CHART_LINE) fprintf(out, "<path class=\"line\" d=\"M%.1f %.1fh22\"/>", x, y);
      if (p->how & CHART_MARKS) put_mark(out, p->look, x + 11, y);
      fprintf(out, "</g><text x=\"%.1f\" y=\"%.1f\">", x + 27, y + 4);
      html_text(out, p->name);
      fputs("</text>", out);
    }
    x += w;
  }
  return lines;
}

// Title and legend; the plot keeps its place below them.
static void draw_head(FILE *out, const struct frame *f, const struct chart_series *series, int n) {
  if (f->c->title) {
    fprintf(out, "<text class=\"title\" x=\"%.1f\" y=\"14\">", f->left);
    html_text(out, f->c->title);
    fputs("</text>", out);
  }
  draw_legend(out, series, n, f->left, f->right, f->c->title ? 22 : 4);
}

void chart_draw(FILE *out, const struct chart *c, const struct chart_series *series, int n) {
  const int width = c->width ? c->width : WIDTH, height = c->height ? c->height : HEIGHT;
  struct frame f = { .c = c, .left = 56, .right = width - RIGHT, .bottom = height - BOTTOM };
  f.top = (c->title ? 30 : 12) + LINE * draw_legend(NULL, series, n, f.left, f.right, 0);
  range_of(f.x, &c->x, series, n, false);
  range_of(f.y, &c->y, series, n, true);
  if (c->equal) make_equal(&f);
  fprintf(out, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", width, height);
  html_text(out, c->about);
  fputs("\">", out);
  draw_head(out, &f, series, n);
  draw_axis(out, &f, true);
  draw_axis(out, &f, false);
  const double x = f.left - 6, y = f.top - 6, w = f.right - f.left + 12, h = f.bottom - f.top + 12;
  fprintf(out, "<svg x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" viewBox=\"%.1f %.1f %.1f %.1f\">", x, y, w, h,
          x, y, w, h);
  for (int s = 0; s < n; s++) draw_series(out, &f, &series[s]);
  fputs("</svg>", out);
  if (!any_visible(&f, series, n))
    fprintf(out, "<text class=\"none\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">no data</text>",
            (f.left + f.right) / 2, (f.top + f.bottom) / 2);
  fputs("</svg>\n", out);
}
