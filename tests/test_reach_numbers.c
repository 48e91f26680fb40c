// The numbers of the arm, by hand: distances, velocities, firing rates and weights changed of one movement; the first
// row of metrics.csv.
#include "base/note.h"
#include "base/tensorfile.h"
#include "base/err.h"
#include "base/rng.h"
#include "folder.h"
#include "experiment/arm/result.h"
#include "small_arm.h"
#include "test.h"

// The numbers of one movement, by hand: its path and velocities as the result keeps them, spikes of 24 and 40 neurons
// in 60 ms.
static void check_movement(void) {
  struct reach f;
  small_arm(&f);
  f.eval.trajectories = 1;
  struct reach_model m = small_arm_model(&f);
  struct reach_result one = small_arm_eval(&f, &m, NULL);
  double square = 0, omega[2] = { 0 };
  for (int t = 0; t < 60; t++) {
    for (int c = 0; c < 3; c++) square += pow(one.after_xyz[3*t + c] - one.target_xyz[3*t + c], 2);
    for (int j = 0; j < 2; j++) omega[j] += pow(one.after_omega[2*t + j] - one.target_omega[2*t + j], 2);
  }
  CHECK_REL(one.after.rms_distance_cm.mean, 100*sqrt(square/60), 1e-9);
  for (int j = 0; j < 2; j++) CHECK_REL(one.after.omega_rmse_rad_s[j].mean, sqrt(omega[j]/60), 1e-9);
  struct reach_batch b;
  small_arm_batch(&b, &f, &m, 1, 1, RNG_EVALUATE);
  reach_batch_forward(&b, m.parameters);
  const double first = b.item[0].first->rec.spikes.first[60], second = b.item[0].second.spikes.first[60],
               lsg = b.item[0].lsg.spikes.first[60];
  CHECK(first > 0 && second > 0 && lsg > 0, "%g, %g, %g spikes", first, second, lsg);
  CHECK_REL(one.trainee_Hz, second/24/0.06, 1e-12);
  CHECK_REL(one.lsg_Hz, lsg/40/0.06, 1e-12);
  CHECK_REL(b.trainee_Hz, (first + second)/24/0.12, 1e-12);
  CHECK_REL(b.lsg_Hz, lsg/40/0.06, 1e-12);
  double changed[2] = { 0 };
  const size_t ld = (size_t)m.o.trainee.ld, n_in = (size_t)m.o.trainee.n_in;
  for (size_t i = 0; i < n_in + 24; i++)
    for (size_t j = 0; j < 24; j++)
      changed[i >= n_in] += b.item[0].changed[i*ld + j] != m.parameters[m.o.trainee_w + i*ld + j];
  CHECK_REL(one.changed_in, changed[0]/(double)(n_in*24), 1e-12);
  CHECK_REL(one.changed_rec, changed[1]/(24*24), 1e-12);
  reach_batch_release(&b);
  reach_result_release(&one);
  reach_model_release(&m);
}

// The row of the first update in metrics.csv, and the validation after it, from the movements one by one.
static void check_row(void) {
  struct reach f;
  struct reach_model m;
  struct reach_batch b;
  const struct folder folder = folder_make();
  char run[512], path[600], *csv;
  size_t size;
  double square = 0, mean = 0, cm, omega[2], found[4] = { 0 };
  snprintf(run, sizeof run, "%s", folder_path(&folder, "run"));
  small_arm(&f);
  f.training.iterations = f.training.log_every = f.training.validate_every = 1;
  CHECK(reach_model_new(&m, &f) == 0 && reach_train(&f, run, false) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/metrics.csv", run);
  if (file_read(path, 1 << 20, &csv, &size) < 0) abort();
  CHECK(sscanf(csv, "%*[^\n]\n1,%*[^,],%*[^,],%*[^,],%*[^,],%*[^,],%*[^,],%lf,%lf,%lf,%*[^,],%*[^,],"
                  "%*[^,],%*[^,],%*[^,],%*[^,],%lf", &found[0],
               &found[1], &found[2], &found[3]) == 4,
        "%s", csv);
  free(csv);
  small_arm_batch(&b, &f, &m, 6, 2, RNG_TRAJECTORY);
  reach_batch_forward(&b, m.parameters);
  for (int k = 0; k < 6; k++) {
    reach_batch_errors(&cm, omega, &b, k, b.item[k].output);
    square += cm*cm/6;
  }
  CHECK(rel_diff(found[0], sqrt(square)) < 1e-5 && rel_diff(found[1], b.trainee_Hz) < 1e-5 &&
            rel_diff(found[2], b.lsg_Hz) < 1e-5,
        "%g cm, not %g; %g and %g Hz", found[0], sqrt(square), found[1], found[2]);
  reach_model_release(&m);
  snprintf(path, sizeof path, "%s/model.safetensors", run);
  CHECK(reach_model_load(&m, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  CHECK(reach_batch_draw(&b, 5, RNG_VALIDATE, 0) == 0, "%s", err_message());
  reach_batch_forward(&b, m.parameters);
  for (int k = 0; k < 5; k++) {
    reach_batch_errors(&cm, omega, &b, k, b.item[k].output);
    mean += cm/5;
  }
  CHECK(rel_diff(found[3], mean) < 1e-5, "validation: %g cm, not %g", found[3], mean);
  reach_batch_release(&b);
  reach_model_release(&m);
  folder_remove(&folder);
}

// Neurons without input never spike; the highest rate with 5 steps of refractory time is 20 spikes in 100 steps.
static void check_activity(void) {
  struct reach f;
  small_arm(&f);
  f.eval.trajectories = 25;
  struct reach_model m = small_arm_model(&f);
  const struct spiking *net = &m.o.trainee;
  real *w = m.parameters + m.o.trainee_w;
  for (int i = 0; i < net->n_in + net->n; i++)
    for (int j = 20; j < 23; j++) w[i*net->ld + j] = -1;
  struct reach_batch b;
  bool spikes[24] = { 0 };
  int silent = 24;
  small_arm_batch(&b, &f, &m, 25, 25, RNG_EVALUATE);
  reach_batch_forward(&b, m.parameters);
  for (int k = 0; k < 25; k++)
    for (int pass = 0; pass < 2; pass++) {
      const struct events *e = pass ? &b.item[k].second.spikes : &b.item[k].first->rec.spikes;
      for (int i = 0; i < e->first[60]; i++) spikes[e->index[i]] = true;
    }
  for (int j = 0; j < 24; j++) silent -= spikes[j];
  CHECK(silent >= 3 && !spikes[20] && !spikes[21] && !spikes[22], "%d neurons never spike", silent);
  for (int threads = 1; threads < 4; threads++) {
    f.run.threads = threads;
    struct reach_result r = small_arm_eval(&f, &m, NULL);
    CHECK(r.n_trainee == 24 && r.trainee_activity.silent == silent && r.n_lsg == 40, "%d threads: %d of %d never spike",
          threads, r.trainee_activity.silent, r.n_trainee);
    reach_result_release(&r);
  }
  reach_batch_release(&b);
  const double counts[24] = { 15, 16, 20, 0, 1, 15.9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 };
  const struct spiking_activity a = spiking_activity_of(net, counts, 100);
  CHECK(a.silent == 2 && a.saturated == 2, "%d silent, %d saturated", a.silent, a.saturated);
  reach_model_release(&m);
}

static char noted[400];
static void keep(const char *line) { snprintf(noted, sizeof noted, "%s", line); }

static void check_note(void) {
  noted[0] = 0;
  note_to(keep);
  CHECK(!reach_note_activity("trainee", 5, 1, 100, 20) && !noted[0], "%s", noted);
  CHECK(!reach_note_activity("trainee", 90, 50, 100, 19) && !noted[0], "%s", noted);
  CHECK(reach_note_activity("trainee", 100, 0, 100, 1) && strstr(noted, "100 of 100 neurons"), "%s", noted);
  CHECK(reach_note_activity("trainee", 5.2, 0, 100, 20) && strstr(noted, "5 of 100 neurons of the trainee never spike"),
        "%s", noted);
  CHECK(reach_note_activity("trainee", 0, 2, 100, 20) && strstr(noted, "2 spike at 80 %"), "%s", noted);
  note_to(NULL);
}

// A file of another program: what has no place in the networks is named.
static void check_left_out(void) {
  const struct folder folder = folder_make();
  char from[600], to[600];
  struct reach f;
  struct reach_model m;
  struct tensorfile *tf;
  snprintf(from, sizeof from, "%s", folder_path(&folder, "from.npz"));
  snprintf(to, sizeof to, "%s", folder_path(&folder, "to.npz"));
  small_arm(&f);
  m = small_arm_model(&f);
  m.parameters[m.o.trainee_w + spiking_recurrent(&m.o.trainee)] = 1;
  CHECK(reach_model_save(&m, &f, from, false) == 0 && tensorfile_open(&tf, from) == 0, "%s", err_message());
  reach_model_release(&m);
  struct tensorfile_writer *w = tensorfile_create(to);
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key, *value = tensorfile_metadata_at(tf, i, &key);
    tensorfile_put_text(w, key, value);
  }
  for (int i = 0; i < tensorfile_count(tf); i++)
    CHECK(tensorfile_put_copy(w, tf, tensorfile_at(tf, i)) == 0, "%s", err_message());
  tensorfile_put_real(w, "trainee.bias", 1, (int64_t[]){ 2 }, (real[]){ 1, 2 });
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  tensorfile_close(tf);
  noted[0] = 0;
  note_to(keep);
  CHECK(reach_model_load(&m, &f, from, &(struct run_sources){ 0 }) == 0 &&
            strstr(noted, "the diagonal of trainee.w_rec, 1 number "),
        "%s", noted);
  reach_model_release(&m);
  CHECK(reach_model_load(&m, &f, to, &(struct run_sources){ 0 }) == 0 && strstr(noted, "place for it: trainee.bias"),
        "%s", noted);
  reach_model_release(&m);
  note_to(NULL);
  folder_remove(&folder);
}

int main(void) {
  check_left_out();
  check_note();
  check_activity();
  check_movement();
  check_row();
  return test_summary();
}
