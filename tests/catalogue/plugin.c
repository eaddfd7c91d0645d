/* The smallest plugin that a broker takes: it offers no operation. Faults are chosen when it is compiled. */
#ifdef NO_SYMBOL
#define ca_adapter_get another_symbol
#endif
#include "ca_adapter.h"

#ifndef MAJOR
#define MAJOR CA_ABI_MAJOR
#endif
#ifndef VERSION
#define VERSION "1"
#endif

struct ca_instance {
  const ca_host *host;
};
static struct ca_instance only;

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out,
                         text("{\"configuration\": {\"type\": \"object\", \"additionalProperties\": false,"
                              " \"properties\": {\"url\": {\"type\": \"string\"}}}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  (void)config, (void)out;
  only.host = host;
  *instance = &only;
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  (void)instance;
  return CA_OK;
}

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  (void)call;
  return instance->host->buf_write(instance->host->ctx, out, text("{}"));
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  (void)instance, (void)call, (void)operation, (void)request, (void)out;
  return CA_NOT_SUPPORTED;
}

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  (void)host;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("smallest"),
      .version = text(VERSION),
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
