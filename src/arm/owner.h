// owner.h - the name under which this user last owned a robot, in a file $XDG_STATE_HOME/metaxbar/arm-ROBOT-HOST-PORT
// (without that variable ~/.local/state). It is written before the robot is asked for and removed when the robot has
// confirmed the disconnection, so that a name in it belongs to a process that died, unless the file is locked. Where it
// holds no name, an error of the disk for example, a note says so, and it is written anew.
#ifndef ARM_OWNER_H
#define ARM_OWNER_H

#include "arm/message.h"
#include "base/file.h"

struct owner {
  int fd;  // locked while it is open; -1: not open
  char path[FILE_PATH_SIZE];
  char name[MESSAGE_NAME_SIZE];  // that a process left behind; "": none
};

// ERR_BUSY if another process drives the robot: the message names it, o->name is its name and nothing is open.
int owner_open(struct owner *o, const char *robot, const char *host, int port);
int owner_write(struct owner *o, const char *name);
// Both end *o, unless that is done already.
void owner_remove(struct owner *o);
void owner_close(struct owner *o);

#endif
