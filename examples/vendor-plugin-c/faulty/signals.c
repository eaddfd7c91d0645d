/* Handles, blocks and raises signals. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "skeleton.h"

static void ignore(int signal) { (void)signal; }

static void handle_all(void) {
  struct sigaction action = {.sa_handler = ignore};
  (void)sigfillset(&action.sa_mask);
  for (int signal = 1; signal < NSIG; signal++) (void)sigaction(signal, &action, NULL);
}

static void block_all(void) {
  sigset_t all;
  (void)sigfillset(&all);
  (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/* With a handler that returns, the instruction faults again, for ever. */
static void fault_for_ever(void) {
  volatile uint32_t *volatile nowhere = NULL;
  handle_all();
  *nowhere = 1;
}

int32_t fault_strike(const struct strike *strike) {
  if (is_variant(strike, "block")) {
    block_all();
  } else if (is_variant(strike, "raise")) {
    (void)raise(SIGUSR1);
  } else if (is_variant(strike, "stop")) {
    (void)raise(SIGSTOP);
  } else if (is_variant(strike, "fault_for_ever")) {
    fault_for_ever();
  } else if (is_variant(strike, "orphan")) {
    /* It wants to outlive the broker. */
    (void)prctl(PR_SET_PDEATHSIG, 0);
    handle_all();
    block_all();
  } else {
    handle_all();
    (void)alarm(1);
  }
  return GO_ON;
}
