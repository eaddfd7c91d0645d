#include "certificate.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "sm2.h"

#define VERSION_3 2

static bool add_extension(X509 *certificate, int nid, void *value, int critical) {
  return value != NULL && X509_add1_ext_i2d(certificate, nid, value, critical, X509V3_ADD_DEFAULT) == 1;
}

static bool add_basic_constraints(X509 *certificate, enum profile profile) {
  BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
  bool done = constraints != NULL;
  if (done && (profile == PROFILE_ROOT || profile == PROFILE_ISSUING)) constraints->ca = 0xff;
  if (done && profile == PROFILE_ISSUING) {
    constraints->pathlen = ASN1_INTEGER_new();
    done = constraints->pathlen != NULL && ASN1_INTEGER_set(constraints->pathlen, 0) == 1;
  }
  done = done && add_extension(certificate, NID_basic_constraints, constraints, 1);
  BASIC_CONSTRAINTS_free(constraints);
  return done;
}

/* KeyUsage ::= BIT STRING { digitalSignature (0), nonRepudiation (1), keyEncipherment (2), dataEncipherment (3),
 *                           keyAgreement (4), keyCertSign (5), cRLSign (6), ... }        -- RFC 5280 section 4.2.1.3 */
static bool add_key_usage(X509 *certificate, enum profile profile) {
  int first = profile == PROFILE_SIGNING ? 0 : profile == PROFILE_ENCRYPTION ? 2 : 5;
  int last = profile == PROFILE_SIGNING ? 1 : profile == PROFILE_ENCRYPTION ? 4 : 6;
  ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
  bool done = bits != NULL;
  for (int bit = first; done && bit <= last; bit++) done = ASN1_BIT_STRING_set_bit(bits, bit, 1) == 1;
  done = done && add_extension(certificate, NID_key_usage, bits, 1);
  ASN1_BIT_STRING_free(bits);
  return done;
}

static ASN1_OCTET_STRING *key_identifier(const EVP_PKEY *key) {
  uint8_t identifier[KEY_IDENTIFIER];
  ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
  if (octets != NULL && sm2_key_identifier(key, identifier) &&
      ASN1_OCTET_STRING_set(octets, identifier, KEY_IDENTIFIER) == 1) {
    return octets;
  }
  ASN1_OCTET_STRING_free(octets);
  return NULL;
}

AUTHORITY_KEYID *authority_key_identifier(const EVP_PKEY *issuer_key) {
  AUTHORITY_KEYID *identifier = AUTHORITY_KEYID_new();
  if (identifier == NULL) return NULL;
  identifier->keyid = key_identifier(issuer_key);
  if (identifier->keyid != NULL) return identifier;
  AUTHORITY_KEYID_free(identifier);
  return NULL;
}

static bool add_key_identifiers(X509 *certificate, const EVP_PKEY *key, const EVP_PKEY *issuer_key) {
  ASN1_OCTET_STRING *subject = key_identifier(key);
  AUTHORITY_KEYID *authority = authority_key_identifier(issuer_key);
  bool done = add_extension(certificate, NID_subject_key_identifier, subject, 0) &&
              add_extension(certificate, NID_authority_key_identifier, authority, 0);
  ASN1_OCTET_STRING_free(subject);
  AUTHORITY_KEYID_free(authority);
  return done;
}

static bool add_crl_distribution_point(X509 *certificate, const char *url) {
  CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
  DIST_POINT *point = DIST_POINT_new();
  GENERAL_NAME *name = GENERAL_NAME_new();
  ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
  bool done = false;
  if (points != NULL && point != NULL && name != NULL && uri != NULL && ASN1_STRING_set(uri, url, -1) == 1) {
    GENERAL_NAME_set0_value(name, GEN_URI, uri);
    uri = NULL;
    point->distpoint = DIST_POINT_NAME_new();
    if (point->distpoint != NULL && (point->distpoint->name.fullname = GENERAL_NAMES_new()) != NULL &&
        sk_GENERAL_NAME_push(point->distpoint->name.fullname, name) > 0) {
      point->distpoint->type = 0; /* fullName */
      name = NULL;
      if (sk_DIST_POINT_push(points, point) > 0) {
        point = NULL;
        done = add_extension(certificate, NID_crl_distribution_points, points, 0);
      }
    }
  }
  ASN1_IA5STRING_free(uri);
  GENERAL_NAME_free(name);
  DIST_POINT_free(point);
  CRL_DIST_POINTS_free(points);
  return done;
}

static bool set_serial(X509 *certificate, const char *serial) {
  BIGNUM *number = NULL;
  bool done = BN_hex2bn(&number, serial) != 0 &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
  BN_free(number);
  return done;
}

static bool fill(X509 *x509, const struct certificate *certificate, const X509_NAME *issuer, EVP_PKEY *issuer_key) {
  return X509_set_version(x509, VERSION_3) == 1 && set_serial(x509, certificate->serial) &&
         X509_set_issuer_name(x509, issuer) == 1 &&
         X509_set_subject_name(x509, certificate->subject) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)certificate->not_before) != NULL &&
         ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)certificate->not_after) != NULL &&
         X509_set_pubkey(x509, certificate->key) == 1 && add_basic_constraints(x509, certificate->profile) &&
         add_key_usage(x509, certificate->profile) && add_key_identifiers(x509, certificate->key, issuer_key) &&
         (certificate->crl_url[0] == '\0' || add_crl_distribution_point(x509, certificate->crl_url)) &&
         (certificate->identity_code == NULL ||
          X509_add_ext(x509, (X509_EXTENSION *)certificate->identity_code, -1) == 1);
}

X509 *certificate_sign(const struct certificate *certificate, const X509 *issuer, EVP_PKEY *issuer_key) {
  X509 *x509 = X509_new();
  EVP_MD_CTX *signer = sm2_signer(issuer_key);
  const X509_NAME *issuer_name = issuer != NULL ? X509_get_subject_name(issuer) : certificate->subject;
  bool done = x509 != NULL && signer != NULL && fill(x509, certificate, issuer_name, issuer_key) &&
              X509_sign_ctx(x509, signer) > 0;
  sm2_signer_free(signer);
  if (done) return x509;
  X509_free(x509);
  return NULL;
}

bool certificate_new_serial(char out[SERIAL_TEXT]) {
  uint8_t number[16];
  if (RAND_bytes(number, sizeof number) != 1) return false;
  /* As many octets each time, and none that needs a leading zero in DER. */
  number[0] = (uint8_t)((number[0] & 0x7f) | 0x40);
  hex_encode(number, sizeof number, out);
  return true;
}

X509 *certificate_read(const struct bytes *der) {
  const unsigned char *at = der->data;
  if (der->size > LONG_MAX) return NULL;
  X509 *certificate = d2i_X509(NULL, &at, (long)der->size);
  if (certificate != NULL && at == der->data + der->size) return certificate;
  X509_free(certificate);
  ERR_clear_error();
  return NULL;
}

bool certificate_write(const X509 *certificate, struct bytes *der) {
  unsigned char *octets = NULL;
  int length = i2d_X509(certificate, &octets);
  *der = (struct bytes){NULL, 0};
  bool done = length > 0 && bytes_copy(der, octets, (size_t)length);
  OPENSSL_free(octets);
  return done;
}
