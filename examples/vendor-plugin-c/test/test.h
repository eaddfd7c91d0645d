/*
 * test.h: what the tests share. A test is a function whose name is a sentence; a file lists its tests in main.c's table.
 */
#ifndef VENDOR_TEST_H
#define VENDOR_TEST_H

#include <openssl/x509.h>

#include "encoding.h"
#include "host.h"

/* Ends the test program with the place and what did not hold. */
#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) check_failed(__FILE__, __LINE__, #condition); \
  } while (0)
#define CHECK_STATUS(reply, expected) check_status(__FILE__, __LINE__, &(reply), (expected))

_Noreturn void check_failed(const char *file, int line, const char *what);
void check_status(const char *file, int line, const struct reply *reply, int32_t expected);

struct test {
  const char *name;
  void (*run)(void);
};
#define TEST(function) {#function, function}
extern const struct test TABLE_TESTS[], LIFECYCLE_TESTS[], HOSTILE_TESTS[], JOURNAL_TESTS[], THREAD_TESTS[],
    SECRET_TESTS[];

/* A fresh directory's path, for one test: made by the plugin, removed at the end. */
const char *test_directory(void);
/* Opens the plugin in it. */
ca_instance *test_open(void);
void test_close(ca_instance *instance);
/* Removes it with everything in it. */
void test_forget(void);

/* A new SM2 key, and its PKCS#10 request in base64, to be freed. */
EVP_PKEY *test_key(void);
char *test_csr(EVP_PKEY *key);
/* Request documents, to be freed. */
char *test_issue_request(EVP_PKEY *key);
char *test_again_request(const char *serial, EVP_PKEY *key);
/* Issues under an idempotency key; the status must be CA_OK. */
struct reply test_issue(ca_instance *instance, const char *key, EVP_PKEY *signing_key);

/* A certificate member of a reply, to be freed. */
X509 *test_certificate(const json_t *object, const char *member);
/* The serial of a certificate member of a reply. */
void test_serial(const json_t *object, const char *member, char out[SERIAL_TEXT]);
/* How many certificates list gives in all. */
size_t test_count(ca_instance *instance);
/* Text made like printf, valid until the eighth call after it on this thread. */
const char *test_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TEST_NAME "\345\274\240\344\270\211" /* in UTF-8 */
#define TEST_IDENTITY_CODE "11010119900307447X"

#endif
