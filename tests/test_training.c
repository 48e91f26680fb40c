// The one training loop on a tiny problem: a step worked out by hand (clip, decay, schedule, groups, limits), the
// gradient as a fixed tree, rows, resuming and extending to the same bits, the best model kept, refusals that leave
// the folder alone.
#include "run/training.h"

#include <float.h>
#include <math.h>

#include "base/err.h"
#include "base/file.h"
#include "base/note.h"
#include "base/par.h"
#include "base/tensorfile.h"
#include "folder.h"
#include "kernel/adam.h"
#include "run/run.h"
#include "test.h"

enum { N = 6, ITEMS = 5 };

// Minimise the mean over items of |w - target_item|^2/2; the score of a validation is what the test says.
struct problem {
  struct training_params training;
  struct run_params run;
  struct settings_section sections[4];
  struct run_settings settings;
  real w[N], target[ITEMS][N];
  double loss[ITEMS];
  double score[64];
  int validations, stop_at;
  int64_t iteration;
};

struct dummy {
  int64_t flip;
};

static const struct param training_table[] = { TRAINING_PARAMS(10, 0.1, TRAINING_CONSTANT, 1e6), { 0 } };

static int begin(void *context, int64_t iteration) {
  struct problem *p = context;
  p->iteration = iteration;
  return p->stop_at && iteration == p->stop_at ? err_set(ERR_INTERRUPTED, "asked to stop") : 0;
}

static int item(void *context, int k, int worker, real *gradient) {
  struct problem *p = context;
  (void)worker;
  p->loss[k] = 0;
  for (int i = 0; i < N; i++) {
    const double off = (double)p->w[i] - (double)p->target[k][i];
    p->loss[k] += off*off/2;
    gradient[i] += (real)off;
  }
  return 0;
}

static int finish(void *context, real *gradient, double *tally) {
  struct problem *p = context;
  for (int i = 0; i < N; i++) gradient[i] *= (real)1/ITEMS;
  for (int k = 0; k < ITEMS; k++) tally[0] += p->loss[k]/ITEMS;
  tally[1] = (double)p->iteration;
  return 0;
}

static int validate(void *context, double *values) {
  struct problem *p = context;
  values[0] = 7;
  values[1] = p->score[p->validations++];
  return 0;
}

static void progress(void *context, const double *mean, char *text, size_t size) {
  (void)context;
  snprintf(text, size, "%g", mean[0]);
}

static int save(void *context, const char *path) {
  const struct problem *p = context;
  const int64_t n = N;
  struct tensorfile_writer *w = tensorfile_create(path);
  tensorfile_put_real(w, "w", 1, &n, p->w);
  return tensorfile_commit(w);
}

static bool matters(const void *context, const char *key) {
  (void)context;
  return strcmp(key, "run.threads") && strcmp(key, "train.checkpoint_every_s");
}

static void problem_init(struct problem *p) {
  *p = (struct problem){ 0 };
  p->sections[0] = (struct settings_section){ "train", training_table, &p->training };
  p->sections[1] = (struct settings_section){ "run", run_param_table, &p->run };
  settings_defaults(p->sections);
  p->settings = (struct run_settings){ .sections = p->sections, .run = &p->run, .training = &p->training };
  for (int k = 0; k < ITEMS; k++)
    for (int i = 0; i < N; i++) p->target[k][i] = (real)(0.3*k - 0.7*i + 0.11*k*i);
  for (int i = 0; i < N; i++) p->w[i] = (real)(0.5 + 0.25*i);
}

static struct training_job job_of(struct problem *p, struct par *par) {
  return (struct training_job){
    .settings = &p->settings, .context = p, .par = par, .n = N, .parameters = p->w, .n_groups = 2,
    .group = { { 0, 4, 1, false }, { 4, 2, 0.5, true } }, .n_items = ITEMS, .begin = begin, .item = item,
    .finish = finish,
    .n_columns = 2, .columns = "loss,number", .n_validation = 2, .validation_columns = "other,score", .score = 1,
    .higher_is_better = true,
    .progress = progress, .save = save, .matters = matters,
  };
}

// Two steps by hand, in double: gradient (3, -4, 0, 12, 0, 0) of length 13, clip 6.5 halves it; weight decay 0.2; rate
// 0.1 then
// 0.05 by the schedule; the second group at half the rate, within +- 1.
static void test_step(struct par *par) {
  struct problem p;
  problem_init(&p);
  struct training_job job = job_of(&p, par);
  real m[N] = { 0 }, v[N] = { 0 };
  const double tolerance = sizeof(real) == sizeof(double) ? 1e-12 : 1e-6;
  p.training.epsilon = 1e-20;  // nothing beside these gradients
  p.training.clip = 6.5;
  p.training.weight_decay = 0.2;
  p.training.weight_max = 1;
  p.training.schedule = TRAINING_STEPS;
  p.training.decay = 0.5;
  p.training.decay_every = 1;
  for (int i = 0; i < N; i++) p.w[i] = (real)(i == 4 ? -5 : i + 1);
  real g[N] = { 3, -4, 0, 12, 0, 0 };
  CHECK_REL(training_step(&job, g, m, v, 1), 13, 1e-6);
  CHECK_REL(g[0], 1.5, 1e-6);
  CHECK_REL(g[3], 6, 1e-6);
  // w (1 - 0.1*0.2) - 0.1 sign(g)
  const double first[N] = { 0.98 - 0.1, 1.96 + 0.1, 2.94, 3.92 - 0.1, -1, 1 };
  for (int i = 0; i < N; i++)
    CHECK(fabs((double)p.w[i] - first[i]) < tolerance*4, "weight %d after one step: %.9g, not %.9g", i,
          (double)p.w[i], first[i]);
  real h[N] = { -1, 0, 0, 0, 0, 2 };
  CHECK_REL(training_step(&job, h, m, v, 2), sqrt(5), 1e-6);
  CHECK(h[0] == -1 && h[5] == 2, "a gradient shorter than the clip was changed");
  // m = 0.9*0.15 - 0.1 = 0.035, m^ = 0.035/0.19; v = 0.999*0.001*2.25 + 0.001 = 0.00324775, v^ = v/0.001999
  const double w0 = 0.88*(1 - 0.05*0.2) - 0.05*(0.035/0.19)/sqrt(0.00324775/0.001999);
  CHECK(fabs((double)p.w[0] - w0) < 4*tolerance, "weight 0 after two steps: %.9g, not %.9g", (double)p.w[0], w0);
  // group 2: rate 0.025: m^ = 0.2/0.19, v^ = 0.004/0.001999
  const double w5 = 1*(1 - 0.025*0.2) - 0.025*(0.2/0.19)/sqrt(0.004/0.001999);
  CHECK(fabs((double)p.w[5] - w5) < 4*tolerance, "weight 5 after two steps: %.9g, not %.9g", (double)p.w[5], w5);
  real bad[N] = { 1, INFINITY, 0, 0, 0, 0 }, kept[N];
  memcpy(kept, p.w, sizeof kept);
  CHECK(!isfinite(training_step(&job, bad, m, v, 3)) && !memcmp(kept, p.w, sizeof kept),
        "an infinite gradient changed weights");
}

// No gradient, no loss.
static int idle(void *context, int k, int worker, real *gradient) {
  (void)worker;
  (void)gradient;
  ((struct problem *)context)->loss[k] = 0;
  return 0;
}

// A weight that is not finite stops the training, also where no loss or gradient shows it.
static void test_weights(struct par *par) {
  const real most = sizeof(real) == sizeof(float) ? (real)FLT_MAX : (real)DBL_MAX;
  const real values[] = { (real)INFINITY, -(real)INFINITY, (real)NAN, most, -most };
  for (int k = 0; k < 5; k++)
    for (int i = 0; i < N; i++) {
      struct problem p;
      problem_init(&p);
      p.w[i] = values[k];
      struct training_job job = job_of(&p, par);
      job.item = idle;
      const int rc = training_time(&job, 1, NULL);
      CHECK(k < 3 ? rc == ERR_DIVERGED && strstr(err_message(), "iteration 1: a weight") : rc == 0, "weight %d: %g: %d",
            i, (double)values[k], rc);
    }
}

static void test_schedules(void) {
  struct training_params p = { .rate = 0.08, .iterations = 200, .decay = 0.5, .decay_every = 30 };
  CHECK(training_rate(&p, 150) == 0.08, "constant: %g", training_rate(&p, 150));
  p.schedule = TRAINING_STEPS;
  CHECK_REL(training_rate(&p, 29), 0.08, 1e-15);
  CHECK_REL(training_rate(&p, 95), 0.01, 1e-12);
  p.schedule = TRAINING_COSINE;
  CHECK_REL(training_rate(&p, 0), 0.08, 1e-15);
  CHECK_REL(training_rate(&p, 50), 0.08*0.853553390593273762, 1e-12);  // (1 + cos(pi/4))/2
  CHECK_REL(training_rate(&p, 100), 0.04, 1e-12);
}

static char *text_of(const char *folder, const char *name) {
  char path[1024], *text;
  size_t size;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (file_read(path, 1 << 20, &text, &size) < 0) return strdup("");
  return text;
}

static bool same_file(const char *a, const char *b, const char *name) {
  char *x = text_of(a, name), *y = text_of(b, name);
  const bool same = *x && !strcmp(x, y);
  free(x), free(y);
  return same;
}

// A run of `iterations` in FOLDER/name, stopped before iteration `stop` where that is not 0.
static int run(struct problem *p, struct par *par, const struct folder *f, const char *name, int64_t iterations,
               int stop, bool resume, int64_t schedule) {
  char path[512];
  problem_init(p);
  snprintf(path, sizeof path, "%s/%s", f->path, name);
  p->training.iterations = iterations;
  p->training.schedule = schedule;
  p->training.log_every = 3;
  p->stop_at = stop;
  struct training_job job = job_of(p, par);
  return training_run(&job, path, resume);
}

static char noted[1024];

static void keep_note(const char *line) { snprintf(noted, sizeof noted, "%s", line); }

static void test_resume(struct par *par) {
  const struct folder f = folder_make();
  struct problem whole, p;
  char a[512], b[512], c[512];
  snprintf(a, sizeof a, "%s/whole", f.path);
  snprintf(b, sizeof b, "%s/parts", f.path);
  snprintf(c, sizeof c, "%s/longer", f.path);
  CHECK(run(&whole, par, &f, "whole", 10, 0, false, TRAINING_COSINE) == 0, "%s", err_message());
  CHECK(run(&p, par, &f, "parts", 10, 7, false, TRAINING_COSINE) == ERR_INTERRUPTED, "was not stopped");
  CHECK(run(&p, par, &f, "parts", 10, 0, true, TRAINING_COSINE) == 0, "%s", err_message());
  CHECK(!memcmp(whole.w, p.w, sizeof p.w), "weights of a resumed run differ");
  CHECK(same_file(a, b, "metrics.csv"), "metrics of a resumed run differ");
  CHECK(run(&p, par, &f, "parts", 10, 0, false, TRAINING_COSINE) == ERR_SETTING, "a finished run was begun anew");
  CHECK(run(&p, par, &f, "parts", 9, 0, true, TRAINING_COSINE) == ERR_SETTING && strstr(err_message(),
                                                                                        "train.iterations=10, now 9"),
                                                                                        "shortened: %s", err_message());
  note_to(keep_note);
  CHECK(run(&p, par, &f, "parts", 12, 0, true, TRAINING_COSINE) == 0, "%s", err_message());
  CHECK(strstr(noted, "extended from 10 to 12 iterations; the cosine schedule continues"), "%s", noted);
  // extended with a constant rate: as if it had been longer from the start
  CHECK(run(&whole, par, &f, "long", 13, 0, false, TRAINING_CONSTANT) == 0, "%s", err_message());
  CHECK(run(&p, par, &f, "longer", 10, 0, false, TRAINING_CONSTANT) == 0, "%s", err_message());
  CHECK(run(&p, par, &f, "longer", 13, 0, true, TRAINING_CONSTANT) == 0, "%s", err_message());
  CHECK(strstr(noted, "extended from 10 to 13 iterations") && !strstr(noted, "cosine"), "%s", noted);
  CHECK(!memcmp(whole.w, p.w, sizeof p.w), "weights of a prolonged run differ");
  *noted = 0;
  CHECK(run(&p, par, &f, "longer", 14, 0, true, TRAINING_COSINE) == ERR_SETTING && !*noted, "announced: %s", noted);
  note_to(NULL);
  // the row of iteration 3: rate, mean loss, mean of 0, 1, 2
  char *metrics = text_of(a, "metrics.csv");
  CHECK(!strncmp(metrics, "iteration,rate,loss,number,other,score\n3,0.0904508,", 50), "%s", metrics);
  CHECK(strstr(metrics, ",1,,\n6,") != NULL, "%s", metrics);
  free(metrics);
  folder_remove(&f);
}

static real saved_weight(const char *folder, const char *name) {
  char path[512];
  const int64_t n = N;
  real w[N] = { 0 };
  struct tensorfile *tf;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (tensorfile_open(&tf, path) < 0) return (real)NAN;
  if (tensorfile_real(tf, "w", 1, &n, w) < 0) w[0] = (real)NAN;
  tensorfile_close(tf);
  return w[0];
}

// Scores 3, 5, 4: the second is the best, also where the run was stopped and resumed between them.
static void test_best(struct par *par, bool stop) {
  const struct folder f = folder_make();
  struct problem p;
  real best = 0;
  for (int part = 0; part <= stop; part++) {
    problem_init(&p);
    p.training.iterations = 6;
    p.training.log_every = p.training.validate_every = 2;
    p.score[0] = stop && part ? 4 : 3;
    p.score[1] = 5;
    p.score[2] = 4;
    p.stop_at = stop && part == 0 ? 4 : 0;
    struct training_job job = job_of(&p, par);
    job.validate = validate;
    const int rc = training_run(&job, folder_path(&f, "run"), part > 0);
    CHECK(rc == (p.stop_at ? ERR_INTERRUPTED : 0), "%s", err_message());
    if (p.stop_at) best = p.w[0];
  }
  const char *run_folder = folder_path(&f, "run");
  CHECK(saved_weight(run_folder, "model.safetensors") == p.w[0], "the last model is not the last");
  CHECK(saved_weight(run_folder, "model-best.safetensors") != p.w[0], "the best model is the last");
  if (stop)
    CHECK(saved_weight(run_folder, "model-best.safetensors") == best, "the best model was lost in a resumed run");
  folder_remove(&f);
}

// Rows every 4 iterations, validations every 3, which have rows too, and both at the last; a row has the mean since the
// one before. The same where the run was stopped between.
static void test_rows(struct par *par, int stop_at) {
  const struct folder f = folder_make();
  struct problem p;
  int score = 0;
  for (int part = 0; part < (stop_at ? 2 : 1); part++) {
    problem_init(&p);
    p.training.iterations = 10;
    p.training.log_every = 4;
    p.training.validate_every = 3;
    for (int k = 0; k < 4; k++) p.score[k] = score + k;
    p.stop_at = part == 0 ? stop_at : 0;
    struct training_job job = job_of(&p, par);
    job.validate = validate;
    CHECK(training_run(&job, folder_path(&f, "run"), part > 0) == (p.stop_at ? ERR_INTERRUPTED : 0), "%s",
          err_message());
    score = p.validations;
  }
  char *metrics = text_of(folder_path(&f, "run"), "metrics.csv"), *line = metrics;
  static const char *const rows[] = { "3,1,7,0", "4,3,,", "6,4.5,7,1", "8,6.5,,", "9,8,7,2", "10,9,7,3" };
  for (size_t k = 0; k < sizeof rows/sizeof *rows; k++) {
    char row[64], validation[32] = "";
    double number = 0;
    int iteration = 0;
    line += strcspn(line, "\n") + 1;
    sscanf(line, "%d,%*[^,],%*[^,],%lf,%31[^\n]", &iteration, &number, validation);
    snprintf(row, sizeof row, "%d,%g,%s", iteration, number, validation);
    CHECK(!strcmp(row, rows[k]), "stopped at %d: row %s, not %s", stop_at, row, rows[k]);
    if (strcmp(row, rows[k])) break;  // there may be no line more
  }
  free(metrics);
  folder_remove(&f);
}

// Refused before anything is written: other data, other settings.
static void test_refusals(struct par *par) {
  const struct folder f = folder_make();
  struct problem p;
  char before[512];
  problem_init(&p);
  struct training_job job = job_of(&p, par);
  strcpy(job.fingerprint, "0123456789abcdef");
  CHECK(training_run(&job, folder_path(&f, "run"), false) == 0, "%s", err_message());
  snprintf(before, sizeof before, "%s", folder_path(&f, "run"));
  char *settings = text_of(before, "settings.ini");
  strcpy(job.fingerprint, "0123456789abcdee");
  p.training.iterations = 20;
  CHECK(training_run(&job, before, true) == ERR_SETTING && strstr(err_message(), "data=0123456789abcdef"),
        "other data: %s", err_message());
  strcpy(job.fingerprint, "0123456789abcdef");
  p.training.rate = 0.2;
  CHECK(training_run(&job, before, true) == ERR_SETTING && strstr(err_message(), "train.rate=0.1, now 0.2"),
        "other rate: %s", err_message());
  char *after = text_of(before, "settings.ini");
  CHECK(!strcmp(settings, after), "a refused run changed settings.ini");
  free(settings), free(after);
  folder_remove(&f);
}

// A run begun before a setting existed continues with its default, and with no other value.
static void test_later(struct par *par) {
  static const struct param table[] = { PARAM_BOOL(struct dummy, flip, 0, "mirror", .later = true), { 0 } };
  const struct folder f = folder_make();
  struct problem p;
  struct dummy later = { 0 };
  problem_init(&p);
  struct training_job job = job_of(&p, par);
  CHECK(training_run(&job, folder_path(&f, "run"), false) == 0, "%s", err_message());
  p.sections[2] = (struct settings_section){ "more", table, &later };
  p.training.iterations = 20;
  later.flip = 1;
  CHECK(training_run(&job, folder_path(&f, "run"), true) == ERR_SETTING &&
            strstr(err_message(), "more.flip=no, now yes"),
        "%s", err_message());
  later.flip = 0;
  CHECK(training_run(&job, folder_path(&f, "run"), true) == 0, "%s", err_message());
  folder_remove(&f);
}

int main(void) {
  for (int threads = 1; threads <= 8; threads *= 2) {
    struct par *par = par_new(threads);
    test_step(par);
    test_weights(par);
    test_resume(par);
    test_best(par, false);
    test_best(par, true);
    test_rows(par, 0);
    test_rows(par, 5);
    test_refusals(par);
    test_later(par);
    par_free(par);
  }
  test_schedules();
  return test_summary();
}
