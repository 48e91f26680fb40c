// progress.h - how far a long computation is, on stderr. On a terminal one line redrawn in place at
// most ten times a second; otherwise a plain line now and then and one at the end.
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
  const char *label;
  int64_t total, first, done;  // units of work; first is where a resumed run began
  char note[128];              // free text such as the loss
  double start_s, shown_s;     // monotonic clock: begin, last line
  // set by progress_start, may be changed after it
  FILE *out;          // stderr
  bool terminal;      // whether out is one
  int width;          // columns
  double interval_s;  // between lines: 0.1 on a terminal, else 10
};

// No progress at all from now on (--quiet).
void progress_quiet(bool quiet);

// total 0: unknown. done: where a resumed run stands already. label must outlive p.
void progress_start(struct progress *p, const char *label, int64_t total, int64_t done);

// done units are finished; the note may be NULL to keep the last one. Cheap: call it every unit.
void progress_update(struct progress *p, int64_t done, const char *note, ...) __attribute__((format(printf, 3, 4)));

// The last line, as it stands, and a line end.
void progress_finish(struct progress *p);

// The text of a line of at most `width` columns after elapsed_s seconds: what the others print.
void progress_text(const struct progress *p, double elapsed_s, int width, char *text, size_t size);

#endif
