/* Ignores the idempotency key: whoever submits again gets another pair, though the table promises otherwise. */
#include <stdatomic.h>
#include <stdio.h>

#include "adapter.h"
#include "skeleton.h"

int32_t fault_strike(const struct strike *strike) {
  static atomic_uint_fast64_t next;
  char key[128];
  ca_slice given = strike->call->idempotency_key;
  uint64_t number = atomic_fetch_add(&next, 1);
  /* The first is issued under the key itself, so that lookup finds it. */
  uint64_t now = strike->host->now_ms(strike->host->ctx);
  ca_buf *buffer = strike->host->scratch(strike->host->ctx);
  char query[256];
  (void)snprintf(query, sizeof query, "{\"idempotency_key\": \"%.*s\"}", (int)given.len, (const char *)given.ptr);
  const ca_slice document = {(const uint8_t *)query, strlen(query)};
  if (buffer != NULL && VENDOR_ADAPTER.lookup(strike->instance, strike->call, document, buffer) == CA_OK) {
    ca_slice found = strike->host->buf_bytes(strike->host->ctx, buffer);
    if (memmem(found.ptr, (size_t)found.len, "\"absent\"", 8) != NULL) return GO_ON;
  }
  (void)snprintf(key, sizeof key, "again-%llu-%llu", (unsigned long long)now, (unsigned long long)number);
  return good_submit(strike, key, strike->document, strike->out);
}
