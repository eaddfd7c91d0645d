/* Credentials and personal data stay where they belong; descriptors and files too. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static void without_the_passphrase_nothing_is_opened_and_nothing_made(void) {
  static const char *const passphrases[] = {NULL, "", "short"};
  for (size_t i = 0; i < 3; i++) {
    ca_instance *instance;
    host_set_passphrase(passphrases[i]);
    struct reply reply =
        host_open(test_text("{\"directory\": \"%s\", \"name\": \"Test\"}", test_directory()), &instance);
    CHECK_STATUS(reply, CA_AUTHENTICATION);
    CHECK(instance == NULL && access(test_directory(), F_OK) != 0);
    reply_free(&reply);
  }
}

static void another_passphrase_does_not_open_the_ca(void) {
  test_close(test_open());
  ca_instance *instance;
  host_set_passphrase("another passphrase");
  struct reply reply = host_open(test_text("{\"directory\": \"%s\", \"name\": \"Test\"}", test_directory()), &instance);
  CHECK_STATUS(reply, CA_AUTHENTICATION);
  CHECK(instance == NULL && strstr(reply.text, "another passphrase") == NULL);
  reply_free(&reply);
  host_set_passphrase(PASSPHRASE);
  test_close(test_open());
}

/* Calls `check` with the content of every file below a folder. */
static void each_file(const char *folder, void (*check)(const char *path, const char *content, size_t size)) {
  DIR *entries = opendir(folder);
  CHECK(entries != NULL);
  const struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) {
    char path[1024];
    struct stat found;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    CHECK(stat(path, &found) == 0);
    if (S_ISDIR(found.st_mode)) {
      CHECK((found.st_mode & 0777) == 0700);
      each_file(path, check);
      continue;
    }
    CHECK((found.st_mode & 0777) == 0600);
    char *content = calloc(1, (size_t)found.st_size + 1);
    int descriptor = open(path, O_RDONLY);
    CHECK(content != NULL && descriptor >= 0);
    CHECK(read(descriptor, content, (size_t)found.st_size) == found.st_size);
    check(path, content, (size_t)found.st_size);
    (void)close(descriptor);
    free(content);
  }
  (void)closedir(entries);
}

static void holds_no_secret(const char *path, const char *content, size_t size) {
  (void)path;
  (void)size;
  CHECK(strstr(content, PASSPHRASE) == NULL && strstr(content, TEST_IDENTITY_CODE) == NULL);
  CHECK(strstr(path, ".tmp") == NULL);
}

static void passphrase_and_identity_code_are_in_no_file_log_or_error_and_files_are_their_owners(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  struct reply reply = test_issue(instance, "order-1", key);
  reply_free(&reply);
  EVP_PKEY *other = test_key();
  char *request = test_issue_request(other);
  reply = host_submit(instance, CA_OP_ISSUE, "order-1", request);
  CHECK_STATUS(reply, CA_PERMANENT);
  CHECK(strstr(reply.text, TEST_IDENTITY_CODE) == NULL && strstr(reply.text, TEST_NAME) == NULL);
  reply_free(&reply);
  each_file(test_directory(), holds_no_secret);
  CHECK(strstr(host_log(), "issued") != NULL && strstr(host_log(), "trace-1") != NULL);
  CHECK(strstr(host_log(), PASSPHRASE) == NULL && strstr(host_log(), TEST_IDENTITY_CODE) == NULL);
  CHECK(strstr(host_log(), TEST_NAME) == NULL);
  free(request);
  EVP_PKEY_free(key);
  EVP_PKEY_free(other);
  test_close(instance);
}

static unsigned descriptors(void) {
  unsigned count = 0;
  DIR *entries = opendir("/proc/self/fd");
  CHECK(entries != NULL);
  while (readdir(entries) != NULL) count++;
  (void)closedir(entries);
  return count;
}

static void no_descriptor_is_left_open(void) {
  EVP_PKEY *key = test_key();
  test_close(test_open());
  unsigned before = descriptors();
  for (unsigned turn = 0; turn < 20; turn++) {
    ca_instance *instance = test_open();
    struct reply reply = test_issue(instance, test_text("order-%u", turn), key);
    reply_free(&reply);
    reply = host_submit(instance, CA_OP_ISSUE, "bad", "{");
    reply_free(&reply);
    reply = host_submit(instance, CA_OP_CRL, "", "{}");
    reply_free(&reply);
    test_close(instance);
  }
  CHECK(descriptors() == before);
  EVP_PKEY_free(key);
}

const struct test SECRET_TESTS[] = {
    TEST(without_the_passphrase_nothing_is_opened_and_nothing_made),
    TEST(another_passphrase_does_not_open_the_ca),
    TEST(passphrase_and_identity_code_are_in_no_file_log_or_error_and_files_are_their_owners),
    TEST(no_descriptor_is_left_open),
    {NULL, NULL},
};
