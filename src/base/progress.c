#include "base/progress.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/note.h"

static bool silent;

void progress_quiet(bool quiet) { silent = quiet; }

void progress_start(struct progress *p, const char *label, int64_t total, int64_t done) {
  struct winsize w;
  note_release(true);
  *p = (struct progress){ .label = label, .total = total, .first = done, .done = done, .out = stderr, .width = 80 };
  p->terminal = isatty(fileno(stderr));
  if (p->terminal && ioctl(fileno(stderr), TIOCGWINSZ, &w) == 0 && w.ws_col > 0) p->width = w.ws_col;
  p->interval_s = p->terminal ? 0.1 : 10;
  p->start_s = p->shown_s = clock_s();
}

// 59 s, 12:34 or 5:12:34
static void duration_text(double s, char *text, size_t size) {
  const long n = (long)fmin(s + 0.5, 359999.0);
  if (n < 60) snprintf(text, size, "%ld s", n);
  else if (n < 3600) snprintf(text, size, "%ld:%02ld", n / 60, n % 60);
  else snprintf(text, size, "%ld:%02ld:%02ld", n / 3600, n / 60 % 60, n % 60);
}

void progress_text(const struct progress *p, double elapsed_s, int width, char *text, size_t size) {
  enum { BAR = 20 };
  const bool known = p->total > 0;
  const double fraction = known ? fmin(1, fmax(0, (double)p->done / (double)p->total)) : 0;
  const double rate = elapsed_s > 0 ? (double)(p->done - p->first) / elapsed_s : 0;
  char bar[BAR + 4] = " [                    ]", of[32] = "", left[48] = "", span[32], line[512];
  if (!known) bar[0] = 0;
  else {
    memset(bar + 2, '#', (size_t)(fraction * BAR));
    snprintf(of, sizeof of, "/%lld", (long long)p->total);
  }
  if (known && rate > 0 && p->done < p->total) {
    duration_text((double)(p->total - p->done) / rate, span, sizeof span);
    snprintf(left, sizeof left, "  %s left", span);
  } else {
    duration_text(elapsed_s, span, sizeof span);
    snprintf(left, sizeof left, "  %s", span);
  }
  int n = snprintf(line, sizeof line, "%.100s%s %lld%s  %.3g/s%s%s%s", p->label, bar, (long long)p->done, of, rate,
                   left, *p->note ? "  " : "", p->note);
  if (n > width && known)  // the bar is what can be spared
    n = snprintf(line, sizeof line, "%.100s %lld%s  %.3g/s%s%s%s", p->label, (long long)p->done, of, rate, left,
                 *p->note ? "  " : "", p->note);
  snprintf(text, size, "%.*s", width < 0 ? 0 : width, line);
}

static void show(struct progress *p, double t) {
  char line[512];
  const int last_column = 1;  // writing there would wrap
  progress_text(p, t - p->start_s, p->terminal ? p->width - last_column : (int)sizeof line - 1, line, sizeof line);
  fprintf(p->out, p->terminal ? "\r\033[K%s" : "%s\n", line);
  fflush(p->out);
  p->shown_s = t;
}

void progress_update(struct progress *p, int64_t done, const char *note, ...) {
  p->done = done;
  if (silent) return;
  const double t = clock_s();
  if (note) {
    va_list ap;
    va_start(ap, note);
    vsnprintf(p->note, sizeof p->note, note, ap);
    va_end(ap);
  }
  if (t - p->shown_s >= p->interval_s) show(p, t);
}

void progress_finish(struct progress *p) {
  if (silent) return;
  show(p, clock_s());
  if (p->terminal) fputc('\n', p->out);
  fflush(p->out);
}
