// commands.h - the commands of main.c, one file each. argv begins after the command's name; the
// result is the exit status: 0, 1 failed, 2 usage.
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int train_command(int argc, char **argv);
int eval_command(int argc, char **argv);
int data_command(int argc, char **argv);
int model_command(int argc, char **argv);
int demo_command(int argc, char **argv);
int device_command(int argc, char **argv);
int chip_command(int argc, char **argv);
int arm_command(int argc, char **argv);
int report_command(int argc, char **argv);
int bench_command(int argc, char **argv);

struct options;
int eval_arm(const struct options *o);  // of eval_command

#endif
