#include "reference/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "learn/maml.h"
#include "model/convnetfile.h"

double reference_error(const double *found, const double *expected, long n) {
  double difference = 0, size = 0;
  for (long i = 0; i < n; i++) {
    difference = fmax(difference, fabs(found[i] - expected[i]));
    size = fmax(size, fabs(expected[i]));
    if (!isfinite(found[i])) return INFINITY;
  }
  return size > 0 ? difference / size : difference;
}

struct check {
  struct tensorfile *tf;
  FILE *out;
  double worst;
  struct convnet net;
  struct maml_options options;
  int tasks, shots, queries;
  struct maml_worker worker;
  real *parameters, *gradient;
  double *images;  // of one group, all tasks
};

static int metadata_number(const struct tensorfile *tf, const char *key, double min, double max, double *value) {
  const char *text = tensorfile_metadata(tf, key);
  char *end = NULL;
  if (!text) return err_set(ERR_FORMAT, "%s: metadata %s: absent", tensorfile_name(tf), key);
  *value = strtod(text, &end);
  if (end == text || *end || !(*value >= min && *value <= max))
    return err_set(ERR_FORMAT, "%s: metadata %s=%s: expected a number in [%g, %g]", tensorfile_name(tf), key, text, min,
                   max);
  return 0;
}

// Hold n numbers against tensor expect.<name>.
static int compare(struct check *c, const char *name, const double *found, long n) {
  const struct tensorfile_entry *e = tensorfile_find(c->tf, name);
  if (!e || e->n_values != n)
    return err_set(ERR_FORMAT, "%s: tensor %s: expected %ld values", tensorfile_name(c->tf), name, n);
  double *expected = err_calloc((size_t)n, sizeof *expected);
  const int rc = tensorfile_f64(c->tf, name, e->n_dims, e->dims, expected);
  if (rc == 0) {
    const double error = reference_error(found, expected, n);
    if (c->out) fprintf(c->out, "%-28s %.2e\n", name, error);
    c->worst = fmax(c->worst, error);
  }
  free(expected);
  return rc;
}

// The unpadded part of a (rows, padded columns) matrix.
static int compare_matrix(struct check *c, const char *name, const real *m, int rows, int columns) {
  double *plain = err_calloc((size_t)(rows*columns), sizeof *plain);
  for (int i = 0; i < rows; i++)
    for (int k = 0; k < columns; k++) plain[i*columns + k] = (double)m[i*vector_padded(columns) + k];
  const int rc = compare(c, name, plain, rows*columns);
  free(plain);
  return rc;
}

// Kernel gradients (taps, I, padded O) against the file's (O, I, 3, 3).
static int compare_gradients(struct check *c) {
  const struct convnet *net = &c->net;
  for (int l = 0; l < net->blocks; l++) {
    char name[64];
    const int I = l ? net->channels : 1, O = net->channels;
    const real *g = c->gradient + net->offset[l];
    double *plain = err_calloc((size_t)(9*I*O), sizeof *plain);
    snprintf(name, sizeof name, "expect.grad.conv%d.weight", l + 1);
    for (int k = 0; k < 9; k++)
      for (int i = 0; i < I; i++)
        for (int o = 0; o < O; o++) plain[(o*I + i)*9 + k] = (double)g[(k*I + i)*vector_padded(O) + o] / c->tasks;
    const int rc = compare(c, name, plain, 9*I*O);
    free(plain);
    TRY(rc);
  }
  real *readout = c->gradient + net->offset[net->blocks];
  for (int i = 0; i < net->channels * vector_padded(net->ways); i++) readout[i] /= (real)c->tasks;
  return compare_matrix(c, "expect.grad.readout.weight", readout, net->channels, net->ways);
}

// Images and labels of one task and group into the worker.
static int load_group(struct check *c, int task, int group) {
  const int side = c->net.side[0], n = c->worker.work.n[group], first = group ? c->worker.work.n[0] : 0;
  const char *const x_name[] = { "support.x", "query.x" }, *const y_name[] = { "support.y", "query.y" };
  int64_t *label = err_calloc((size_t)(c->tasks*n), sizeof *label);
  int rc = tensorfile_f64(c->tf, x_name[group], 5, (const int64_t[]){ c->tasks, n, 1, side, side }, c->images);
  if (rc == 0) rc = tensorfile_i64(c->tf, y_name[group], 2, (const int64_t[]){ c->tasks, n }, label);
  for (int i = 0; i < n && rc == 0; i++) {
    const int64_t y = label[task*n + i];
    if (y < 0 || y >= c->net.ways)
      rc = err_set(ERR_FORMAT, "%s: tensor %s: label %lld", tensorfile_name(c->tf), y_name[group], (long long)y);
    c->worker.label[first + i] = (int)y;
    for (int p = 0; p < side*side; p++)
      c->worker.work.y[0][((size_t)(first + i) * (size_t)(side*side) + (size_t)p) * VECTOR_PADDING] =
          (real)c->images[(task*n + i)*side*side + p];
  }
  free(label);
  return rc;
}

static int check_task(struct check *c, int task, double *loss) {
  const struct adapt_record *a = &c->worker.record;
  const int steps = c->options.steps, Q = c->worker.work.n[1], N = vector_padded(c->net.ways);
  double accuracy[CONVNET_MAX_STEPS + 1];
  char name[64];
  for (int group = 0; group < 2; group++) TRY(load_group(c, task, group));
  maml_program(&c->worker, &c->net, c->parameters, &c->options, NULL);
  maml_adapt(&c->worker, &c->net, c->parameters, &c->options, NULL, NULL);
  for (int s = 0; s <= steps; s++) accuracy[s] = (double)a->correct[s] / Q;
  snprintf(name, sizeof name, "expect.task%d.query_logits", task);
  TRY(compare_matrix(c, name, a->zq + steps*Q*N, Q, c->net.ways));
  snprintf(name, sizeof name, "expect.task%d.adapted", task);
  TRY(compare_matrix(c, name, a->w + steps*c->net.channels*N, c->net.channels, c->net.ways));
  snprintf(name, sizeof name, "expect.task%d.support_loss", task);
  TRY(compare(c, name, a->support_loss, steps));
  snprintf(name, sizeof name, "expect.task%d.query_acc", task);
  TRY(compare(c, name, accuracy, steps + 1));
  *loss += maml_backward(&c->worker, &c->net, c->parameters, c->gradient, &c->options);
  return 0;
}

static int prepare(struct check *c, double *rate) {
  struct convnet_params p = { .channels = 1, .blocks = 1, .ways = 2, .epsilon = 1e-3 };
  const struct tensorfile_entry *x = tensorfile_find(c->tf, "support.x");
  double tasks, shots, queries, steps;
  TRY(convnetfile_sizes(&p, c->tf));
  TRY(metadata_number(c->tf, "eps", 1e-12, 1, &p.epsilon));
  TRY(metadata_number(c->tf, "inner_lr", 0, 1e6, rate));
  TRY(metadata_number(c->tf, "inner_steps", 1, CONVNET_MAX_STEPS, &steps));
  TRY(metadata_number(c->tf, "tasks", 1, 1000, &tasks));
  TRY(metadata_number(c->tf, "shots", 1, 100, &shots));
  TRY(metadata_number(c->tf, "queries", 1, 100, &queries));
  if (!x || x->n_dims != 5 || x->dims[4] < 1 || x->dims[4] > 1024)
    return err_set(ERR_FORMAT, "%s: tensor support.x: expected (tasks, images, 1, height, width)",
                   tensorfile_name(c->tf));
  p.steps = (int)steps;
  TRY(convnet_init(&c->net, &p, (int)x->dims[4]));
  c->tasks = (int)tasks;
  c->shots = (int)shots;
  c->queries = (int)queries;
  c->options = (struct maml_options){ .steps = (int)steps, .rule = CONVNET_TASK };
  c->options.weight[c->options.steps] = 1;
  return 0;
}

static int check_all(struct check *c, double rate) {
  double loss = 0;
  TRY(convnetfile_load(c->tf, &c->net, c->parameters, rate));
  for (int task = 0; task < c->tasks; task++) TRY(check_task(c, task, &loss));
  loss /= c->tasks;
  TRY(compare(c, "expect.meta_loss", &loss, 1));
  return compare_gradients(c);
}

int reference_maml(struct tensorfile *tf, FILE *out, double *worst) {
  struct check c = { .tf = tf, .out = out };
  double rate;
  TRY(prepare(&c, &rate));
  const int most = c.shots > c.queries ? c.shots : c.queries;
  maml_worker_init(&c.worker, &c.net, c.shots, c.queries, &c.options);
  c.parameters = err_aligned(c.net.n, sizeof(real));
  c.gradient = err_aligned(c.net.n, sizeof(real));
  c.images = err_calloc((size_t)(c.tasks * c.net.ways * most * c.net.side[0] * c.net.side[0]), sizeof(double));
  const int rc = check_all(&c, rate);
  *worst = c.worst;
  maml_worker_release(&c.worker, &c.net);
  free(c.parameters);
  free(c.gradient);
  free(c.images);
  return rc;
}
