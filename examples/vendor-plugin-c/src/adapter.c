/* The functions of the table: from the host's pointers to operation.c, and from its results to statuses and replies. */
#include "adapter.h"

#include <stdlib.h>

#include "operation.h"

/* How long open waits for another process that is making the CA. */
#define OPEN_WAIT_MS 10000

#define STATIC_TEXT(text) {(const uint8_t *)(text), sizeof(text) - 1}

#ifndef BUILD_ID
#define BUILD_ID ""
#endif

/* Writes the error document and gives the status. */
static int32_t refuse(const struct call *call, ca_buf *out, const struct failure *failure) {
  json_t *document = json_pack("{s:s, s:s}", "vendor_code", failure->code, "text", failure->text);
  char *text = document != NULL ? document_text(document) : NULL;
  if (text != NULL) (void)call_write(call, out, text); /* the status says enough when it does not fit */
  free(text);
  json_decref(document);
  call_log(call, CA_LOG_WARN, EVENT_REFUSED, "refused",
           json_pack("{s:i, s:s, s:s}", "status", (int)failure->status, "vendor_code", failure->code, "text",
                     failure->text));
  return failure->status;
}

/* Writes the reply of a function that came to `status`; takes the reference to the reply. `changed`: what was done stays
 * done when its reply can't be handed over, which only lookup can tell then. */
static int32_t answer(const struct call *call, ca_buf *out, int32_t status, json_t *reply, bool changed,
                      struct failure *failure) {
  if (status != CA_OK) return refuse(call, out, failure);
  char *text = reply != NULL ? document_text(reply) : NULL;
  json_decref(reply);
  int32_t written = text != NULL ? call_write(call, out, text) : CA_UNHEALTHY;
  free(text);
  if (written == CA_OK) return CA_OK;
  (void)fail(failure, changed ? CA_UNKNOWN_OUTCOME : written, CODE_REPLY, "the reply could not be handed over");
  return refuse(call, out, failure);
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  const struct call call = {.host = host};
  return call_write(&call, out, DESCRIPTION);
}

/* The passphrase stays in the host's scratch buffer, which the host wipes when open returns: no copy is made here. */
static int32_t fetch_passphrase(const ca_host *host, ca_slice *out, struct failure *failure) {
  static const ca_slice name = STATIC_TEXT(SECRET_PASSPHRASE);
  ca_buf *buffer = host->scratch(host->ctx);
  if (buffer == NULL) return fail(failure, CA_UNHEALTHY, CODE_CREDENTIAL, "the host has no scratch buffer left");
  if (host->secret_get(host->ctx, name, buffer) != CA_OK) {
    return fail(failure, CA_AUTHENTICATION, CODE_CREDENTIAL, "the host has no secret " SECRET_PASSPHRASE);
  }
  *out = host->buf_bytes(host->ctx, buffer);
  if (out->len >= PASSPHRASE_LEAST) return CA_OK;
  return fail(failure, CA_AUTHENTICATION, CODE_CREDENTIAL, "the secret " SECRET_PASSPHRASE " is shorter than %d octets",
              PASSPHRASE_LEAST);
}

static int32_t open_parts(struct ca_instance *instance, const struct call *call, ca_slice configuration,
                          struct failure *failure) {
  ca_slice passphrase;
  int32_t status = configuration_read(configuration, &instance->configuration, failure);
  if (status == CA_OK) status = fetch_passphrase(call->host, &passphrase, failure);
  if (status == CA_OK) status = store_open(&instance->store, instance->configuration.directory, failure);
  if (status != CA_OK) return status;
  status = ca_open(&instance->configuration.ca, &instance->store, call, passphrase, &instance->ca, failure);
  if (status != CA_OK) store_close(&instance->store);
  return status;
}

static int32_t open_instance(const ca_host *host, ca_slice configuration, ca_instance **out, ca_buf *error) {
  struct failure failure;
  struct call call = {.host = host};
  if (out == NULL) return CA_PERMANENT;
  *out = NULL;
  call.deadline_ms = call_now_ms(&call) + OPEN_WAIT_MS;
  struct ca_instance *instance = calloc(1, sizeof *instance);
  int32_t status = instance != NULL ? open_parts(instance, &call, configuration, &failure)
                                    : fail(&failure, CA_UNHEALTHY, CODE_FILES, "no memory to open");
  if (status != CA_OK) {
    free(instance);
    return refuse(&call, error, &failure);
  }
  instance->host = host;
  call_log(&call, CA_LOG_INFO, EVENT_OPENED, "opened", json_object());
  *out = instance;
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  if (instance == NULL) return CA_PERMANENT;
  ca_close(instance->ca);
  store_close(&instance->store);
  free(instance);
  return CA_OK;
}

static int32_t health(ca_instance *instance, const ca_call *from, ca_buf *out) {
  struct failure failure;
  if (instance == NULL || from == NULL) return CA_PERMANENT;
  const struct call call = {.host = instance->host, .from = from};
  int32_t status = call_check(&call, &failure);
  if (status == CA_OK) status = store_probe(&instance->store, &failure);
  if (status == CA_OK) status = ca_health(instance->ca, call_now_ms(&call), &failure);
  json_t *reply = status == CA_OK ? json_pack("{s:s}", "text", "the directory can be written") : NULL;
  return answer(&call, out, status, reply, false, &failure);
}

static int32_t submit(ca_instance *instance, const ca_call *from, uint32_t operation, ca_slice request, ca_buf *out) {
  struct failure failure;
  json_t *reply = NULL;
  if (instance == NULL || from == NULL) return CA_PERMANENT;
  const struct call call = {.host = instance->host, .from = from};
  int32_t status = call_check(&call, &failure);
  if (status == CA_OK) status = operation_run(instance, &call, operation, request, &reply, &failure);
  return answer(&call, out, status, reply, operation_changes(operation), &failure);
}

static int32_t lookup(ca_instance *instance, const ca_call *from, ca_slice query, ca_buf *out) {
  struct failure failure;
  json_t *reply = NULL;
  if (instance == NULL || from == NULL) return CA_PERMANENT;
  const struct call call = {.host = instance->host, .from = from};
  int32_t status = call_check(&call, &failure);
  if (status == CA_OK) status = operation_lookup(instance, &call, query, &reply, &failure);
  return answer(&call, out, status, reply, false, &failure);
}

static int32_t list(ca_instance *instance, const ca_call *from, ca_slice query, ca_buf *out) {
  struct failure failure;
  json_t *reply = NULL;
  if (instance == NULL || from == NULL) return CA_PERMANENT;
  const struct call call = {.host = instance->host, .from = from};
  int32_t status = call_check(&call, &failure);
  if (status == CA_OK) status = operation_list(instance, &call, query, &reply, &failure);
  return answer(&call, out, status, reply, false, &failure);
}

const ca_adapter VENDOR_ADAPTER = {
    .struct_size = sizeof(ca_adapter),
    .abi_major = CA_ABI_MAJOR,
    .abi_minor = CA_ABI_MINOR,
    .vendor = STATIC_TEXT("Example Vendor"),
    .name = STATIC_TEXT("vendor-ca"),
    .version = STATIC_TEXT("1.0.0"),
    .build_id = STATIC_TEXT(BUILD_ID),
    .capabilities = OPERATIONS | CA_CAN_LOOKUP | CA_CAN_LIST | CA_CAN_DEDUPLICATE,
    .threading = CA_THREADING_REENTRANT,
    .describe = describe,
    .open = open_instance,
    .close = close_instance,
    .health = health,
    .submit = submit,
    .lookup = lookup,
    .list = list,
};
