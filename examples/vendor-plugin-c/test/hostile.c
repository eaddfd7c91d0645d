/* Requests and configurations that are not what the header says: a class, a safe text, and nothing done. */
#include <stdlib.h>

#include "test.h"

#define CANARY "canary-7d1f"
#define DEEP 40

static void check_refused(struct reply *reply, int32_t expected) {
  CHECK_STATUS(*reply, expected);
  CHECK(json_string_length(json_object_get(reply->document, "vendor_code")) > 0);
  CHECK(json_string_length(json_object_get(reply->document, "text")) > 0);
  CHECK(strstr(reply->text, CANARY) == NULL);
  reply_free(reply);
}

static void a_request_that_is_no_document_is_permanent_and_not_quoted(void) {
  ca_instance *instance = test_open();
  static const char *const requests[] = {
      "", " ", "{", "null", "[]", "1", "\"" CANARY "\"", "{\"" CANARY "\"", "{\"a\": 1, \"a\": 2}", "{} " CANARY,
      "{\"csr\": \"\\u0000\"}", "{\"csr\": \"\xff\"}", "{\"csr\": 1e999}", "{\"x\": 99999999999999999999}",
      "{\"csr\": null}", "{\"csr\": \"" CANARY "\"}", "{\"csr\": \"MAA=\"}", "{\"csr\": \"MAB=\"}", "{\"csr\": \"M\"}",
      "{\"serial\": \"00ff\", \"reason\": \"superseded\", \"pair\": true}",
      "{\"serial\": \"0\", \"reason\": \"superseded\", \"pair\": true}",
      "{\"serial\": \"FF\", \"reason\": \"superseded\", \"pair\": true}",
      "{\"serial\": \"ff\", \"reason\": \"certificateHold\", \"pair\": true}",
      "{\"serial\": \"ff\", \"reason\": \"" CANARY "\", \"pair\": true}",
      "{\"serial\": \"ff\", \"reason\": \"superseded\", \"pair\": 1}",
      "{\"serial\": \"ff\", \"reason\": \"superseded\", \"pair\": true}",
  };
  static const uint32_t operations[] = {CA_OP_ISSUE, CA_OP_RENEW, CA_OP_REKEY, CA_OP_REVOKE};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    for (size_t j = 0; j < sizeof operations / sizeof operations[0]; j++) {
      struct reply reply = host_submit(instance, operations[j], "key", requests[i]);
      check_refused(&reply, CA_PERMANENT);
    }
  }
  CHECK(strstr(host_log(), CANARY) == NULL && test_count(instance) == 0);
  struct reply reply = host_lookup(instance, "{\"idempotency_key\": \"key\"}");
  CHECK_STATUS(reply, CA_OK);
  CHECK(strcmp(json_string_value(json_object_get(reply.document, "state")), "absent") == 0);
  reply_free(&reply);
  test_close(instance);
}

static void a_document_nested_more_than_32_deep_is_refused(void) {
  ca_instance *instance = test_open();
  for (size_t depth = 30; depth <= DEEP; depth++) {
    char request[4 * DEEP + 32] = "{\"x\": ";
    for (size_t i = 1; i < depth; i++) strcat(request, "[");
    for (size_t i = 1; i < depth; i++) strcat(request, "]");
    strcat(request, "}");
    struct reply reply = host_submit(instance, CA_OP_CA_CERTIFICATES, "", request);
    CHECK_STATUS(reply, depth <= 32 ? CA_OK : CA_PERMANENT);
    reply_free(&reply);
  }
  test_close(instance);
}

static char *replace(const char *text, const char *old, const char *new) {
  const char *at = strstr(text, old);
  CHECK(at != NULL);
  return strdup(test_text("%.*s%s%s", (int)(at - text), text, new, at + strlen(old)));
}

static void a_holder_that_can_not_stand_in_a_certificate_is_refused(void) {
  static const struct {
    const char *old, *new;
  } changes[] = {
      {"person", "robot"},
      {"\"name\": \"" TEST_NAME "\"", "\"name\": \"\""},
      {"\"name\": \"" TEST_NAME "\"", "\"name\": 5"},
      {TEST_NAME, "12345678901234567890123456789012345678901234567890123456789012345"},
      {TEST_IDENTITY_CODE, CANARY "/../x"},
      {TEST_IDENTITY_CODE, "123456789012345678901234567890123"},
      {"\"unheard-of\": [1]", "\"product\": \"" CANARY "\""},
      {"\"unheard-of\": [1]", "\"validity\": {\"days\": 0}"},
      {"\"unheard-of\": [1]", "\"validity\": {\"days\": 100000}"},
      {"\"unheard-of\": [1]", "\"validity\": {\"not_before_ms\": 0}"},
      {"\"unheard-of\": [1]", "\"validity\": {\"not_before_ms\": 9223372036854775807}"},
      {"\"unheard-of\": [1]", "\"validity\": {\"days\": 5.5}"},
      {"\"unheard-of\": [1]", "\"validity\": null"},
  };
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    char *changed = replace(request, changes[i].old, changes[i].new);
    struct reply reply = host_submit(instance, CA_OP_ISSUE, "key", changed);
    check_refused(&reply, CA_PERMANENT);
    free(changed);
  }
  CHECK(strstr(host_log(), CANARY) == NULL && test_count(instance) == 0);
  free(request);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void a_request_whose_signature_is_not_its_keys_is_refused(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *csr = test_csr(key);
  struct bytes der;
  CHECK(base64_decode(csr, strlen(csr), &der));
  for (size_t i = 0; i < der.size; i++) {
    der.data[i] ^= 1;
    char *changed = base64_encode(&der);
    char *request = strdup(test_text("{\"csr\": \"%s\", \"holder\": {\"kind\": \"person\", \"name\": \"A\"}}", changed));
    struct reply reply = host_submit(instance, CA_OP_ISSUE, "key", request);
    check_refused(&reply, CA_PERMANENT);
    free(request);
    free(changed);
    der.data[i] ^= 1;
  }
  bytes_free(&der);
  free(csr);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void octets_of_all_kinds_do_no_harm(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  size_t length = strlen(request);
  uint32_t random = 1;
  for (unsigned turn = 0; turn < 2000; turn++) {
    char *changed = strdup(request);
    for (unsigned i = 0; i < 1 + turn % 4; i++) {
      random = random * 1664525 + 1013904223;
      changed[(random >> 8) % length] = (char)(random >> 24);
    }
    static const uint32_t operations[] = {CA_OP_REVOKE, CA_OP_STATUS, CA_OP_RENEW, CA_OP_CRL};
    size_t size = turn % 2 == 0 ? length : (random >> 8) % length;
    struct reply reply = host_submit_octets(instance, operations[turn % 4], "key", changed, size);
    CHECK(reply.status == CA_PERMANENT || (turn % 4 == 3 && reply.status == CA_OK));
    reply_free(&reply);
    free(changed);
  }
  free(request);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void an_idempotency_key_has_1_to_128_printable_characters(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  char longest[130];
  memset(longest, 'k', sizeof longest);
  longest[129] = '\0';
  const char *const keys[] = {"", "\x1f", "\x7f", "\xc3\xa4", longest};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    struct reply reply = host_submit(instance, CA_OP_ISSUE, keys[i], request);
    check_refused(&reply, CA_PERMANENT);
  }
  longest[128] = '\0';
  struct reply reply = test_issue(instance, longest, key);
  reply_free(&reply);
  reply = test_issue(instance, "../../etc/passwd", key);
  reply_free(&reply);
  free(request);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void a_query_that_is_none_is_refused(void) {
  ca_instance *instance = test_open();
  static const char *const lookups[] = {"", "{}", "{\"serial\": \"" CANARY "\"}", "{\"idempotency_key\": 1}",
                                        "{\"idempotency_key\": \"k\", \"serial\": \"01\"}"};
  static const char *const lists[] = {"", "[]", "{\"limit\": -1}", "{\"limit\": \"1\"}", "{\"cursor\": 1}"};
  for (size_t i = 0; i < sizeof lookups / sizeof lookups[0]; i++) {
    struct reply reply = host_lookup(instance, lookups[i]);
    check_refused(&reply, CA_PERMANENT);
    reply = host_list(instance, lists[i]);
    check_refused(&reply, CA_PERMANENT);
  }
  test_close(instance);
}

static void a_configuration_that_is_wrong_opens_nothing(void) {
  static const char *const configurations[] = {
      "", "{}", "[]", "{\"directory\": \"relative\", \"name\": \"a\"}", "{\"directory\": \"/\", \"name\": \"a\"}",
      "{\"directory\": \"/nowhere/at/all\", \"name\": \"\"}",
      "{\"directory\": \"/tmp/x\", \"name\": \"12345678901234567890123456789012345678901\"}",
      "{\"directory\": \"/tmp/x\", \"name\": \"a\", \"validity_days\": 0}",
      "{\"directory\": \"/tmp/x\", \"name\": \"a\", \"crl_hours\": 1000}",
      "{\"directory\": \"/tmp/x\", \"name\": \"a\", \"crl_hour\": 12}",
      "{\"directory\": \"/tmp/x\", \"name\": \"a\", \"crl_url\": \"http://\xe5\xbc\xa0\"}",
  };
  for (size_t i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
    ca_instance *instance;
    struct reply reply = host_open(configurations[i], &instance);
    CHECK(instance == NULL);
    check_refused(&reply, CA_PERMANENT);
  }
  ca_instance *instance;
  struct reply reply = host_open("{\"directory\": \"/nowhere/at/all\", \"name\": \"a\"}", &instance);
  CHECK(instance == NULL);
  check_refused(&reply, CA_UNHEALTHY);
}

static void a_directory_of_another_ca_is_refused(void) {
  test_close(test_open());
  ca_instance *instance;
  struct reply reply =
      host_open(test_text("{\"directory\": \"%s\", \"name\": \"Another\"}", test_directory()), &instance);
  CHECK(instance == NULL);
  check_refused(&reply, CA_PERMANENT);
}

const struct test HOSTILE_TESTS[] = {
    TEST(a_request_that_is_no_document_is_permanent_and_not_quoted),
    TEST(a_document_nested_more_than_32_deep_is_refused),
    TEST(a_holder_that_can_not_stand_in_a_certificate_is_refused),
    TEST(a_request_whose_signature_is_not_its_keys_is_refused),
    TEST(octets_of_all_kinds_do_no_harm),
    TEST(an_idempotency_key_has_1_to_128_printable_characters),
    TEST(a_query_that_is_none_is_refused),
    TEST(a_configuration_that_is_wrong_opens_nothing),
    TEST(a_directory_of_another_ca_is_refused),
    {NULL, NULL},
};
