/*
 * revocation_list.h: certificate revocation lists, version 2 (RFC 5280 section 5).
 */
#ifndef VENDOR_REVOCATION_LIST_H
#define VENDOR_REVOCATION_LIST_H

#include <openssl/x509.h>

#include "ca.h"

/* A complete list, signed by the issuer. */
bool revocation_list_sign(const struct ca_list *list, const X509 *issuer, EVP_PKEY *key, struct bytes *out);

#endif
