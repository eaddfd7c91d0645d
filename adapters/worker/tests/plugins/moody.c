/* A plugin whose mood the tests change while it runs: by files in the folder "directory" of its configuration.
 *   sick    health and status answer CA_UNHEALTHY; what the file holds is the error document
 *   closed  open answers CA_UNHEALTHY
 */
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
#ifndef VERSION
#define VERSION "1"
#endif

struct ca_instance {
  const ca_host *host;
  char directory[512];
};

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int contains(ca_slice bytes, const char *word) {
  return memmem(bytes.ptr, bytes.len, word, strlen(word)) != NULL;
}

/* Reads the file of a mood; -1 when the mood is not there. */
static int mood(const char *directory, const char *name, char *content, size_t room) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  size_t length = fread(content, 1, room - 1, file);
  content[length] = 0;
  fclose(file);
  return (int)length;
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out, text("{\"configuration\": {\"type\": \"object\"}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  char ignored[256];
  static const char member[] = "\"directory\":\"";
  if (contains(config, "crash in open")) abort();
  ca_instance *mine = calloc(1, sizeof *mine);
  const uint8_t *value = memmem(config.ptr, config.len, member, strlen(member));
  if (value != NULL) {
    value += strlen(member);
    const uint8_t *end = memchr(value, '"', (size_t)(config.ptr + config.len - value));
    if (end != NULL && (size_t)(end - value) < sizeof mine->directory) {
      memcpy(mine->directory, value, (size_t)(end - value));
    }
  }
  if (mood(mine->directory, "closed", ignored, sizeof ignored) >= 0) {
    free(mine);
    host->buf_write(host->ctx, out, text("{\"vendor_code\": \"E-7\", \"text\": \"the shop is closed\"}"));
    return CA_UNHEALTHY;
  }
  mine->host = host;
  *instance = mine;
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  free(instance);
  return CA_OK;
}

static int32_t sick(ca_instance *instance, ca_buf *out) {
  char document[512];
  if (mood(instance->directory, "sick", document, sizeof document) < 0) return CA_OK;
  instance->host->buf_write(instance->host->ctx, out, text(document));
  return CA_UNHEALTHY;
}

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  (void)call;
  int32_t status = sick(instance, out);
  return status != CA_OK ? status : instance->host->buf_write(instance->host->ctx, out, text("{\"text\": \"" VERSION "\"}"));
}

static void *spin(void *argument) {
  for (volatile uint64_t turns = 0;; turns++) continue;
  return argument;
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  const ca_host *host = instance->host;
  pthread_t thread;
  int32_t status;
  (void)call;
  switch (operation) {
    case CA_OP_STATUS:
      status = sick(instance, out);
      if (status != CA_OK) return status;
      return host->buf_write(host->ctx, out, text("{\"serial\": \"01\", \"state\": \"good\"}"));
    case CA_OP_REVOKE:
      if (contains(request, "superseded")) abort();
      if (contains(request, "keyCompromise")) {
        for (;;) pause();
      }
      if (contains(request, "privilegeWithdrawn")) return CA_PERMANENT;
      usleep(200 * 1000);
      return host->buf_write(host->ctx, out, text("{\"certificates\": []}"));
    case CA_OP_HOLD: /* takes 96 MiB and keeps them */
      memset(malloc(96 << 20), 1, 96 << 20);
      return host->buf_write(host->ctx, out, text("{\"certificates\": []}"));
    case CA_OP_UNHOLD: /* spins in the background for ever */
      if (pthread_create(&thread, NULL, spin, NULL) != 0) return CA_LIMIT;
      return host->buf_write(host->ctx, out, text("{\"certificates\": []}"));
    case CA_OP_CRL: /* more lines than anybody wants to read */
      for (int line = 0; line < 2000; line++) host->log(host->ctx, CA_LOG_INFO, 1, text("{}"));
      return CA_PERMANENT;
    default:
      return CA_NOT_SUPPORTED;
  }
}

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  (void)host;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("moody"),
      .version = text(VERSION),
      .capabilities = CA_CAN(CA_OP_STATUS) | CA_CAN(CA_OP_REVOKE) | CA_CAN(CA_OP_HOLD) | CA_CAN(CA_OP_UNHOLD) |
                      CA_CAN(CA_OP_CRL),
      .threading = THREADING,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
  };
  ca_adapter_fill(out, &mine);
  return CA_OK;
}
