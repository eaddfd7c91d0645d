#include "envelope.h"

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "sm2.h"

#define SM4_KEY 16
#define SM2_CIPHER_ROOM 256
#define SM4_ECB "1.2.156.10197.1.104.1"

typedef struct {
  X509_ALGOR *algorithm;
  ASN1_TYPE *wrapped_key;
  ASN1_BIT_STRING *public_key;
  ASN1_BIT_STRING *encrypted_private_key;
} ENVELOPED_KEY;

ASN1_SEQUENCE(ENVELOPED_KEY) = {
    ASN1_SIMPLE(ENVELOPED_KEY, algorithm, X509_ALGOR),
    ASN1_SIMPLE(ENVELOPED_KEY, wrapped_key, ASN1_ANY),
    ASN1_SIMPLE(ENVELOPED_KEY, public_key, ASN1_BIT_STRING),
    ASN1_SIMPLE(ENVELOPED_KEY, encrypted_private_key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(ENVELOPED_KEY)

/* What the envelope is made of, before it is encoded. */
struct parts {
  uint8_t point[SM2_POINT];
  uint8_t encrypted_scalar[SM2_SCALAR];
  uint8_t cipher[SM2_CIPHER_ROOM];
  size_t cipher_length;
};

static bool encrypt_sm4_key(EVP_PKEY *signing_key, const uint8_t key[SM4_KEY], struct parts *parts) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signing_key, NULL);
  parts->cipher_length = sizeof parts->cipher;
  bool done = context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
              EVP_PKEY_encrypt(context, parts->cipher, &parts->cipher_length, key, SM4_KEY) == 1;
  EVP_PKEY_CTX_free(context);
  return done;
}

static bool encrypt_scalar(const uint8_t scalar[SM2_SCALAR], const uint8_t key[SM4_KEY], struct parts *parts) {
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  int written = 0;
  bool done = context != NULL && EVP_EncryptInit_ex(context, EVP_sm4_ecb(), NULL, key, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
              EVP_EncryptUpdate(context, parts->encrypted_scalar, &written, scalar, SM2_SCALAR) == 1 &&
              written == SM2_SCALAR;
  EVP_CIPHER_CTX_free(context); /* wipes */
  return done;
}

/* Whole octets: without the flag the encoder would drop zero bits at the end. */
static bool set_octets(ASN1_BIT_STRING *bits, const uint8_t *octets, int length) {
  if (ASN1_BIT_STRING_set(bits, (unsigned char *)octets, length) != 1) return false;
  bits->flags = (bits->flags & ~7L) | ASN1_STRING_FLAG_BITS_LEFT;
  return true;
}

static bool encode(const struct parts *parts, struct bytes *out) {
  unsigned char *der = NULL;
  int length = -1;
  ENVELOPED_KEY *structure = (ENVELOPED_KEY *)ASN1_item_new(ASN1_ITEM_rptr(ENVELOPED_KEY));
  ASN1_OBJECT *sm4_ecb = OBJ_txt2obj(SM4_ECB, 1);
  if (structure != NULL && sm4_ecb != NULL &&
      X509_ALGOR_set0(structure->algorithm, sm4_ecb, V_ASN1_NULL, NULL) == 1) {
    sm4_ecb = NULL; /* the structure's now */
    const unsigned char *cipher = parts->cipher;
    if (d2i_ASN1_TYPE(&structure->wrapped_key, &cipher, (long)parts->cipher_length) != NULL &&
        set_octets(structure->public_key, parts->point, SM2_POINT) &&
        set_octets(structure->encrypted_private_key, parts->encrypted_scalar, SM2_SCALAR)) {
      length = ASN1_item_i2d((const ASN1_VALUE *)structure, &der, ASN1_ITEM_rptr(ENVELOPED_KEY));
    }
  }
  bool done = length > 0 && bytes_copy(out, der, (size_t)length);
  OPENSSL_free(der);
  ASN1_OBJECT_free(sm4_ecb);
  ASN1_item_free((ASN1_VALUE *)structure, ASN1_ITEM_rptr(ENVELOPED_KEY));
  return done;
}

int32_t envelope_wrap(const EVP_PKEY *encryption_key, EVP_PKEY *signing_key, struct bytes *out,
                      struct failure *failure) {
  uint8_t sm4_key[SM4_KEY], scalar[SM2_SCALAR];
  struct parts parts;
  *out = (struct bytes){NULL, 0};
  bool done = RAND_priv_bytes(sm4_key, SM4_KEY) == 1 && sm2_scalar(encryption_key, scalar) &&
              sm2_point(encryption_key, parts.point) && encrypt_scalar(scalar, sm4_key, &parts) &&
              encrypt_sm4_key(signing_key, sm4_key, &parts) && encode(&parts, out);
  OPENSSL_cleanse(sm4_key, sizeof sm4_key);
  OPENSSL_cleanse(scalar, sizeof scalar);
  return done ? CA_OK : sm2_failed(failure, "enveloping the encryption key");
}
