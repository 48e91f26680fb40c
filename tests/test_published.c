// The published weights: of characters on 40 fixed tasks with known accuracies, of the arm on 8 fixed movements and on
// drawn ones.
#include "base/err.h"
#include "base/file.h"
#include "base/par.h"
#include "base/tensorfile.h"
#include "experiment/arm/batch.h"
#include "experiment/fewshot/result.h"
#include "reference/reference.h"
#include "test.h"

#define SHARED "../shared/"
#define REFERENCE SHARED "reference/"
static const bool precise = sizeof(real) == 8;

static bool check_characters(void) {
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  char path[] = "data.path=" SHARED "omniglot", published[] = "data.preprocessing=published",
       tasks[] = "eval.tasks_file=" REFERENCE "paper_cnn_tasks.json";
  char *assignments[] = { path, tasks, published };
  const char *const model = REFERENCE "paper_cnn.safetensors";
  if (!file_exists(model) || !file_exists(SHARED "omniglot/images_evaluation.zip")) {
    printf("SKIP %s or the images are absent\n", model);
    return false;
  }
  fewshot_init(&f);
  f.run.threads = 1;
  f.eval.batchnorm = CONVNET_TASK;
  CHECK(fewshot_model_load(&m, &f, model, &(struct run_sources){ .n_assignments = 3, .assignments = assignments }) == 0,
        "%s", err_message());
  CHECK(f.data.preprocessing == IMAGESET_PUBLISHED && m.net.ways == 5, "settings of published weights");
  CHECK(fewshot_load_and_eval(&r, &f, &m) == 0, "%s", err_message());
  CHECK(r.n_tasks == 40 && r.n_updates == 4 && r.expected, "%d tasks, %d updates", r.n_tasks, r.n_updates);
  int exact = 0, columns = r.n_updates + 1;
  for (int k = 0; k < r.n_tasks; k++) {
    int same = 1;
    for (int s = 0; s < columns; s++) same &= fabs(r.task_accuracy[k*columns + s] - r.expected[k*columns + s]) < 1e-6;
    exact += same;
  }
  CHECK(exact >= 38, "%d of 40 tasks exactly as expected", exact);
  for (int s = 0; s < columns; s++) {
    double mean = 0;
    for (int k = 0; k < r.n_tasks; k++) mean += r.expected[k*columns + s] / r.n_tasks;
    CHECK(fabs(r.accuracy[s] - mean) < test_tol(0.002), "after %d updates %.4f, %.4f expected", s, r.accuracy[s], mean);
  }
  printf("%d of %d tasks exactly as expected, mean after %d updates %.2f %%\n", exact, r.n_tasks, r.n_updates,
         100 * r.accuracy[4]);
  fewshot_result_release(&r);
  // other preprocessing: the comparison can fail
  f.data.preprocessing = IMAGESET_AREA;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == 0, "%s", err_message());
  CHECK(r.accuracy[4] < 0.9, "ink and background exchanged, and still %.2f %%", 100 * r.accuracy[4]);
  fewshot_result_release(&r);
  f.eval.updates = 5;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_FORMAT && strstr(err_message(), "expect_query_accuracy has 5 numbers"),
        "%s", err_message());
  f.eval.tasks_file[0] = 0;
  f.eval.tasks = 40;
  double last = 0;
  for (f.eval.updates = 4; f.eval.updates <= 5; f.eval.updates++) {  // more than there are rates: the last once more
    CHECK(fewshot_load_and_eval(&r, &f, &m) == 0 && r.n_updates == f.eval.updates, "%s", err_message());
    if (f.eval.updates == 4) last = r.accuracy[4];
    else CHECK(r.accuracy[4] == last && fabs(r.accuracy[5] - last) < 0.2, "%g, %g after one more", last, r.accuracy[5]);
    fewshot_result_release(&r);
  }
  fewshot_model_release(&m);
  return true;
}

// The 8 given movements with the published weights: outputs, tip errors, update, rates.
static void check_movements(struct reach_batch *b, const struct reach_model *m, struct tensorfile *tf) {
  const int64_t B = 8, T = 249;
  double *expected = malloc((size_t)(B*T*2)*sizeof *expected), cm[8], before_off = 0, off = 0, cm_off = 0;
  int64_t *whole = malloc((size_t)(B*T*48)*sizeof *whole);
  static uint8_t bits[249*48];
  CHECK(tensorfile_i64(tf, "lsg.bits", 3, (const int64_t[]){ B, T, 48 }, whole) == 0, "%s", err_message());
  CHECK(tensorfile_f64(tf, "target.omega", 3, (const int64_t[]){ B, T, 2 }, b->omega) == 0, "%s", err_message());
  CHECK(tensorfile_f64(tf, "target.xyz", 3, (const int64_t[]){ B, T, 3 }, b->xyz) == 0, "%s", err_message());
  int wrong_bits = 0;
  for (int k = 0; k < B; k++) {
    reach_batch_encode(b, k, 0);
    const int coded = b->item[k].input.first[T];
    for (int64_t i = 0; i < T*48; i++) bits[i] = whole[k*T*48 + i] != 0;
    reference_bits(&b->item[k].input, bits, 48, &b->f->code);
    wrong_bits += coded != b->item[k].input.first[T];
  }
  CHECK(wrong_bits == 0, "%d movements are coded otherwise", wrong_bits);
  reach_batch_forward(b, m->parameters);
  for (int pass = 1; pass <= 2; pass++) {
    CHECK(tensorfile_f64(tf, pass == 1 ? "expect.pass1.omega" : "expect.pass2.omega", 3, (const int64_t[]){ B, T, 2 },
                         expected) == 0,
          "%s", err_message());
    for (int k = 0; k < B; k++)
      for (int64_t t = 0; t < T; t++)
        for (int j = 0; j < 2; j++) {
          const real *o = pass == 1 ? b->item[k].first->output : b->item[k].output;
          double *most = pass == 1 ? &before_off : &off;
          *most = fmax(*most, fabs((double)o[t*m->o.trainee.ld_out + j] - expected[(k*T + t)*2 + j]));
        }
  }
  CHECK(tensorfile_f64(tf, "expect.rms_distance_cm", 1, &B, cm) == 0, "%s", err_message());
  double mean = 0;
  for (int k = 0; k < B; k++) {
    double found, omega[2];
    reach_batch_errors(&found, omega, b, k, b->item[k].output);
    cm_off = fmax(cm_off, fabs(found - cm[k]));
    mean += found/(double)B;
  }
  printf("published weights: outputs off by %.2g (before %.2g) rad/s, distances by %.2g cm; mean %.3f cm\n", off,
         before_off, cm_off, mean);
  if (precise)
    CHECK(off <= test_tol(1e-6) && before_off <= test_tol(1e-6) && cm_off <= test_tol(0.01), "off by %g rad/s, %g cm",
          off, cm_off);
  CHECK(mean < 2.5, "%g cm", mean);
  free(expected);
  free(whole);
}

static bool check_arm(void) {
  struct reach f;
  struct reach_model m;
  struct tensorfile *tf;
  if (!file_exists(REFERENCE "paper_arm.safetensors")) {
    printf("SKIP published weights: of the arm: absent\n");
    return false;
  }
  reach_init(&f);
  f.run.threads = 1;
  CHECK(reach_model_load(&m, &f, REFERENCE "paper_arm.safetensors", &(struct run_sources){ 0 }) == 0, "%s",
        err_message());
  CHECK(tensorfile_open(&tf, REFERENCE "paper_arm_trajectories.safetensors") == 0, "%s", err_message());
  struct par *par = par_new(1);
  struct reach_batch b;
  reach_batch_init(&b, &f, &m.o, 8, 4, par, NULL);
  check_movements(&b, &m, tf);
  double own, other, omega[2];  // negative control: the input is movement 1, movement 0 is expected
  reach_batch_errors(&own, omega, &b, 0, b.item[0].output);
  reach_batch_errors(&other, omega, &b, 0, b.item[1].output);
  CHECK(other > 5*own, "another movement's update: %g cm, its own %g cm", other, own);
  reach_batch_release(&b);
  par_free(par);
  tensorfile_close(tf);
  const struct { int grid; double low, high, changed_low, changed_high; } cases[] = {
    { EPROP_EXACT, 2.0, 2.4, 0.6, 0.9 }, { EPROP_NEAREST, 12, 16, 0.01, 0.06 },
    { EPROP_STOCHASTIC, 2.4, 3.2, 0.06, 0.10 },
  };
  f.trajectory.free = 1;
  f.eval.trajectories = TEST_SANITIZED ? 12 : precise ? 40 : 150;
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    struct reach_result r;
    m.o.update.grid = f.update.grid = cases[k].grid;
    CHECK(reach_eval(&r, &f, &m, NULL) == 0, "%s", err_message());
    const double cm = r.after.rms_distance_cm.mean, slack = 4*r.after.rms_distance_cm.std/sqrt(r.n_trajectories);
    printf("%-10s %.2f +- %.2f cm over %d free movements, %.1f / %.1f %% of the weights changed\n",
           eprop_grid_names[cases[k].grid], cm, r.after.rms_distance_cm.std, r.n_trajectories, 100*r.changed_in,
           100*r.changed_rec);
    CHECK(cm > cases[k].low - slack && cm < cases[k].high + slack, "%s: %g cm", eprop_grid_names[cases[k].grid], cm);
    CHECK(r.changed_rec > cases[k].changed_low && r.changed_rec < cases[k].changed_high, "%g changed", r.changed_rec);
    CHECK(r.before.rms_distance_cm.mean > 30, "before the update %g cm", r.before.rms_distance_cm.mean);
    reach_result_release(&r);
  }
  reach_model_release(&m);
  return true;
}

int main(void) {
  const bool characters = check_characters(), arm = check_arm();
  return characters || arm ? test_summary() : 77;
}
