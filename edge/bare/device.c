// Start-up and semihosting of a Cortex-M or RISC-V core, without any library.
#include "host.h"

#include <stdint.h>

extern uint32_t data_from[], data_begin[], data_end[], bss_begin[], bss_end[], stack_end[];
int main(void);

enum { OPEN = 1, WRITE0 = 4, WRITE = 5, READ = 6, EXIT = 0x18, PAINT = 0x5a5a5a5a };

#ifdef __riscv
__attribute__((naked, section(".start"))) void reset(void);
static long semihost(long operation, const void *argument) {
  register long a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  __asm__ volatile(".balign 16\n.option push\n.option norvc\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return a0;
}
unsigned host_clock(void) {
  unsigned n;
  __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(n));
  return n;
}
static void begin(void) {}
#else
void reset(void);
static long semihost(long operation, const void *argument) {
  register long r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010;
unsigned host_clock(void) { return 0xffffff - systick[2]; }
static void begin(void) {
#ifdef __ARM_FP
  *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;  // the floating-point unit is off after reset
  __asm__ volatile("dsb\nisb");
#endif
  systick[1] = 0xffffff;
  systick[0] = 5;
}
__attribute__((used, section(".start"))) static const void *const vectors[] = { stack_end, (const void *)reset };
#endif

static void __attribute__((noreturn, used)) run(void) {
  uint32_t *from = data_from;
  for (uint32_t *to = data_begin; to < data_end; to++) *to = *from++;
  for (uint32_t *to = bss_begin; to < bss_end; to++) *to = 0;
  uint32_t here;  // the stack below it is unused
  for (volatile uint32_t *to = bss_end; to + 32 < &here; to++) *to = PAINT;
  begin();
  main();
  for (;;) {}
}

#ifdef __riscv
void reset(void) { __asm__ volatile("la sp, stack_end\nj run"); }
#else
void reset(void) { run(); }
#endif

static size_t length(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

int host_open(const char *name, int write) {
  const long argument[3] = { (long)name, write ? 5 : 1, (long)length(name) };
  return (int)semihost(OPEN, argument);
}
int host_read(int file, void *to, size_t bytes) {
  const long argument[3] = { file, (long)to, (long)bytes };
  return (int)semihost(READ, argument);
}
int host_write(int file, const void *from, size_t bytes) {
  const long argument[3] = { file, (long)from, (long)bytes };
  return (int)semihost(WRITE, argument);
}
void host_print(const char *text) { semihost(WRITE0, text); }
unsigned host_instructions(unsigned ticks) {
#ifdef __riscv
  return ticks;
#elif defined __ARM_ARCH_6M__
  return ticks * 125 / 2;  // of 16 MHz; with -icount shift=0 an instruction takes 1 ns
#else
  return ticks * 40;  // of 25 MHz
#endif
}
size_t host_stack(void) {
  const uint32_t *at = bss_end;
  while (*at == PAINT) at++;
  return (size_t)((const char *)stack_end - (const char *)at);
}
void host_exit(int status) {
  semihost(EXIT, (const void *)(status ? 0x20023L : 0x20026L));  // an error, or the application ends
  for (;;) {}
}
