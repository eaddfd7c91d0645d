/* Dies by a signal in the middle of a call. */
#include "skeleton.h"

static volatile uint32_t depth;

/* Not a tail call: each turn needs its frame. */
__attribute__((noinline)) static uint32_t endless_recursion(uint32_t level) {
  volatile uint8_t frame[4096];
  frame[level % sizeof frame] = (uint8_t)level;
  depth = level;
  if (level == UINT32_MAX) return 0; /* never: the stack ends long before */
  return endless_recursion(level + 1) + frame[level % sizeof frame];
}

int32_t fault_strike(const struct strike *strike) {
  volatile uint32_t *volatile nowhere = NULL;
  volatile uint32_t zero = 0;
  if (is_variant(strike, "stack")) return (int32_t)endless_recursion(1);
  if (is_variant(strike, "division")) return (int32_t)(1000 / zero);
  if (is_variant(strike, "after_issue")) (void)good_submit(strike, NULL, strike->document, strike->out);
  *nowhere = 1;
  return CA_OK;
}
