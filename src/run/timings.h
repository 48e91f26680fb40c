// timings.h - a list of measured figures, each beside its work and, for arithmetic, beside the machine's own peak
// measured in the same run.
#ifndef RUN_TIMINGS_H
#define RUN_TIMINGS_H

enum { TIMINGS_MAX = 64 };

struct timings_figure {
  char name[64], unit[16];
  double value, fastest;  // median and least of the repetitions
  double work;            // floating-point operations, 0 where none are counted
  double fraction;        // of the peak of the threads used, 0 where not arithmetic
  char note[200];
};

// Begin with { 0 }.
struct timings {
  int n;
  double peak1, peak;  // operations per second of one thread and of all in use; timings_peaks
  struct timings_figure figure[TIMINGS_MAX];
};

// Measure the peaks and add them; nothing where that has been done.
void timings_peaks(struct timings *t, int n_threads);

// Median and least of n samples, which are sorted; *note is empty.
struct timings_figure *timings_add(struct timings *t, const char *name, const char *unit, double *samples, int n);
void timings_set_work(struct timings_figure *f, double operations, double peak);
// What stands beside a figure; longer ones are cut.
void timings_note(struct timings_figure *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void timings_memory(struct timings *t);  // largest so far, of the whole program

#endif
