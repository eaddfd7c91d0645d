/*
 * certificate.h: X.509 certificates (RFC 5280, GM/T 0015).
 */
#ifndef VENDOR_CERTIFICATE_H
#define VENDOR_CERTIFICATE_H

#include <openssl/x509.h>

#include "ca.h"

/* Decides basicConstraints and keyUsage. */
enum profile {
  PROFILE_ROOT,       /* CA; keyCertSign, cRLSign */
  PROFILE_ISSUING,    /* CA with pathLenConstraint 0; keyCertSign, cRLSign */
  PROFILE_SIGNING,    /* digitalSignature, nonRepudiation */
  PROFILE_ENCRYPTION, /* keyEncipherment, dataEncipherment, keyAgreement */
};

/* What a certificate says; everything is borrowed. */
struct certificate {
  enum profile profile;
  const X509_NAME *subject;
  EVP_PKEY *key;
  const char *serial;
  int64_t not_before; /* Unix seconds, first and last */
  int64_t not_after;
  const char *crl_url;               /* empty: none */
  const X509_EXTENSION *identity_code; /* NULL: none */
};

/* Signs it as the issuer; with NULL for the issuer's certificate it signs itself. NULL on failure. */
X509 *certificate_sign(const struct certificate *certificate, const X509 *issuer, EVP_PKEY *issuer_key);

/* The subject of a holder. CA_PERMANENT when it can't stand in a certificate. */
int32_t subject_of_holder(const struct ca_holder *holder, X509_NAME **out, struct failure *failure);

/* "C=CN, O=name, CN=name title". */
int32_t subject_of_ca(const char *name, const char *title, X509_NAME **out, struct failure *failure);

/* The identity code's extension; *out is NULL for a holder without. */
int32_t identity_code_of_holder(const struct ca_holder *holder, X509_EXTENSION **out, struct failure *failure);

/* That of a certificate, borrowed; NULL when it has none. */
const X509_EXTENSION *identity_code_of_certificate(const X509 *certificate);

/* A new serial number: 16 octets, 127 bits of them random. */
bool certificate_new_serial(char out[SERIAL_TEXT]);

/* One DER structure; NULL otherwise. */
X509 *certificate_read(const struct bytes *der);
bool certificate_write(const X509 *certificate, struct bytes *der);

/* The extension authorityKeyIdentifier, also for revocation lists; NULL on failure. */
AUTHORITY_KEYID *authority_key_identifier(const EVP_PKEY *issuer_key);

#endif
