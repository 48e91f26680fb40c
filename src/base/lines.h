// lines.h - the lines of a text file, one after the other. They end with LF or CR LF; the byte order mark of UTF-8 that
// spreadsheets begin a file with is no part of the first.
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

// A text being read.
struct lines {
  const char *at, *end, *name;  // what is left; the name of the file, for messages
  int line;                     // number of the line taken last, from 1
};

struct lines lines_of(const char *text, size_t size, const char *name);

// Take the next line, without its end, into text, which holds size - 1 characters; found: false where there is none.
// ERR_FORMAT, with name and line: no text of UTF-8, or a line that is too long.
int lines_next(struct lines *l, char *text, size_t size, bool *found);

#endif
