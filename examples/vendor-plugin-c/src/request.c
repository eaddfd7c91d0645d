#include "request.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "sm2.h"

static int32_t refused(struct failure *failure, const char *why) {
  ERR_clear_error();
  return fail(failure, CA_PERMANENT, CODE_CSR, "the certificate request is refused: %s", why);
}

/* What is read back is compared, since libcrypto also takes what is no DER. */
static bool is_canonical(X509_REQ *request, const struct bytes *csr) {
  unsigned char *der = NULL;
  int length = i2d_X509_REQ(request, &der);
  bool same = length > 0 && (size_t)length == csr->size && memcmp(der, csr->data, csr->size) == 0;
  OPENSSL_free(der);
  return same;
}

static bool proves_possession(X509_REQ *request, EVP_PKEY *key) {
  ASN1_OCTET_STRING *identity = ASN1_OCTET_STRING_new();
  if (identity == NULL ||
      ASN1_OCTET_STRING_set(identity, (const unsigned char *)SM2_DEFAULT_ID, SM2_DEFAULT_ID_LENGTH) != 1) {
    ASN1_OCTET_STRING_free(identity);
    return false;
  }
  X509_REQ_set0_distinguishing_id(request, identity); /* the request's now */
  return X509_REQ_verify(request, key) == 1;
}

static int32_t check(X509_REQ *request, const struct bytes *csr, EVP_PKEY **out, struct failure *failure) {
  uint8_t point[SM2_POINT];
  if (request == NULL || !is_canonical(request, csr)) return refused(failure, "it is not one PKCS#10 structure in DER");
  EVP_PKEY *key = X509_REQ_get0_pubkey(request);
  if (key == NULL || !sm2_point(key, point)) return refused(failure, "its key is no SM2 key with an uncompressed point");
  if (X509_REQ_get_signature_nid(request) != NID_SM2_with_SM3) return refused(failure, "it is not signed by SM2 with SM3");
  if (!proves_possession(request, key)) return refused(failure, "its signature is not that of its key");
  if (EVP_PKEY_up_ref(key) != 1) return sm2_failed(failure, "keeping the request's key");
  *out = key;
  return CA_OK;
}

int32_t request_key(const struct bytes *csr, EVP_PKEY **key, struct failure *failure) {
  const unsigned char *der = csr->data;
  *key = NULL;
  X509_REQ *request = csr->size <= LONG_MAX ? d2i_X509_REQ(NULL, &der, (long)csr->size) : NULL;
  int32_t status = check(request, csr, key, failure);
  X509_REQ_free(request);
  return status;
}
