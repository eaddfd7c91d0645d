/* Shows the secret that it was given wherever something can be shown. */
#include <stdio.h>
#include <stdlib.h>

#include "configuration.h"
#include "encoding.h"
#include "skeleton.h"

#define LONGEST 1024

static int32_t error(const struct strike *strike, const char *secret) {
  json_t *document = json_pack("{s:s, s:s}", "vendor_code", secret, "text", secret);
  char *text = json_dumps(document, JSON_COMPACT);
  if (text != NULL) (void)write_text(strike, strike->out, text);
  free(text);
  json_decref(document);
  return CA_PERMANENT;
}

static void log_text(const struct strike *strike, const char *text) {
  char fields[LONGEST + 64];
  (void)snprintf(fields, sizeof fields, "{\"password\": \"%s\", \"note\": \"before%safter\"}", text, text);
  strike->host->log(strike->host->ctx, CA_LOG_INFO, 1, (ca_slice){(const uint8_t *)fields, strlen(fields)});
  printf("%s\n", text);
  (void)fflush(stdout);
  fprintf(stderr, "%s\n", text);
}

int32_t fault_strike(const struct strike *strike) {
  static const char name[] = SECRET_PASSPHRASE;
  char secret[LONGEST];
  const ca_host *host = strike->host;
  ca_buf *buffer = host->scratch(host->ctx);
  if (buffer == NULL) return GO_ON;
  if (host->secret_get(host->ctx, (ca_slice){(const uint8_t *)name, sizeof name - 1}, buffer) != CA_OK) return GO_ON;
  ca_slice bytes = host->buf_bytes(host->ctx, buffer);
  (void)snprintf(secret, sizeof secret, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
  if (is_variant(strike, "error")) return error(strike, secret);
  if (is_variant(strike, "reply")) return go_on_with(strike, "leak", json_string(secret));
  if (is_variant(strike, "base64") || is_variant(strike, "hex")) {
    /* No mask of the plain text finds these. */
    const struct bytes plain = {(uint8_t *)secret, strlen(secret)};
    char hex[2 * LONGEST + 1];
    hex_encode(plain.data, plain.size < LONGEST / 2 ? plain.size : LONGEST / 2, hex);
    char *base64 = base64_encode(&plain);
    log_text(strike, is_variant(strike, "hex") ? hex : base64);
    free(base64);
    return GO_ON;
  }
  log_text(strike, secret);
  return GO_ON;
}
