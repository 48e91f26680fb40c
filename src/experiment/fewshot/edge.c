#include "experiment/fewshot/edge.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "experiment/fewshot/background.h"
#include "learn/maml.h"

enum { MAGIC = 0x3141584d, HEAD = 7, MAX_CHANNELS = 512, MAX_INPUTS = 4, MAX_SIDE = 256, CODES = 127 };
enum { MANTISSA = 1 << 15, RATE = 1 << 11, MAX_SHIFT = 30, OFFSET = 1 << 30, LEAST_BITS = 8, MOST_BITS = 24 };

// Of the largest activation of the background images, what the largest code stands for: rare values beyond it are cut
// off, which costs less than the finer steps of all others gain.
static const double code_share = 0.8;

// Of what the layers compute for the background images.
struct range {
  double input, sum;  // of block l + 1: what the largest code of its inputs stands for; its largest rectified sum
};

static int rows(int inputs) { return (9*inputs + 3) & ~3; }

// ---- which networks the core has

static int refuse(const struct fewshot_model *m, const char *what) {
  return err_set(ERR_SETTING, "--c %s: %s: the core for microcontrollers (edge/) has no such network", m->path, what);
}

static int check(const struct fewshot_model *m) {
  const struct convnet *net = &m->net;
  char what[64];
  if (net->halving != CONVNET_STRIDE) return refuse(m, "net.halving=maximum");
  if (net->adapting < net->readout) return refuse(m, net->adapting ? "train.adapt=dense" : "train.adapt=all");
  snprintf(what, sizeof what, "net.hidden=%d", net->hidden);
  if (net->hidden > 0) return refuse(m, what);
  snprintf(what, sizeof what, "net.channels=%d, more than %d", net->channels, MAX_CHANNELS);
  if (net->channels > MAX_CHANNELS) return refuse(m, what);
  snprintf(what, sizeof what, "data.size=%d, more than %d", net->side[0], MAX_SIDE);
  if (net->side[0] > MAX_SIDE) return refuse(m, what);
  if (net->start != CONVNET_PROTOTYPE && net->steps == 0) return refuse(m, "net.steps=0 without net.start=prototype");
  return 0;
}

// ---- what background images give

static void measure_ranges(struct range *range, const struct convnet *net, struct maml_worker *w,
                           const struct convnet_fixed *fixed, const real *x, int n) {
  const size_t image = convnet_pixels(net, 0) * VECTOR_PADDING, CP = (size_t)vector_padded(net->channels);
  for (int l = 0; l <= net->blocks; l++) range[l] = (struct range){ l == 0, 0 };
  for (int done = 0; done < n; done += w->work.B) {
    const int count = n - done < w->work.B ? n - done : w->work.B;
    memcpy(w->work.y[0], x + (size_t)done*image, (size_t)count * image * sizeof *x);
    w->work.n[0] = count;
    convnet_forward(net, &w->work, w->layers, 0, CONVNET_FIXED, fixed, NULL);
    for (int l = 1; l <= net->blocks; l++)
      for (size_t i = 0; i < (size_t)count * convnet_pixels(net, l) * CP; i++) {
        range[l].input = fmax(range[l].input, fabs((double)w->work.y[l][i]));
        range[l - 1].sum = fmax(range[l - 1].sum, (double)w->work.a[l][i]);
      }
  }
  for (int l = 1; l <= net->blocks; l++) range[l].input *= code_share;
}

static void measure(struct convnet_fixed *fixed, struct range *range, const struct fewshot *f,
                    const struct fewshot_model *m, const struct dataset *data) {
  const int n = (int)f->eval.statistics_images;
  const struct maml_options exact = { 0 };
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_EVALUATE, UINT32_MAX);  // as an evaluation does
  struct maml_worker w;
  real *x = background_images(data, n, 0, 1, &r);
  maml_worker_init(&w, &m->net, (int)f->eval.shots, (int)f->eval.queries, &exact);
  maml_program(&w, &m->net, m->parameters, &exact, NULL);
  convnet_measure(&m->net, &w.work, w.layers, fixed, x, n, &r);
  measure_ranges(range, &m->net, &w, fixed, x, n);
  maml_worker_release(&w, &m->net);
  free(x);
}

// ---- words

static uint32_t float_word(double x) {
  const float value = (float)x;
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  return word;
}

// x >= 0 as a mantissa below `limit` in the low half and a right shift, at most `most`, in the high one.
static int factor(uint32_t *word, double x, int limit, int most) {
  int shift = 0;
  while (shift < most && rint(x*2) < limit) {
    x *= 2;
    shift++;
  }
  if (!(rint(x) < limit)) return -1;
  *word = (uint32_t)rint(x) | (uint32_t)shift << 16;
  return 0;
}

// Channel o of layer l: 8-bit weights of all inputs to code; returns their scale.
static double channel_codes(int8_t *code, const struct convnet *net, const real *parameters, int l, int o) {
  const int I = convnet_rows(net, l), OP = vector_padded(net->channels);
  const real *w = parameters + net->offset[l] + o;
  double most = 0;
  for (int i = 0; i < I; i++) most = fmax(most, fabs((double)w[i*OP]));
  for (int i = 0; i < I; i++) code[i] = (int8_t)(most > 0 ? rint((double)w[i*OP]/most*CODES) : 0);
  return most/CODES;
}

// The right shift that brings the sums of block l below 2^15: twice the largest that was seen.
static int sum_shift(const struct range *range, const double *scale, int channels, double input) {
  double least = INFINITY;
  for (int o = 0; o < channels; o++)
    if (scale[o] > 0) least = fmin(least, scale[o]);
  int shift = 0;
  for (double sum = range->sum/(least*input); sum > MANTISSA && shift < MAX_SHIFT; sum /= 2) shift++;
  return shift;
}

// Normalised y = (a - mean) r in codes: (a >> shift) gain + offset, then shifted right.
static int channel_words(uint32_t *word, double gain, double offset) {
  uint32_t f = 0;
  int most = MAX_SHIFT;
  while (most > 0 && fabs(offset)*ldexp(1, most) + ldexp(1, most - 1) >= OFFSET) most--;
  if (factor(&f, gain, MANTISSA, most) < 0) return -1;
  const int shift = (int)(f >> 16);
  word[0] = (uint32_t)(int32_t)(rint(offset*ldexp(1, shift)) + (shift ? ldexp(1, shift - 1) : 0));
  word[1] = f;
  return 0;
}

// Block l + 1. Returns its words, or 0 where a gain is too large.
static int block_words(uint32_t *word, const struct fewshot_model *m, const struct convnet_fixed *fixed,
                       const struct range *range, int l) {
  const struct convnet *net = &m->net;
  const int O = net->channels, n = rows(l ? O : net->in_channels);
  const double input = range[l].input/CODES, output = range[l + 1].input/CODES;
  int8_t *code = (int8_t *)(word + 1 + 2*O);
  double *scale = err_calloc((size_t)O, sizeof *scale);
  int bad = 0;
  for (int o = 0; o < O; o++) scale[o] = channel_codes(code + o*n, net, m->parameters, l, o);
  const int shift = sum_shift(&range[l], scale, O, input);
  word[0] = (uint32_t)shift;
  for (int o = 0; o < O; o++) {
    const double r = (double)fixed->r[l + 1][o]/output, mean = (double)fixed->mean[l + 1][o];
    bad |= channel_words(word + 1 + 2*o, scale[o]*input*ldexp(1, shift)*r, -mean*r) < 0;
  }
  free(scale);
  return bad ? 0 : 1 + 2*O + O*n/4;
}

// ---- the read-out, whose features are codes of `unit`

// As learn/classes.h starts and updates it for any number of classes.
struct readout {
  double scale;    // of class means
  int offset;
  int rate;        // the first that updates use
  int n_updates;
};

static struct readout readout_of(const struct fewshot_model *m) {
  const struct convnet *net = &m->net;
  if (net->start == CONVNET_PROTOTYPE)
    return (struct readout){ (double)m->parameters[net->scale], net->mean_offset, 0, net->steps };
  return (struct readout){ (double)m->parameters[convnet_rate(net, 0, net->readout)]/net->ways, 1, 1, net->steps - 1 };
}

// Fixed-point weights of so many bits: the largest sum of products is below 2^30, with half as much again as room.
static int weight_bits(double scale, int channels) {
  const double limit = fmin(1 << 20, (1 << 23)/channels), largest = 1.5*scale*2*CODES;
  const int bits = (int)floor(log2(limit/largest));
  return bits < LEAST_BITS ? LEAST_BITS : bits > MOST_BITS ? MOST_BITS : bits;
}

static int readout_words(uint32_t *word, const struct fewshot_model *m, double unit) {
  const struct readout readout = readout_of(m);
  const double scale = readout.scale*unit*unit;
  const int bits = weight_bits(scale, m->net.channels);
  int bad = !(scale >= 0 && scale < 256);
  word[4] = (uint32_t)readout.n_updates | (uint32_t)(bits | readout.offset << 8) << 16;
  word[5] = float_word(scale);
  bad |= factor(&word[6], scale*ldexp(1, bits - 7), MANTISSA, MAX_SHIFT) < 0;
  for (int t = 0; t < readout.n_updates; t++) {
    uint32_t *rate = word + HEAD + 4*t;
    const double bias = (double)m->parameters[convnet_rate(&m->net, readout.rate + t, m->net.readout)]/m->net.ways,
                 weight = bias*unit*unit;
    bad |= !(bias >= 0 && bias < 256 && weight < 256);
    rate[0] = float_word(weight);
    bad |= factor(&rate[1], weight*ldexp(1, bits - 5), RATE, MAX_SHIFT) < 0;
    rate[2] = float_word(bias);
    bad |= factor(&rate[3], bias*ldexp(1, bits - 12), RATE, MAX_SHIFT) < 0;
  }
  return bad ? refuse(m, "inner rates or the scale of class means too large or negative") : 0;
}

static int n_words(const struct convnet *net, int n_updates) {
  const int O = net->channels;
  int n = HEAD + 4*n_updates;
  for (int l = 0; l < net->blocks; l++) n += 1 + 2*O + O*rows(l ? O : net->in_channels)/4;
  return n;
}

static int fill(struct edge_model *e, const struct fewshot_model *m, const struct convnet_fixed *fixed,
                const struct range *range) {
  const struct convnet *net = &m->net;
  uint32_t *word = e->word;
  word[0] = MAGIC;
  word[1] = (uint32_t)(4*e->n);
  word[2] = (uint32_t)net->side[0] | (uint32_t)net->in_channels << 16;
  word[3] = (uint32_t)net->channels | (uint32_t)net->blocks << 16;
  TRY(readout_words(word, m, range[net->blocks].input/CODES));
  word += HEAD + 4*e->n_updates;
  for (int l = 0; l < net->blocks; l++) {
    const int n = block_words(word, m, fixed, range, l);
    if (n == 0) return refuse(m, "a gain of the normalisation too large");
    word += n;
  }
  return 0;
}

int edge_model_new(struct edge_model *e, const struct fewshot *f, const struct fewshot_model *m,
                   const struct dataset *data) {
  struct convnet_fixed fixed;
  struct range range[CONVNET_MAX_BLOCKS + 1];
  *e = (struct edge_model){ 0 };
  TRY(check(m));
  TRY(background_check(data));
  convnet_fixed_init(&fixed, &m->net);
  measure(&fixed, range, f, m, data);
  e->n_updates = readout_of(m).n_updates;
  e->n = n_words(&m->net, e->n_updates);
  e->word = err_calloc((size_t)e->n, sizeof *e->word);
  const int rc = fill(e, m, &fixed, range);
  convnet_fixed_release(&fixed);
  if (rc < 0) edge_model_free(e);
  return rc;
}

void edge_model_free(struct edge_model *e) {
  free(e->word);
  e->word = NULL;
}

// ---- files

// Does a name mean something else to a compiler of C or C++, or as a type or a macro of the headers used?
static bool taken(const char *name) {
  static const char *const words[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
    "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
    "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
    "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
    "inline", "int", "linux", "long", "main", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
    "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires",
    "restrict", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch",
    "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof",
    "typeof_unqual", "union", "unix", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor",
    "xor_eq"
  };
  const size_t n = strlen(name);
  for (size_t k = 0; k < sizeof words/sizeof *words; k++)
    if (!strcmp(name, words[k])) return true;
  return n > 2 && !strcmp(name + n - 2, "_t");
}

// The name of the model's file without folder and ending, as an identifier of C: after model_ where it would be none.
static void identifier(char name[FILE_PATH_SIZE], const char *path) {
  static const char before[] = "model_";
  const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path, *dot = strrchr(from, '.');
  const size_t n = dot && dot > from ? (size_t)(dot - from) : strlen(from);
  char *own = name + strlen(before);
  snprintf(name, FILE_PATH_SIZE, "%s%.*s", before, (int)n, from);
  for (char *c = own; *c; c++)
    if (!isalnum((unsigned char)*c) || (unsigned char)*c > 127) *c = '_';
  if (isalpha((unsigned char)*own) && !taken(own)) memmove(name, own, strlen(own) + 1);
}

// Bytes of the outputs of odd blocks, or of those of even blocks and the image.
static size_t activations(const struct convnet *net, int odd) {
  size_t most = 0;
  for (int l = odd; l <= net->blocks; l += 2) {
    const size_t n = convnet_pixels(net, l) * (size_t)(l ? net->channels : net->in_channels);
    if (n > most) most = n;
  }
  return most;
}

static void write_header(FILE *out, const char *name, const char *upper, const struct edge_model *e,
                         const struct fewshot_model *m, const struct fewshot *f) {
  const struct convnet *net = &m->net;
  const int inputs = net->blocks > 1 && net->channels > net->in_channels ? net->channels : net->in_channels;
  fprintf(out, "// A model for metaxbar_adapt.h, statistics of %d background images. Written by metaxbar %s.\n",
          (int)f->eval.statistics_images, METAXBAR_VERSION);
  fprintf(out, "#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n", upper, upper);
  fprintf(out, "#define %s_BYTES %d\n", upper, 4*e->n);
  fprintf(out, "#define %s_SIDE %d      // height and width of an image\n", upper, net->side[0]);
  fprintf(out, "#define %s_INPUTS %d     // its channels\n", upper, net->in_channels);
  fprintf(out, "#define %s_CHANNELS %d  // features\n", upper, net->channels);
  fprintf(out, "#define %s_UPDATES %d    // of the delta rule that the model was trained with\n", upper, e->n_updates);
  fprintf(out, "// bytes of memory for so many classes and examples\n");
  fprintf(out, "#define %s_RAM(ways, examples) MXA_RAM(%zuUL, %zuUL, %dUL, %dUL, ways, examples)\n\n", upper,
          activations(net, 1), activations(net, 0), rows(inputs), net->channels);
  fprintf(out, "extern const uint32_t %s[%s_BYTES / 4];\n\n#endif\n", name, upper);
}

static void write_source(FILE *out, const char *name, const struct edge_model *e) {
  fprintf(out, "#include \"%s.h\"\n\nconst uint32_t %s[] = {", name, name);
  for (int i = 0; i < e->n; i++) fprintf(out, "%s0x%08x,", i % 10 ? " " : "\n  ", (unsigned)e->word[i]);
  fprintf(out, "\n};\n");
}

static int write_files(const struct edge_model *e, const struct fewshot *f, const struct fewshot_model *m,
                       const char *folder) {
  char name[FILE_PATH_SIZE], upper[FILE_PATH_SIZE], path[FILE_PATH_SIZE];
  identifier(name, m->path);
  for (int i = 0; i == 0 || name[i - 1]; i++) upper[i] = (char)toupper((unsigned char)name[i]);
  TRY(file_make_dirs(folder));
  for (int header = 0; header < 2; header++) {  // the larger file first: where there is no room for it, none is there
    struct file_out o;
    if (snprintf(path, sizeof path, "%s/%s.%c", folder, name, header ? 'h' : 'c') >= (int)sizeof path)
      return err_set(ERR_IO, "--out %.80s: the path is too long", folder);
    TRY(file_out_open(&o, path));
    if (header) write_header(o.stream, name, upper, e, m, f);
    else write_source(o.stream, name, e);
    TRY(file_out_commit(&o));
  }
  return 0;
}

int edge_export(const struct fewshot *f, const struct fewshot_model *m, const char *folder) {
  struct dataset data;
  struct edge_model e;
  TRY(check(m));
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY));
  int rc = edge_model_new(&e, f, m, &data);
  dataset_release(&data);
  if (rc == 0) rc = write_files(&e, f, m, folder);
  edge_model_free(&e);
  return rc;
}
