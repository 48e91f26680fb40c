// commands.h - the commands of main.c, one file each.
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "options.h"

extern const struct options_command train_command;
extern const struct options_command eval_command;
extern const struct options_command sweep_command;
extern const struct options_command data_command;
extern const struct options_command model_command;
extern const struct options_command demo_command;
extern const struct options_command device_command;
extern const struct options_command chip_command;
extern const struct options_command driver_command;
extern const struct options_command arm_command;
extern const struct options_command report_command;
extern const struct options_command compare_command;
extern const struct options_command bench_command;
extern const struct options_command learn_command;
extern const struct options_command classify_command;

#endif
