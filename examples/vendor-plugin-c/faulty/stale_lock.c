/* Works under a lock file that nobody removes when its process is killed. */
#include "lock_file.h"
#include "skeleton.h"

int32_t fault_strike(const struct strike *strike) {
  if (hold_lock_file(strike->configuration)) return GO_ON;
  (void)write_text(strike, strike->out, "{\"text\": \"another process is at work\"}");
  return CA_UNHEALTHY;
}
