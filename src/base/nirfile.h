// nirfile.h - networks of the Neuromorphic Intermediate Representation (Pedersen et al., Nat. Commun. 15:8122 (2024);
// https://neuroir.org), written only: a graph of nodes with arrays of floats, in HDF5, as version 1.0 of the Python
// package nir lays it out. The one file that reaches libhdf5.
#ifndef BASE_NIRFILE_H
#define BASE_NIRFILE_H

#include <stdint.h>

struct nirfile;

// An empty graph in memory. ERR_SETTING in a build without libhdf5.
int nirfile_new(struct nirfile **n);
void nirfile_free(struct nirfile *n);

// A node of a type ("LIF"); the arrays that follow are its own.
void nirfile_node(struct nirfile *n, const char *name, const char *type);
void nirfile_array(struct nirfile *n, const char *name, int n_dims, const int64_t *dims, const float *values);
void nirfile_shape(struct nirfile *n, int64_t size);  // of an Input or Output: a vector
void nirfile_edge(struct nirfile *n, const char *from, const char *to);
// The metadata of the graph.
void nirfile_text(struct nirfile *n, const char *key, const char *value);
void nirfile_number(struct nirfile *n, const char *key, double value);

// Write it (base/file.h), once; n is then to be freed.
int nirfile_write(struct nirfile *n, const char *path);

#endif
