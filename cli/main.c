// main.c - metaxbar <command> [...]. Results go to stdout, progress and notes to stderr; exit 0, 1 failed,
// 2 usage, 128 + signal stopped by one, 75 stopped by SIGUSR1.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/note.h"
#include "base/par_ranks.h"
#include "base/signals.h"
#include "commands.h"

static const struct options_command *const commands[] = {
  &train_command,  &eval_command,  &sweep_command,  &learn_command,   &classify_command,
  &data_command,   &model_command, &demo_command,   &device_command,  &chip_command,
  &driver_command, &arm_command,   &report_command, &compare_command, &bench_command,
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *out) {
  fprintf(out, "usage: metaxbar <command> [...]    metaxbar <command> --help\n\n");
  for (int k = 0; k < N_COMMANDS; k++) fprintf(out, "  %-8s %s\n", commands[k]->name, commands[k]->summary);
  return out == stdout ? options_finish("--help") : 2;
}

// The next file opened would take the number of a closed standard stream, and messages would be written into it.
// Opened the other way round, the stream fails as if it were still closed.
static void keep_closed(void) {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd) _exit(1);
}

static void print_note(const char *line) { fprintf(stderr, "metaxbar: %s\n", line); }

// Where the words name no command.
static int answer(int argc, char **argv) {
  if (argc < 2) return usage(stderr);
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) return usage(stdout);
  if (!strcmp(argv[1], "--version")) {
    printf("metaxbar %s\n", METAXBAR_VERSION);
    return options_finish("--version");
  }
  err_set(ERR_SETTING, "%s: no such command; metaxbar --help lists them", argv[1]);
  fprintf(stderr, "metaxbar: %s\n", err_message());
  return 2;
}

int main(int argc, char **argv) {
  keep_closed();
  signals_install();
  note_to(print_note);
  for (int k = 0; k < N_COMMANDS && argc > 1; k++)
    if (!strcmp(argv[1], commands[k]->name)) return options_main(commands[k], argc - 2, argv + 2);
  return par_ranks_prints() ? answer(argc, argv) : 0;
}
