#include "skeleton.h"

#include <pthread.h>
#include <stdlib.h>

#include "adapter.h"
#include "configuration.h"
#include "document.h"

/* The members that every fault knows beside the good plugin's. */
static const char MORE_PROPERTIES[] =
    "{\"at\": {\"type\": \"string\"}, \"variant\": {\"type\": \"string\"}, \"targets\": {\"type\": \"object\"}}";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *opened_with; /* the last open's configuration; kept for the life of the process */
static const ca_host *host;

__attribute__((weak)) void fault_table(const ca_host *table, ca_adapter *adapter) {
  (void)table;
  (void)adapter;
}

json_t *present_configuration(void) {
  (void)pthread_mutex_lock(&lock);
  json_t *configuration = opened_with;
  (void)pthread_mutex_unlock(&lock);
  return configuration;
}

static const char *text_member(const json_t *object, const char *name, const char *otherwise) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : otherwise;
}

static bool strikes_at(const char *place) {
  return strcmp(text_member(present_configuration(), "at", "issue"), place) == 0;
}

bool present_variant(const char *name) {
  return strcmp(text_member(present_configuration(), "variant", ""), name) == 0;
}

bool is_variant(const struct strike *strike, const char *name) {
  return strcmp(text_member(strike->configuration, "variant", ""), name) == 0;
}

int32_t write_text(const struct strike *strike, ca_buf *out, const char *text) {
  return strike->host->buf_write(strike->host->ctx, out, (ca_slice){(const uint8_t *)text, strlen(text)});
}

static struct strike strike_of(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice document,
                               ca_buf *out) {
  return (struct strike){host, instance, call, operation, document, out, present_configuration()};
}

static int32_t describe(const ca_host *table, ca_buf *out) {
  json_t *description = json_loads(DESCRIPTION, 0, NULL), *more = json_loads(MORE_PROPERTIES, 0, NULL);
  json_t *properties = json_object_get(json_object_get(description, "configuration"), "properties");
  (void)json_object_update(properties, more);
  char *text = json_dumps(description, JSON_COMPACT);
  int32_t status = CA_UNHEALTHY;
  if (text != NULL) status = table->buf_write(table->ctx, out, (ca_slice){(const uint8_t *)text, strlen(text)});
  free(text);
  json_decref(more);
  json_decref(description);
  return status;
}

/* Opens the good plugin, which refuses members that it does not know. */
static int32_t open_good(const ca_host *table, const json_t *configuration, ca_instance **instance, ca_buf *out) {
  json_t *own = json_copy((json_t *)configuration), *more = json_loads(MORE_PROPERTIES, 0, NULL);
  const char *member;
  json_t *unused;
  json_object_foreach(more, member, unused) (void)json_object_del(own, member);
  char *text = own != NULL ? json_dumps(own, JSON_COMPACT) : NULL;
  const ca_slice bytes = {(const uint8_t *)text, text != NULL ? strlen(text) : 0};
  int32_t status = VENDOR_ADAPTER.open(table, bytes, instance, out);
  free(text);
  json_decref(more);
  json_decref(own);
  return status;
}

static int32_t open_instance(const ca_host *table, ca_slice configuration, ca_instance **instance, ca_buf *out) {
  json_t *read = json_loadb((const char *)configuration.ptr, (size_t)configuration.len, 0, NULL);
  (void)pthread_mutex_lock(&lock);
  host = table;
  opened_with = read;
  (void)pthread_mutex_unlock(&lock);
  if (strikes_at("open")) {
    const struct strike strike = strike_of(NULL, NULL, 0, configuration, out);
    int32_t status = fault_strike(&strike);
    if (status != GO_ON) return status;
  }
  return open_good(table, read, instance, out);
}

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  if (strikes_at("health")) {
    const struct strike strike = strike_of(instance, call, 0, (ca_slice){NULL, 0}, out);
    int32_t status = fault_strike(&strike);
    if (status != GO_ON) return status;
  }
  return VENDOR_ADAPTER.health(instance, call, out);
}

static const char *place_of(uint32_t operation) {
  switch (operation) {
    case CA_OP_ISSUE: return "issue";
    case CA_OP_RENEW: return "renew";
    case CA_OP_REKEY: return "rekey";
    case CA_OP_REVOKE: return "revoke";
    case CA_OP_STATUS: return "status";
    case CA_OP_CRL: return "crl";
    case CA_OP_CA_CERTIFICATES: return "ca_certificates";
    default: return "";
  }
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  if (strikes_at(place_of(operation))) {
    const struct strike strike = strike_of(instance, call, operation, request, out);
    int32_t status = fault_strike(&strike);
    if (status != GO_ON) return status;
  }
  return VENDOR_ADAPTER.submit(instance, call, operation, request, out);
}

static int32_t lookup(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  if (strikes_at("lookup")) {
    const struct strike strike = strike_of(instance, call, 0, query, out);
    int32_t status = fault_strike(&strike);
    if (status != GO_ON) return status;
  }
  return VENDOR_ADAPTER.lookup(instance, call, query, out);
}

static int32_t list(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  if (strikes_at("list")) {
    const struct strike strike = strike_of(instance, call, 0, query, out);
    int32_t status = fault_strike(&strike);
    if (status != GO_ON) return status;
  }
  return VENDOR_ADAPTER.list(instance, call, query, out);
}

int32_t good_submit(const struct strike *strike, const char *key, ca_slice request, ca_buf *out) {
  ca_call call = *strike->call;
  if (key != NULL) call.idempotency_key = (ca_slice){(const uint8_t *)key, strlen(key)};
  return VENDOR_ADAPTER.submit(strike->instance, &call, strike->operation, request, out);
}

/* What the good plugin's function of this place writes into another buffer. */
static int32_t good_reply(const struct strike *strike, ca_buf *out) {
  if (strike->operation != 0) return good_submit(strike, NULL, strike->document, out);
  if (strike->document.len == 0) return VENDOR_ADAPTER.health(strike->instance, strike->call, out);
  bool lookup_strikes = strikes_at("lookup");
  return (lookup_strikes ? VENDOR_ADAPTER.lookup : VENDOR_ADAPTER.list)(strike->instance, strike->call,
                                                                        strike->document, out);
}

int32_t go_on_with(const struct strike *strike, const char *member, json_t *value) {
  ca_buf *buffer = strike->call != NULL ? strike->host->scratch(strike->host->ctx) : NULL;
  if (buffer == NULL) {
    json_decref(value);
    return GO_ON;
  }
  int32_t status = good_reply(strike, buffer);
  ca_slice bytes = strike->host->buf_bytes(strike->host->ctx, buffer);
  json_t *reply = json_loadb((const char *)bytes.ptr, (size_t)bytes.len, 0, NULL);
  (void)json_object_set_new(reply, member, value);
  char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;
  int32_t written = text != NULL ? write_text(strike, strike->out, text) : CA_UNHEALTHY;
  free(text);
  json_decref(reply);
  return written == CA_OK ? status : CA_UNKNOWN_OUTCOME;
}

#ifdef ENTRY
#define ca_adapter_get ENTRY
#endif
/* Its own prototype: the header's is of the only exported symbol, which one fault does not have. */
__attribute__((visibility("default"))) int32_t ca_adapter_get(const ca_host *table, ca_adapter *out);

int32_t ca_adapter_get(const ca_host *table, ca_adapter *out) {
  static const char name[] = FAULT;
  if (table == NULL || out == NULL) return CA_NOT_SUPPORTED;
#ifndef ANY_MAJOR
  if (table->abi_major != CA_ABI_MAJOR) return CA_NOT_SUPPORTED;
#endif
  ca_adapter mine = VENDOR_ADAPTER;
  mine.name = (ca_slice){(const uint8_t *)name, sizeof name - 1};
  mine.describe = describe;
  mine.open = open_instance;
  mine.health = health;
  mine.submit = submit;
  mine.lookup = lookup;
  mine.list = list;
  ca_adapter_fill(out, &mine);
  fault_table(table, out);
  return CA_OK;
}
