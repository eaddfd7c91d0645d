#include "sm2.h"

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#define PBKDF2_ITERATIONS 100000
#define SALT 16

bool sm2_prepare(void) {
  return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
}

int32_t sm2_failed(struct failure *failure, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  int32_t status = fail(failure, CA_UNHEALTHY, CODE_CRYPTOGRAPHY, "%s failed: %s", what,
                        reason != NULL ? reason : "no memory or randomness");
  ERR_clear_error();
  return status;
}

EVP_PKEY *sm2_generate(void) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
  if (context == NULL || EVP_PKEY_keygen_init(context) != 1 || EVP_PKEY_generate(context, &key) != 1) key = NULL;
  EVP_PKEY_CTX_free(context);
  return key;
}

bool sm2_point(const EVP_PKEY *key, uint8_t point[SM2_POINT]) {
  size_t length = 0;
  return EVP_PKEY_is_a(key, "SM2") &&
         EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, SM2_POINT, &length) == 1 &&
         length == SM2_POINT && point[0] == 4;
}

bool sm2_scalar(const EVP_PKEY *key, uint8_t scalar[SM2_SCALAR]) {
  BIGNUM *number = NULL;
  bool done = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
              BN_bn2binpad(number, scalar, SM2_SCALAR) == SM2_SCALAR;
  BN_clear_free(number);
  return done;
}

bool sm2_same_public_key(const EVP_PKEY *left, const EVP_PKEY *right) {
  uint8_t left_point[SM2_POINT], right_point[SM2_POINT];
  return sm2_point(left, left_point) && sm2_point(right, right_point) &&
         memcmp(left_point, right_point, SM2_POINT) == 0;
}

bool sm2_key_identifier(const EVP_PKEY *key, uint8_t identifier[KEY_IDENTIFIER]) {
  uint8_t point[SM2_POINT], digest[EVP_MAX_MD_SIZE];
  if (!sm2_point(key, point) || EVP_Digest(point, sizeof point, digest, NULL, EVP_sm3(), NULL) != 1) return false;
  memcpy(identifier, digest, KEY_IDENTIFIER);
  return true;
}

EVP_MD_CTX *sm2_signer(EVP_PKEY *key) {
  EVP_MD_CTX *signer = EVP_MD_CTX_new();
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
  if (signer == NULL || context == NULL ||
      EVP_PKEY_CTX_set1_id(context, SM2_DEFAULT_ID, SM2_DEFAULT_ID_LENGTH) != 1) {
    EVP_PKEY_CTX_free(context);
    EVP_MD_CTX_free(signer);
    return NULL;
  }
  EVP_MD_CTX_set_pkey_ctx(signer, context); /* freed by sm2_signer_free, not with the signer */
  if (EVP_DigestSignInit(signer, NULL, EVP_sm3(), NULL, key) == 1) return signer;
  sm2_signer_free(signer);
  return NULL;
}

void sm2_signer_free(EVP_MD_CTX *signer) {
  if (signer == NULL) return;
  EVP_PKEY_CTX *context = EVP_MD_CTX_get_pkey_ctx(signer);
  EVP_MD_CTX_free(signer);
  EVP_PKEY_CTX_free(context);
}

bool sm2_seal(EVP_PKEY *key, ca_slice passphrase, struct bytes *out) {
  unsigned char *der = NULL;
  int length = -1;
  *out = (struct bytes){NULL, 0};
  if (passphrase.len > INT_MAX) return false;
  PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
  X509_ALGOR *scheme = PKCS5_pbe2_set_iv(EVP_sm4_cbc(), PBKDF2_ITERATIONS, NULL, SALT, NULL, NID_hmacWithSHA256);
  X509_SIG *sealed = NULL;
  if (plain != NULL && scheme != NULL) {
    sealed = PKCS8_set0_pbe((const char *)passphrase.ptr, (int)passphrase.len, plain, scheme);
  }
  if (sealed == NULL) {
    X509_ALGOR_free(scheme);
  } else {
    length = i2d_X509_SIG(sealed, &der);
  }
  bool done = length > 0 && bytes_copy(out, der, (size_t)length);
  OPENSSL_free(der);
  X509_SIG_free(sealed);
  PKCS8_PRIV_KEY_INFO_free(plain); /* wipes */
  return done;
}

EVP_PKEY *sm2_unseal(const struct bytes *sealed, ca_slice passphrase) {
  if (passphrase.len > INT_MAX || sealed->size > LONG_MAX) return NULL;
  const unsigned char *der = sealed->data;
  X509_SIG *structure = d2i_X509_SIG(NULL, &der, (long)sealed->size);
  PKCS8_PRIV_KEY_INFO *plain = NULL;
  if (structure != NULL) plain = PKCS8_decrypt(structure, (const char *)passphrase.ptr, (int)passphrase.len);
  EVP_PKEY *key = plain != NULL ? EVP_PKCS82PKEY(plain) : NULL;
  PKCS8_PRIV_KEY_INFO_free(plain);
  X509_SIG_free(structure);
  ERR_clear_error();
  return key;
}
