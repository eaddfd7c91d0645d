/* A hostile plugin: it finds its worker's socket and writes frames on it by itself. The reason of a revocation says which:
 *   superseded       requests for secrets, each of another name, without end
 *   keyCompromise    a frame of the log of 1 MiB
 *   cACompromise     frames of the log without end, for three seconds; then it replies in order
 * and one way in order:
 *   affiliationChanged  asks for one secret through the host, for three seconds without a pause; then it replies */
#include "ca_adapter.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOG = 20, SECRET_REQUEST = 21 };

struct ca_instance {
  const ca_host *host;
};

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int contains(ca_slice bytes, const char *word) {
  return memmem(bytes.ptr, bytes.len, word, strlen(word)) != NULL;
}

static int worker_socket(void) {
  for (int number = 3; number < 64; number++) {
    struct sockaddr address;
    socklen_t length = sizeof address;
    if (getpeername(number, &address, &length) == 0 && address.sa_family == AF_UNIX) return number;
  }
  abort();
}

static void write_all(const uint8_t *octets, size_t length) {
  static int to;
  if (to == 0) to = worker_socket();
  while (length > 0) {
    ssize_t taken = write(to, octets, length);
    if (taken < 0) abort();
    octets += taken;
    length -= (size_t)taken;
  }
}

static void frame(uint8_t kind, const uint8_t *payload, size_t length) {
  uint8_t *octets = calloc(1, 13 + length);
  uint32_t counted = htobe32((uint32_t)(9 + length));
  memcpy(octets, &counted, 4);
  octets[4] = kind;
  memset(octets + 5, 0xff, 8); /* an id that the worker never uses */
  memcpy(octets + 13, payload, length);
  write_all(octets, 13 + length);
  free(octets);
}

static void ask(const char *name) {
  uint8_t payload[64] = {0, 0, 0, (uint8_t)strlen(name)};
  memcpy(payload + 4, name, strlen(name));
  frame(SECRET_REQUEST, payload, 4 + strlen(name));
}

static void log_of(uint32_t length) {
  uint8_t *payload = calloc(1, 12 + length);
  uint32_t fields[3] = {htobe32(3), htobe32(1), htobe32(length)};
  memcpy(payload, fields, 12);
  memset(payload + 12, 'x', length);
  frame(LOG, payload, 12 + length);
  free(payload);
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  const ca_host *host = instance->host;
  time_t end = time(NULL) + 3;
  (void)call, (void)operation;
  if (contains(request, "superseded")) {
    for (unsigned i = 0;; i++) {
      char name[32];
      snprintf(name, sizeof name, "name-%u", i);
      ask(name);
    }
  }
  if (contains(request, "keyCompromise")) log_of(1 << 20);
  while (contains(request, "cACompromise") && time(NULL) < end) log_of(40);
  ca_buf *secret = host->scratch(host->ctx);
  while (contains(request, "affiliationChanged") && time(NULL) < end) {
    if (host->secret_get(host->ctx, text("password"), secret) != CA_OK) return CA_AUTHENTICATION;
  }
  return host->buf_write(host->ctx, out,
                         text("{\"certificates\": [{\"serial\": \"01\", \"state\": \"revoked\"}]}"));
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out, text("{\"configuration\": {\"type\": \"object\"}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  (void)config, (void)out;
  *instance = malloc(sizeof **instance);
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

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  (void)host;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = CA_ABI_MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("flooder"),
      .version = text("1"),
      .capabilities = CA_CAN(CA_OP_REVOKE),
      .threading = CA_THREADING_REENTRANT,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
  };
  ca_adapter_fill(out, &mine);
  return CA_OK;
}
