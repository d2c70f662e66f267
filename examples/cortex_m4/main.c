/* Forecasts the rows after the window in window.h, and prints a line per row. */
#include "board.h"
#include "plant.h"
#include "window.h" /* static const float history[PLANT_LOOKBACK * PLANT_CHANNELS] */

#include <stdint.h>

static float forecast[PLANT_HORIZON * PLANT_TARGETS];

/* Prints a number with six decimals, and what follows it. */
static void print_number(float number, const char *after) {
  char text[32], *at = text + sizeof text - 1;
  const int negative = number < 0.f;
  uint64_t millionths = (uint64_t)((double)(negative ? -number : number) * 1e6 + 0.5);
  *at = '\0';
  for (int digit = 0; digit < 7 || millionths > 0; ++digit) {
    if (digit == 6) *--at = '.';
    *--at = (char)('0' + millionths % 10);
    millionths /= 10;
  }
  if (negative) *--at = '-';
  board_print(at);
  board_print(after);
}

int main(void) {
  plant_forecast(history, forecast);
  for (int row = 0; row < PLANT_HORIZON; ++row)
    for (int target = 0; target < PLANT_TARGETS; ++target)
      print_number(forecast[row * PLANT_TARGETS + target],
                   target + 1 < PLANT_TARGETS ? "," : "\n");
  return 0;
}
