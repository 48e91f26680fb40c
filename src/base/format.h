// format.h - the kind of a file of this program, and the version of its format: "format" and "version" in the metadata
// of models, checkpoints and states of a chip. The first number of a version rises when older programs would
// misunderstand a file; the second when they may ignore what is new.
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdint.h>

struct tensorfile;
struct tensorfile_writer;

// A format is "metaxbar " and what the file holds.

void format_put(struct tensorfile_writer *w, const char *format);

// The texts of another file's metadata, with the version where it has the name of one of these and none.
void format_copy(struct tensorfile_writer *w, const struct tensorfile *tf);

// ERR_FORMAT for a file of another of these formats, or of a later version. A file without either is accepted:
// older files, and those of other programs.
int format_check(const struct tensorfile *tf, const char *format);

// ERR_FORMAT where the metadata have this setting, `recorded` is its value, and the tensors have another size.
int format_check_size(const struct tensorfile *tf, const char *setting, int64_t recorded, int64_t of_tensors);

#endif
