/* Announces what the good plugin does not have, and does it wrong. */
#include <stdlib.h>

#include "lock_file.h"
#include "skeleton.h"

static ca_adapter good;
static const ca_host *host;

int32_t fault_strike(const struct strike *strike) {
  (void)strike;
  return GO_ON;
}

static int32_t say(ca_buf *out, int32_t status, const char *document) {
  int32_t written = host->buf_write(host->ctx, out, (ca_slice){(const uint8_t *)document, strlen(document)});
  return written == CA_OK ? status : written;
}

/* Says that what is to be held is good. */
static int32_t hold(ca_slice request, ca_buf *out) {
  json_t *asked = json_loadb((const char *)request.ptr, (size_t)request.len, 0, NULL);
  json_t *serial = json_object_get(asked, "serial");
  json_t *reply = serial != NULL ? json_pack("{s:[{s:O, s:s}]}", "certificates", "serial", serial, "state", "good") : NULL;
  char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;
  int32_t status = text != NULL ? say(out, CA_OK, text) : CA_PERMANENT;
  free(text);
  json_decref(reply);
  json_decref(asked);
  return status;
}

static int32_t seal(ca_buf *out) {
  if (present_variant("stale_lock") && !hold_lock_file(present_configuration())) {
    return say(out, CA_UNHEALTHY, "{\"text\": \"another process is at work\"}");
  }
  return say(out, CA_OK, "{\"seal_id\": \"seal\", \"seal\": \"MAA=\"}");
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  switch (operation) {
    case CA_OP_HOLD: return hold(request, out);
    case CA_OP_UNHOLD: return say(out, CA_RETRYABLE, "{\"text\": \"not now\"}");
    case CA_OP_OCSP:
    case CA_OP_TIMESTAMP: return say(out, CA_OK, "{\"response\": \"MAA=\"}");
    case CA_OP_RECOVER_KEY:
      if (present_variant("pending")) return say(out, CA_PENDING, "{\"token\": \"one\", \"retry_after_ms\": 0}");
      return say(out, CA_UNHEALTHY, "{\"text\": \"the key is not found\"}");
    case CA_OP_SEAL_ISSUE: return seal(out);
    case CA_OP_SEAL_STATUS: return say(out, CA_OK, "{\"seal_id\": \"seal\", \"state\": \"revoked\"}");
    case CA_OP_SEAL_REVOKE: return say(out, CA_OK, "{\"seal_id\": \"seal\", \"state\": \"valid\"}");
    default: return good.submit(instance, call, operation, request, out);
  }
}

static int32_t poll(ca_instance *instance, const ca_call *call, ca_slice token, ca_buf *out) {
  (void)instance, (void)call, (void)token;
  if (present_variant("pending")) return say(out, CA_PENDING, "{\"token\": \"one\", \"retry_after_ms\": 1}");
  return say(out, CA_RETRYABLE, "{\"text\": \"not now\"}");
}

static int32_t cancel(ca_instance *instance, const ca_call *call, ca_slice token, ca_buf *out) {
  (void)instance, (void)call, (void)token;
  if (present_variant("pending")) return say(out, CA_OK, "{\"state\": \"cancelled\"}");
  return say(out, CA_RETRYABLE, "{\"text\": \"not now\"}");
}

void fault_table(const ca_host *table, ca_adapter *adapter) {
  if (adapter->struct_size < sizeof *adapter) return;
  good = *adapter;
  host = table;
  adapter->submit = submit;
  adapter->poll = poll;
  adapter->cancel = cancel;
  adapter->capabilities |= CA_CAN(CA_OP_HOLD) | CA_CAN(CA_OP_UNHOLD) | CA_CAN(CA_OP_OCSP) | CA_CAN(CA_OP_TIMESTAMP) |
                           CA_CAN(CA_OP_RECOVER_KEY) | CA_CAN(CA_OP_SEAL_ISSUE) | CA_CAN(CA_OP_SEAL_STATUS) |
                           CA_CAN(CA_OP_SEAL_REVOKE) | CA_CAN_POLL | CA_CAN_CANCEL;
}
