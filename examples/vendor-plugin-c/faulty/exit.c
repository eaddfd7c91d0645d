/* Ends its process, or only its thread, in a call. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "skeleton.h"

int32_t fault_strike(const struct strike *strike) {
  if (is_variant(strike, "_exit")) _exit(0);
  if (is_variant(strike, "abort")) abort();
  if (is_variant(strike, "kill")) (void)kill(getpid(), SIGKILL);
  if (is_variant(strike, "thread")) pthread_exit(NULL);
  exit(0);
}
