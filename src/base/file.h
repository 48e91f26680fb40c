// file.h - whole files in, whole files out. A file is written under a temporary name in the same
// folder, brought to disk and renamed: the file of the real name is always complete, the
// old or the new, also after a full disk or SIGKILL. The temporary name is NAME.metaxbar-K.tmp with the
// first K that no other writer, thread or process, has locked; what a killed one left is written over.
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { FILE_PATH_SIZE = 4096 };

// Read a whole file of at most max bytes. *data is the caller's to free; a zero byte follows the
// *size bytes. Errors name the file and the reason.
int file_read(const char *path, size_t max, char **data, size_t *size);

// Read a file and let parse(context, text, size, path) make something of it; the text ends with a zero byte and is gone
// afterwards.
int file_parse(const char *path, size_t max,
               int (*parse)(void *context, const char *text, size_t size, const char *path), void *context);

bool file_exists(const char *path);

// ERR_IO where path is a pipe or a device: for files that are read in any order. To open a pipe that nobody writes to
// would take for ever.
int file_refuse_pipe(const char *path);

// ERR_IO where path is a symbolic link. For files with names of this program's own, in a folder that somebody else may
// have filled: what such a link points to is not ours to write.
int file_refuse_link(const char *path);

// Is the open file still the one of this name? Another process may have renamed or removed it before its lock was ours.
bool file_is_named(int fd, const char *path);

// Create a folder and all above it that are missing. Existing ones are no error.
int file_make_dirs(const char *path);

// A file being written.
struct file_out {
  FILE *stream;               // write here (fprintf, fwrite); their results need no check
  char path[FILE_PATH_SIZE];  // where it will be, symbolic links resolved
  char temp[FILE_PATH_SIZE];  // where it is until then; "" for a device or pipe, written directly
  int place;                  // of temp in the list of file_out_abandon; -1: none
  bool reserved;              // file_out_reserve
};

// On failure nothing is open and nothing need be released.
int file_out_open(struct file_out *o, const char *path);

// Whether file_out_open will most likely succeed, before what is to be written has been computed. Nothing is left
// behind; a pipe or device is not opened.
int file_out_check(const char *path);

// Take the space for the next `bytes` bytes now, for what cannot be measured again once the disk is full; what is left
// over is given back in the end. ERR_IO where there is none, then *o is still open. Devices and file systems without
// such a call take none.
int file_out_reserve(struct file_out *o, size_t bytes);

// Flush, fsync, rename. Any earlier write error (a full disk) is reported here as ERR_IO naming the
// file; then the temporary file is gone and the old file untouched. Ends *o in both cases.
int file_out_commit(struct file_out *o);

// Give up: the temporary file is removed. Ends *o.
void file_out_abort(struct file_out *o);

// Remove the temporary files of all that are open, because the process is about to end. Safe in a signal handler.
void file_out_abandon(void);

#endif
