/* CA_THREADING_REENTRANT: any function, any thread, any time. */
#include <pthread.h>
#include <stdlib.h>

#include "test.h"

#define THREADS 4
#define ROUNDS 8

struct worker {
  ca_instance *instance;
  const char *request;
  unsigned number;
  char *reply; /* to the order that all of them make */
};

static void *work(void *argument) {
  struct worker *worker = argument;
  EVP_PKEY *key = test_key();
  struct reply reply = host_submit(worker->instance, CA_OP_ISSUE, "shared", worker->request);
  CHECK_STATUS(reply, CA_OK);
  worker->reply = strdup(reply.text);
  reply_free(&reply);
  for (unsigned round = 0; round < ROUNDS; round++) {
    char order[32], serial[SERIAL_TEXT];
    (void)snprintf(order, sizeof order, "order-%u-%u", worker->number, round);
    reply = test_issue(worker->instance, order, key);
    test_serial(reply.document, "signing_certificate", serial);
    reply_free(&reply);
    (void)snprintf(order, sizeof order, "revoke-%u-%u", worker->number, round);
    reply = host_submit(worker->instance, CA_OP_REVOKE, order,
                        test_text("{\"serial\": \"%s\", \"reason\": \"superseded\", \"pair\": false}", serial));
    CHECK_STATUS(reply, CA_OK);
    reply_free(&reply);
    reply = host_submit(worker->instance, CA_OP_CRL, "", "{}");
    CHECK_STATUS(reply, CA_OK);
    reply_free(&reply);
    reply = host_health(worker->instance);
    CHECK_STATUS(reply, CA_OK);
    reply_free(&reply);
    CHECK(test_count(worker->instance) >= 2);
  }
  EVP_PKEY_free(key);
  return NULL;
}

static void many_threads_in_two_instances_make_each_order_once(void) {
  ca_instance *instances[] = {test_open(), test_open()};
  EVP_PKEY *key = test_key();
  char *request = test_issue_request(key);
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){instances[i % 2], request, i, NULL};
    CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
  }
  for (unsigned i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (unsigned i = 0; i < THREADS; i++) {
    CHECK(strcmp(workers[0].reply, workers[i].reply) == 0);
  }
  for (unsigned i = 0; i < THREADS; i++) free(workers[i].reply);
  CHECK(test_count(instances[0]) == 2 + 2 * THREADS * ROUNDS);
  free(request);
  EVP_PKEY_free(key);
  test_close(instances[0]);
  test_close(instances[1]);
}

const struct test THREAD_TESTS[] = {
    TEST(many_threads_in_two_instances_make_each_order_once),
    {NULL, NULL},
};
