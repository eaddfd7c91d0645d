/* Issues, claims not to know what came of it, and says "absent" when it is looked up. */
#include <stdatomic.h>
#include <stdio.h>

#include "skeleton.h"

static const ca_host *host;
static atomic_flag struck = ATOMIC_FLAG_INIT;

int32_t fault_strike(const struct strike *strike) {
  char key[64];
  ca_buf *buffer = host->scratch(host->ctx);
  if (is_variant(strike, "honest_submit") || buffer == NULL || atomic_flag_test_and_set(&struck)) return GO_ON;
  /* The pair stays, under a key that nobody asks for; list has it. The next submit makes a second one. */
  (void)snprintf(key, sizeof key, "hidden-%llu", (unsigned long long)host->now_ms(host->ctx));
  (void)good_submit(strike, key, strike->document, buffer);
  return CA_UNKNOWN_OUTCOME;
}

static int32_t lookup(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  static const char absent[] = "{\"state\": \"absent\"}";
  (void)instance;
  (void)call;
  (void)query;
  return host->buf_write(host->ctx, out, (ca_slice){(const uint8_t *)absent, sizeof absent - 1});
}

void fault_table(const ca_host *table, ca_adapter *adapter) {
  host = table;
  adapter->lookup = lookup;
  /* So that nothing but lookup stands between the host and a second pair. */
  adapter->capabilities &= ~CA_CAN_DEDUPLICATE;
}
