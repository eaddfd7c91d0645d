/*
 * envelope.h: an encryption private key on its way to the owner of a signing key.
 */
#ifndef VENDOR_ENVELOPE_H
#define VENDOR_ENVELOPE_H

#include <openssl/evp.h>

#include "encoding.h"
#include "failure.h"

/* SM2EnvelopedKey ::= SEQUENCE {                          -- GM/T 0009 section 7.4, GB/T 35276
 *   symAlgID                AlgorithmIdentifier,          -- SM4 in ECB mode, parameters NULL
 *   symEncryptedKey         SM2Cipher,                    -- a fresh SM4 key, for the signing public key
 *   Sm2PublicKey            BIT STRING,                   -- of the encryption key: 04, x, y
 *   Sm2EncryptedPrivateKey  BIT STRING }                  -- its private number under the SM4 key, 32 octets
 * SM2Cipher ::= SEQUENCE {                                -- GM/T 0009 section 7.2; libcrypto writes it so
 *   XCoordinate INTEGER, YCoordinate INTEGER, HASH OCTET STRING (SIZE(32)), CipherText OCTET STRING }
 */
int32_t envelope_wrap(const EVP_PKEY *encryption_key, EVP_PKEY *signing_key, struct bytes *out,
                      struct failure *failure);

#endif
