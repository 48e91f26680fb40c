// consumer.c - a program of its own beside the installed library: loads a shipped model and says which version did it.
// MODELS: the folder of the models, as the build found it.
#include <metaxbar.h>
#include <stdio.h>

int main(void) {
  struct mx_fewshot *model;
  if (mx_fewshot_load(&model, MODELS "/builtin-5w5s.safetensors", NULL) < 0) {
    fprintf(stderr, "consumer: %s\n", mx_last_error());
    return 1;
  }
  printf("metaxbar %s, %d ways\n", mx_version(), mx_fewshot_ways(model));
  mx_fewshot_free(model);
}
