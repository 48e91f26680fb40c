// onnxfile.h - ONNX models (https://onnx.ai), written only: one graph of operators of opset 13, tensors of floats. A
// model is a message of Protocol Buffers; of that format three kinds of field are needed (variable-length integers, 32
// bits, and bytes that follow their length), which this file writes itself.
#ifndef BASE_ONNXFILE_H
#define BASE_ONNXFILE_H

#include <stdint.h>

struct onnxfile;

struct onnxfile *onnxfile_new(const char *graph);  // its name
void onnxfile_free(struct onnxfile *o);

// An input or output of the graph, floats. A dimension of 0 is any number, called N.
void onnxfile_input(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims);
void onnxfile_output(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims);
// A constant; values are copied.
void onnxfile_tensor(struct onnxfile *o, const char *name, int n_dims, const int64_t *dims, const float *values);
// A constant row of integers, such as the shape of a Reshape.
void onnxfile_integers(struct onnxfile *o, const char *name, int64_t n, const int64_t *values);

// A node, after those whose outputs it takes: an operator, its inputs with blanks between, its one output, whose name
// it has too. The attributes that follow are its own.
void onnxfile_node(struct onnxfile *o, const char *op, const char *inputs, const char *output);
void onnxfile_ints(struct onnxfile *o, const char *attribute, int n, const int64_t *values);
void onnxfile_real(struct onnxfile *o, const char *attribute, double value);

// Texts of the model: its description, and a pair of the metadata.
void onnxfile_about(struct onnxfile *o, const char *text);
void onnxfile_text(struct onnxfile *o, const char *key, const char *value);

// Write it (base/file.h), once; o is then to be freed.
int onnxfile_write(struct onnxfile *o, const char *path);

#endif
