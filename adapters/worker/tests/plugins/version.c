/* A plugin that says which version of the contract it was built for and which it met: its header is the present one, or
 * one that a test has made younger (LATER). */
#include "ca_adapter.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef MORE_CAPABILITIES
#define MORE_CAPABILITIES 0
#endif
#ifndef FLAGS
#define FLAGS 0
#endif

struct ca_instance {
  const ca_host *host;
};

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out, text("{\"configuration\": {\"type\": \"object\"}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  (void)config;
  (void)out;
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
  const ca_host *host = instance->host;
  char line[256];
#ifdef LATER
  int host_has = CA_HAS(ca_host, host, later), call_has = CA_HAS(ca_call, call, later);
#else
  int host_has = host->struct_size > sizeof *host, call_has = call->struct_size > sizeof *call;
#endif
  snprintf(line, sizeof line, "{\"text\": \"built for %u, host %u, more host %d, more call %d\"}", CA_ABI_MINOR,
           host->abi_minor, host_has, call_has);
  return host->buf_write(host->ctx, out, text(line));
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  (void)call;
  (void)request;
  if (operation != CA_OP_STATUS) return CA_NOT_SUPPORTED;
#ifdef LATER
  if (CA_HAS(ca_host, instance->host, later)) return 9; /* a status that only a younger host knows */
#endif
  return instance->host->buf_write(instance->host->ctx, out, text("{\"serial\": \"01\", \"state\": \"good\"}"));
}

#ifdef LATER
static int32_t later(ca_instance *instance, const ca_call *call) {
  (void)instance;
  (void)call;
  return CA_OK;
}
#endif

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = CA_ABI_MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("version"),
      .version = text("1"),
      .capabilities = CA_CAN(CA_OP_STATUS) | MORE_CAPABILITIES,
      .threading = CA_THREADING_SERIAL,
      .flags = FLAGS,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
#ifdef LATER
      .later = later,
#endif
  };
  if (host->abi_major != CA_ABI_MAJOR) return CA_NOT_SUPPORTED;
#ifdef IGNORES_THE_ROOM
  memcpy(out, &mine, sizeof mine);
#else
  ca_adapter_fill(out, &mine);
#endif
#ifdef ANNOUNCES
  out->struct_size = ANNOUNCES;
#endif
  return CA_OK;
}
