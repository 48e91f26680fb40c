// The arm end to end: reference vectors, threads, resume, models, a user's path.
#include <signal.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "device/pcm.h"
#include "experiment/arm/batch.h"
#include "experiment/experiment.h"
#include "small_arm.h"
#include "reference/reference.h"
#include "test.h"

#define REFERENCE "../shared/reference/"
static const bool precise = sizeof(real) == 8;

static void check_reference(const char *path) {
  struct tensorfile *tf;
  double worst = INFINITY;
  if (!file_exists(path)) {
    printf("SKIP %s: absent\n", path);
    return;
  }
  CHECK(tensorfile_open(&tf, path) == 0 && reference_eprop(tf, NULL, &worst) == 0, "%s", err_message());
  if (precise) CHECK(worst <= test_tol(1e-9), "%s: off by %g", path, worst);
  tensorfile_close(tf);
}

// ---- a user's path

static void write_path(const char *path, double radius, int rows, int bad_row) {
  FILE *out = fopen(path, "w");
  struct kinematics arm;
  param_defaults(kinematics_param_table, &arm);
  fprintf(out, "x,y,z\n");
  for (int k = 1; k <= rows; k++) {  // a circle of joint angles that begins at home
    const double phase = 6.283185307179586*k/rows;
    double tip[3];
    kinematics_tip(tip, radius*(1 - cos(phase)), radius*sin(phase), &arm);
    fprintf(out, "%.9f,%.9f,%.9f\n", tip[0] + (k == bad_row ? 0.1 : 0), tip[1], tip[2]);
  }
  fclose(out);
}

static void check_path(void) {
  char path[] = "/tmp/pathXXXXXX";
  close(mkstemp(path));
  struct reach f;
  small_arm(&f);
  struct reach_model m = small_arm_model(&f);
  snprintf(f.target.file, sizeof f.target.file, "%s", path);
  write_path(path, 0.05, 40, 0);
  struct reach_result r = small_arm_eval(&f, &m, NULL);
  CHECK(r.n_trajectories == 1 && fabs(r.target_xyz[3*59] - 0.92) < 1e-6, "a circle ends at x = %g", r.target_xyz[3*59]);
  double q[2] = { 0 }, tip[3], off = 0;
  for (int t = 0; t < 60; t++) {
    for (int j = 0; j < 2; j++) q[j] += 0.01*r.target_omega[2*t + j];
    kinematics_tip(tip, q[0], q[1], &f.arm);
    for (int c = 0; c < 3; c++) off = fmax(off, fabs(tip[c] - r.target_xyz[3*t + c]));
  }
  CHECK(off < test_tol(1e-12), "velocity and position of the target differ by %g m", off);
  reach_result_release(&r);
  write_path(path, 0.05, 40, 7);
  CHECK(reach_eval(&r, &f, &m, NULL) == ERR_FORMAT && strstr(err_message(), ":8: ") &&
            strstr(err_message(), "reach_tolerance_m=0.01"),
        "%s", err_message());
  write_path(path, 0.5, 40, 0);
  CHECK(reach_eval(&r, &f, &m, NULL) == ERR_FORMAT && strstr(err_message(), ":3: shoulder jumps"), "%s", err_message());
  reach_model_release(&m);
  unlink(path);
}

// Targets that rest at the limits, base at + or - `side`, shoulder where the joint is driven; returns the largest
// |dL/dW_out| of the base.
static double stop_gradients(real *gradient, struct reach_batch *b, const struct reach_model *m, int side) {
  const double limit = kinematics_limit_rad(&b->f->arm, 0);
  const int ld = m->o.trainee.ld_out, lead_in = (int)b->f->code.lead_in;
  for (int k = 0; k < b->n; k++) {
    double sum[2] = { b->begin[2*k], b->begin[2*k + 1] };
    for (int t = 0; t < b->T; t++) {
      double *angle = b->angle + 2*(k*b->T + t), *omega = b->omega + 2*(k*b->T + t);
      for (int j = 0; j < 2; j++) {
        sum[j] += 0.01*(double)b->item[k].output[(lead_in + t)*ld + j];
        angle[j] = (sum[j] > 0) == (j || side > 0) ? limit : -limit;
        omega[j] = 0.1*j;
      }
      kinematics_tip(b->xyz + 3*(k*b->T + t), angle[0], angle[1], &b->f->arm);
    }
  }
  double most = 0;
  reach_batch_forward(b, m->parameters);
  small_arm_gradient(b, gradient);
  for (int i = 0; i < m->o.trainee.n; i++)
    most = fmax(most, fabs((double)gradient[m->o.trainee_w_out + (size_t)(i*ld)]));
  return most;
}

// The gradient of the readout, which moves no spike, against differences of the loss: the largest difference over the
// largest gradient.
static double readout_error(const real *gradient, struct reach_batch *b, const struct reach_model *m) {
  real *w_out = m->parameters + m->o.trainee_w_out;
  const int ld = m->o.trainee.ld_out;
  double off = 0, top = 0;
  for (int i = 0; i < m->o.trainee.n; i++)
    for (int j = 0; j < 2; j++) {
      const real at = w_out[i*ld + j], eps = (real)1e-6;
      w_out[i*ld + j] = at + eps;
      reach_batch_forward(b, m->parameters);
      double difference = b->loss_task;
      w_out[i*ld + j] = at - eps;
      reach_batch_forward(b, m->parameters);
      difference = (difference - b->loss_task)/2e-6;
      w_out[i*ld + j] = at;
      off = fmax(off, fabs(difference - (double)gradient[m->o.trainee_w_out + (size_t)(i*ld + j)]));
      top = fmax(top, fabs(difference));
    }
  return off/top;
}

// Joints driven on at their limits stay there, and the gradient of the loss includes it: exactly where the target rests
// at the same limit. The networks begin 7 steps before the movement; their outputs then move nothing.
static void check_stops(void) {
  struct reach f;
  struct reach_batch b;
  small_arm(&f);
  f.update.grid = EPROP_EXACT;
  f.arm.limit_base_deg = f.arm.limit_shoulder_deg = 1;
  f.code.lead_in = 7;
  struct reach_model m = small_arm_model(&f);
  small_arm_batch(&b, &f, &m, 2, 2, RNG_TEST);
  for (int i = 0; i < 4; i++) b.begin[i] = (i % 3 ? 0.004 : -0.006)*i;  // anywhere within 1 degree
  real *w_out = m.parameters + m.o.trainee_w_out, *gradient = err_aligned(m.o.n, sizeof *gradient);
  const int ld = m.o.trainee.ld_out;
  for (int i = 0; i < m.o.trainee.n*ld; i++) w_out[i] *= (real)10;  // so that the limits are reached
  reach_batch_forward(&b, m.parameters);
  for (int k = 0; k < 2; k++) {
    double omega[2*60], xyz[3*60], most[2] = { 0 }, beyond[2] = { 0 };
    double q[2] = { b.begin[2*k], b.begin[2*k + 1] }, told[2] = { q[0], q[1] };
    reach_batch_path(xyz, omega, &b, k, b.item[k].output);
    for (int t = 0; t < 60; t++)
      for (int j = 0; j < 2; j++) {
        q[j] += 0.01*omega[2*t + j];
        told[j] += 0.01*(double)b.item[k].output[(7 + t)*ld + j];
        most[j] = fmax(most[j], fabs(q[j]));
        beyond[j] = fmax(beyond[j], fabs(told[j]));
      }
    const double limit = kinematics_limit_rad(&f.arm, 0);
    for (int j = 0; j < 2; j++)
      CHECK(fabs(most[j] - limit) < test_tol(1e-12) && beyond[j] > 1.1*limit,
            "movement %d, joint %d: up to %g where %g is the limit; told to go to %g", k, j, most[j], limit, beyond[j]);
  }
  const double along = stop_gradients(gradient, &b, &m, 1);
  if (precise)
    CHECK(readout_error(gradient, &b, &m) < 1e-5, "the gradient is off by %g of itself",
          readout_error(gradient, &b, &m));
  // the base at one limit and its target at the other: straight through
  const double against = stop_gradients(gradient, &b, &m, -1);
  CHECK(against > along, "a joint at the wrong limit has a gradient of %g, one near the right one %g", against, along);
  f.arm.stops = 0;
  stop_gradients(gradient, &b, &m, -1);
  if (precise)
    CHECK(readout_error(gradient, &b, &m) < 1e-5, "without stops the gradient is off by %g of itself",
          readout_error(gradient, &b, &m));
  f.loss.root = 1;
  stop_gradients(gradient, &b, &m, -1);
  if (precise)
    CHECK(readout_error(gradient, &b, &m) < 1e-5, "that of the root is off by %g of itself",
          readout_error(gradient, &b, &m));
  f.update.signal = EPROP_SYMMETRIC;
  CHECK(reach_check_settings(&f) == ERR_SETTING && strstr(err_message(), "code.lead_in=7"), "%s", err_message());
  f.code.preview = 60;
  CHECK(reach_check_settings(&f) == ERR_SETTING && strstr(err_message(), "code.preview=60"), "%s", err_message());
  reach_batch_release(&b);
  reach_model_release(&m);
  free(gradient);
}

// On exact synapse arrays the same movements come out as in software.
static void check_device(void) {
  enum { N = 13 };  // in software a first pass is shared by 10
  struct reach f;
  struct reach_result r, d;
  small_arm(&f);
  f.run.threads = 2;
  f.eval.trajectories = N;
  f.update.grid = EPROP_NEAREST;
  f.update.step = 1e-3;
  struct reach_model m = small_arm_model(&f);
  const int rows = m.o.trainee.n_in + m.o.trainee.n;
  struct synapse *array[2] = { synapse_exact_new(rows, m.o.trainee.n), synapse_exact_new(rows, m.o.trainee.n) };
  const struct reach_device device = { .array = array };
  CHECK(reach_eval(&r, &f, &m, NULL) == 0 && reach_eval(&d, &f, &m, &device) == 0, "%s", err_message());
  CHECK(r.changed_rec == d.changed_rec && r.changed_rec > 0, "%g and %g of the weights changed", r.changed_rec,
        d.changed_rec);
  for (int k = 0; k < N; k++) CHECK_REL(r.distance_cm[k], d.distance_cm[k], precise ? 1e-9 : 1e-3);
  m.parameters[m.o.trainee_w] += (real)1;  // negative control
  reach_result_release(&d);
  d = small_arm_eval(&f, &m, &device);
  CHECK(rel_diff(r.distance_cm[0], d.distance_cm[0]) > 1e-3, "another weight goes unnoticed");
  for (int k = 0; k < 2; k++) array[k]->ops->free(array[k]);
  reach_result_release(&r);
  reach_result_release(&d);
  reach_model_release(&m);
}

// Quantised weights: many bits are as good as real numbers; before the update few are the model rounded; stochastic
// rounding differs.
static void check_quantised(void) {
  enum { N = 5 };
  struct reach f;
  struct reach_result exact, fine, coarse, rounded, random;
  small_arm(&f);
  f.eval.trajectories = N;
  f.update.grid = EPROP_EXACT;
  struct reach_model m = small_arm_model(&f);
  exact = small_arm_eval(&f, &m, NULL);
  f.synapse.kind = RUN_QUANTISED;
  f.synapse.bits = 16;
  fine = small_arm_eval(&f, &m, NULL);
  f.synapse.bits = 4;
  coarse = small_arm_eval(&f, &m, NULL);
  f.synapse.rounding = 1;
  random = small_arm_eval(&f, &m, NULL);
  reach_model_round(&m, &f);
  f.synapse.kind = RUN_EXACT;
  rounded = small_arm_eval(&f, &m, NULL);
  CHECK_REL(fine.before.rms_distance_cm.mean, exact.before.rms_distance_cm.mean, 0.01);
  CHECK_REL(coarse.before.rms_distance_cm.mean, rounded.before.rms_distance_cm.mean, precise ? 1e-9 : 1e-3);
  CHECK(rel_diff(coarse.before.rms_distance_cm.mean, exact.before.rms_distance_cm.mean) > 1e-3, "4 bits go unnoticed");
  CHECK(rel_diff(coarse.before.rms_distance_cm.mean, random.before.rms_distance_cm.mean) > 1e-3,
        "two roundings, one result");
  CHECK(coarse.changed_rec > 0 && coarse.changed_rec < fine.changed_rec, "%g and %g of the weights changed",
        coarse.changed_rec, fine.changed_rec);
  f.synapse.kind = RUN_QUANTISED;
  f.noise.read = 0.1;
  CHECK(reach_eval_check(&f) == ERR_SETTING && strstr(err_message(), "noise.*"), "%s", err_message());
  struct reach_result *const all[] = { &exact, &fine, &coarse, &rounded, &random };
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) reach_result_release(all[k]);
  reach_model_release(&m);
}

// What a movement finds depends on its number alone; the numbers that are printed are those of all movements.
static void check_statistics(void) {
  enum { N = 23 };
  struct reach f;
  struct reach_result r, few;
  struct experiment_headline headline;
  struct experiment_scores scores;
  small_arm(&f);
  f.eval.trajectories = N;
  f.run.threads = 3;
  struct reach_model m = small_arm_model(&f);
  r = small_arm_eval(&f, &m, NULL);
  double sum = 0, square = 0;
  for (int k = 0; k < N; k++) sum += r.distance_cm[k];
  for (int k = 0; k < N; k++) square += pow(r.distance_cm[k] - sum/N, 2);
  const struct reach_spread *cm = &r.after.rms_distance_cm;
  CHECK_REL(cm->mean, sum/N, 1e-12);
  CHECK_REL(cm->std, sqrt(square/(N - 1)), 1e-12);
  CHECK_REL(cm->ci95, 2.0738730679040147*sqrt(square/(N - 1)/N), 1e-9);  // t(0.975, 22)
  CHECK(r.trainee_Hz > 0 && r.lsg_Hz > 0 && r.changed_in > 0 && r.changed_in <= 1, "%g and %g Hz, %g", r.trainee_Hz,
        r.lsg_Hz, r.changed_in);
  reach_experiment.headline(&headline, &r);
  reach_experiment.scores(&scores, &r);
  CHECK(headline.value == cm->mean && headline.ci95 == cm->ci95 && headline.before == r.before.rms_distance_cm.mean &&
            !headline.higher_is_better,
        "%s", headline.name);
  CHECK(scores.n == N && scores.n_chips == 1 && scores.first[N - 1] == r.distance_cm[N - 1] &&
            scores.devices_written == 0,
        "%d", scores.n);
  f.run.threads = 1;
  f.eval.trajectories = 12;
  few = small_arm_eval(&f, &m, NULL);
  CHECK(!memcmp(few.distance_cm, r.distance_cm, 12*sizeof(double)), "movements depend on how many there are");
  reach_result_release(&few);
  f.eval.trajectories = 1;
  few = small_arm_eval(&f, &m, NULL);
  CHECK(few.after.rms_distance_cm.mean == r.distance_cm[0] && few.after.rms_distance_cm.ci95 == (double)INFINITY, "%g",
        few.after.rms_distance_cm.ci95);
  reach_result_release(&few);
  reach_result_release(&r);
  reach_model_release(&m);
}

// Programming noise has the size asked for, relative to the largest weight, and leaves the diagonal alone.
static void check_noise(void) {
  struct reach f;
  struct reach_batch b;
  small_arm(&f);
  f.noise.programming = 0.07;
  f.noise.read = 0.02;
  struct reach_model m = small_arm_model(&f);
  small_arm_batch(&b, &f, &m, 4, 2, RNG_TEST);
  reach_batch_forward(&b, m.parameters);
  const struct spiking *net = &m.o.trainee;
  const real *w = m.parameters + m.o.trainee_w;
  double top = 0, square = 0, n = 0, diagonal = 0;
  for (size_t k = 0; k < spiking_w_size(net); k++) top = fmax(top, fabs((double)w[k]));
  for (int k = 0; k < 4; k++)
    for (int i = 0; i < net->n_in + net->n; i++)
      for (int j = 0; j < net->n; j++) {
        const double e = (double)(b.item[k].first->w[i*net->ld + j] - w[i*net->ld + j]);
        if (i - net->n_in == j) diagonal = fmax(diagonal, fabs(e));
        else square += e*e, n++;
      }
  const double sigma = sqrt(square/n), error = 5*0.07*top/sqrt(2*n);
  CHECK(fabs(sigma - 0.07*top) < error && diagonal == 0, "spread %g of %g, diagonal %g", sigma, 0.07*top, diagonal);
  CHECK(fabs(sigma - 1.1*0.07*top) > error, "a spread 10 %% larger would go unnoticed");
  CHECK(memcmp(b.item[0].first->output, b.item[1].first->output, (size_t)(60*net->ld_out)*sizeof(real)),
        "two movements share their noise");
  reach_batch_release(&b);
  m.o.noise.chips = ONESHOT_OF_EPISODE;
  small_arm_batch(&b, &f, &m, 4, 2, RNG_TEST);
  reach_batch_forward(&b, m.parameters);
  CHECK(b.n_firsts == 2 && b.item[0].first == b.item[1].first && b.item[2].first == b.item[3].first,
        "%d chips for two episodes", b.n_firsts);
  CHECK(memcmp(b.item[0].first->w, b.item[2].first->w, spiking_w_size(net)*sizeof(real)), "two episodes share a chip");
  CHECK(memcmp(b.item[0].first->w, w, spiking_w_size(net)*sizeof(real)), "the chip of an episode is free of errors");
  reach_batch_release(&b);
  reach_model_release(&m);
}

// A weight that the update rewrites has an error of its own, of the same size: not both the old and the new. With
// a preset, the error is that of two devices of the weight's conductance.
static void check_rewriting(int preset, bool column) {
  enum { N = 40 };
  struct reach f;
  struct reach_batch b;
  small_arm(&f);
  f.noise.preset = preset;
  f.noise.scale = column;
  f.noise.programming = preset ? 1 : 0.07;
  f.update.grid = EPROP_EXACT;
  f.update.rate = 1e-5;  // changes far below the errors
  struct reach_model m = small_arm_model(&f);
  small_arm_batch(&b, &f, &m, N, N, RNG_TEST);
  reach_batch_forward(&b, m.parameters);
  const size_t size = spiking_w_size(&m.o.trainee);
  const real *w = m.parameters + m.o.trainee_w;
  const size_t ld = (size_t)m.o.trainee.ld;
  double *tops = calloc(ld, sizeof *tops), square[2] = { 0 }, expected = 0, both = 0, n = 0;
  struct pcm p;
  pcm_preset(&p, preset ? preset - 1 : 0);
  for (size_t i = 0; i < size; i++)
    for (size_t j = column ? i%ld : 0; j < (column ? i%ld + 1 : ld); j++) tops[j] = fmax(tops[j], fabs((double)w[i]));
  for (size_t i = 0; i < N*size; i++) {
    const struct oneshot_item *it = &b.item[i/size];
    const double v = (double)w[i%size], first = (double)it->first->w[i%size] - v,
                 second = (double)it->changed[i%size] - v;
    if (first == second) continue;
    const double top = tops[i%size%ld];
    const double s = pcm_sigma_prog_uS(&p, p.g_max_uS*fabs(v)/top), reset = pcm_sigma_prog_uS(&p, 0);
    const double preset_variance = (s*s + reset*reset*(0.5 - 0.5/3.14159265358979))*p.devices/2*pow(top/p.g_max_uS, 2);
    square[0] += first*first;
    square[1] += second*second;
    both += first*second;
    expected += preset ? preset_variance : pow(0.07*top, 2);
    n++;
  }
  const double slack = 7*sqrt(2/n) + 0.02;  // sigmas differ from weight to weight
  CHECK(n > 5000, "%g weights rewritten", n);
  for (int pass = 0; pass < 2; pass++)
    CHECK(fabs(square[pass]/expected - 1) < slack, "preset %d, pass %d: variance %g of that expected", preset,
          pass + 1, square[pass]/expected);
  CHECK(fabs(both/expected) < slack, "errors before and after are correlated: %g", both/expected);
  free(tops);
  reach_batch_release(&b);
  reach_model_release(&m);
}

// Broadcast errors: several updates through W_out bring the outputs nearer to the target.
static void check_broadcast(void) {
  struct reach f;
  small_arm(&f);
  f.update = (struct eprop_params){
    .signal = EPROP_SYMMETRIC, .repeats = 60, .rate = 0.05, .input_rate = 1, .grid = EPROP_EXACT, .step = 0.1
  };
  f.eval.trajectories = 5;
  struct reach_model m = small_arm_model(&f);
  struct reach_result r = small_arm_eval(&f, &m, NULL);
  const double before = r.before.omega_rmse_rad_s[0].mean, after = r.after.omega_rmse_rad_s[0].mean;
  printf("symmetric broadcast, 60 updates: %.3f to %.3f rad/s\n", before, after);
  CHECK(after < 0.7*before, "%g to %g rad/s", before, after);
  reach_result_release(&r);
  f.update.signal = m.o.update.signal = EPROP_LSG;
  CHECK(reach_eval(&r, &f, &m, NULL) == ERR_SETTING, "%s", err_message());
  reach_model_release(&m);
}

// Mean square over T and neurons of a - b.
static double square_difference(const real *a, const real *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += ((double)a[i] - (double)b[i])*((double)a[i] - (double)b[i])/(double)n;
  return sum;
}

// Several passes of the LSG: without dither their mean is one pass; with it the variance falls as their number.
static void check_passes(void) {
  struct reach f;
  struct reach_batch b;
  small_arm(&f);
  struct reach_model m = small_arm_model(&f);
  const size_t n = (size_t)m.o.T*(size_t)m.o.trainee.ld;
  real *one = err_calloc(n, sizeof *one), *two = err_calloc(n, sizeof *two);
  small_arm_batch(&b, &f, &m, 1, 1, RNG_TEST);
  struct oneshot_item *it = &b.item[0];
  oneshot_signal(one, it, &m.o, m.parameters, &b.scratch[0]);
  m.o.update.lsg_passes = 3;
  m.o.update.lsg_dither = 0;
  oneshot_signal(two, it, &m.o, m.parameters, &b.scratch[0]);
  CHECK(square_difference(one, two, n) < 1e-10, "%g between one pass and the mean of three equal ones",
        square_difference(one, two, n));
  m.o.update.lsg_dither = 0.1;
  double variance[2] = { 0 };
  const int passes[2] = { 2, 32 };
  for (int k = 0; k < 2; k++)
    for (int repeat = 0; repeat < 40; repeat++) {
      m.o.update.lsg_passes = passes[k];
      oneshot_signal(one, it, &m.o, m.parameters, &b.scratch[0]);
      oneshot_signal(two, it, &m.o, m.parameters, &b.scratch[0]);
      variance[k] += square_difference(one, two, n);
    }
  CHECK(variance[0] > 0 && fabs(variance[0]/variance[1]/16 - 1) < 0.35, "variance of 2 passes %g, of 32 %g",
        variance[0], variance[1]);
  f.update.lsg_passes = 2;
  CHECK(reach_train(&f, "/nowhere", 0) == ERR_SETTING && strstr(err_message(), "update.lsg_passes=2"), "%s",
        err_message());
  free(one);
  free(two);
  reach_batch_release(&b);
  reach_model_release(&m);
}

// Few changes in place of all: those that do the same to the spikes of the performance after all changes.
static void check_pursuit(void) {
  struct reach f;
  struct reach_batch all, few;
  small_arm(&f);
  f.update.grid = EPROP_EXACT;
  struct reach_model m = small_arm_model(&f);
  small_arm_batch(&all, &f, &m, 2, 2, RNG_TEST);
  reach_batch_forward(&all, m.parameters);
  f.update.grid = m.o.update.grid = EPROP_PURSUIT;
  m.o.update.pursuit_gain = f.update.pursuit_gain = 0.3;
  small_arm_batch(&few, &f, &m, 2, 2, RNG_TEST);
  reach_batch_forward(&few, m.parameters);
  const size_t n = spiking_w_size(&m.o.trainee);
  const real *w = m.parameters + m.o.trainee_w;
  real *expected = err_calloc(n, sizeof *expected);
  for (int k = 0; k < 2; k++) {
    int wrong = 0, made = 0, in_all = 0;
    for (size_t i = 0; i < n; i++) expected[i] = all.item[k].changed[i] - w[i];
    eprop_pursue(expected, &m.o.trainee, &all.item[k].second, &all.clock, &m.o.update, &few.scratch[0]);
    for (size_t i = 0; i < n; i++) {
      wrong += fabs((double)(few.item[k].changed[i] - w[i] - expected[i])) > 1e-6;
      made += few.item[k].changed[i] != w[i];
      in_all += all.item[k].changed[i] != w[i];
    }
    CHECK(wrong == 0 && made > 5 && made < in_all/2, "%d wrong, %d changes of %d", wrong, made, in_all);
  }
  free(expected);
  reach_batch_release(&all);
  reach_batch_release(&few);
  reach_model_release(&m);
}

int main(void) {
  check_reference(REFERENCE "eprop_small.safetensors");
  check_reference(REFERENCE "eprop_small_quantised.safetensors");
  check_path();
  check_stops();
  check_device();
  check_quantised();
  check_statistics();
  check_noise();
  for (int k = 0; k < 6; k++) check_rewriting(k%3, k >= 3);
  check_broadcast();
  check_passes();
  check_pursuit();
  return test_summary();
}
