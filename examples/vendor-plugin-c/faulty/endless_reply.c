/* Writes until the host refuses, and goes on. */
#include "skeleton.h"

#define BLOCK ((size_t)64 << 10)
#define REFUSALS 1000u

static uint8_t block[BLOCK];

int32_t fault_strike(const struct strike *strike) {
  const ca_host *host = strike->host;
  bool for_ever = is_variant(strike, "for_ever");
  if (is_variant(strike, "deep")) {
    memset(block, '[', BLOCK);
    (void)host->buf_write(host->ctx, strike->out, (ca_slice){block, BLOCK});
    memset(block, ']', BLOCK);
    return host->buf_write(host->ctx, strike->out, (ca_slice){block, BLOCK});
  }
  memset(block, 'x', BLOCK);
  for (unsigned refused = 0; refused < REFUSALS || for_ever;) {
    if (host->buf_write(host->ctx, strike->out, (ca_slice){block, BLOCK}) != CA_OK) refused++;
  }
  return CA_OK;
}
