/*
 * sm2.h: SM2 keys (GM/T 0003, GM/T 0009) with OpenSSL 3's libcrypto.
 */
#ifndef VENDOR_SM2_H
#define VENDOR_SM2_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ca_adapter.h"
#include "encoding.h"
#include "failure.h"

/* 04, x, y */
#define SM2_POINT 65
#define SM2_SCALAR 32
#define KEY_IDENTIFIER 20

/* The signer's identity of GM/T 0009 section 10 that everybody uses. */
#define SM2_DEFAULT_ID "1234567812345678"
#define SM2_DEFAULT_ID_LENGTH 16

/* Prepares libcrypto: no configuration file is read, no exit handler left. May be called often and from any thread. */
bool sm2_prepare(void);

/* CA_UNHEALTHY, with what libcrypto says about it; its queue of errors is emptied. */
int32_t sm2_failed(struct failure *failure, const char *what);

EVP_PKEY *sm2_generate(void);

/* The public point, uncompressed; false unless it is an SM2 key. */
bool sm2_point(const EVP_PKEY *key, uint8_t point[SM2_POINT]);

/* The private number; the caller wipes it. */
bool sm2_scalar(const EVP_PKEY *key, uint8_t scalar[SM2_SCALAR]);

bool sm2_same_public_key(const EVP_PKEY *left, const EVP_PKEY *right);

/* The leftmost 160 bits of the point's SM3 (RFC 7093 section 2 method 1, with SM3). */
bool sm2_key_identifier(const EVP_PKEY *key, uint8_t identifier[KEY_IDENTIFIER]);

/* A context for X509_sign_ctx and its kin: SM2 with SM3, default identity. Freed by sm2_signer_free. */
EVP_MD_CTX *sm2_signer(EVP_PKEY *key);
void sm2_signer_free(EVP_MD_CTX *signer);

/* The private key as EncryptedPrivateKeyInfo (PKCS#8, RFC 5958): PBES2 with PBKDF2-HMAC-SHA-256 and SM4-CBC. */
bool sm2_seal(EVP_PKEY *key, ca_slice passphrase, struct bytes *out);
EVP_PKEY *sm2_unseal(const struct bytes *sealed, ca_slice passphrase);

#endif
