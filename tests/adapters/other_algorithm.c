/* A CA whose certificates say that they are signed with ECDSA and SHA-256, which they are not: a good pair otherwise. */
#include <stdlib.h>
#include <string.h>

#include "encoding.h"
#include "skeleton.h"

/* SM2 with SM3, and ECDSA with SHA-256: their object identifiers are equally long. */
static const unsigned char SM2_WITH_SM3[] = {0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75};
static const unsigned char ECDSA_WITH_SHA256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/* Puts the one in the other's place in a member of the reply. */
static void rename_algorithm(json_t *reply, const char *member) {
  const char *text = json_string_value(json_object_get(reply, member));
  struct bytes der = {NULL, 0};
  if (text == NULL || !base64_decode(text, strlen(text), &der)) return;
  for (size_t at = 0; at + sizeof SM2_WITH_SM3 <= der.size; at++) {
    if (memcmp(der.data + at, SM2_WITH_SM3, sizeof SM2_WITH_SM3) == 0)
      memcpy(der.data + at, ECDSA_WITH_SHA256, sizeof ECDSA_WITH_SHA256);
  }
  char *changed = base64_encode(&der);
  if (changed != NULL) (void)json_object_set_new(reply, member, json_string(changed));
  free(changed);
  bytes_free(&der);
}

int32_t fault_strike(const struct strike *strike) {
  ca_buf *buffer = strike->host->scratch(strike->host->ctx);
  if (buffer == NULL || good_submit(strike, NULL, strike->document, buffer) != CA_OK) return GO_ON;
  ca_slice bytes = strike->host->buf_bytes(strike->host->ctx, buffer);
  json_t *reply = json_loadb((const char *)bytes.ptr, (size_t)bytes.len, 0, NULL);
  rename_algorithm(reply, "signing_certificate");
  rename_algorithm(reply, "encryption_certificate");
  char *text = json_dumps(reply, JSON_COMPACT);
  int32_t status = text != NULL ? write_text(strike, strike->out, text) : GO_ON;
  free(text);
  json_decref(reply);
  return status;
}
