// Kernels of two instruction sets in one program: which are called, by processor and environment, and that they compute
// the same but for rounding.
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rng.h"
#include "kernel/choice.h"
#include "test.h"

extern __typeof__(conv_forward) conv_forward_narrow, conv_forward_wide;

enum { B = 2, H = 7, W = 6, C = 16, O = 32, K = 3 };
static struct { _Alignas(64) real x[B*H*W*C], w[K*K*C*O], y[4][B*H*W*O]; } t;

static void fill(real *x, int n, uint64_t seed) {
  struct rng r = rng_stream(seed, 0, 0);
  for (int i = 0; i < n; i++) x[i] = (real)rng_normal(&r);
}

// What a program sees that has METAXBAR_KERNELS in its environment: the set, the size of its vectors, and whether the
// kernels are those of this set; or the line that refuses it.
static int child(void) {
  if (choice_check() < 0) {
    printf("%s\n", err_message());
    return 1;
  }
  const struct conv c = conv_shape(B, H, W, C, O, K, 1, 1);
  const size_t size = sizeof t.y[0];
  fill(t.x, sizeof t.x/sizeof *t.x, 1);
  fill(t.w, sizeof t.w/sizeof *t.w, 2);
  const bool wide = !strcmp(choice_name(), "x86-64-v4");
  conv_forward(t.y[0], t.x, t.w, &c);
  conv_forward_narrow(t.y[1], t.x, t.w, &c);
  if (wide) conv_forward_wide(t.y[2], t.x, t.w, &c);
  conv_forward_ref(t.y[3], t.x, t.w, &c);
  double error = 0;
  for (size_t i = 0; i < size/sizeof(real); i++) error = fmax(error, fabs((double)(t.y[0][i] - t.y[3][i])));
  printf("%s %d %s %s\n", choice_name(), peak_vector_bytes(), memcmp(t.y[0], t.y[wide ? 2 : 1], size) ? "other" : "own",
         error < 1e-4 ? "exact" : "wrong");
  return 0;
}

static void run(const char *self, const char *asked, char *line, int size) {
  int fd[2], status;
  if (pipe(fd)) abort();
  const pid_t pid = fork();
  if (pid == 0) {
    if (asked) setenv("METAXBAR_KERNELS", asked, 1);
    else unsetenv("METAXBAR_KERNELS");
    dup2(fd[1], 1);
    execl(self, self, "child", (char *)NULL);
    _exit(127);
  }
  close(fd[1]);
  FILE *in = fdopen(fd[0], "r");
  if (!fgets(line, size, in)) *line = 0;
  line[strcspn(line, "\n")] = 0;
  fclose(in);
  waitpid(pid, &status, 0);
}

int main(int argc, char **argv) {
  if (argc > 1) return child();
  const bool has_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
  const char *const narrow = "x86-64-v3 32 own exact", *const wide = "x86-64-v4 64 own exact";
  const struct { const char *asked, *expected; } cases[] = {
    { NULL, has_wide ? wide : narrow },
    { "x86-64-v3", narrow },
    { "x86-64-v4", has_wide ? wide : "METAXBAR_KERNELS=x86-64-v4 (environment): this processor does not have it" },
    { "avx2", "METAXBAR_KERNELS=avx2 (environment): neither x86-64-v3 nor x86-64-v4" },
    { "", "METAXBAR_KERNELS= (environment): neither x86-64-v3 nor x86-64-v4" },
  };
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    char line[256];
    run(argv[0], cases[k].asked, line, sizeof line);
    CHECK(!strcmp(line, cases[k].expected), "%s, not %s", line, cases[k].expected);
  }
  return test_summary();
}
