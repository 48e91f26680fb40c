// Meta-training of the arm: threads, resuming, what stays as it is, a model to start from.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "folder.h"
#include "small_arm.h"
#include "test.h"

static char *whole_file(const char *folder, const char *name, size_t *size) {
  char path[FILE_PATH_SIZE], *data = NULL;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  *size = 0;
  CHECK(file_read(path, 1 << 26, &data, size) == 0, "%s", err_message());
  return data;
}

static void same_file(const char *a, const char *b, const char *name) {
  size_t n, m;
  char *x = whole_file(a, name, &n), *y = whole_file(b, name, &m);
  CHECK(x && y && n == m && !memcmp(x, y, n), "%s differs between %s and %s", name, a, b);
  free(x);
  free(y);
}

// A run that is killed once a checkpoint is there. False: it had ended.
static bool run_and_kill(struct reach *f, const char *folder) {
  const double every_s = f->training.checkpoint_every_s;
  int status;
  f->training.checkpoint_every_s = 0;
  const pid_t child = fork();
  if (child == 0) {
    alarm(1200);
    _exit(reach_train(f, folder, 0) < 0);
  }
  char path[FILE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  for (siginfo_t ended = { 0 }; !ended.si_pid && !file_exists(path);
       waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT))
    usleep(500);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  f->training.checkpoint_every_s = every_s;
  return WIFSIGNALED(status);
}

static void check_training(void) {
  char a[512], c[512];
  struct folder folder = folder_make();
  snprintf(a, sizeof a, "%s/a", folder.path);
  struct reach f;
  small_arm(&f);
  f.run.threads = 3;
  do {
    f.training.iterations *= 2;
    snprintf(c, sizeof c, "%s/%d", folder.path, (int)f.training.iterations);
  } while (!run_and_kill(&f, c) && f.training.iterations < 10000);
  CHECK(f.training.iterations < 10000, "every training ended before it was killed");
  f.run.threads = 1;
  CHECK(reach_train(&f, a, 0) == 0, "%s", err_message());
  f.run.threads = 3;
  CHECK(reach_train(&f, c, 1) == 0, "%s", err_message());
  same_file(a, c, "model.safetensors");
  same_file(a, c, "metrics.csv");
  f.training.rate = 1e-3;
  CHECK(reach_train(&f, c, 1) == ERR_SETTING && strstr(err_message(), "train.rate"), "another rate: %s", err_message());
  // a model read back is the model
  struct reach_model m;
  struct reach g;
  char path[600];
  snprintf(path, sizeof path, "%s/model.safetensors", a);
  reach_init(&g);
  CHECK(reach_model_load(&m, &g, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  CHECK(g.lsg.neurons == 40 && g.trajectory.steps == 60 && m.o.trainee.n == 24, "%d neurons", m.o.trainee.n);
  snprintf(path, sizeof path, "%s/copy.safetensors", folder.path);
  CHECK(reach_model_save(&m, &g, path, false) == 0, "%s", err_message());
  size_t n_a, n_b;
  char *x = whole_file(a, "model.safetensors", &n_a), *y = whole_file(folder.path, "copy.safetensors", &n_b);
  CHECK(n_a == n_b && !memcmp(x, y, n_a), "the model changes when saved again");
  free(x);
  free(y);
  reach_model_release(&m);
  folder_remove(&folder);
}

// A trainee with a rate of zero stays as it is, bit for bit, while the LSG learns; W_out has a rate of its own.
static void check_frozen(void) {
  char path[600];
  struct folder folder = folder_make();
  struct reach f;
  struct reach_model start, end;
  small_arm(&f);
  f.train.trainee_rate = 0;
  f.training.weight_decay = 0.05;
  f.training.clip = 0.3;
  start = small_arm_model(&f);
  CHECK(reach_train(&f, folder.path, 0) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/model.safetensors", folder.path);
  CHECK(reach_model_load(&end, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  const size_t *at = start.o.matrix;
  for (int k = 0; k < ONESHOT_MATRICES; k++) {
    const bool same = !memcmp(start.parameters + at[k], end.parameters + at[k], (at[k + 1] - at[k])*sizeof(real));
    CHECK(same == (k == 3 || k == 4), "matrix %d: %s", k, same ? "as it was" : "changed");
  }
  reach_model_release(&start);
  reach_model_release(&end);
  folder_remove(&folder);
}

// A model to start from that is not there: refused before the folder of the run is made, and not asked for any more
// once there is a checkpoint. What is validated best is kept beside the last.
static void check_start(void) {
  char run[512], start[512], path[600];
  struct folder folder = folder_make();
  snprintf(run, sizeof run, "%s/run", folder.path);
  snprintf(start, sizeof start, "%s/start.safetensors", folder.path);
  struct reach f;
  struct reach_model m;
  small_arm(&f);
  snprintf(f.train.shares, sizeof f.train.shares, "1,2,1,2,1");
  CHECK(reach_train(&f, run, false) == ERR_SETTING && strstr(err_message(), "trajectory.family=mixed"), "shares: %s",
        err_message());
  f.train.shares[0] = 0;
  snprintf(f.training.start, sizeof f.training.start, "%s", start);
  CHECK(reach_train(&f, run, false) == ERR_IO && strstr(err_message(), start), "%s", err_message());
  CHECK(!file_exists(run), "a run that was refused has a folder");
  f.trainee.neurons = 20;
  CHECK(reach_model_new(&m, &f) == 0 && reach_model_save(&m, &f, start, false) == 0, "%s", err_message());
  reach_model_release(&m);
  f.trainee.neurons = 24;
  CHECK(reach_train(&f, run, false) == ERR_FORMAT && strstr(err_message(), "w_out"), "other sizes: %s", err_message());
  CHECK(!file_exists(run), "a run that was refused has a folder");
  f.run.seed = 7;
  CHECK(reach_model_new(&m, &f) == 0 && reach_model_save(&m, &f, start, false) == 0, "%s", err_message());
  reach_model_release(&m);
  f.run.seed = 1;
  CHECK(reach_train(&f, run, false) == 0, "%s", err_message());
  CHECK(unlink(start) == 0, "no start");
  f.training.iterations += 2;
  CHECK(reach_train(&f, run, true) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/model-best.safetensors", run);
  CHECK(reach_model_load(&m, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  reach_model_release(&m);
  folder_remove(&folder);
}

// Adam on the gradient makes the loss smaller.
static void check_learning(void) {
  struct reach f;
  char run[512];
  struct folder folder = folder_make();
  small_arm(&f);
  f.update.grid = EPROP_EXACT;
  f.training.iterations = 60;
  f.training.log_every = 20;
  f.train.validate_trajectories = 0;
  f.training.rate = 3e-3;
  snprintf(run, sizeof run, "%s/run", folder.path);
  CHECK(reach_train(&f, run, 0) == 0, "%s", err_message());
  size_t size;
  char *csv = whole_file(run, "metrics.csv", &size);
  double first = NAN, last = NAN;
  for (char *line = strchr(csv, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
    double loss;
    if (sscanf(line + 1, "%*[^,],%*[^,],%lf", &loss) == 1) {
      if (isnan(first)) first = loss;
      last = loss;
    }
  }
  CHECK(last < 0.8*first, "loss %g to %g", first, last);
  free(csv);
  folder_remove(&folder);
}

int main(void) {
  check_training();
  check_frozen();
  check_start();
  check_learning();
  return test_summary();
}
