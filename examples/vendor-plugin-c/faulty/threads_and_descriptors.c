/* Leaves threads and descriptors behind in every call. */
#include <pthread.h>
#include <unistd.h>

#include "skeleton.h"

#define THREADS 4
#define DESCRIPTORS 32

static void *sleep_for_ever(void *argument) {
  (void)argument;
  for (;;) (void)pause();
  return NULL;
}

int32_t fault_strike(const struct strike *strike) {
  json_int_t threads = 0, descriptors = 0;
  for (unsigned i = 0; i < THREADS; i++) {
    pthread_t thread;
    threads += pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0;
  }
  for (unsigned i = 0; i < DESCRIPTORS; i++) descriptors += dup(STDERR_FILENO) >= 0;
  return go_on_with(strike, "left", json_pack("{s:I, s:I}", "threads", threads, "descriptors", descriptors));
}
