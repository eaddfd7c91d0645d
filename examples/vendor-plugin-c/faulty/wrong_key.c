/* Certifies another key than the request's. */
#include <stdlib.h>

#include "document.h"
#include "skeleton.h"
#include "sm2.h"

/* A request for a key that is made here and forgotten, in base64. */
static char *foreign_csr(void) {
  unsigned char *der = NULL;
  int length = -1;
  EVP_PKEY *key = sm2_generate();
  EVP_MD_CTX *signer = key != NULL ? sm2_signer(key) : NULL;
  X509_REQ *request = X509_REQ_new();
  if (signer != NULL && request != NULL && X509_REQ_set_version(request, 0) == 1 &&
      X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign_ctx(request, signer) > 0) {
    length = i2d_X509_REQ(request, &der);
  }
  const struct bytes bytes = {der, length > 0 ? (size_t)length : 0};
  char *text = length > 0 ? base64_encode(&bytes) : NULL;
  OPENSSL_free(der);
  X509_REQ_free(request);
  sm2_signer_free(signer);
  EVP_PKEY_free(key);
  return text;
}

/* What the good plugin replies to the request with that csr; NULL when it refuses. */
static json_t *reply_for(const struct strike *strike, const char *key, const char *csr) {
  const ca_host *host = strike->host;
  ca_buf *buffer = host->scratch(host->ctx);
  json_t *request = json_loadb((const char *)strike->document.ptr, (size_t)strike->document.len, 0, NULL);
  if (csr != NULL) (void)json_object_set_new(request, "csr", json_string(csr));
  char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
  json_t *reply = NULL;
  if (text != NULL && buffer != NULL &&
      good_submit(strike, key, (ca_slice){(const uint8_t *)text, strlen(text)}, buffer) == CA_OK) {
    ca_slice bytes = host->buf_bytes(host->ctx, buffer);
    reply = json_loadb((const char *)bytes.ptr, (size_t)bytes.len, 0, NULL);
  }
  free(text);
  json_decref(request);
  return reply;
}

/* Takes members of the foreign pair in the place of the right one's. */
static void mix(const struct strike *strike, json_t *reply, const json_t *foreign) {
  const char *member = is_variant(strike, "encryption") ? "encryption_certificate"
                       : is_variant(strike, "envelope") ? "enveloped_key"
                                                        : "signing_certificate";
  (void)json_object_set(reply, member, json_object_get(foreign, member));
}

int32_t fault_strike(const struct strike *strike) {
  char other_key[64];
  (void)snprintf(other_key, sizeof other_key, "foreign-%llu",
                 (unsigned long long)strike->host->now_ms(strike->host->ctx));
  char *csr = foreign_csr();
  json_t *foreign = csr != NULL ? reply_for(strike, other_key, csr) : NULL;
  json_t *reply = foreign != NULL ? reply_for(strike, NULL, NULL) : NULL;
  if (reply != NULL) mix(strike, reply, foreign);
  char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;
  int32_t status = text != NULL ? write_text(strike, strike->out, text) : GO_ON;
  free(text);
  free(csr);
  json_decref(reply);
  json_decref(foreign);
  return status;
}
