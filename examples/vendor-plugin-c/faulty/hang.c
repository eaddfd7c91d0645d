/* Never returns, whatever the host says. */
#include <time.h>

#include "skeleton.h"

int32_t fault_strike(const struct strike *strike) {
  static volatile uint64_t turns;
  if (is_variant(strike, "after_issue")) (void)good_submit(strike, NULL, strike->document, strike->out);
  for (;;) {
    if (is_variant(strike, "busy")) {
      turns = turns + 1;
    } else {
      const struct timespec hour = {3600, 0};
      (void)nanosleep(&hour, NULL);
    }
  }
}
