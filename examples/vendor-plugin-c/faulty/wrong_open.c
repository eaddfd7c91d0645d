/* Opens what it should not, or does not open what it should; and what lasts from then on. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "skeleton.h"

static ca_adapter good;
static atomic_uint opened, refused;

int32_t fault_strike(const struct strike *strike) {
  (void)strike;
  return GO_ON;
}

static void *spin(void *unused) {
  for (volatile unsigned long turns = 0;; turns = turns + 1) (void)unused;
  return NULL;
}

static void lasting(void) {
  pthread_t thread;
  if (present_variant("leaks")) (void)dup(STDIN_FILENO);
  if (present_variant("spins") && pthread_create(&thread, NULL, spin, NULL) == 0) (void)pthread_detach(thread);
}

static int32_t open_instance(const ca_host *host, ca_slice configuration, ca_instance **instance, ca_buf *out) {
  int32_t status = good.open(host, configuration, instance, out);
  if (status == CA_PERMANENT && present_variant("accepts")) return CA_OK;
  if (status == CA_AUTHENTICATION) atomic_fetch_add(&refused, 1);
  if (status == CA_AUTHENTICATION && present_variant("renames")) return CA_RETRYABLE;
  if (status != CA_OK) return status;
  unsigned before = atomic_fetch_add(&opened, 1);
  int32_t instead = CA_OK;
  if (present_variant("never") || (present_variant("once") && before > 0)) instead = CA_UNHEALTHY;
  if (present_variant("sulks") && atomic_load(&refused) > 0) instead = CA_AUTHENTICATION;
  if (instead != CA_OK) {
    (void)good.close(*instance);
    *instance = NULL;
    return instead;
  }
  lasting();
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  int32_t status = good.close(instance);
  return present_variant("sticks") ? CA_UNHEALTHY : status;
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  int32_t status = good.submit(instance, call, operation, request, out);
  return status == CA_NOT_SUPPORTED && present_variant("permanent") ? CA_PERMANENT : status;
}

void fault_table(const ca_host *host, ca_adapter *table) {
  (void)host;
  if (table->struct_size < sizeof *table) return;
  good = *table;
  table->open = open_instance;
  table->close = close_instance;
  table->submit = submit;
}
