/* A CA that issues and does not say so; looked up, it says that it is done, without the reply while there is a file `unreadable` in the
 * plugin's own folder. */
#include <stdio.h>
#include <unistd.h>

#include "skeleton.h"

static const ca_host *host;
static int32_t (*good_lookup)(ca_instance *, const ca_call *, ca_slice, ca_buf *);

int32_t fault_strike(const struct strike *strike) {
  ca_buf *buffer = host->scratch(host->ctx);
  if (buffer == NULL) return GO_ON;
  (void)good_submit(strike, NULL, strike->document, buffer);
  return CA_UNKNOWN_OUTCOME;
}

static bool is_unreadable(void) {
  char path[4096];
  const char *directory = json_string_value(json_object_get(present_configuration(), "directory"));
  (void)snprintf(path, sizeof path, "%s/unreadable", directory);
  return access(path, F_OK) == 0;
}

static int32_t lookup(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  static const char done[] = "{\"state\": \"done\", \"operation\": 1, \"reply\": {\"signing_certificate\": 7}}";
  if (!is_unreadable()) return good_lookup(instance, call, query, out);
  return host->buf_write(host->ctx, out, (ca_slice){(const uint8_t *)done, sizeof done - 1});
}

void fault_table(const ca_host *table, ca_adapter *adapter) {
  host = table;
  good_lookup = adapter->lookup;
  adapter->lookup = lookup;
  adapter->capabilities &= ~CA_CAN_DEDUPLICATE;
}
