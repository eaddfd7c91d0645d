/*
 * request.h: certificate requests, PKCS#10 (RFC 2986).
 */
#ifndef VENDOR_REQUEST_H
#define VENDOR_REQUEST_H

#include <openssl/evp.h>

#include "encoding.h"
#include "failure.h"

/* The public key of a request whose sender has proved to have the private key. The request must be one DER structure,
 * the key SM2 with an uncompressed point, the signature SM2 with SM3 under the default identity. The request's subject
 * and attributes are ignored: the holder decides. CA_PERMANENT otherwise. */
int32_t request_key(const struct bytes *csr, EVP_PKEY **key, struct failure *failure);

#endif
