#include "base/nirfile.h"

#include <stddef.h>

#include "base/err.h"

#if METAXBAR_HDF5
#include <hdf5.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_EDGES = 1024 };

struct nirfile {
  hid_t file, graph, nodes, node, metadata;
  hid_t text, plain;  // type of texts; properties of arrays, without the time of day
  char *edge[2 * MAX_EDGES];
  int n_edges;
  bool failed;
};

static hid_t made(struct nirfile *n, hid_t id) {
  n->failed |= id < 0;
  return id;
}

static hid_t group(struct nirfile *n, hid_t in, const char *name) {
  const hid_t properties = made(n, H5Pcreate(H5P_GROUP_CREATE));
  n->failed |= H5Pset_obj_track_times(properties, false) < 0;
  const hid_t id = made(n, H5Gcreate2(in, name, H5P_DEFAULT, properties, H5P_DEFAULT));
  H5Pclose(properties);
  return id;
}

// An array, of rank 0 a scalar.
static void put(struct nirfile *n, hid_t in, const char *name, hid_t type, int n_dims, const int64_t *dims,
                const void *values) {
  hsize_t sizes[4] = { 0 };
  for (int k = 0; k < n_dims; k++) sizes[k] = (hsize_t)dims[k];
  const hid_t space = made(n, n_dims ? H5Screate_simple(n_dims, sizes, NULL) : H5Screate(H5S_SCALAR));
  const hid_t set = made(n, H5Dcreate2(in, name, type, space, H5P_DEFAULT, n->plain, H5P_DEFAULT));
  n->failed |= H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;
  H5Dclose(set);
  H5Sclose(space);
}

static void put_text(struct nirfile *n, hid_t in, const char *name, const char *text) {
  put(n, in, name, n->text, 0, NULL, &text);
}

int nirfile_new(struct nirfile **out) {
  struct nirfile *n = err_calloc(1, sizeof *n);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  const hid_t memory = made(n, H5Pcreate(H5P_FILE_ACCESS));
  n->failed |= H5Pset_fapl_core(memory, 1 << 20, false) < 0;
  n->file = made(n, H5Fcreate("nir", H5F_ACC_TRUNC, H5P_DEFAULT, memory));
  H5Pclose(memory);
  n->text = made(n, H5Tcopy(H5T_C_S1));
  n->failed |= H5Tset_size(n->text, H5T_VARIABLE) < 0 || H5Tset_cset(n->text, H5T_CSET_UTF8) < 0;
  n->plain = made(n, H5Pcreate(H5P_DATASET_CREATE));
  n->failed |= H5Pset_obj_track_times(n->plain, false) < 0;
  n->node = -1;
  n->graph = group(n, n->file, "node");
  n->nodes = group(n, n->graph, "nodes");
  n->metadata = group(n, n->graph, "metadata");
  put_text(n, n->file, "version", "1.0");
  put_text(n, n->graph, "type", "NIRGraph");
  *out = n;
  return 0;
}

static void close_group(hid_t *id) {
  if (*id >= 0) H5Gclose(*id);
  *id = -1;
}

void nirfile_free(struct nirfile *n) {
  if (!n) return;
  close_group(&n->node);
  close_group(&n->nodes);
  close_group(&n->metadata);
  close_group(&n->graph);
  if (n->text >= 0) H5Tclose(n->text);
  if (n->plain >= 0) H5Pclose(n->plain);
  if (n->file >= 0) H5Fclose(n->file);
  for (int k = 0; k < 2 * n->n_edges; k++) free(n->edge[k]);
  free(n);
}

void nirfile_node(struct nirfile *n, const char *name, const char *type) {
  close_group(&n->node);
  n->node = group(n, n->nodes, name);
  put_text(n, n->node, "type", type);
}

void nirfile_array(struct nirfile *n, const char *name, int n_dims, const int64_t *dims, const float *values) {
  put(n, n->node, name, H5T_NATIVE_FLOAT, n_dims, dims, values);
}

void nirfile_shape(struct nirfile *n, int64_t size) {
  put(n, n->node, "shape", H5T_NATIVE_INT64, 1, (const int64_t[]){ 1 }, &size);
}

void nirfile_edge(struct nirfile *n, const char *from, const char *to) {
  if (n->n_edges == MAX_EDGES) {
    n->failed = true;
    return;
  }
  n->edge[2 * n->n_edges] = err_strdup(from);
  n->edge[2 * n->n_edges++ + 1] = err_strdup(to);
}

void nirfile_text(struct nirfile *n, const char *key, const char *value) { put_text(n, n->metadata, key, value); }

void nirfile_number(struct nirfile *n, const char *key, double value) {
  put(n, n->metadata, key, H5T_NATIVE_DOUBLE, 0, NULL, &value);
}

int nirfile_write(struct nirfile *n, const char *path) {
  struct file_out out;
  put(n, n->graph, "edges", n->text, 2, (const int64_t[]){ n->n_edges, 2 }, n->edge);
  n->failed |= H5Fflush(n->file, H5F_SCOPE_GLOBAL) < 0;
  const ssize_t size = n->failed ? -1 : H5Fget_file_image(n->file, NULL, 0);
  if (size < 0) return err_set(ERR_IO, "%s: libhdf5 cannot write this graph", path);
  TRY(file_out_open(&out, path));
  void *bytes = err_calloc((size_t)size, 1);
  const bool whole = H5Fget_file_image(n->file, bytes, (size_t)size) == size;
  fwrite(bytes, 1, (size_t)size, out.stream);
  free(bytes);
  if (whole) return file_out_commit(&out);
  file_out_abort(&out);
  return err_set(ERR_IO, "%s: libhdf5 cannot write this graph", path);
}

#else

int nirfile_new(struct nirfile **n) {
  *n = NULL;
  return err_set(ERR_SETTING, "NIR: this build has no HDF5 (libhdf5-dev)");
}

void nirfile_free(struct nirfile *n) { (void)n; }
void nirfile_node(struct nirfile *n, const char *name, const char *type) { (void)n, (void)name, (void)type; }
void nirfile_array(struct nirfile *n, const char *name, int n_dims, const int64_t *dims, const float *values) {
  (void)n, (void)name, (void)n_dims, (void)dims, (void)values;
}
void nirfile_shape(struct nirfile *n, int64_t size) { (void)n, (void)size; }
void nirfile_edge(struct nirfile *n, const char *from, const char *to) { (void)n, (void)from, (void)to; }
void nirfile_text(struct nirfile *n, const char *key, const char *value) { (void)n, (void)key, (void)value; }
void nirfile_number(struct nirfile *n, const char *key, double value) { (void)n, (void)key, (void)value; }
int nirfile_write(struct nirfile *n, const char *path) {
  (void)path;
  return nirfile_new(&n);
}

#endif
