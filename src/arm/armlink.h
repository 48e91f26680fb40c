// armlink.h - the real arm, or the laboratory's simulator of it, over MQTT (arm/message.h). It takes joint angles and
// checks nothing, so all is checked here before the first command: joint limits, those in use and those that
// the robot states, the largest step and the largest speed. It has one owner at a time and ignores everybody else
// without a word, so every wait has a time-out.
//
// Order: metainfo, status, connect, home search, trajectory, one `moved` per set-point, disconnect (which homes
// the arm). After a signal, a failure or silence in mid-path the trajectory is cancelled first. If the connection
// breaks, the client returns for that under the same name. If the client itself vanishes, the broker publishes the
// cancellation and, link.free_s later, the disconnection: last wills of two further connections. The name of the owner
// stays in a file (arm/owner.h), with which the next run or armlink_release frees the robot.
#ifndef ARM_ARMLINK_H
#define ARM_ARMLINK_H

#include <stdio.h>

#include "arm/message.h"
#include "arm/mqtt.h"

struct jointpath;

struct armlink_params {
  struct mqtt_params broker;
  char robot[PARAM_TEXT_SIZE];   // EDScorbot or EDScorbotSim: begins its topics
  char client[PARAM_TEXT_SIZE];  // the owner's name; "": made up
  double answer_s;               // longest wait for the broker and for an answer
  double homing_s;               // for the home search, minutes on the real arm
  double point_s;                // between two points beyond the time a point is held
  int64_t free_s;                // from a client's loss, which stops the arm, until the broker disconnects it
  double return_s;               // longest attempt to come back after the connection was lost
  double step_deg;               // largest step of a joint between set-points
  double speed_deg_s;            // and its largest speed: step by hold time
};
extern const struct param armlink_param_table[];

// Perform and measure: performed is made here, the caller's; its times are those of the answers. After a failure it
// holds the points that came before it, performed->n of them, and none if the arm did not move.
int armlink_perform(struct jointpath *performed, const struct armlink_params *p, const struct jointpath *commanded);

// Stop and disconnect a robot that a client left behind: client `name`, or, if that is NULL, the last of this user's
// that the robot did not confirm to be gone. released: its name. ERR_IO if the robot does not confirm.
int armlink_release(char released[MESSAGE_NAME_SIZE], const struct armlink_params *p, const char *name);

// Check the same and print what would be published, a line "topic message" each; nothing is sent.
int armlink_print(FILE *out, const struct armlink_params *p, const struct jointpath *commanded);

#endif
