#include "operation.h"

#include <stdlib.h>

#include "issue.h"
#include "revocation.h"

#define KEY_LONGEST 128
#define PAGE 100
#define LARGEST_PAGE 1000
#define TEXT_LONGEST 1024

bool operation_changes(uint32_t operation) {
  return operation == CA_OP_ISSUE || operation == CA_OP_RENEW || operation == CA_OP_REKEY || operation == CA_OP_REVOKE;
}

/* ---- Revocation, which is begun, done, and recorded as done -------------------------------------------------------- */

static int32_t read_revocation(const json_t *request, const char **serial, const char **reason, bool *pair,
                               struct failure *failure) {
  int32_t status = member_serial(request, "serial", serial, failure);
  if (status == CA_OK) status = member_text(request, "reason", 1, TEXT_LONGEST, reason, failure);
  if (status == CA_OK) status = member_boolean(request, "pair", pair, failure);
  if (status == CA_OK && revocation_reason(*reason) < 0) {
    status = fail(failure, CA_PERMANENT, CODE_REQUEST,
                  "the member \"reason\" must be a CRLReason that a certificate can be revoked for");
  }
  return status;
}

/* The serials that a revocation is about: the certificate, and with `pair` its partner. */
static int32_t find_revoked(const struct ca_instance *instance, const char *serial, struct issued *issued,
                            struct failure *failure) {
  int32_t status = journal_find(&instance->store, serial, issued, failure);
  if (status == CA_OK && issued->entry.document == NULL) {
    status = fail(failure, CA_PERMANENT, CODE_SERIAL, "this CA has issued no certificate with the serial number %s",
                  serial);
  }
  return status;
}

/* Does what a begun entry says, and records it. Whatever fails here may be half done. */
static int32_t complete(const struct ca_instance *instance, const struct call *call, struct entry *entry,
                        struct failure *failure) {
  const char *serial, *reason;
  bool pair;
  struct issued issued;
  json_t *states = json_array();
  int32_t status = read_revocation(json_object_get(entry->document, "request"), &serial, &reason, &pair, failure);
  if (status == CA_OK) status = find_revoked(instance, serial, &issued, failure);
  if (status == CA_OK) {
    const char *const serials[] = {issued.serial, issued.partner};
    size_t count = pair ? 2 : 1;
    status = revocation_revoke(&instance->store, call, serials, count, reason, failure);
    for (size_t i = 0; i < count && status == CA_OK; i++) {
      json_t *state = NULL;
      status = revocation_state(&instance->store, serials[i], &state, failure);
      if (status == CA_OK) (void)json_array_append_new(states, state);
    }
    journal_forget(&issued.entry);
  }
  if (status == CA_OK) {
    json_t *reply = json_pack("{s:O}", "certificates", states);
    status = journal_finish(entry, reply, NULL, call_now_ms(call), failure);
    json_decref(reply);
  }
  if (status == CA_OK) status = journal_store(&instance->store, entry, failure);
  json_decref(states);
  if (status != CA_OK) failure->status = status = CA_UNKNOWN_OUTCOME;
  return status;
}

static int32_t revoke(const struct ca_instance *instance, const struct call *call, const json_t *request,
                      struct entry *entry, struct failure *failure) {
  const char *serial, *reason;
  bool pair;
  struct issued issued;
  int32_t status = read_revocation(request, &serial, &reason, &pair, failure);
  if (status == CA_OK) status = find_revoked(instance, serial, &issued, failure);
  if (status != CA_OK) return status;
  journal_forget(&issued.entry);
  status = call_check(call, failure);
  if (status == CA_OK) status = journal_store(&instance->store, entry, failure);
  return status == CA_OK ? complete(instance, call, entry, failure) : status;
}

/* ---- Changes: once per idempotency key ------------------------------------------------------------------------------*/

static int32_t check_key(ca_slice key, struct failure *failure) {
  bool valid = key.ptr != NULL && key.len >= 1 && key.len <= KEY_LONGEST;
  for (uint64_t i = 0; valid && i < key.len; i++) valid = key.ptr[i] >= ' ' && key.ptr[i] <= '~';
  if (valid) return CA_OK;
  return fail(failure, CA_PERMANENT, CODE_REQUEST, "the idempotency key must have 1 to 128 printable ASCII characters");
}

static void log_change(const struct call *call, uint32_t operation, const struct entry *entry) {
  json_t *serials = json_object_get(entry->document, "serials");
  bool revoked = operation == CA_OP_REVOKE;
  call_log(call, CA_LOG_INFO, revoked ? EVENT_REVOKED : EVENT_ISSUED, revoked ? "revoked" : "issued",
           json_pack("{s:I, s:O}", "operation", (json_int_t)operation, "serials", serials));
}

/* Does it for the first time. */
static int32_t first_time(const struct ca_instance *instance, const struct call *call, uint32_t operation,
                          const char *digest, json_t *request, struct entry *entry, struct failure *failure) {
  const ca_slice key = call->from->idempotency_key;
  int32_t status = journal_begin(entry, (const char *)key.ptr, (size_t)key.len, operation, digest, request, failure);
  if (status != CA_OK) return status;
  if (operation == CA_OP_REVOKE) {
    status = revoke(instance, call, request, entry, failure);
  } else {
    status = issue_prepare(instance, call, operation, request, entry, failure);
    if (status == CA_OK) status = call_check(call, failure); /* the last moment at which nothing was done */
    if (status == CA_OK) status = journal_store(&instance->store, entry, failure);
  }
  if (status == CA_OK) log_change(call, operation, entry);
  return status;
}

static int32_t change(const struct ca_instance *instance, const struct call *call, uint32_t operation,
                      json_t *request, json_t **reply, struct failure *failure) {
  char digest[ENTRY_NAME];
  int lock;
  struct entry entry;
  const ca_slice key = call->from->idempotency_key;
  int32_t status = check_key(key, failure);
  if (status == CA_OK) status = journal_digest(request, digest, failure);
  if (status == CA_OK) {
    status = journal_lock(&instance->store, call, (const char *)key.ptr, (size_t)key.len, &lock, &entry, failure);
  }
  if (status != CA_OK) return status;
  if (entry.document == NULL) {
    status = first_time(instance, call, operation, digest, request, &entry, failure);
  } else if (!entry_is_of(&entry, operation, digest)) {
    status = fail(failure, CA_PERMANENT, CODE_DUPLICATE,
                  "another request was made under this idempotency key; a new request takes a new key");
  } else if (!entry_is_done(&entry)) {
    status = complete(instance, call, &entry, failure);
  }
  store_unlock(lock);
  if (status == CA_OK) {
    *reply = json_incref(entry_reply(&entry));
    if (*reply == NULL) status = fail(failure, CA_UNHEALTHY, CODE_FILES, "the journal's entry of this key is damaged");
  }
  journal_forget(&entry);
  return status;
}

/* ---- What changes nothing -------------------------------------------------------------------------------------------*/

static int32_t status_of(const struct ca_instance *instance, const json_t *request, json_t **reply,
                         struct failure *failure) {
  const char *serial;
  struct issued issued;
  int32_t status = member_serial(request, "serial", &serial, failure);
  if (status == CA_OK) status = journal_find(&instance->store, serial, &issued, failure);
  if (status != CA_OK) return status;
  bool known = issued.entry.document != NULL;
  journal_forget(&issued.entry);
  if (known) return revocation_state(&instance->store, serial, reply, failure);
  *reply = revocation_unknown(serial);
  return CA_OK;
}

static int32_t certificates(const struct ca_instance *instance, json_t **reply) {
  size_t count;
  const struct bytes *chain = ca_chain(instance->ca, &count);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) (void)json_array_append_new(list, json_der(&chain[i]));
  *reply = json_pack("{s:o}", "certificates", list);
  return CA_OK;
}

int32_t operation_run(const struct ca_instance *instance, const struct call *call, uint32_t operation, ca_slice bytes,
                      json_t **reply, struct failure *failure) {
  json_t *request;
  *reply = NULL;
  if (operation >= 48 || (OPERATIONS & CA_CAN(operation)) == 0) {
    return fail(failure, CA_NOT_SUPPORTED, CODE_OPERATION, "this CA does not offer the operation %u", operation);
  }
  int32_t status = document_read(bytes, "the request", &request, failure);
  if (status != CA_OK) return status;
  if (operation_changes(operation)) {
    status = change(instance, call, operation, request, reply, failure);
  } else if (operation == CA_OP_STATUS) {
    status = status_of(instance, request, reply, failure);
  } else if (operation == CA_OP_CRL) {
    status = revocation_crl(&instance->store, call, instance->ca, instance->configuration.ca.crl_hours, reply, failure);
  } else {
    status = certificates(instance, reply);
  }
  json_decref(request);
  return status;
}

/* ---- Lookup and list ------------------------------------------------------------------------------------------------*/

static int32_t found(const struct entry *entry, json_t **reply, struct failure *failure) {
  json_t *recorded = entry_reply(entry);
  if (entry->document == NULL) {
    *reply = json_pack("{s:s}", "state", "absent");
    return CA_OK;
  }
  if (recorded == NULL) return fail(failure, CA_UNHEALTHY, CODE_FILES, "the journal's entry of this key is damaged");
  *reply = json_pack("{s:s, s:I, s:O}", "state", "done", "operation", (json_int_t)entry_operation(entry), "reply",
                     recorded);
  return CA_OK;
}

/* Under the key's lock, so that "absent" means that nothing is under way. A revocation that was submitted and is found
 * half done is finished first: only then is there a certain answer. */
static int32_t lookup_key(const struct ca_instance *instance, const struct call *call, const char *key,
                          json_t **reply, struct failure *failure) {
  int lock;
  struct entry entry;
  int32_t status = check_key((ca_slice){(const uint8_t *)key, strlen(key)}, failure);
  if (status == CA_OK) status = journal_lock(&instance->store, call, key, strlen(key), &lock, &entry, failure);
  if (status != CA_OK) return status;
  if (entry.document != NULL && !entry_is_done(&entry)) {
    status = complete(instance, call, &entry, failure);
    /* Lookup itself asks for nothing new: it can be asked again. */
    if (status != CA_OK) failure->status = status = CA_RETRYABLE;
  }
  store_unlock(lock);
  if (status == CA_OK) status = found(&entry, reply, failure);
  journal_forget(&entry);
  return status;
}

static int32_t lookup_serial(const struct ca_instance *instance, const char *serial, json_t **reply,
                             struct failure *failure) {
  struct issued issued;
  int32_t status = journal_find(&instance->store, serial, &issued, failure);
  if (status == CA_OK) status = found(&issued.entry, reply, failure);
  journal_forget(&issued.entry);
  return status;
}

int32_t operation_lookup(const struct ca_instance *instance, const struct call *call, ca_slice bytes, json_t **reply,
                         struct failure *failure) {
  json_t *query;
  const char *key, *serial;
  *reply = NULL;
  int32_t status = document_read(bytes, "the query", &query, failure);
  if (status != CA_OK) return status;
  bool by_key = json_object_get(query, "idempotency_key") != NULL;
  if (by_key == (json_object_get(query, "serial") != NULL)) {
    status = fail(failure, CA_PERMANENT, CODE_REQUEST, "a query names either \"idempotency_key\" or \"serial\"");
  } else if (by_key) {
    status = member_text(query, "idempotency_key", 1, KEY_LONGEST, &key, failure);
    if (status == CA_OK) status = lookup_key(instance, call, key, reply, failure);
  } else {
    status = member_serial(query, "serial", &serial, failure);
    if (status == CA_OK) status = lookup_serial(instance, serial, reply, failure);
  }
  json_decref(query);
  return status;
}

/* Adds a certificate to a page, unless it was never issued. */
static int32_t list_one(const struct ca_instance *instance, const char *serial, json_t *page,
                        struct failure *failure) {
  struct issued issued;
  json_t *state = NULL;
  int32_t status = journal_find(&instance->store, serial, &issued, failure);
  if (status == CA_OK && issued.entry.document != NULL) {
    status = revocation_state(&instance->store, serial, &state, failure);
    if (status == CA_OK) {
      json_t *key = json_object_get(issued.entry.document, "idempotency_key");
      json_t *listed = json_pack("{s:s, s:O, s:O}", "serial", serial, "idempotency_key", key, "state",
                                 json_object_get(state, "state"));
      (void)json_array_append_new(page, listed);
    }
  }
  json_decref(state);
  journal_forget(&issued.entry);
  return status;
}

/* Serial numbers in order; the cursor is the last one of the page before. */
static int32_t list_page(const struct ca_instance *instance, const struct call *call, const struct names *names,
                         const char *cursor, size_t limit, json_t **reply, struct failure *failure) {
  json_t *page = json_array();
  size_t at = 0;
  int32_t status = CA_OK;
  while (at < names->count && strcmp(names->names[at], cursor) <= 0) at++;
  for (; at < names->count && json_array_size(page) < limit && status == CA_OK; at++) {
    status = call_check(call, failure);
    if (status == CA_OK && serial_is_valid(names->names[at])) {
      status = list_one(instance, names->names[at], page, failure);
    }
  }
  if (status == CA_OK) {
    *reply = at < names->count ? json_pack("{s:O, s:s}", "certificates", page, "next", names->names[at - 1])
                               : json_pack("{s:O}", "certificates", page);
  }
  json_decref(page);
  return status;
}

int32_t operation_list(const struct ca_instance *instance, const struct call *call, ca_slice bytes, json_t **reply,
                       struct failure *failure) {
  json_t *query;
  const char *cursor;
  int64_t limit = PAGE;
  struct names names = {NULL, 0};
  *reply = NULL;
  int32_t status = document_read(bytes, "the query", &query, failure);
  if (status != CA_OK) return status;
  status = optional_text(query, "cursor", 0, TEXT_LONGEST, &cursor, failure);
  if (status == CA_OK) status = optional_integer(query, "limit", 0, UINT32_MAX, &limit, failure);
  if (status == CA_OK) status = store_names(&instance->store, FOLDER_CERTIFICATES, &names, failure);
  if (status == CA_OK) {
    size_t most = limit < 1 ? 1 : limit > LARGEST_PAGE ? LARGEST_PAGE : (size_t)limit;
    status = list_page(instance, call, &names, cursor != NULL ? cursor : "", most, reply, failure);
  }
  store_names_free(&names);
  json_decref(query);
  return status;
}
