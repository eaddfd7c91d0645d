/* A plugin whose CA is across a network, with a connection for each call. For each call it sends
 *
 *     operation '\n' idempotency key '\n' length '\n' document
 *
 * and reads   status '\n' length '\n' document.   BLIND, DEAF, ABRUPT, ONE_SESSION and
 * OVERRUN are the faults that the tests choose. */
#include "ca_adapter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct ca_instance {
  const ca_host *host;
  uint16_t port;
};

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

static int32_t fail(const ca_host *host, ca_buf *out, int32_t status, const char *why) {
  char document[256];
  snprintf(document, sizeof document, "{\"text\": \"%s\"}", why);
  host->buf_write(host->ctx, out, text(document));
  return status;
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out, text(
      "{\"configuration\": {\"type\": \"object\", \"required\": [\"port\"], \"additionalProperties\": false,"
      " \"properties\": {\"port\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 65535}}}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  char copy[64] = "";
  int port = 0, end = 0;
  if (config.len < sizeof copy) memcpy(copy, config.ptr, config.len);
  if (sscanf(copy, "{\"port\":%d}%n", &port, &end) != 1 || (uint64_t)end != config.len || port < 1 || port > 65535)
    return fail(host, out, CA_PERMANENT, "the configuration is {\\\"port\\\": 1 to 65535}");
  *instance = malloc(sizeof **instance);
  if (*instance == NULL) return CA_UNHEALTHY;
  (*instance)->host = host;
  (*instance)->port = (uint16_t)port;
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  free(instance);
  return CA_OK;
}

/* Waits until the socket is ready; 0 when the call is over before. */
static int ready(const ca_instance *instance, const ca_call *call, int fd, short events) {
  const ca_host *host = instance->host;
  struct pollfd wait = {fd, events, 0};
#ifdef DEAF
  (void)call;
  (void)host;
  return poll(&wait, 1, -1) > 0;
#else
  while (!host->cancelled(host->ctx, call->call_id) && host->remaining_ms(host->ctx, call->call_id) > 0)
    if (poll(&wait, 1, 20) > 0) return 1;
  return 0;
#endif
}

/* Reads up to and without the next newline, or exactly `length` octets. */
static int receive(const ca_instance *instance, const ca_call *call, int fd, char *into, size_t length, int line) {
  for (size_t filled = 0; filled < length;) {
    if (!ready(instance, call, fd, POLLIN)) return 0;
    ssize_t count = recv(fd, into + filled, line ? 1 : length - filled, 0);
    if (count <= 0) return 0;
    filled += (size_t)count;
    if (line && into[filled - 1] == '\n') {
      into[filled - 1] = 0;
      return 1;
    }
  }
  return !line;
}

static int connected(const ca_instance *instance) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(instance->port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

/* Asks the CA. `lost` is the class when the request was sent and no reply came. */
static int32_t ask(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice document, int32_t lost,
                   ca_buf *out) {
  const ca_host *host = instance->host;
  int fd = connected(instance);
#ifdef ABRUPT
  if (fd < 0) return fail(host, out, CA_PERMANENT, "the CA refuses connections");
#endif
#ifdef ONE_SESSION
  static atomic_int sessions;
  if (atomic_fetch_add(&sessions, 1) > 0) return close(fd), fail(host, out, CA_UNHEALTHY, "the session is over");
#endif
  if (fd < 0) return fail(host, out, CA_UNHEALTHY, "the CA refuses connections");
  char head[256], status[16], length[16];
  int size = snprintf(head, sizeof head, "%u\n%.*s\n%llu\n", operation, (int)call->idempotency_key.len,
                      (const char *)call->idempotency_key.ptr, (unsigned long long)document.len);
  char *body = NULL;
  int32_t result = lost;
  size_t octets = 0;
  if (send(fd, head, (size_t)size, MSG_NOSIGNAL | MSG_MORE) == size) {
    for (uint64_t sent = 0; sent < document.len;) {
      ssize_t count = send(fd, document.ptr + sent, document.len - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += (uint64_t)count;
    }
    if (document.len == 0) send(fd, "", 0, MSG_NOSIGNAL);
  }
  if (receive(instance, call, fd, status, sizeof status, 1) && receive(instance, call, fd, length, sizeof length, 1) &&
      (octets = strtoul(length, NULL, 10)) < 1u << 20 && (body = malloc(octets + 1)) != NULL &&
      receive(instance, call, fd, body, octets, 0)) {
    ca_slice reply = {(const uint8_t *)body, octets};
    result = host->buf_write(host->ctx, out, reply) == CA_OK ? (int32_t)strtol(status, NULL, 10) : lost;
  } else {
    fail(host, out, lost, "the CA did not answer");
  }
  free(body);
  close(fd);
  return result;
}

#ifdef BLIND
#define LOST CA_RETRYABLE
#else
#define LOST CA_UNKNOWN_OUTCOME
#endif

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  return ask(instance, call, 0, text("{}"), CA_UNHEALTHY, out);
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  if (operation != CA_OP_ISSUE) return CA_NOT_SUPPORTED;
#ifdef OVERRUN
  /* One octet too few: nothing that shows, but for a sanitizer. */
  char *copy = malloc(request.len + 1 - (request.len > 0));
  if (copy != NULL) {
    for (uint64_t at = 0; at < request.len; at++) copy[at] = (char)request.ptr[at];
    copy[request.len] = 0;
  }
  free(copy);
#endif
  return ask(instance, call, operation, request, LOST, out);
}

static int32_t lookup(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  return ask(instance, call, 100, query, CA_UNHEALTHY, out);
}

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  if (host->abi_major != CA_ABI_MAJOR) return CA_NOT_SUPPORTED;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = CA_ABI_MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("remote"),
      .version = text("1"),
      .capabilities = CA_CAN(CA_OP_ISSUE) | CA_CAN_LOOKUP | CA_CAN_DEDUPLICATE,
      .threading = CA_THREADING_REENTRANT,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
      .lookup = lookup,
  };
  if (out->struct_size < sizeof(uint32_t)) return CA_NOT_SUPPORTED;
  ca_adapter_fill(out, &mine);
  return CA_OK;
}
