// Learns the tasks of the file tasks.bin and writes the logits of all queries to logits.bin, which has the same bytes
// on every machine. tasks.bin: tasks, ways, shots, queries of a task (32 bits each), then the images of each task,
// support first. Costs are printed in hexadecimal: there is no printf here.
#include "host.h"
#include "metaxbar_adapt.h"
#include "model.h"

enum { WAYS = 5, EXAMPLES = 25, PIXELS = MODEL_SIDE*MODEL_SIDE*MODEL_INPUTS };

static uint32_t ram[MODEL_RAM(WAYS, EXAMPLES) / 4];
static struct mxa learner;
static uint8_t image[PIXELS];
static int8_t features[MODEL_CHANNELS];
static struct {
  uint32_t tasks, ways, shots, queries;
} head;

static void print_hex(const char *what, uint32_t n) {
  char text[12] = "0x00000000\n";
  for (int i = 0; i < 8; i++) text[2 + i] = "0123456789abcdef"[n >> (28 - 4*i) & 15];
  host_print(what);
  host_print(text);
}

static void print_cost(const char *what, unsigned from) {
  print_hex(what, host_instructions((host_clock() - from) & 0xffffff));
}

static int next_features(int tasks, int timed) {
  if (host_read(tasks, image, sizeof image) != 0) return -1;
  const unsigned from = host_clock();
  mxa_features(&learner, features, image);
  if (timed) print_cost("instructions, features ", from);
  return 0;
}

static int learn_task(int tasks, int logits, int first) {
  mxa_forget(&learner);
  for (uint32_t k = 0; k < head.ways; k++)
    for (uint32_t i = 0; i < head.shots; i++)
      if (next_features(tasks, first && k + i == 0) < 0 || mxa_add(&learner, (int)k, features) < 0) return -1;
  for (int updates = 0; updates <= MODEL_UPDATES; updates += MODEL_UPDATES) {
    const unsigned from = host_clock();
    if (mxa_learn(&learner, updates) != 0) return -1;
    if (first) print_cost(updates ? "instructions, means and updates " : "instructions, class means ", from);
  }
  for (uint32_t i = 0; i < head.queries; i++) {
    if (next_features(tasks, 0) < 0) return -1;
    const unsigned from = host_clock();
    if (mxa_classify(&learner, features) < 0) return -1;
    if (first && i == 0) print_cost("instructions, classification ", from);
    if (host_write(logits, learner.z, head.ways*sizeof *learner.z) != 0) return -1;
  }
  return 0;
}

int main(void) {
  const int tasks = host_open("tasks.bin", 0), logits = host_open("logits.bin", 1);
  int rc = tasks < 0 || logits < 0 || host_read(tasks, &head, sizeof head) != 0 || head.ways > WAYS;
  if (rc == 0) rc = mxa_init(&learner, model, MODEL_BYTES, ram, sizeof ram, WAYS, EXAMPLES);
  for (uint32_t k = 0; k < head.tasks && rc == 0; k++) rc = learn_task(tasks, logits, k == 0);
  print_hex("bytes, memory ", (uint32_t)mxa_ram(model, MODEL_BYTES, WAYS, EXAMPLES));
  print_hex("bytes, stack ", (uint32_t)host_stack());
  host_print(rc == 0 ? "done\n" : "failed\n");
  host_exit(rc != 0);
  return 0;
}
