// format.h - what a file of this program is, and in which version of its form: "format" and "version" in the metadata
// of models, checkpoints and states of a chip. The first number of a version rises when older programs would
// misunderstand a file; the second when they may pass over what is new.
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

struct tensorfile;
struct tensorfile_writer;

// A format is "metaxbar " and what the file holds.

void format_put(struct tensorfile_writer *w, const char *format);

// The texts of another file's metadata, with the version where it has the name of one of these and none.
void format_copy(struct tensorfile_writer *w, const struct tensorfile *tf);

// ERR_FORMAT for a file that says it is another of these, or of a version to come. What says neither is taken as it is:
// older files, and those of other programs.
int format_check(const struct tensorfile *tf, const char *format);

#endif
