#include "host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BUFFERS 8
#define LOG_ROOM ((size_t)4 << 20)

struct ca_buf {
  uint8_t *data;
  size_t length;
  size_t limit;
};

/* The call on this thread. */
struct inside {
  uint64_t call_id;
  uint64_t deadline_ms;
  struct ca_buf buffers[BUFFERS]; /* the first is the reply's */
  size_t count;
};

static _Thread_local struct inside *inside;
static int32_t (*entry)(const ca_host *, ca_adapter *);
static ca_adapter adapter;
static const char *passphrase = PASSPHRASE;
static size_t reply_limit = (size_t)1 << 20;
static uint64_t timeout_ms = 30000;
static atomic_bool cancelled;
static atomic_uint violations;
static atomic_uint_fast64_t next_call_id = 1;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[LOG_ROOM];
static size_t log_length;

static struct ca_buf *find(const ca_buf *buffer) {
  for (size_t i = 0; inside != NULL && i < inside->count; i++) {
    if (&inside->buffers[i] == buffer) return &inside->buffers[i];
  }
  atomic_fetch_add(&violations, 1);
  return NULL;
}

static int32_t buf_write(void *ctx, ca_buf *out, ca_slice bytes) {
  (void)ctx;
  struct ca_buf *buffer = find(out);
  if (buffer == NULL) return CA_PERMANENT;
  if (bytes.len > buffer->limit - buffer->length) return CA_LIMIT;
  uint8_t *grown = realloc(buffer->data, buffer->length + (size_t)bytes.len + 1);
  if (grown == NULL) return CA_LIMIT;
  if (bytes.len > 0) memcpy(grown + buffer->length, bytes.ptr, (size_t)bytes.len);
  buffer->data = grown;
  buffer->length += (size_t)bytes.len;
  grown[buffer->length] = '\0';
  return CA_OK;
}

static void write_log(void *ctx, uint32_t level, uint32_t event_id, ca_slice fields) {
  (void)ctx;
  if (inside == NULL) atomic_fetch_add(&violations, 1);
  (void)pthread_mutex_lock(&log_lock);
  size_t room = sizeof log_text - log_length;
  int written = snprintf(log_text + log_length, room, "%u %u %.*s\n", level, event_id, (int)fields.len,
                         (const char *)fields.ptr);
  if (written > 0 && (size_t)written < room) log_length += (size_t)written;
  (void)pthread_mutex_unlock(&log_lock);
}

static int32_t secret_get(void *ctx, ca_slice name, ca_buf *out) {
  static const char known[] = "vendor_ca.passphrase";
  if (name.len != sizeof known - 1 || memcmp(name.ptr, known, sizeof known - 1) != 0 || passphrase == NULL) {
    return CA_AUTHENTICATION;
  }
  return buf_write(ctx, out, (ca_slice){(const uint8_t *)passphrase, strlen(passphrase)});
}

static ca_slice buf_bytes(void *ctx, const ca_buf *buffer) {
  (void)ctx;
  const struct ca_buf *found = find(buffer);
  return found != NULL ? (ca_slice){found->data, found->length} : (ca_slice){NULL, 0};
}

static ca_buf *scratch(void *ctx) {
  (void)ctx;
  if (inside == NULL || inside->count == BUFFERS) return NULL;
  struct ca_buf *buffer = &inside->buffers[inside->count++];
  *buffer = (struct ca_buf){NULL, 0, reply_limit};
  return buffer;
}

static uint64_t now_ms(void *ctx) {
  struct timespec now;
  (void)ctx;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t remaining_ms(void *ctx, uint64_t call_id) {
  uint64_t now = now_ms(ctx);
  if (inside == NULL || inside->call_id != call_id) {
    atomic_fetch_add(&violations, 1);
    return 0;
  }
  return now < inside->deadline_ms ? inside->deadline_ms - now : 0;
}

static uint32_t is_cancelled(void *ctx, uint64_t call_id) {
  (void)ctx;
  if (inside == NULL || inside->call_id != call_id) atomic_fetch_add(&violations, 1);
  return atomic_load(&cancelled) ? 1 : 0;
}

static const ca_host table = {
    .struct_size = sizeof(ca_host),
    .abi_major = CA_ABI_MAJOR,
    .abi_minor = CA_ABI_MINOR,
    .buf_write = buf_write,
    .log = write_log,
    .secret_get = secret_get,
    .buf_bytes = buf_bytes,
    .scratch = scratch,
    .now_ms = now_ms,
    .remaining_ms = remaining_ms,
    .cancelled = is_cancelled,
};

void host_load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library != NULL ? dlsym(library, "ca_adapter_get") : NULL;
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(EXIT_FAILURE);
  }
  memcpy(&entry, &symbol, sizeof entry);
  adapter = (ca_adapter){.struct_size = sizeof adapter};
  if (entry(&table, &adapter) != CA_OK) {
    fprintf(stderr, "ca_adapter_get refuses\n");
    exit(EXIT_FAILURE);
  }
}

const ca_host *host_table(void) { return &table; }
const ca_adapter *host_adapter(void) { return &adapter; }
int32_t (*host_entry(void))(const ca_host *, ca_adapter *) { return entry; }
void host_set_passphrase(const char *text) { passphrase = text; }
void host_set_reply_limit(size_t octets) { reply_limit = octets; }
void host_set_timeout(uint64_t milliseconds) { timeout_ms = milliseconds; }
void host_set_cancelled(bool value) { atomic_store(&cancelled, value); }
const char *host_log(void) { return log_text; }
void host_forget_log(void) { log_text[log_length = 0] = '\0'; }
unsigned host_violations(void) { return atomic_load(&violations); }

static ca_buf *enter(struct inside *call) {
  *call = (struct inside){.call_id = atomic_fetch_add(&next_call_id, 1), .deadline_ms = now_ms(NULL) + timeout_ms};
  inside = call;
  return scratch(NULL);
}

static struct reply leave(int32_t status) {
  struct inside *call = inside;
  struct reply reply = {.status = status, .text = (char *)call->buffers[0].data};
  for (size_t i = 1; i < call->count; i++) {
    struct ca_buf *buffer = &call->buffers[i];
    if (buffer->data != NULL) memset(buffer->data, 0xa5, buffer->length);
    free(buffer->data);
  }
  inside = NULL;
  if (reply.text != NULL) reply.document = json_loads(reply.text, JSON_REJECT_DUPLICATES, NULL);
  return reply;
}

void reply_free(struct reply *reply) {
  free(reply->text);
  json_decref(reply->document);
  *reply = (struct reply){.status = -1};
}

/* A copy of exactly that size, so that a sanitizer sees whoever reads beyond it. */
static ca_slice borrow(const void *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, data, size);
  return (ca_slice){copy, size};
}

static void give_back(ca_slice slice) { free((void *)(uintptr_t)slice.ptr); }

static ca_call call_of(const struct inside *call, ca_slice key) {
  static const char trace_id[] = "trace-1";
  return (ca_call){
      .struct_size = sizeof(ca_call),
      .call_id = call->call_id,
      .timeout_ms = timeout_ms,
      .idempotency_key = key,
      .trace_id = {(const uint8_t *)trace_id, sizeof trace_id - 1},
  };
}

struct reply host_describe(void) {
  struct inside call;
  ca_buf *out = enter(&call);
  return leave(adapter.describe(&table, out));
}

struct reply host_open(const char *configuration, ca_instance **instance) {
  struct inside call;
  *instance = NULL;
  ca_slice borrowed = borrow(configuration, strlen(configuration));
  ca_buf *out = enter(&call);
  int32_t status = adapter.open(&table, borrowed, instance, out);
  give_back(borrowed);
  return leave(status);
}

struct reply host_health(ca_instance *instance) {
  struct inside call;
  ca_buf *out = enter(&call);
  const ca_call from = call_of(&call, (ca_slice){NULL, 0});
  return leave(adapter.health(instance, &from, out));
}

struct reply host_submit_octets(ca_instance *instance, uint32_t operation, const char *key, const void *request,
                                size_t size) {
  struct inside call;
  ca_slice borrowed_key = borrow(key, strlen(key)), borrowed = borrow(request, size);
  ca_buf *out = enter(&call);
  const ca_call from = call_of(&call, borrowed_key);
  int32_t status = adapter.submit(instance, &from, operation, borrowed, out);
  give_back(borrowed_key);
  give_back(borrowed);
  return leave(status);
}

struct reply host_submit(ca_instance *instance, uint32_t operation, const char *key, const char *request) {
  return host_submit_octets(instance, operation, key, request, strlen(request));
}

static struct reply query(int32_t (*function)(ca_instance *, const ca_call *, ca_slice, ca_buf *),
                          ca_instance *instance, const char *text) {
  struct inside call;
  ca_slice borrowed = borrow(text, strlen(text));
  ca_buf *out = enter(&call);
  const ca_call from = call_of(&call, (ca_slice){NULL, 0});
  int32_t status = function(instance, &from, borrowed, out);
  give_back(borrowed);
  return leave(status);
}

struct reply host_lookup(ca_instance *instance, const char *text) { return query(adapter.lookup, instance, text); }
struct reply host_list(ca_instance *instance, const char *text) { return query(adapter.list, instance, text); }
