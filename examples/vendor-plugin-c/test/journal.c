/* Once per idempotency key: again, after a restart, after kills, with full buffers and over time-outs. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#ifndef KILLS
#define KILLS 40u
#endif

static const char *state_by_key(ca_instance *instance, const char *key, struct reply *reply) {
  *reply = host_lookup(instance, test_text("{\"idempotency_key\": \"%s\"}", key));
  CHECK_STATUS(*reply, CA_OK);
  return json_string_value(json_object_get(reply->document, "state"));
}

static void the_same_key_gives_the_same_octets_also_after_a_restart(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  struct reply first = host_submit(instance, CA_OP_ISSUE, "order-1", request);
  CHECK_STATUS(first, CA_OK);
  for (unsigned turn = 0; turn < 3; turn++) {
    struct reply again = host_submit(instance, CA_OP_ISSUE, "order-1", request);
    CHECK_STATUS(again, CA_OK);
    CHECK(strcmp(first.text, again.text) == 0);
    reply_free(&again);
    test_close(instance);
    instance = test_open();
  }
  struct reply found;
  CHECK(strcmp(state_by_key(instance, "order-1", &found), "done") == 0);
  CHECK(json_integer_value(json_object_get(found.document, "operation")) == CA_OP_ISSUE);
  CHECK(json_equal(json_object_get(found.document, "reply"), first.document) == 1);
  char serial[SERIAL_TEXT];
  test_serial(first.document, "encryption_certificate", serial);
  struct reply by_serial = host_lookup(instance, test_text("{\"serial\": \"%s\"}", serial));
  CHECK(json_equal(by_serial.document, found.document) == 1);
  CHECK(test_count(instance) == 2);
  reply_free(&by_serial);
  reply_free(&found);
  reply_free(&first);
  free(request);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void another_request_under_a_known_key_is_refused(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key(), *other = test_key();
  struct reply first = test_issue(instance, "order-1", key);
  char *request = test_issue_request(other);
  struct reply reply = host_submit(instance, CA_OP_ISSUE, "order-1", request);
  CHECK_STATUS(reply, CA_PERMANENT);
  CHECK(test_count(instance) == 2);
  reply_free(&reply);
  reply_free(&first);
  free(request);
  EVP_PKEY_free(key);
  EVP_PKEY_free(other);
  test_close(instance);
}

static void a_cancelled_call_has_done_nothing(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  host_set_cancelled(true);
  struct reply reply = host_submit(instance, CA_OP_ISSUE, "order-1", request);
  CHECK_STATUS(reply, CA_RETRYABLE);
  reply_free(&reply);
  host_set_cancelled(false);
  CHECK(strcmp(state_by_key(instance, "order-1", &reply), "absent") == 0);
  CHECK(test_count(instance) == 0);
  reply_free(&reply);
  free(request);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void a_wait_for_another_process_ends_with_the_time_out(void) {
  ca_instance *instance = test_open();
  struct reply reply;
  struct timespec before, after;
  CHECK(strcmp(state_by_key(instance, "order-1", &reply), "absent") == 0); /* makes the lock's file */
  reply_free(&reply);
  /* SM3("order-1") begins with two digits that only the plugin need know: all key locks are held. */
  int locks[256];
  for (unsigned i = 0; i < 256; i++) {
    locks[i] = open(test_text("%s/locks/key-%02x", test_directory(), i), O_RDWR | O_CREAT, 0600);
    CHECK(locks[i] >= 0 && flock(locks[i], LOCK_EX) == 0);
  }
  host_set_timeout(200);
  (void)clock_gettime(CLOCK_MONOTONIC, &before);
  reply = host_lookup(instance, "{\"idempotency_key\": \"order-1\"}");
  (void)clock_gettime(CLOCK_MONOTONIC, &after);
  host_set_timeout(30000);
  CHECK_STATUS(reply, CA_RETRYABLE);
  CHECK(after.tv_sec - before.tv_sec <= 1);
  for (unsigned i = 0; i < 256; i++) (void)close(locks[i]);
  reply_free(&reply);
  test_close(instance);
}

static void a_reply_that_does_not_fit_is_an_unknown_outcome_and_can_be_looked_up(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  host_set_reply_limit(300);
  struct reply reply = host_submit(instance, CA_OP_ISSUE, "order-1", request);
  CHECK_STATUS(reply, CA_UNKNOWN_OUTCOME);
  reply_free(&reply);
  reply = host_submit(instance, CA_OP_CA_CERTIFICATES, "", "{}");
  CHECK_STATUS(reply, CA_LIMIT);
  reply_free(&reply);
  host_set_reply_limit((size_t)1 << 20);
  CHECK(strcmp(state_by_key(instance, "order-1", &reply), "done") == 0);
  reply_free(&reply);
  free(request);
  EVP_PKEY_free(key);
  test_close(instance);
}

static void spoil(const char *file, const char *text) {
  FILE *stream = fopen(file, "w");
  CHECK(stream != NULL && fputs(text, stream) >= 0 && fclose(stream) == 0);
}

static void what_was_prepared_but_never_committed_counts_as_nothing(void) {
  ca_instance *instance = test_open();
  static const char prepared[] = "4200000000000000000000000000000a";
  spoil(test_text("%s/certificates/%s.json", test_directory(), prepared),
        "{\"entry\": \"0000000000000000000000000000000000000000000000000000000000000000\", \"role\": \"signing\","
        " \"partner\": \"4200000000000000000000000000000b\"}");
  CHECK(test_count(instance) == 0);
  struct reply reply = host_submit(instance, CA_OP_STATUS, "", test_text("{\"serial\": \"%s\"}", prepared));
  CHECK_STATUS(reply, CA_OK);
  CHECK(strcmp(json_string_value(json_object_get(reply.document, "state")), "unknown") == 0);
  reply_free(&reply);
  test_close(instance);
}

static void a_damaged_file_is_unhealthy_and_not_taken_for_absent(void) {
  ca_instance *instance = test_open();
  EVP_PKEY *key = test_key();
  struct reply reply = test_issue(instance, "order-1", key);
  char serial[SERIAL_TEXT];
  test_serial(reply.document, "signing_certificate", serial);
  reply_free(&reply);
  spoil(test_text("%s/certificates/%s.json", test_directory(), serial), "{\"entry\": ");
  reply = host_submit(instance, CA_OP_STATUS, "", test_text("{\"serial\": \"%s\"}", serial));
  CHECK_STATUS(reply, CA_UNHEALTHY);
  CHECK(strstr(reply.text, serial) != NULL);
  reply_free(&reply);
  EVP_PKEY_free(key);
  test_close(instance);
}

/* An order and a revocation, over and over. */
static void work(ca_instance *instance, const char *key, const char *issue, const char *revoke) {
  struct reply reply = host_submit(instance, CA_OP_ISSUE, key, issue);
  CHECK_STATUS(reply, CA_OK);
  reply_free(&reply);
  reply = host_submit(instance, CA_OP_REVOKE, test_text("%s-revoke", key), revoke);
  CHECK_STATUS(reply, CA_OK);
  reply_free(&reply);
}

/* Starts a process that works, and kills it so long after it began. */
static void kill_after(long nanoseconds, const char *issue, const char *revoke) {
  int begun[2];
  char octet;
  CHECK(pipe(begun) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    ca_instance *instance = test_open();
    CHECK(write(begun[1], "x", 1) == 1);
    for (;;) work(instance, "killed", issue, revoke);
  }
  CHECK(read(begun[0], &octet, 1) == 1);
  const struct timespec pause = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  (void)nanosleep(&pause, NULL);
  CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
  (void)close(begun[0]);
  (void)close(begun[1]);
}

/* How long the same takes when nobody is killed. */
static long duration(ca_instance *instance, const char *issue, const char *revoke) {
  struct timespec before, after;
  (void)clock_gettime(CLOCK_MONOTONIC, &before);
  work(instance, "whole", issue, revoke);
  (void)clock_gettime(CLOCK_MONOTONIC, &after);
  return (long)(after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
}

static char *revoke_request(const struct reply *pair, char serial[SERIAL_TEXT], char partner[SERIAL_TEXT]) {
  test_serial(pair->document, "signing_certificate", serial);
  test_serial(pair->document, "encryption_certificate", partner);
  return strdup(test_text("{\"serial\": \"%s\", \"reason\": \"superseded\", \"pair\": true}", serial));
}

/* The kills are spread over somewhat more than the time that the work takes. */
static void however_often_it_is_killed_a_key_has_exactly_one_pair(void) {
  EVP_PKEY *key = test_key();
  char *issue = test_issue_request(key);
  unsigned issues = 0, revocations = 0;
  for (unsigned turn = 0; turn < KILLS; turn++) {
    ca_instance *instance = test_open();
    char serial[SERIAL_TEXT], partner[SERIAL_TEXT];
    struct reply victim = test_issue(instance, "first victim", key), reply;
    char *revoke = revoke_request(&victim, serial, partner);
    long whole = duration(instance, issue, revoke);
    free(revoke);
    reply_free(&victim);
    victim = test_issue(instance, "victim", key);
    revoke = revoke_request(&victim, serial, partner);
    reply_free(&victim);
    kill_after(whole / 10 * 13 / KILLS * turn, issue, revoke);

    bool issued = strcmp(state_by_key(instance, "killed", &reply), "done") == 0;
    CHECK(test_count(instance) == (issued ? 8u : 6u));
    struct reply again = host_submit(instance, CA_OP_ISSUE, "killed", issue);
    CHECK_STATUS(again, CA_OK);
    CHECK(!issued || json_equal(json_object_get(reply.document, "reply"), again.document) == 1);
    CHECK(test_count(instance) == 8);
    reply_free(&again);
    reply_free(&reply);

    /* A revocation that was begun is finished by whoever asks: never one certificate of the pair alone. */
    bool revoked = strcmp(state_by_key(instance, "killed-revoke", &reply), "done") == 0;
    reply_free(&reply);
    const char *const serials[] = {serial, partner};
    for (size_t i = 0; i < 2; i++) {
      reply = host_submit(instance, CA_OP_STATUS, "", test_text("{\"serial\": \"%s\"}", serials[i]));
      const char *state = json_string_value(json_object_get(reply.document, "state"));
      CHECK(strcmp(state, revoked ? "revoked" : "good") == 0);
      reply_free(&reply);
    }
    issues += issued;
    revocations += revoked;
    free(revoke);
    test_close(instance);
    test_forget();
  }
  printf("of %u kills %u came after the issue and %u after the revocation was begun\n", KILLS, issues, revocations);
  free(issue);
  EVP_PKEY_free(key);
}

const struct test JOURNAL_TESTS[] = {
    TEST(the_same_key_gives_the_same_octets_also_after_a_restart),
    TEST(another_request_under_a_known_key_is_refused),
    TEST(a_cancelled_call_has_done_nothing),
    TEST(a_wait_for_another_process_ends_with_the_time_out),
    TEST(a_reply_that_does_not_fit_is_an_unknown_outcome_and_can_be_looked_up),
    TEST(what_was_prepared_but_never_committed_counts_as_nothing),
    TEST(a_damaged_file_is_unhealthy_and_not_taken_for_absent),
    TEST(however_often_it_is_killed_a_key_has_exactly_one_pair),
    {NULL, NULL},
};
