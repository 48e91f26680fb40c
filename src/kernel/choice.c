#include "kernel/choice.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char VARIABLE[] = "METAXBAR_KERNELS";

#ifdef CHOICE_WIDE

// Each function by its plain name jumps to where its pointer says.
#define X(f)                                                                                                           \
  extern __typeof__(f) f##_narrow, f##_wide;                                                                           \
  static __typeof__(f) *choice_##f __attribute__((used)) = f##_narrow;                                                 \
  __asm__(".pushsection .text\n.globl " #f "\n.hidden " #f "\n.type " #f ", @function\n" #f ":\n.cfi_startproc\n"      \
          "jmp *choice_" #f "(%rip)\n.cfi_endproc\n.size " #f ", . - " #f "\n.popsection");
CHOICE_KERNELS(X)
#undef X

static bool wide;

static bool has_wide(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

__attribute__((constructor)) static void choose(void) {
  const char *asked = getenv(VARIABLE);
  __builtin_cpu_init();
  wide = has_wide() && !(asked && !strcmp(asked, CHOICE_NARROW));
#define X(f) choice_##f = wide ? f##_wide : f##_narrow;
  CHOICE_KERNELS(X)
#undef X
}

const char *choice_name(void) { return wide ? CHOICE_WIDE : CHOICE_NARROW; }

int choice_check(void) {
  const char *asked = getenv(VARIABLE);
  if (!asked || !strcmp(asked, choice_name())) return 0;
  if (!strcmp(asked, CHOICE_WIDE))
    return err_set(ERR_SETTING, "%s=%s (environment): this processor does not have it", VARIABLE, asked);
  return err_set(ERR_SETTING, "%s=%.60s (environment): neither %s nor %s", VARIABLE, asked, CHOICE_NARROW, CHOICE_WIDE);
}

#else

const char *choice_name(void) { return CHOICE_NARROW; }

int choice_check(void) {
  const char *asked = getenv(VARIABLE);
  if (!asked || !strcmp(asked, CHOICE_NARROW)) return 0;
  return err_set(ERR_SETTING, "%s=%.60s (environment): this program was built for %s alone; unset the variable",
                 VARIABLE, asked, CHOICE_NARROW);
}

#endif
