/* The smallest plugin that a broker takes: it offers no operation. Faults are chosen when it is compiled. */
#ifdef DOUBT
/* Every issue ends in doubt. What lookup answers is in the file that "url" names; without it the CA is out of reach. */
#define CAPABILITIES (CA_CAN(CA_OP_ISSUE) | CA_CAN_LOOKUP)
#else
#define CAPABILITIES 0
#endif
#ifdef NO_SYMBOL
#define ca_adapter_get another_symbol
#endif
#include "ca_adapter.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

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

#ifdef HOSTILE_READS
/* Before anybody has agreed to this plugin. Ends the process where it gets through. */
__attribute__((constructor)) static void reach_out(void) {
  if (fopen(HOSTILE_READS, "r") != NULL || fopen(HOSTILE_WRITES, "w") != NULL) _exit(41);
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0) _exit(42);
  pid_t child = fork();
  if (child == 0) _exit(0);
  if (child > 0) _exit(43);
}
#endif

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out,
                         text("{\"configuration\": {\"type\": \"object\", \"additionalProperties\": false,"
                              " \"properties\": {\"url\": {\"type\": \"string\"}}}}"));
}

#ifdef DOUBT
static char answer_path[4096];

static void keep_answer_path(ca_slice config) {
  static const char key[] = "\"url\":\"";
  for (size_t i = 0; i + sizeof key <= config.len; i++) {
    const char *begin = (const char *)config.ptr + i;
    if (memcmp(begin, key, sizeof key - 1) != 0) continue;
    const char *end = memchr(begin + sizeof key - 1, '"', config.len - i - sizeof key + 1);
    size_t length = end == NULL ? 0 : (size_t)(end - begin) - (sizeof key - 1);
    if (length < sizeof answer_path) memcpy(answer_path, begin + sizeof key - 1, length);
    return;
  }
}

static int32_t lookup(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  (void)call, (void)query;
  char answer[4096];
  FILE *file = fopen(answer_path, "r");
  if (file == NULL) return CA_RETRYABLE;
  ca_slice slice = {(const uint8_t *)answer, fread(answer, 1, sizeof answer, file)};
  fclose(file);
  return instance->host->buf_write(instance->host->ctx, out, slice);
}
#endif

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  (void)config, (void)out;
#ifdef OPEN_SECONDS
  sleep(OPEN_SECONDS);
#endif
#ifdef DOUBT
  keep_answer_path(config);
#endif
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
#ifdef DOUBT
  if (access(answer_path, R_OK) != 0) return CA_UNHEALTHY;
#endif
  return instance->host->buf_write(instance->host->ctx, out, text("{}"));
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  (void)instance, (void)call, (void)operation, (void)request, (void)out;
#ifdef DOUBT
  if (operation == CA_OP_ISSUE) return CA_UNKNOWN_OUTCOME;
#endif
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
      .capabilities = CAPABILITIES,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
#ifdef DOUBT
      .lookup = lookup,
#endif
  };
  ca_adapter_fill(out, &mine);
  return CA_OK;
}
