// message.h - the messages of the ED-Scorbot over MQTT: JSON objects told apart by their number `signal`. Commands and
// answers share a topic, so a client sees its own commands too. Angles are degrees of the arm's own counting,
// which is that of kinematics.h except for the elbow, whose sign is opposite.
#ifndef ARM_MESSAGE_H
#define ARM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

struct jointpath;

enum { MESSAGE_JOINTS = 6, MESSAGE_NAME_SIZE = 64 };

enum message_signal {
  MESSAGE_GET_METAINFO = 1, MESSAGE_METAINFO, MESSAGE_CHECK_STATUS, MESSAGE_STATUS, MESSAGE_CONNECT, MESSAGE_CONNECTED,
  MESSAGE_MOVE, MESSAGE_TRAJECTORY, MESSAGE_CANCEL, MESSAGE_CANCELLED, MESSAGE_DISCONNECT, MESSAGE_DISCONNECTED,
  MESSAGE_HOME,
};

// What one of the topics carried.
enum message_topic { MESSAGE_ON_METAINFO, MESSAGE_ON_COMMANDS, MESSAGE_ON_MOVED };

struct message {
  int signal;                           // enum message_signal; 0 on MESSAGE_ON_MOVED
  bool error;
  char client[MESSAGE_NAME_SIZE];       // "" if none is named
  char name[MESSAGE_NAME_SIZE];         // of the robot: METAINFO
  int n_joints;                         // METAINFO
  double limit_deg[MESSAGE_JOINTS][2];  // lowest and highest, sorted: the arm swaps them where a gain is negative
  int n_angles;                         // moved
  double angle_deg[MESSAGE_JOINTS];
};

// Errors: "robot_topic: reason". Fields that the signal does not need are not looked at. The names are read first: a
// client or a robot that *m names is that of the message, whatever else of it cannot be read.
int message_parse(struct message *m, enum message_topic on, const char *text, size_t size, const char *topic);

// Of a robot or a client: 1 to MESSAGE_NAME_SIZE - 1 letters, digits and _ . -
bool message_is_name(const char *text);

// The texts are the caller's to free.
char *message_get_metainfo(void);
char *message_command(enum message_signal signal, const char *client);
// All set-points of a path, each with the time it is held.
char *message_trajectory(const char *client, const struct jointpath *path, double hold_s);

// Joint angles between the arm's counting (deg) and kinematics.h (rad).
void message_degrees(double degrees[4], const double q[4]);
void message_angles(double q[4], const double degrees[4]);

#endif
