/* A CA that makes seals which nobody can read, and notes those that it revokes in `revoked-seals` in the plugin's own folder. */
#include <stdio.h>
#include <string.h>

#include "skeleton.h"

#define SEAL_OPERATIONS (CA_CAN(CA_OP_SEAL_ISSUE) | CA_CAN(CA_OP_SEAL_REVOKE))

static const ca_host *host;
static int32_t (*good_call)(ca_instance *, const ca_call *, uint32_t, ca_slice, ca_buf *);

int32_t fault_strike(const struct strike *strike) {
  (void)strike;
  return GO_ON;
}

static void note_revoked(ca_slice request) {
  char path[4096];
  const char *directory = json_string_value(json_object_get(present_configuration(), "directory"));
  json_t *document = json_loadb((const char *)request.ptr, (size_t)request.len, 0, NULL);
  (void)snprintf(path, sizeof path, "%s/revoked-seals", directory);
  FILE *file = fopen(path, "a");
  if (file != NULL) {
    (void)fprintf(file, "%s\n", json_string_value(json_object_get(document, "seal_id")));
    (void)fclose(file);
  }
  json_decref(document);
}

static int32_t reply(ca_buf *out, const char *text) {
  return host->buf_write(host->ctx, out, (ca_slice){(const uint8_t *)text, strlen(text)});
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  switch (operation) {
    case CA_OP_SEAL_ISSUE: return reply(out, "{\"seal_id\": \"unfit-1\", \"seal\": \"MAA=\"}");
    case CA_OP_SEAL_REVOKE:
      note_revoked(request);
      return reply(out, "{\"seal_id\": \"unfit-1\", \"state\": \"revoked\"}");
    default: return good_call(instance, call, operation, request, out);
  }
}

void fault_table(const ca_host *table, ca_adapter *adapter) {
  host = table;
  good_call = adapter->submit;
  adapter->submit = submit;
  adapter->capabilities |= SEAL_OPERATIONS;
}
