/* Runs all tests against the plugin of the first argument. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sm2.h"
#include "test.h"

static char root[256];
static char directory[320];
static const char *running = "";

void check_failed(const char *file, int line, const char *what) {
  fprintf(stderr, "FAILED %s\n  %s:%d: %s\n  log: %.2000s\n", running, file, line, what, host_log());
  exit(EXIT_FAILURE);
}

void check_status(const char *file, int line, const struct reply *reply, int32_t expected) {
  char text[1024];
  if (reply->status == expected) return;
  (void)snprintf(text, sizeof text, "status %d instead of %d: %.900s", reply->status, expected,
                 reply->text != NULL ? reply->text : "");
  check_failed(file, line, text);
}

/* The plugin's directory has one level of folders. */
static void remove_folder(const char *path) {
  DIR *entries = opendir(path);
  const struct dirent *entry;
  while (entries != NULL && (entry = readdir(entries)) != NULL) {
    char inner[1024];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    if (unlink(inner) != 0) remove_folder(inner);
  }
  if (entries != NULL) (void)closedir(entries);
  (void)rmdir(path);
}

const char *test_directory(void) { return directory; }
void test_forget(void) { remove_folder(directory); }

const char *test_text(const char *format, ...) {
  static _Thread_local char texts[8][16384];
  static _Thread_local size_t next;
  char *text = texts[next++ % 8];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof texts[0], format, arguments);
  va_end(arguments);
  return text;
}

ca_instance *test_open(void) {
  ca_instance *instance;
  struct reply reply = host_open(
      test_text("{\"directory\": \"%s\", \"name\": \"Test\", \"crl_url\": \"http://crl.example/a.crl\"}", directory),
      &instance);
  CHECK_STATUS(reply, CA_OK);
  CHECK(instance != NULL);
  reply_free(&reply);
  return instance;
}

void test_close(ca_instance *instance) { CHECK(host_adapter()->close(instance) == CA_OK); }

EVP_PKEY *test_key(void) {
  EVP_PKEY *key = sm2_generate();
  CHECK(key != NULL);
  return key;
}

char *test_csr(EVP_PKEY *key) {
  unsigned char *der = NULL;
  X509_REQ *request = X509_REQ_new();
  EVP_MD_CTX *signer = sm2_signer(key);
  CHECK(request != NULL && signer != NULL && X509_REQ_set_version(request, 0) == 1);
  CHECK(X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign_ctx(request, signer) > 0);
  int length = i2d_X509_REQ(request, &der);
  CHECK(length > 0);
  const struct bytes bytes = {der, (size_t)length};
  char *text = base64_encode(&bytes);
  OPENSSL_free(der);
  sm2_signer_free(signer);
  X509_REQ_free(request);
  return text;
}

char *test_issue_request(EVP_PKEY *key) {
  char *csr = test_csr(key);
  char *text = strdup(test_text("{\"csr\": \"%s\", \"holder\": {\"kind\": \"person\", \"name\": \"" TEST_NAME
                                "\", \"identity_code\": \"" TEST_IDENTITY_CODE "\", \"organization\": \"Example\"}, "
                                "\"unheard-of\": [1]}",
                                csr));
  free(csr);
  return text;
}

char *test_again_request(const char *serial, EVP_PKEY *key) {
  char *csr = test_csr(key);
  char *text = strdup(test_text("{\"serial\": \"%s\", \"csr\": \"%s\", \"validity\": {\"days\": 30}}", serial, csr));
  free(csr);
  return text;
}

struct reply test_issue(ca_instance *instance, const char *key, EVP_PKEY *signing_key) {
  char *request = test_issue_request(signing_key);
  struct reply reply = host_submit(instance, CA_OP_ISSUE, key, request);
  free(request);
  CHECK_STATUS(reply, CA_OK);
  return reply;
}

X509 *test_certificate(const json_t *object, const char *member) {
  struct bytes der;
  const char *text = json_string_value(json_object_get(object, member));
  CHECK(text != NULL && base64_decode(text, strlen(text), &der));
  const unsigned char *at = der.data;
  X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
  CHECK(certificate != NULL);
  bytes_free(&der);
  return certificate;
}

void test_serial(const json_t *object, const char *member, char out[SERIAL_TEXT]) {
  X509 *certificate = test_certificate(object, member);
  const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
  hex_encode(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), out);
  X509_free(certificate);
}

size_t test_count(ca_instance *instance) {
  struct reply reply = host_list(instance, "{\"limit\": 1000}");
  CHECK_STATUS(reply, CA_OK);
  size_t count = json_array_size(json_object_get(reply.document, "certificates"));
  reply_free(&reply);
  return count;
}

static unsigned run(const struct test *tests) {
  unsigned count = 0;
  for (; tests->name != NULL; tests++, count++) {
    running = tests->name;
    (void)snprintf(directory, sizeof directory, "%s/ca", root);
    host_forget_log();
    tests->run();
    host_set_passphrase(PASSPHRASE);
    CHECK(host_violations() == 0);
    test_forget();
    printf("ok %s\n", tests->name);
  }
  return count;
}

int main(int count, char **arguments) {
  const char *temporary = getenv("TMPDIR");
  if (count != 2) {
    fprintf(stderr, "usage: %s PLUGIN\n", arguments[0]);
    return EXIT_FAILURE;
  }
  (void)snprintf(root, sizeof root, "%s/vendor-plugin-XXXXXX", temporary != NULL ? temporary : "/tmp");
  if (mkdtemp(root) == NULL) {
    perror(root);
    return EXIT_FAILURE;
  }
  host_load(arguments[1]);
  unsigned passed = run(TABLE_TESTS) + run(LIFECYCLE_TESTS) + run(HOSTILE_TESTS) + run(JOURNAL_TESTS) +
                    run(THREAD_TESTS) + run(SECRET_TESTS);
  remove_folder(root);
  printf("%u tests passed\n", passed);
  return EXIT_SUCCESS;
}
