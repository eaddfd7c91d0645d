/* A plugin that has nothing but revocation lists: REPLY, which the tests give. Its faults are about the file and describe. */
#include "ca_adapter.h"

#include <signal.h>
#include <stdlib.h>

#ifndef SCHEMA
#define SCHEMA "{\"type\": \"object\", \"additionalProperties\": false}"
#endif

struct ca_instance {
  const ca_host *host;
};

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

#ifdef EXPORTS_MORE
__attribute__((visibility("default"))) int helper_of_the_vendor(void);
int helper_of_the_vendor(void) { return 1; }
#endif

#ifdef CONSTRUCTOR
static void on_signal(int number) { (void)number; }
__attribute__((constructor)) static void at_load(void) { signal(SIGUSR1, on_signal); }
#endif

static int32_t describe(const ca_host *host, ca_buf *out) {
#ifdef DESCRIBES_ONCE
  static int times;
  if (times++ > 0) return host->buf_write(host->ctx, out, text("{\"configuration\": {\"type\": \"object\"}}"));
#endif
  return host->buf_write(host->ctx, out, text("{\"configuration\": " SCHEMA "}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  if (config.len != 2 || memcmp(config.ptr, "{}", 2) != 0) {
    host->buf_write(host->ctx, out, text("{\"text\": \"the configuration is {}\"}"));
    return CA_PERMANENT;
  }
  *instance = malloc(sizeof **instance);
  if (*instance == NULL) return CA_UNHEALTHY;
  (*instance)->host = host;
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  free(instance);
  return CA_OK;
}

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  (void)call;
  return instance->host->buf_write(instance->host->ctx, out, text("{}"));
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  (void)call;
  (void)request;
  if (operation != CA_OP_CRL) return CA_NOT_SUPPORTED;
  return instance->host->buf_write(instance->host->ctx, out, text(REPLY));
}

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  if (host->abi_major != CA_ABI_MAJOR || out->struct_size < sizeof(uint32_t)) return CA_NOT_SUPPORTED;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = CA_ABI_MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("lists"),
      .version = text("1"),
      .capabilities = CA_CAN(CA_OP_CRL),
      .threading = CA_THREADING_SERIAL,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
  };
  ca_adapter_fill(out, &mine);
  return CA_OK;
}
