// edge_tasks TASKS SHOTS [section.name=value ...]: writes tasks of five ways and one query of each class to the file
// tasks.bin, as edge/bare/main.c reads them, for the model omniglot-any.
#include "edge_fixture.h"

int main(int argc, char **argv) {
  static struct edge_fixture e;
  static char shots[64];
  const char *settings[32] = { "eval.ways=5", "eval.queries=1", shots };
  if (argc < 3 || argc > 20) return 2;
  snprintf(shots, sizeof shots, "eval.shots=%s", argv[2]);
  for (int k = 3; k < argc; k++) settings[k] = argv[k];
  edge_fixture_init(&e, "models/omniglot-any.safetensors", settings);
  const int32_t head[4] = { atoi(argv[1]), 5, e.spec.shots, e.n_images - 5*e.spec.shots };
  FILE *out = fopen("tasks.bin", "wb");
  CHECK(out && fwrite(head, sizeof head, 1, out) == 1, "tasks.bin");
  for (int k = 0; out && k < head[0]; k++) {
    edge_fixture_draw(&e, k);
    CHECK(fwrite(e.images, (size_t)e.image_bytes, (size_t)e.n_images, out) == (size_t)e.n_images, "tasks.bin");
  }
  CHECK(out && fclose(out) == 0, "tasks.bin");
  edge_fixture_release(&e);
  return test_summary();
}
