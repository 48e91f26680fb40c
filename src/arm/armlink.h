// armlink.h - the real arm, or the laboratory's simulator of it, over MQTT (arm/message.h). It takes joint angles and
// checks nothing, so all is checked here before the first command: joint limits, those in use and those that
// the robot states, and the largest step. It has one owner at a time and ignores everybody else without a word, so
// every wait has a time-out.
//
// Order: metainfo, status, connect, home search, trajectory, one `moved` per set-point, disconnect (which homes
// the arm). After a signal, a failure or silence in mid-path the trajectory is cancelled first; should the connection
// itself break, the broker publishes the cancellation (its last will).
#ifndef ARM_ARMLINK_H
#define ARM_ARMLINK_H

#include <stdio.h>

#include "arm/mqtt.h"

struct jointpath;

struct armlink_params {
  struct mqtt_params broker;
  char robot[PARAM_TEXT_SIZE];   // EDScorbot or EDScorbotSim: begins its topics
  char client[PARAM_TEXT_SIZE];  // the owner's name; "": made up
  double answer_s;               // longest wait for the broker and for an answer
  double homing_s;               // for the home search, minutes on the real arm
  double point_s;                // between two points beyond the time a point is held
  double step_deg;               // largest step of a joint between set-points
};
extern const struct param armlink_param_table[];

// Perform and measure: performed is made here, the caller's; its times are those of the answers.
int armlink_perform(struct jointpath *performed, const struct armlink_params *p, const struct jointpath *commanded);

// Check the same and print what would be published, a line "topic message" each; nothing is sent.
int armlink_print(FILE *out, const struct armlink_params *p, const struct jointpath *commanded);

#endif
