// shipped.h - the models that are installed with the program, in share/metaxbar/models beside the bin folder it runs
// from.
#ifndef CLI_SHIPPED_H
#define CLI_SHIPPED_H

#include "base/file.h"

// Where to read a model from: path itself if it exists or does not begin with "models/", else the installed model of
// that name, then in found, if there is one, else path again.
const char *shipped_path(char found[FILE_PATH_SIZE], const char *path);

#endif
