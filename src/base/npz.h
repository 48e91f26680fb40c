// npz.h - tensor files as NumPy writes and reads them: a zip of NAME.npy, one for each tensor (format 1 to 3 of
// numpy.lib.format), little endian. The texts of the metadata are one array of bytes, __metadata__: a JSON object, in
// Python json.loads(bytes(file["__metadata__"])). An array in Fortran order is turned to row-major on reading.
// tensorfile_open and tensorfile_commit use this for paths that end in .npz.
#ifndef BASE_NPZ_H
#define BASE_NPZ_H

#include <stdbool.h>
#include <stdio.h>

#include "base/tensorfile.h"

bool npz_is_name(const char *path);  // ends in .npz

// The file as safetensors, in a temporary file without a name. Errors name the file, the array and what was found.
int npz_read(FILE **safetensors, const char *path);

// The contents of one NAME.npy as a tensor, or as texts if it is __metadata__. where: file and array, for errors.
int npz_put(struct tensorfile_writer *w, const char *name, const unsigned char *data, size_t size, const char *where);

// The tensors and texts of a file as a .npz, in the order of their names, atomically (file.h). ERR_FORMAT
// for BF16, which NumPy does not have.
int npz_write(const char *path, struct tensorfile *tf);

#endif
