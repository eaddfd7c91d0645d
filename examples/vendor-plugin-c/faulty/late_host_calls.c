/* Calls the host from foreign threads, during the call and after it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "configuration.h"
#include "skeleton.h"

/* Five seconds, a thousand times a second. */
#define TURNS 5000

struct late {
  const ca_host *host;
  ca_buf *out; /* of a call that is over soon */
  uint64_t call_id;
};

/* What the host answered so far: all should be refused. */
static atomic_uint_fast64_t refused, done;

static void count(bool is_refused) { atomic_fetch_add(is_refused ? &refused : &done, 1); }

static void try_all(const struct late *late) {
  static const char name[] = SECRET_PASSPHRASE, text[] = "{\"event\": \"from a foreign thread\"}";
  const ca_host *host = late->host;
  const ca_slice slice = {(const uint8_t *)text, sizeof text - 1};
  host->log(host->ctx, CA_LOG_ERROR, 99, slice);
  count(host->buf_write(host->ctx, late->out, slice) != CA_OK);
  count(host->secret_get(host->ctx, (ca_slice){(const uint8_t *)name, sizeof name - 1}, late->out) != CA_OK);
  count(host->scratch(host->ctx) == NULL);
  count(host->buf_bytes(host->ctx, late->out).len == 0);
  (void)host->remaining_ms(host->ctx, late->call_id);
  (void)host->cancelled(host->ctx, late->call_id);
}

static void *call_late(void *argument) {
  struct late *late = argument;
  for (unsigned turn = 0; turn < TURNS; turn++) {
    const struct timespec pause = {0, 1000000};
    try_all(late);
    (void)nanosleep(&pause, NULL);
  }
  free(late);
  return NULL;
}

int32_t fault_strike(const struct strike *strike) {
  pthread_t thread;
  struct late *late = malloc(sizeof *late);
  if (late != NULL) {
    *late = (struct late){strike->host, strike->out, strike->call != NULL ? strike->call->call_id : 0};
    if (pthread_create(&thread, NULL, call_late, late) == 0) {
      (void)pthread_detach(thread);
    } else {
      free(late);
    }
  }
  return go_on_with(strike, "late", json_pack("{s:I, s:I}", "refused", (json_int_t)atomic_load(&refused), "done",
                                              (json_int_t)atomic_load(&done)));
}
