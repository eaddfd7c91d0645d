/* Certificates from issue to revocation, judged by libcrypto's own verification. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "sm2.h"
#include "test.h"

static void add_identity(X509 *certificate) {
  ASN1_OCTET_STRING *identity = ASN1_OCTET_STRING_new();
  CHECK(ASN1_OCTET_STRING_set(identity, (const unsigned char *)SM2_DEFAULT_ID, SM2_DEFAULT_ID_LENGTH) == 1);
  X509_set0_distinguishing_id(certificate, identity);
}

static X509 *chain_member(const json_t *reply, size_t index) {
  json_t *wrapped = json_pack("{s:O}", "der", json_array_get(json_object_get(reply, "chain"), index));
  X509 *certificate = test_certificate(wrapped, "der");
  json_decref(wrapped);
  add_identity(certificate);
  return certificate;
}

static bool chains_to_the_root(const json_t *reply, X509 *leaf) {
  X509 *issuing = chain_member(reply, 0), *root = chain_member(reply, 1);
  X509_STORE *store = X509_STORE_new();
  X509_STORE_CTX *context = X509_STORE_CTX_new();
  STACK_OF(X509) *others = sk_X509_new_null();
  add_identity(leaf);
  CHECK(X509_STORE_add_cert(store, root) == 1 && sk_X509_push(others, issuing) == 1);
  CHECK(X509_STORE_CTX_init(context, store, leaf, others) == 1);
  X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  bool valid = X509_verify_cert(context) == 1;
  if (!valid) fprintf(stderr, "%s\n", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
  sk_X509_free(others);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(issuing);
  X509_free(root);
  return valid;
}

/* Where the parts of an SM2EnvelopedKey are (GM/T 0009 section 7.4). */
static void enveloped_number(const json_t *reply, EVP_PKEY *signing_key, uint8_t number[SM2_SCALAR]) {
  struct bytes der;
  int tag, class, written;
  long length;
  uint8_t sm4_key[64];
  size_t key_length = sizeof sm4_key;
  const char *text = json_string_value(json_object_get(reply, "enveloped_key"));
  CHECK(text != NULL && base64_decode(text, strlen(text), &der));
  const unsigned char *at = der.data;
  CHECK((ASN1_get_object(&at, &length, &tag, &class, (long)der.size) & 0x80) == 0 && tag == V_ASN1_SEQUENCE);
  X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, length);
  CHECK(algorithm != NULL && OBJ_obj2nid(algorithm->algorithm) == NID_sm4_ecb);
  X509_ALGOR_free(algorithm);
  const unsigned char *cipher = at;
  CHECK((ASN1_get_object(&at, &length, &tag, &class, (long)der.size) & 0x80) == 0 && tag == V_ASN1_SEQUENCE);
  at += length;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signing_key, NULL);
  CHECK(EVP_PKEY_decrypt_init(context) == 1);
  CHECK(EVP_PKEY_decrypt(context, sm4_key, &key_length, cipher, (size_t)(at - cipher)) == 1 && key_length == 16);
  EVP_PKEY_CTX_free(context);
  ASN1_BIT_STRING *point = d2i_ASN1_BIT_STRING(NULL, &at, 128), *encrypted = d2i_ASN1_BIT_STRING(NULL, &at, 128);
  CHECK(point != NULL && ASN1_STRING_length(point) == SM2_POINT);
  CHECK(encrypted != NULL && ASN1_STRING_length(encrypted) == SM2_SCALAR && at == der.data + der.size);
  EVP_CIPHER_CTX *ecb = EVP_CIPHER_CTX_new();
  CHECK(EVP_DecryptInit_ex(ecb, EVP_sm4_ecb(), NULL, sm4_key, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ecb, 0) == 1);
  uint8_t block[SM2_SCALAR + 16];
  CHECK(EVP_DecryptUpdate(ecb, block, &written, ASN1_STRING_get0_data(encrypted), SM2_SCALAR) == 1);
  CHECK(written == SM2_SCALAR);
  memcpy(number, block, SM2_SCALAR);
  EVP_CIPHER_CTX_free(ecb);
  ASN1_BIT_STRING_free(point);
  ASN1_BIT_STRING_free(encrypted);
  bytes_free(&der);
}

/* Whether the number is the private key of the certificate's public key: number * G is its point. */
static bool is_private_key_of(const uint8_t number[SM2_SCALAR], const X509 *certificate) {
  uint8_t expected[SM2_POINT], found[SM2_POINT];
  EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
  EC_POINT *point = EC_POINT_new(group);
  BIGNUM *scalar = BN_bin2bn(number, SM2_SCALAR, NULL);
  CHECK(EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1);
  CHECK(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, found, sizeof found, NULL) == SM2_POINT);
  CHECK(sm2_point(X509_get0_pubkey(certificate), expected));
  BN_free(scalar);
  EC_POINT_free(point);
  EC_GROUP_free(group);
  return memcmp(found, expected, SM2_POINT) == 0;
}

static void check_pair(const json_t *reply, EVP_PKEY *key) {
  uint8_t number[SM2_SCALAR];
  X509 *signing = test_certificate(reply, "signing_certificate");
  X509 *encryption = test_certificate(reply, "encryption_certificate");
  CHECK(chains_to_the_root(reply, signing) && chains_to_the_root(reply, encryption));
  CHECK(sm2_same_public_key(X509_get0_pubkey(signing), key));
  CHECK(X509_get_key_usage(signing) == (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION));
  CHECK(X509_get_key_usage(encryption) == (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT));
  CHECK(X509_get_signature_nid(signing) == NID_SM2_with_SM3);
  enveloped_number(reply, key, number);
  CHECK(is_private_key_of(number, encryption));
  X509_free(signing);
  X509_free(encryption);
}

static void a_pair_chains_to_the_root_and_its_encryption_key_opens_with_the_signing_key(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  struct reply reply = test_issue(instance, "order-1", key);
  check_pair(reply.document, key);
  X509 *signing = test_certificate(reply.document, "signing_certificate");
  char name[64];
  CHECK(X509_NAME_get_text_by_NID(X509_get_subject_name(signing), NID_commonName, name, sizeof name) > 0);
  CHECK(strcmp(name, TEST_NAME) == 0);
  ASN1_OBJECT *identity_code = OBJ_txt2obj("1.2.156.10260.4.1.1", 1);
  int at = X509_get_ext_by_OBJ(signing, identity_code, -1);
  CHECK(at >= 0);
  const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(signing, at));
  CHECK(ASN1_STRING_length(value) == 22 && memcmp(ASN1_STRING_get0_data(value), "\xa0\x14\x13\x12", 4) == 0);
  ASN1_OBJECT_free(identity_code);
  X509_free(signing);
  EVP_PKEY_free(key);
  reply_free(&reply);
  test_close(instance);
}

static void renewal_keeps_both_keys_and_rekeying_changes_both(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *old_key = test_key(), *new_key = test_key();
  struct reply first = test_issue(instance, "issue", old_key);
  char serial[SERIAL_TEXT];
  test_serial(first.document, "signing_certificate", serial);
  char *with_old = test_again_request(serial, old_key), *with_new = test_again_request(serial, new_key);
  X509 *encryption = test_certificate(first.document, "encryption_certificate");

  struct reply renewed = host_submit(instance, CA_OP_RENEW, "renew", with_old);
  CHECK_STATUS(renewed, CA_OK);
  check_pair(renewed.document, old_key);
  X509 *renewed_encryption = test_certificate(renewed.document, "encryption_certificate");
  CHECK(sm2_same_public_key(X509_get0_pubkey(encryption), X509_get0_pubkey(renewed_encryption)));
  CHECK(X509_cmp(encryption, renewed_encryption) != 0);
  CHECK(X509_NAME_cmp(X509_get_subject_name(encryption), X509_get_subject_name(renewed_encryption)) == 0);

  struct reply rekeyed = host_submit(instance, CA_OP_REKEY, "rekey", with_new);
  CHECK_STATUS(rekeyed, CA_OK);
  check_pair(rekeyed.document, new_key);
  X509 *rekeyed_encryption = test_certificate(rekeyed.document, "encryption_certificate");
  CHECK(!sm2_same_public_key(X509_get0_pubkey(encryption), X509_get0_pubkey(rekeyed_encryption)));

  struct reply refused = host_submit(instance, CA_OP_RENEW, "a", with_new);
  CHECK_STATUS(refused, CA_PERMANENT);
  reply_free(&refused);
  refused = host_submit(instance, CA_OP_REKEY, "b", with_old);
  CHECK_STATUS(refused, CA_PERMANENT);
  reply_free(&refused);
  CHECK(test_count(instance) == 6);

  reply_free(&first);
  reply_free(&renewed);
  reply_free(&rekeyed);
  X509_free(encryption);
  X509_free(renewed_encryption);
  X509_free(rekeyed_encryption);
  EVP_PKEY_free(old_key);
  EVP_PKEY_free(new_key);
  free(with_old);
  free(with_new);
  test_close(instance);
}

static const char *state_of(ca_instance *instance, const char *serial, struct reply *reply) {
  *reply = host_submit(instance, CA_OP_STATUS, "", test_text("{\"serial\": \"%s\"}", serial));
  CHECK_STATUS(*reply, CA_OK);
  return json_string_value(json_object_get(reply->document, "state"));
}

/* X509_CRL_verify knows no identity, so the signature is checked over the list's own octets. */
static void check_list_signature(X509_CRL *crl, const json_t *pair) {
  const ASN1_BIT_STRING *signature;
  unsigned char *signed_part = NULL;
  X509 *issuing = chain_member(pair, 0);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(X509_get0_pubkey(issuing), NULL);
  EVP_MD_CTX *verifier = EVP_MD_CTX_new();
  int length = i2d_re_X509_CRL_tbs(crl, &signed_part);
  X509_CRL_get0_signature(crl, &signature, NULL);
  CHECK(length > 0 && EVP_PKEY_CTX_set1_id(context, SM2_DEFAULT_ID, SM2_DEFAULT_ID_LENGTH) == 1);
  EVP_MD_CTX_set_pkey_ctx(verifier, context);
  CHECK(EVP_DigestVerifyInit(verifier, NULL, EVP_sm3(), NULL, X509_get0_pubkey(issuing)) == 1);
  CHECK(EVP_DigestVerify(verifier, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature),
                         signed_part, (size_t)length) == 1);
  OPENSSL_free(signed_part);
  EVP_MD_CTX_free(verifier);
  EVP_PKEY_CTX_free(context);
  X509_free(issuing);
}

static X509_CRL *present_list(ca_instance *instance, json_int_t *number) {
  struct bytes der;
  const char *text, *digits;
  struct reply reply = host_submit(instance, CA_OP_CRL, "", "{}");
  CHECK_STATUS(reply, CA_OK);
  CHECK(json_unpack(reply.document, "{s:s, s:s}", "crl", &text, "number", &digits) == 0);
  *number = strtoll(digits, NULL, 16);
  CHECK(strlen(digits) % 2 == 0 && base64_decode(text, strlen(text), &der));
  const unsigned char *at = der.data;
  X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
  CHECK(crl != NULL && X509_CRL_get_signature_nid(crl) == NID_SM2_with_SM3);
  bytes_free(&der);
  reply_free(&reply);
  return crl;
}

static void a_revocation_is_for_good_keeps_its_first_reason_and_stands_in_the_next_list(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  json_int_t number, next_number;
  struct reply pair = test_issue(instance, "issue", key), state;
  char serial[SERIAL_TEXT], partner[SERIAL_TEXT];
  test_serial(pair.document, "signing_certificate", serial);
  test_serial(pair.document, "encryption_certificate", partner);
  CHECK(strcmp(state_of(instance, serial, &state), "good") == 0);
  reply_free(&state);
  CHECK(strcmp(state_of(instance, "0102", &state), "unknown") == 0);
  reply_free(&state);
  X509_CRL_free(present_list(instance, &number));
  X509_CRL_free(present_list(instance, &next_number));
  CHECK(number == 1 && next_number == 1);

  static const char *const reasons[] = {"keyCompromise", "superseded"};
  for (size_t i = 0; i < 2; i++) {
    struct reply revoked =
        host_submit(instance, CA_OP_REVOKE, reasons[i],
                    test_text("{\"serial\": \"%s\", \"reason\": \"%s\", \"pair\": true}", serial, reasons[i]));
    CHECK_STATUS(revoked, CA_OK);
    json_t *states = json_object_get(revoked.document, "certificates");
    CHECK(json_array_size(states) == 2);
    const char *reason = json_string_value(json_object_get(json_array_get(states, 1), "reason"));
    CHECK(strcmp(reason, "keyCompromise") == 0);
    reply_free(&revoked);
  }
  CHECK(strcmp(state_of(instance, partner, &state), "revoked") == 0);
  reply_free(&state);
  X509_CRL *crl = present_list(instance, &number);
  check_list_signature(crl, pair.document);
  CHECK(number == 2 && sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) == 2);
  X509_REVOKED *entry;
  X509 *signing = test_certificate(pair.document, "signing_certificate");
  CHECK(X509_CRL_get0_by_cert(crl, &entry, signing) == 1);
  CHECK(X509_CRL_get0_nextUpdate(crl) != NULL);
  X509_free(signing);
  X509_CRL_free(crl);
  char *again = test_again_request(serial, key);
  struct reply refused = host_submit(instance, CA_OP_RENEW, "renew", again);
  CHECK_STATUS(refused, CA_PERMANENT);
  free(again);
  reply_free(&refused);
  reply_free(&pair);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void a_list_goes_page_by_page_through_all(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  for (size_t i = 0; i < 4; i++) {
    struct reply reply = test_issue(instance, test_text("order-%zu", i), key);
    reply_free(&reply);
  }
  size_t seen = 0, pages = 0;
  char cursor[64] = "";
  do {
    struct reply page = host_list(instance, test_text("{\"cursor\": \"%s\", \"limit\": 3}", cursor));
    CHECK_STATUS(page, CA_OK);
    seen += json_array_size(json_object_get(page.document, "certificates"));
    pages++;
    const char *next = json_string_value(json_object_get(page.document, "next"));
    (void)snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
    reply_free(&page);
  } while (cursor[0] != '\0');
  CHECK(seen == 8 && pages == 3);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void all_certificates_that_a_relying_party_needs_are_there_root_last(void) {
  ca_instance *instance = test_open();
  struct reply reply = host_submit(instance, CA_OP_CA_CERTIFICATES, "", "{}");
  CHECK_STATUS(reply, CA_OK);
  json_t *as_chain = json_pack("{s:O}", "chain", json_object_get(reply.document, "certificates"));
  X509 *issuing = chain_member(as_chain, 0), *root = chain_member(as_chain, 1);
  CHECK(X509_check_issued(root, root) == X509_V_OK && X509_check_issued(root, issuing) == X509_V_OK);
  CHECK(X509_get_pathlen(issuing) == 0);
  X509_free(issuing);
  X509_free(root);
  json_decref(as_chain);
  reply_free(&reply);
  test_close(instance);
}

const struct test LIFECYCLE_TESTS[] = {
    TEST(a_pair_chains_to_the_root_and_its_encryption_key_opens_with_the_signing_key),
    TEST(renewal_keeps_both_keys_and_rekeying_changes_both),
    TEST(a_revocation_is_for_good_keeps_its_first_reason_and_stands_in_the_next_list),
    TEST(a_list_goes_page_by_page_through_all),
    TEST(all_certificates_that_a_relying_party_needs_are_there_root_last),
    {NULL, NULL},
};
