/* Takes memory, touches it, and never gives it back. */
#include <stdlib.h>

#include "skeleton.h"

#define STEP ((size_t)64 << 20)
/* A host without a limit is not to lose its machine by a test: here it ends. */
#define MOST ((size_t)4 << 30)

static size_t taken;

static bool take(void) {
  volatile uint8_t *block = taken < MOST ? malloc(STEP) : NULL;
  if (block == NULL) return false;
  for (size_t i = 0; i < STEP; i += 4096) block[i] = 1;
  taken += STEP;
  return true;
}

int32_t fault_strike(const struct strike *strike) {
  bool took = take();
  while (took && is_variant(strike, "endless")) took = take();
  return took ? GO_ON : CA_UNHEALTHY;
}
