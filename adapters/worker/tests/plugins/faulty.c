/* A plugin whose faults the tests choose: those of its table when it is compiled, those of its calls by the request. */
#ifdef NO_SYMBOL
#define ca_adapter_get another_symbol
#endif
#include "ca_adapter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef THREADING
#define THREADING CA_THREADING_REENTRANT
#endif
#ifndef MAJOR
#define MAJOR CA_ABI_MAJOR
#endif
#ifndef CAPABILITIES
#define CAPABILITIES CA_CAN_LOOKUP
#endif

struct ca_instance {
  const ca_host *host;
  pthread_t opener;
};

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int contains(ca_slice bytes, const char *word) {
  return memmem(bytes.ptr, bytes.len, word, strlen(word)) != NULL;
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out, text("{\"configuration\": {\"type\": \"object\"}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  if (contains(config, "refuse")) {
    host->buf_write(host->ctx, out, text("{\"vendor_code\": \"E-17\", \"text\": \"the licence of hunter2-hunter2 is over\"}"));
    return CA_AUTHENTICATION;
  }
  if (contains(config, "hang")) {
    for (;;) pause();
  }
  *instance = malloc(sizeof **instance);
  (*instance)->host = host;
  (*instance)->opener = pthread_self();
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  free(instance);
  return CA_OK;
}

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  const ca_host *host = instance->host;
  ca_buf *secret = host->scratch(host->ctx);
  (void)call;
  if (host->secret_get(host->ctx, text("password"), secret) != CA_OK) return CA_AUTHENTICATION;
  ca_slice bytes = host->buf_bytes(host->ctx, secret);
  char line[256];
  snprintf(line, sizeof line, "{\"text\": \"secret of %d bytes\"}", (int)bytes.len);
  printf("to standard output: %.*s\n", (int)bytes.len, bytes.ptr);
  fprintf(stderr, "to standard error: %.*s\n", (int)bytes.len, bytes.ptr);
  fflush(stdout);
  host->log(host->ctx, CA_LOG_WARN, 5, bytes);
  return host->buf_write(host->ctx, out, text(line));
}

static void *callback_from_a_foreign_thread(void *argument) {
  ca_instance *instance = argument;
  const ca_host *host = instance->host;
  host->log(host->ctx, CA_LOG_ERROR, 99, text("{}"));
  return host->scratch(host->ctx);
}

static const char revoked[] = "{\"certificates\": [{\"serial\": \"01\", \"state\": \"revoked\"}]}";

static int32_t revoke_certificate(ca_instance *instance, const ca_call *call, ca_slice request, ca_buf *out) {
  const ca_host *host = instance->host;
  if (contains(request, "keyCompromise")) {
    for (;;) pause();
  }
  if (contains(request, "superseded")) abort();
  if (contains(request, "cessationOfOperation")) return 99;
  if (contains(request, "affiliationChanged")) return host->buf_write(host->ctx, out, text("{\"certific"));
  if (contains(request, "cACompromise")) usleep(300 * 1000);
  if (contains(request, "privilegeWithdrawn")) {
    while (!host->cancelled(host->ctx, call->call_id)) usleep(1000);
    if (host->remaining_ms(host->ctx, call->call_id) > 1000) abort();
    return CA_RETRYABLE;
  }
  return host->buf_write(host->ctx, out, text(revoked));
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  const ca_host *host = instance->host;
  pthread_t thread;
  void *scratch;
  switch (operation) {
    case CA_OP_REVOKE:
      return revoke_certificate(instance, call, request, out);
    case CA_OP_STATUS:
      if (THREADING != CA_THREADING_REENTRANT && !pthread_equal(pthread_self(), instance->opener)) abort();
      return host->buf_write(host->ctx, out, text("{\"serial\": \"01\", \"state\": \"good\"}"));
    case CA_OP_CRL: /* more than the host allows */
      while (host->buf_write(host->ctx, out, text("0123456789012345678901234567890123456789")) == CA_OK) continue;
      return CA_LIMIT;
    case CA_OP_CA_CERTIFICATES: /* deeper than the host allows */
      host->buf_write(host->ctx, out, text("{\"certificates\": [], \"x\": "));
      for (int i = 0; i < 100; i++) host->buf_write(host->ctx, out, text("["));
      for (int i = 0; i < 100; i++) host->buf_write(host->ctx, out, text("]"));
      return host->buf_write(host->ctx, out, text("}"));
    case CA_OP_TIMESTAMP: /* everything that is forbidden to do with the host's functions */
      pthread_create(&thread, NULL, callback_from_a_foreign_thread, instance);
      pthread_join(thread, &scratch);
      if (scratch != NULL) abort();
      if (host->buf_write(host->ctx, (ca_buf *)instance, text("x")) == CA_OK) abort();
      if (host->buf_write(host->ctx, NULL, text("x")) == CA_OK) abort();
      return host->buf_write(host->ctx, out, text("{\"response\": \"\"}"));
    default:
      return CA_NOT_SUPPORTED;
  }
}

static int32_t lookup(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  (void)call;
  if (!contains(query, "idempotency_key")) return CA_PERMANENT;
  return instance->host->buf_write(instance->host->ctx, out, text("{\"state\": \"absent\"}"));
}

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  (void)host;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("faulty"),
      .version = text("1"),
      .capabilities = CA_CAN(CA_OP_REVOKE) | CA_CAN(CA_OP_STATUS) | CA_CAN(CA_OP_CRL) | CA_CAN(CA_OP_TIMESTAMP) |
                      CA_CAN(CA_OP_CA_CERTIFICATES) | CAPABILITIES,
      .threading = THREADING,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
      .lookup = lookup,
  };
  ca_adapter_fill(out, &mine);
#ifdef SMALL_TABLE
  out->struct_size = 64;
#endif
  return CA_OK;
}
