// main.c - metaxbar <command> [...]. Results go to stdout, chatter to stderr; exit 0, 1 failed,
// 2 usage, 128 + signal stopped by one.
#include <stdio.h>
#include <string.h>

#include "base/note.h"
#include "base/signals.h"
#include "commands.h"
#include "options.h"

static const struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} commands[] = {
  { "train", train_command, "meta-train a network" },
  { "eval", eval_command, "measure a trained network on unseen tasks" },
  { "data", data_command, "fetch and inspect data sets" },
  { "model", model_command, "inspect and convert model files" },
  { "demo", demo_command, "what this program does, in a few minutes" },
  { "device", device_command, "characterise a device model: programming error, drift, read noise" },
  { "chip", chip_command, "put a model on a chip: map, ledger, drift, state of every device" },
  { "arm", arm_command, "perform a movement on the kinematic, the simulated or the real arm" },
  { "report", report_command, "one HTML page with figures about runs and models" },
  { "bench", bench_command, "the measured speed behind the README" },
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *out) {
  fprintf(out, "usage: metaxbar <command> [...]    metaxbar <command> --help\n\n");
  for (int k = 0; k < N_COMMANDS; k++) fprintf(out, "  %-8s %s\n", commands[k].name, commands[k].help);
  return out == stdout ? options_finish("--help") : 2;
}

static void print_note(const char *line) { fprintf(stderr, "metaxbar: %s\n", line); }

int main(int argc, char **argv) {
  signals_install();
  note_to(print_note);
  if (argc < 2) return usage(stderr);
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) return usage(stdout);
  if (!strcmp(argv[1], "--version")) {
    printf("metaxbar %s\n", METAXBAR_VERSION);
    return options_finish("--version");
  }
  for (int k = 0; k < N_COMMANDS; k++)
    if (!strcmp(argv[1], commands[k].name)) return commands[k].run(argc - 2, argv + 2);
  fprintf(stderr, "metaxbar: %s: no such command; metaxbar --help lists them\n", argv[1]);
  return 2;
}
