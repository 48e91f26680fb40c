#include "model/dense.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"

const struct param dense_param_table[] = {
  PARAM_I64(struct dense_params, layers, 2, 1, DENSE_MAX_LAYERS - 1, "hidden layers"),
  PARAM_I64(struct dense_params, hidden, 40, 1, 4096, "neurons of each hidden layer"),
  PARAM_I64(struct dense_params, updates, 5, 1, DENSE_MAX_UPDATES,
            "inner updates of the last layer, each with a learned rate"),
  { 0 },
};

void dense_init(struct dense *net, const struct dense_params *p, int inputs, int outputs) {
  int size[DENSE_MAX_LAYERS + 1] = { inputs };
  for (int l = 1; l <= p->layers; l++) size[l] = (int)p->hidden;
  size[p->layers + 1] = outputs;
  dense_lay_out(net, (int)p->layers + 1, size, (int)p->updates);
}

void dense_lay_out(struct dense *net, int n_layers, const int *size, int updates) {
  assert(n_layers > 0 && n_layers <= DENSE_MAX_LAYERS);
  *net = (struct dense){ .n_layers = n_layers, .updates = updates };
  memcpy(net->size, size, (size_t)(n_layers + 1)*sizeof *size);
  for (int l = 0; l < n_layers; l++)
    net->offset[l + 1] = net->offset[l] + (size_t)dense_rows(net, l)*(size_t)vector_padded(net->size[l + 1]);
  net->rates = net->offset[n_layers];
  net->n = net->rates + (size_t)vector_padded(updates);
}

int dense_rows(const struct dense *net, int l) { return net->size[l] + 1; }

long dense_weights(const struct dense *net) {
  long n = 0;
  for (int l = 0; l < net->n_layers; l++) n += (long)dense_rows(net, l)*net->size[l + 1];
  return n;
}

// The product of layer l on B inputs.
static struct conv shape_of(const struct dense *net, int l, int B) {
  return conv_shape(B, 1, 1, dense_rows(net, l), net->size[l + 1], 1, 1, 0);
}

void dense_start(const struct dense *net, real *parameters, double rate, struct rng *r) {
  memset(parameters, 0, net->n*sizeof *parameters);
  for (int s = 0; s < net->updates; s++) parameters[net->rates + (size_t)s] = (real)rate;
  for (int l = 0; l < net->n_layers; l++) {
    const int I = dense_rows(net, l), O = net->size[l + 1];
    const double limit = sqrt(6.0/(I + O));  // Glorot and Bengio, AISTATS 2010
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++)
        parameters[net->offset[l] + (size_t)(i*vector_padded(O) + o)] = (real)(limit*(2*rng_uniform(r) - 1));
  }
}

// ---- arrays

static double largest_weight(const struct dense *net, const real *parameters, int l) {
  double largest = 0;
  for (size_t i = net->offset[l]; i < net->offset[l + 1]; i++) largest = fmax(largest, fabs((double)parameters[i]));
  return largest;
}

void dense_arrays_new(struct synapse **layers, const struct dense *net, const real *parameters, int bits,
                      double headroom) {
  for (int l = 0; l < net->n_layers; l++) {
    const double largest = largest_weight(net, parameters, l);
    const int I = dense_rows(net, l), O = net->size[l + 1];
    layers[l] = bits ? synapse_quantised_new(I, O, 0, bits,
                                             largest > 0 ? largest*headroom : 1) : synapse_exact_new(I, O);
  }
}

void dense_arrays_free(struct synapse *const *layers, const struct dense *net) {
  for (int l = 0; l < net->n_layers; l++) layers[l]->ops->free(layers[l]);
}

void dense_program(struct synapse *const *layers, const struct dense *net, const real *parameters, struct rng *r) {
  for (int l = 0; l < net->n_layers; l++) layers[l]->ops->program(layers[l], parameters + net->offset[l], r);
}

void dense_disturb(const struct dense *net, real *parameters, double spread, struct rng *r) {
  for (int l = 0; l < net->n_layers; l++) {
    const double sigma = spread*largest_weight(net, parameters, l);
    const int O = net->size[l + 1];
    for (int i = 0; i < dense_rows(net, l); i++)
      for (int o = 0; o < O; o++)
        parameters[net->offset[l] + (size_t)(i*vector_padded(O) + o)] += (real)(sigma*rng_normal(r));
  }
}

// ---- passes

// Elements of a row of y[l] with their padding.
static int width(const struct dense *net, int l) { return vector_padded(dense_rows(net, l)); }

void dense_work_init(struct dense_work *w, const struct dense *net, int B) {
  *w = (struct dense_work){ .B = B };
  size_t all = 0, widest = 0;
  for (int l = 0; l <= net->n_layers; l++) {
    const size_t n = (size_t)width(net, l);
    all += n;
    widest = n > widest ? n : widest;
  }
  arena_init(&w->arena, (2*all + widest)*(size_t)B*sizeof(real) + (2*DENSE_MAX_LAYERS + 4)*64);
  for (int l = 0; l <= net->n_layers; l++) {
    w->y[l] = ARENA_NEW(&w->arena, (size_t)(B*width(net, l)), real);
    w->dy[l] = ARENA_NEW(&w->arena, (size_t)(B*width(net, l)), real);
    memset(w->y[l], 0, (size_t)(B*width(net, l))*sizeof(real));
  }
  w->z = ARENA_NEW(&w->arena, widest*(size_t)B, real);
}

void dense_work_release(struct dense_work *w) { arena_release(&w->arena); }

void dense_input(const struct dense *net, struct dense_work *w, int b, const real *x) {
  real *y = w->y[0] + b*width(net, 0);
  memcpy(y, x, (size_t)net->size[0]*sizeof *x);
  y[net->size[0]] = 1;
}

void dense_forward(const struct dense *net, struct dense_work *w, struct synapse *const *layers, int end, int first,
                   int n, struct rng *r) {
  assert(first + n <= w->B && end <= net->n_layers);
  for (int l = 0; l < end; l++) {
    const int O = net->size[l + 1], OP = vector_padded(O), ld = width(net, l + 1);
    const struct conv shape = shape_of(net, l, n);
    layers[l]->ops->product(layers[l], w->z, w->y[l] + first*width(net, l), &shape, r);
    for (int b = 0; b < n; b++) {
      real *y = w->y[l + 1] + (first + b)*ld;
      const real *z = w->z + b*OP;
      for (int o = 0; o < O; o++) y[o] = z[o] > 0 || l == net->n_layers - 1 ? z[o] : 0;
      y[O] = 1;
    }
  }
}

void dense_backward(const struct dense *net, struct dense_work *w, const real *held, real *gradient, int end, int n) {
  for (int l = end - 1; l >= 0; l--) {
    const int O = net->size[l + 1], OP = vector_padded(O), ld = width(net, l + 1);
    const struct conv shape = shape_of(net, l, n);
    memset(w->z, 0, (size_t)(n*OP)*sizeof *w->z);
    for (int b = 0; b < n; b++)  // the gradient of the constant input is not used
      for (int o = 0; o < O; o++)
        if (w->y[l + 1][b*ld + o] > 0 || l == net->n_layers - 1) w->z[b*OP + o] = w->dy[l + 1][b*ld + o];
    conv_backward_weights(gradient + net->offset[l], w->y[l], w->z, &shape);
    if (l == 0) break;
    conv_backward_data(w->dy[l], w->z, held + net->offset[l], &shape);
  }
}
