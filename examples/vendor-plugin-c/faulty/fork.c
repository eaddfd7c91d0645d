/* Leaves children behind, which hold every descriptor of their parent. They end by themselves. */
#include <sys/wait.h>
#include <unistd.h>

#include "skeleton.h"

#define CHILDREN 8
#define LIFE_S 30u

static _Noreturn void live(bool execute) {
  (void)alarm(LIFE_S);
  if (execute) (void)execl("/bin/sleep", "sleep", "30", (char *)NULL);
  for (;;) (void)pause();
}

static pid_t leave_child(const struct strike *strike) {
  bool daemon = is_variant(strike, "daemon"), execute = is_variant(strike, "exec");
  pid_t child = fork();
  if (child != 0) {
    if (daemon && child > 0) (void)waitpid(child, NULL, 0);
    return child;
  }
  if (daemon) {
    (void)setsid();
    if (fork() != 0) _exit(0);
  }
  live(execute);
}

int32_t fault_strike(const struct strike *strike) {
  json_int_t made = 0;
  for (unsigned i = 0; i < CHILDREN; i++) made += leave_child(strike) > 0;
  return go_on_with(strike, "children", json_integer(made));
}
