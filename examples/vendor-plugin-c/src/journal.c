#include "journal.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

static int32_t no_memory(struct failure *failure) {
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "no memory for an entry of the journal");
}

static int32_t sm3_hex(const void *data, size_t size, char out[ENTRY_NAME], struct failure *failure) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(data, size, digest, &length, EVP_sm3(), NULL) != 1 || length != 32) {
    return fail(failure, CA_UNHEALTHY, CODE_CRYPTOGRAPHY, "SM3 is not available in libcrypto");
  }
  hex_encode(digest, length, out);
  return CA_OK;
}

int32_t journal_lock(const struct store *store, const struct call *call, const char *key, size_t length, int *lock,
                     struct entry *entry, struct failure *failure) {
  entry->document = NULL;
  int32_t status = sm3_hex(key, length, entry->name, failure);
  if (status != CA_OK) return status;
  /* Keys share 256 locks, as many as two hex digits have values. */
  char name[16];
  (void)snprintf(name, sizeof name, "key-%.2s", entry->name);
  status = store_lock(store, call, name, lock, failure);
  if (status != CA_OK) return status;
  status = store_read(store, FOLDER_JOURNAL, entry->name, &entry->document, failure);
  if (status != CA_OK) store_unlock(*lock);
  return status;
}

void journal_forget(struct entry *entry) {
  json_decref(entry->document);
  entry->document = NULL;
}

int32_t journal_digest(const json_t *request, char digest[ENTRY_NAME], struct failure *failure) {
  char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
  if (text == NULL) return no_memory(failure);
  int32_t status = sm3_hex(text, strlen(text), digest, failure);
  free(text);
  return status;
}

int32_t journal_begin(struct entry *entry, const char *key, size_t length, uint32_t operation, const char *digest,
                      json_t *request, struct failure *failure) {
  entry->document =
      json_pack("{s:s%, s:I, s:s, s:s, s:O}", "idempotency_key", key, length, "operation", (json_int_t)operation,
                "request_digest", digest, "state", "begun", "request", request);
  return entry->document != NULL ? CA_OK : no_memory(failure);
}

int32_t journal_finish(struct entry *entry, json_t *reply, json_t *serials, uint64_t at_ms,
                       struct failure *failure) {
  json_t *finished = json_pack("{s:s, s:O, s:o, s:I}", "state", "done", "reply", reply, "serials",
                               serials != NULL ? serials : json_array(), "at_ms", (json_int_t)at_ms);
  int failed = finished == NULL || json_object_update(entry->document, finished) != 0;
  json_decref(finished);
  if (failed) return no_memory(failure);
  (void)json_object_del(entry->document, "request");
  return CA_OK;
}

int32_t journal_store(const struct store *store, const struct entry *entry, struct failure *failure) {
  return store_write(store, FOLDER_JOURNAL, entry->name, entry->document, failure);
}

int32_t journal_prepare(const struct store *store, const struct entry *entry, const char *serial, bool signing,
                        const char *partner, struct failure *failure) {
  json_t *document = json_pack("{s:s, s:s, s:s}", "entry", entry->name, "role", signing ? "signing" : "encryption",
                               "partner", partner);
  if (document == NULL) return no_memory(failure);
  int32_t status = store_write(store, FOLDER_CERTIFICATES, serial, document, failure);
  json_decref(document);
  /* Uncertain or not: nothing is issued before the entry is stored. */
  if (status == CA_UNKNOWN_OUTCOME) failure->status = status = CA_UNHEALTHY;
  return status;
}

static bool lists(const struct entry *entry, const char *serial) {
  size_t index;
  json_t *listed;
  json_array_foreach(json_object_get(entry->document, "serials"), index, listed) {
    const char *text = json_string_value(listed);
    if (text != NULL && strcmp(text, serial) == 0) return true;
  }
  return false;
}

int32_t journal_find(const struct store *store, const char *serial, struct issued *out, struct failure *failure) {
  json_t *index;
  const char *entry, *role, *partner;
  *out = (struct issued){.entry = {.document = NULL}};
  int32_t status = store_read(store, FOLDER_CERTIFICATES, serial, &index, failure);
  if (status != CA_OK || index == NULL) return status;
  if (json_unpack(index, "{s:s, s:s, s:s}", "entry", &entry, "role", &role, "partner", &partner) != 0 ||
      strlen(entry) != ENTRY_NAME - 1 || strspn(entry, "0123456789abcdef") != ENTRY_NAME - 1 ||
      !serial_is_valid(partner)) {
    json_decref(index);
    return fail(failure, CA_UNHEALTHY, CODE_FILES, "the file certificates/%s.json in the plugin's directory is damaged",
                serial);
  }
  (void)snprintf(out->entry.name, sizeof out->entry.name, "%s", entry);
  (void)snprintf(out->serial, sizeof out->serial, "%s", serial);
  (void)snprintf(out->partner, sizeof out->partner, "%s", partner);
  out->signing = strcmp(role, "signing") == 0;
  json_decref(index);
  status = store_read(store, FOLDER_JOURNAL, out->entry.name, &out->entry.document, failure);
  if (status == CA_OK && !lists(&out->entry, serial)) journal_forget(&out->entry);
  return status;
}

bool entry_is_done(const struct entry *entry) {
  const char *state = json_string_value(json_object_get(entry->document, "state"));
  return state != NULL && strcmp(state, "done") == 0;
}

json_t *entry_reply(const struct entry *entry) {
  json_t *reply = json_object_get(entry->document, "reply");
  return entry_is_done(entry) && json_is_object(reply) ? reply : NULL;
}

uint32_t entry_operation(const struct entry *entry) {
  return (uint32_t)json_integer_value(json_object_get(entry->document, "operation"));
}

bool entry_is_of(const struct entry *entry, uint32_t operation, const char *digest) {
  const char *recorded = json_string_value(json_object_get(entry->document, "request_digest"));
  return entry_operation(entry) == operation && recorded != NULL && strcmp(recorded, digest) == 0;
}
