#include "revocation_list.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "sm2.h"

#define VERSION_2 1

static bool add_revoked(X509_CRL *crl, const struct ca_revoked *revoked) {
  X509_REVOKED *entry = X509_REVOKED_new();
  ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
  ASN1_INTEGER *serial = NULL;
  ASN1_TIME *since = ASN1_TIME_set(NULL, (time_t)(revoked->at_ms / 1000));
  BIGNUM *number = NULL;
  bool done = entry != NULL && reason != NULL && since != NULL && BN_hex2bn(&number, revoked->serial) != 0 &&
              (serial = BN_to_ASN1_INTEGER(number, NULL)) != NULL &&
              X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
              X509_REVOKED_set_revocationDate(entry, since) == 1;
  /* "unspecified" is said by absence (RFC 5280 section 5.3.1). */
  if (done && revoked->reason != 0) {
    done = ASN1_ENUMERATED_set(reason, revoked->reason) == 1 &&
           X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, X509V3_ADD_DEFAULT) == 1;
  }
  done = done && X509_CRL_add0_revoked(crl, entry) == 1;
  if (!done) X509_REVOKED_free(entry);
  ASN1_ENUMERATED_free(reason);
  ASN1_INTEGER_free(serial);
  ASN1_TIME_free(since);
  BN_free(number);
  return done;
}

static bool fill(X509_CRL *crl, const struct ca_list *list, const X509 *issuer, const EVP_PKEY *key) {
  ASN1_TIME *this_update = ASN1_TIME_set(NULL, (time_t)(list->this_update_ms / 1000));
  ASN1_TIME *next_update = ASN1_TIME_set(NULL, (time_t)(list->next_update_ms / 1000));
  ASN1_INTEGER *crl_number = ASN1_INTEGER_new();
  AUTHORITY_KEYID *authority = authority_key_identifier(key);
  bool done = this_update != NULL && next_update != NULL && crl_number != NULL && authority != NULL &&
              X509_CRL_set_version(crl, VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, this_update) == 1 && X509_CRL_set1_nextUpdate(crl, next_update) == 1 &&
              ASN1_INTEGER_set_int64(crl_number, list->number) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority, 0, X509V3_ADD_DEFAULT) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number, 0, X509V3_ADD_DEFAULT) == 1;
  for (size_t i = 0; done && i < list->count; i++) done = add_revoked(crl, &list->revoked[i]);
  ASN1_TIME_free(this_update);
  ASN1_TIME_free(next_update);
  ASN1_INTEGER_free(crl_number);
  AUTHORITY_KEYID_free(authority);
  return done && X509_CRL_sort(crl) == 1;
}

bool revocation_list_sign(const struct ca_list *list, const X509 *issuer, EVP_PKEY *key, struct bytes *out) {
  unsigned char *der = NULL;
  int length = -1;
  *out = (struct bytes){NULL, 0};
  X509_CRL *crl = X509_CRL_new();
  EVP_MD_CTX *signer = sm2_signer(key);
  if (crl != NULL && signer != NULL && fill(crl, list, issuer, key) && X509_CRL_sign_ctx(crl, signer) > 0) {
    length = i2d_X509_CRL(crl, &der);
  }
  bool done = length > 0 && bytes_copy(out, der, (size_t)length);
  OPENSSL_free(der);
  sm2_signer_free(signer);
  X509_CRL_free(crl);
  return done;
}
