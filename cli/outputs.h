// outputs.h - what a command writes must not be what it reads.
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

struct options;

// ERR_SETTING if a file that is going to be written is also read, lies in a folder of pictures that is read, or is to
// be written twice. replaces: see struct options_action.
int outputs_check(const struct options *o, const char *replaces);

#endif
