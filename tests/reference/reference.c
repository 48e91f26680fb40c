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

// Kernels (taps, I, padded O) against the file's (O, I, 3, 3).
static int compare_kernel(struct check *c, const char *name, const real *g, int l) {
  const int O = c->net.channels, I = convnet_rows(&c->net, l)/9;
  double *plain = err_calloc((size_t)(9*I*O), sizeof *plain);
  for (int k = 0; k < 9; k++)
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++) plain[(o*I + i)*9 + k] = (double)g[(k*I + i)*vector_padded(O) + o];
  const int rc = compare(c, name, plain, 9*I*O);
  free(plain);
  return rc;
}

// Matrix l of the network against the tensors PREFIX.LAYER.weight and, where it has a bias, .bias.
static int compare_layer(struct check *c, const char *prefix, const real *m, int l) {
  char layer[32], name[128];
  const int O = convnet_columns(&c->net, l), bias = convnet_has_bias(&c->net, l), I = convnet_rows(&c->net, l) - bias;
  convnet_layer_name(layer, &c->net, l);
  snprintf(name, sizeof name, "%s.%s.weight", prefix, layer);
  if (l < c->net.blocks) return compare_kernel(c, name, m, l);
  TRY(compare_matrix(c, name, m, I, O));
  snprintf(name, sizeof name, "%s.%s.bias", prefix, layer);
  return bias ? compare_matrix(c, name, m + I*vector_padded(O), 1, O) : 0;
}

static int compare_gradients(struct check *c) {
  for (size_t i = 0; i < c->net.n; i++) c->gradient[i] /= (real)c->tasks;
  const struct convnet *net = &c->net;
  const bool prototype = net->start == CONVNET_PROTOTYPE;
  for (int l = 0; l <= net->readout - prototype; l++)
    TRY(compare_layer(c, "expect.grad", c->gradient + net->offset[l], l));
  if (!prototype) return 0;
  const double scale = (double)c->gradient[net->scale];
  const real *bias = c->gradient + net->offset[net->readout] +
                     (convnet_rows(net, net->readout) - 1)*vector_padded(net->ways);
  if (tensorfile_find(c->tf, "expect.grad.readout.bias"))
    TRY(compare_matrix(c, "expect.grad.readout.bias", bias, 1, net->ways));
  return compare(c, "expect.grad.prototype.scale", &scale, 1);
}

// Images and labels of one task and group into the worker.
static int load_group(struct check *c, int task, int group) {
  const int side = c->net.side[0], n = c->worker.work.n[group], first = group ? c->worker.work.n[0] : 0;
  const int channels = c->net.in_channels, pixels = side*side;
  const char *const x_name[] = { "support.x", "query.x" }, *const y_name[] = { "support.y", "query.y" };
  int64_t *label = err_calloc((size_t)(c->tasks*n), sizeof *label);
  int rc = tensorfile_f64(c->tf, x_name[group], 5, (const int64_t[]){ c->tasks, n, channels, side, side }, c->images);
  if (rc == 0) rc = tensorfile_i64(c->tf, y_name[group], 2, (const int64_t[]){ c->tasks, n }, label);
  for (int i = 0; i < n && rc == 0; i++) {
    const int64_t y = label[task*n + i];
    if (y < 0 || y >= c->net.ways)
      rc = err_set(ERR_FORMAT, "%s: tensor %s: label %lld", tensorfile_name(c->tf), y_name[group], (long long)y);
    c->worker.label[first + i] = (int)y;
    for (int p = 0; p < channels*pixels; p++)
      c->worker.work.y[0][((first + i)*pixels + p % pixels)*VECTOR_PADDING + p / pixels] =
          (real)c->images[(task*n + i)*channels*pixels + p];
  }
  free(label);
  return rc;
}

// The layers that adapt, as the updates of a task left them.
static int compare_adapted(struct check *c, int task) {
  const struct convnet *net = &c->net;
  const struct finetune *f = &c->worker.finetune;
  const int steps = c->options.steps, I = convnet_rows(net, net->readout), N = vector_padded(net->ways);
  const real *readout = c->worker.record.w + steps*I*N;
  char name[64];
  snprintf(name, sizeof name, "expect.task%d.adapted", task);
  if (tensorfile_find(c->tf, name)) return compare_matrix(c, name, readout, I, net->ways);
  for (int l = net->adapting; l < net->readout; l++)
    TRY(compare_layer(c, name, f->w + (size_t)steps*f->n + (net->offset[l] - f->from), l));
  return compare_layer(c, name, readout, net->readout);
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
  TRY(compare_adapted(c, task));
  snprintf(name, sizeof name, "expect.task%d.support_loss", task);
  TRY(compare(c, name, a->support_loss, steps));
  snprintf(name, sizeof name, "expect.task%d.query_acc", task);
  if (tensorfile_find(c->tf, name)) TRY(compare(c, name, accuracy, steps + 1));
  snprintf(name, sizeof name, "expect.task%d.query_loss", task);
  if (tensorfile_find(c->tf, name)) TRY(compare(c, name, a->query_loss, steps + 1));
  *loss += maml_backward(&c->worker, &c->net, c->parameters, c->gradient, &c->options);
  return 0;
}

// One of the words, by which the file says how its numbers were computed. A file without the key means the first.
static int metadata_choice(const struct tensorfile *tf, const char *key, const char *const *words, int *value) {
  const char *text = tensorfile_metadata(tf, key);
  for (*value = 0; text && words[*value] && strcmp(text, words[*value]); ++*value) {}
  if (!words[*value])
    return err_set(ERR_FORMAT, "%s: metadata %s=%s: not known here", tensorfile_name(tf), key, text);
  return 0;
}

static int prepare(struct check *c, double *rate) {
  static const char *const rules[] = { "task", "support", NULL }, *const activations[] = { "relu", "none", NULL };
  static const char *const starts[] = { "learned", "prototype", NULL }, *const orders[] = { "2", "1", NULL };
  int in_channels, rule, activation, start, adapt, order = 0;
  struct convnet_params p = { .channels = 1, .blocks = 1, .ways = 2, .epsilon = 1e-3 };
  const struct tensorfile_entry *x = tensorfile_find(c->tf, "support.x");
  double tasks, shots, queries, steps;
  TRY(metadata_choice(c->tf, "start", starts, &start));
  if (start == CONVNET_PROTOTYPE) {  // no tensor says it
    double ways;
    TRY(metadata_number(c->tf, "ways", 2, 1024, &ways));
    p.ways = (int64_t)ways;
  }
  TRY(convnetfile_sizes(&p, &in_channels, c->tf));
  TRY(metadata_choice(c->tf, "batchnorm", rules, &rule));
  TRY(metadata_choice(c->tf, "activation", activations, &activation));
  TRY(metadata_choice(c->tf, "adapt", convnet_adapt_names, &adapt));
  // files without `adapt` have other words here
  if (tensorfile_metadata(c->tf, "adapt")) TRY(metadata_choice(c->tf, "order", orders, &order));
  TRY(metadata_number(c->tf, "eps", 1e-12, 1, &p.epsilon));
  TRY(metadata_number(c->tf, "inner_lr", 0, 1e6, rate));
  TRY(metadata_number(c->tf, "inner_steps", 1, CONVNET_MAX_STEPS, &steps));
  TRY(metadata_number(c->tf, "tasks", 1, 1000, &tasks));
  TRY(metadata_number(c->tf, "shots", 1, 100, &shots));
  TRY(metadata_number(c->tf, "queries", 1, 100, &queries));
  if (!x || x->n_dims != 5 || x->dims[4] < 1 || x->dims[4] > 1024)
    return err_set(ERR_FORMAT, "%s: tensor support.x: expected (tasks, images, channels, height, width)",
                   tensorfile_name(c->tf));
  p.steps = (int)steps;
  p.activation = activation;
  p.adapt = adapt;
  TRY(convnet_init(&c->net, &p, (int)x->dims[4], in_channels));
  c->tasks = (int)tasks;
  c->shots = (int)shots;
  c->queries = (int)queries;
  c->options = (struct maml_options){ .steps = (int)steps, .rule = (enum convnet_rule)rule };
  c->options.first_order = order;
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
  c.images = err_calloc((size_t)(c.tasks * c.net.ways * most * c.net.in_channels) *
                            (size_t)(c.net.side[0] * c.net.side[0]), sizeof(double));
  const int rc = check_all(&c, rate);
  *worst = c.worst;
  maml_worker_release(&c.worker, &c.net);
  free(c.parameters);
  free(c.gradient);
  free(c.images);
  return rc;
}
