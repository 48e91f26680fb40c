#include "base/onnxfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Protocol Buffers are little endian");

// Field numbers of onnx.proto; those of different messages are in one list, since they are only written.
enum { MODEL_VERSION = 1, MODEL_PRODUCER, MODEL_PRODUCER_VERSION, MODEL_ABOUT = 6 };
enum { MODEL_GRAPH = 7, MODEL_OPSET, MODEL_METADATA = 14 };
enum { GRAPH_NODE = 1, GRAPH_NAME, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT };
enum { NODE_INPUT = 1, NODE_OUTPUT, NODE_NAME, NODE_OPERATOR, NODE_ATTRIBUTE };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TENSOR_DIM = 1, TENSOR_TYPE, TENSOR_NAME = 8, TENSOR_DATA };
enum { VALUE_NAME = 1, VALUE_TYPE };
enum { TYPE_TENSOR = 1, TYPE_ELEMENT = 1, TYPE_SHAPE, SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME };
enum { OPSET_VERSION = 2, PAIR_KEY = 1, PAIR_VALUE };
enum { IR_VERSION = 7, OPSET = 13, OF_FLOAT = 1, OF_INT64 = 7, TYPE_FLOAT = 1, TYPE_INTS = 7 };

// ---- Protocol Buffers: a message is a row of fields

struct message {
  unsigned char *bytes;
  size_t n, room;
};

static void put(struct message *m, const void *bytes, size_t n) {
  if (m->n + n > m->room) {
    struct message larger = { err_calloc(2 * (m->n + n), 1), m->n, 2 * (m->n + n) };
    if (m->n) memcpy(larger.bytes, m->bytes, m->n);
    free(m->bytes);
    *m = larger;
  }
  if (n) memcpy(m->bytes + m->n, bytes, n);
  m->n += n;
}

static void put_varint(struct message *m, uint64_t x) {
  for (; x > 127; x >>= 7) put(m, &(unsigned char){ (unsigned char)(x & 127) | 128 }, 1);
  put(m, &(unsigned char){ (unsigned char)x }, 1);
}

static void put_tag(struct message *m, int field, int type) { put_varint(m, (uint64_t)(field << 3 | type)); }

static void put_int(struct message *m, int field, int64_t x) {
  put_tag(m, field, 0);
  put_varint(m, (uint64_t)x);
}

static void put_bytes(struct message *m, int field, const void *bytes, size_t n) {
  put_tag(m, field, 2);
  put_varint(m, n);
  put(m, bytes, n);
}

static void put_text(struct message *m, int field, const char *text) { put_bytes(m, field, text, strlen(text)); }

// The part ends here.
static void put_message(struct message *m, int field, struct message *part) {
  put_bytes(m, field, part->bytes, part->n);
  free(part->bytes);
  *part = (struct message){ 0 };
}

// ---- ONNX

struct onnxfile {
  struct message model, graph, node;  // but for the graph; but for the last node, if it has bytes
};

struct onnxfile *onnxfile_new(const char *graph) {
  struct onnxfile *o = err_calloc(1, sizeof *o);
  struct message opset = { 0 };
  put_int(&o->model, MODEL_VERSION, IR_VERSION);
  put_text(&o->model, MODEL_PRODUCER, "metaxbar");
  put_text(&o->model, MODEL_PRODUCER_VERSION, METAXBAR_VERSION);
  put_int(&opset, OPSET_VERSION, OPSET);
  put_message(&o->model, MODEL_OPSET, &opset);
  put_text(&o->graph, GRAPH_NAME, graph);
  return o;
}

void onnxfile_free(struct onnxfile *o) {
  free(o->model.bytes);
  free(o->graph.bytes);
  free(o->node.bytes);
  free(o);
}

static void put_value(struct onnxfile *o, int field, const char *name, int n_dims, const int64_t *dims) {
  struct message value = { 0 }, type = { 0 }, tensor = { 0 }, shape = { 0 }, dim = { 0 };
  for (int k = 0; k < n_dims; k++) {
    if (dims[k]) put_int(&dim, DIM_VALUE, dims[k]);
    else put_text(&dim, DIM_NAME, "N");
    put_message(&shape, SHAPE_DIM, &dim);
  }
  put_int(&tensor, TYPE_ELEMENT, OF_FLOAT);
  put_message(&tensor, TYPE_SHAPE, &shape);
  put_message(&type, TYPE_TENSOR, &tensor);
  put_text(&value, VALUE_NAME, name);
  put_message(&value, VALUE_TYPE, &type);
  put_message(&o->graph, field, &value);
}

void onnxfile_input(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims) {
  put_value(o, GRAPH_INPUT, name, n_dims, dims);
}

void onnxfile_output(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims) {
  put_value(o, GRAPH_OUTPUT, name, n_dims, dims);
}

static void put_tensor(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims, int type,
                       const void *values, size_t value) {
  struct message tensor = { 0 };
  size_t n = 1;
  for (int k = 0; k < n_dims; k++) {
    n *= (size_t)dims[k];
    put_int(&tensor, TENSOR_DIM, dims[k]);
  }
  put_int(&tensor, TENSOR_TYPE, type);
  put_text(&tensor, TENSOR_NAME, name);
  put_bytes(&tensor, TENSOR_DATA, values, n * value);
  put_message(&o->graph, GRAPH_TENSOR, &tensor);
}

void onnxfile_tensor(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims, const float *values) {
  put_tensor(o, name, n_dims, dims, OF_FLOAT, values, sizeof *values);
}

void onnxfile_integers(struct onnxfile *o, const char *name, int64_t n, const int64_t *values) {
  put_tensor(o, name, 1, &n, OF_INT64, values, sizeof *values);
}

static void end_node(struct onnxfile *o) {
  if (o->node.n) put_message(&o->graph, GRAPH_NODE, &o->node);
}

void onnxfile_node(struct onnxfile *o, const char *op, const char *inputs, const char *output) {
  end_node(o);
  for (const char *at = inputs; *at; at += strspn(at, " ")) {
    const size_t n = strcspn(at, " ");
    put_bytes(&o->node, NODE_INPUT, at, n);
    at += n;
  }
  put_text(&o->node, NODE_OUTPUT, output);
  put_text(&o->node, NODE_NAME, output);
  put_text(&o->node, NODE_OPERATOR, op);
}

void onnxfile_ints(struct onnxfile *o, const char *attribute, int n, const int64_t *values) {
  struct message a = { 0 };
  put_text(&a, ATTRIBUTE_NAME, attribute);
  for (int k = 0; k < n; k++) put_int(&a, ATTRIBUTE_INTS, values[k]);
  put_int(&a, ATTRIBUTE_TYPE, TYPE_INTS);
  put_message(&o->node, NODE_ATTRIBUTE, &a);
}

void onnxfile_real(struct onnxfile *o, const char *attribute, double value) {
  struct message a = { 0 };
  put_text(&a, ATTRIBUTE_NAME, attribute);
  put_tag(&a, ATTRIBUTE_FLOAT, 5);
  put(&a, &(float){ (float)value }, sizeof(float));
  put_int(&a, ATTRIBUTE_TYPE, TYPE_FLOAT);
  put_message(&o->node, NODE_ATTRIBUTE, &a);
}

void onnxfile_about(struct onnxfile *o, const char *text) { put_text(&o->model, MODEL_ABOUT, text); }

void onnxfile_text(struct onnxfile *o, const char *key, const char *value) {
  struct message pair = { 0 };
  put_text(&pair, PAIR_KEY, key);
  put_text(&pair, PAIR_VALUE, value);
  put_message(&o->model, MODEL_METADATA, &pair);
}

int onnxfile_write(struct onnxfile *o, const char *path) {
  struct file_out out;
  end_node(o);
  TRY(file_out_open(&out, path));
  fwrite(o->model.bytes, 1, o->model.n, out.stream);
  struct message head = { 0 };
  put_tag(&head, MODEL_GRAPH, 2);
  put_varint(&head, o->graph.n);
  fwrite(head.bytes, 1, head.n, out.stream);
  free(head.bytes);
  fwrite(o->graph.bytes, 1, o->graph.n, out.stream);
  return file_out_commit(&out);
}
