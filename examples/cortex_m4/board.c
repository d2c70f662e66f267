/* The start of a program on a Cortex-M4, and text and exit through a debugger (semihosting). */
#include "board.h"

#include <stdint.h>

int main(void);

extern uint32_t stack_top, data_from, data_start, data_end, bss_start, bss_end;

static int semihosting(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void board_print(const char *text) { (void)semihosting(0x04, text); }

void board_exit(int code) {
  const uint32_t reason[2] = {0x20026, (uint32_t)code}; /* the application ends */
  (void)semihosting(0x20, reason);
  for (;;) {
  }
}

void board_start(void) {
  volatile uint32_t *const access = (volatile uint32_t *)0xE000ED88;
  *access |= 0xFU << 20; /* switches the floating-point unit on */
  __asm__ volatile("dsb\n\tisb");
  const uint32_t *from = &data_from;
  for (uint32_t *to = &data_start; to < &data_end;) *to++ = *from++;
  for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
  board_exit(main());
}

static void fault(void) {
  board_print("fault\n");
  board_exit(70);
}

/* The first words of the flash: where the stack begins, the start, and the faults. */
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[7] = {
    (uintptr_t)&stack_top, (uintptr_t)board_start, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,      (uintptr_t)fault, (uintptr_t)fault};
