#include "revocation.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST "crl"
#define LOCK "revocations"
#define HOUR_MS 3600000

/* RFC 5280 section 5.3.1. certificateHold is no reason to revoke: this CA does not offer CA_OP_HOLD. */
static const struct {
  const char *name;
  int number;
} REASONS[] = {
    {"unspecified", 0},          {"keyCompromise", 1}, {"cACompromise", 2},         {"affiliationChanged", 3},
    {"cessationOfOperation", 5}, {"superseded", 4},    {"privilegeWithdrawn", 9},
};

int revocation_reason(const char *name) {
  for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
    if (strcmp(REASONS[i].name, name) == 0) return REASONS[i].number;
  }
  return -1;
}

static int32_t no_memory(struct failure *failure) {
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "no memory for a state or a revocation list");
}

json_t *revocation_unknown(const char *serial) {
  return json_pack("{s:s, s:s}", "serial", serial, "state", "unknown");
}

bool state_is_good(const json_t *state) {
  const char *text = json_string_value(json_object_get(state, "state"));
  return text != NULL && strcmp(text, "good") == 0;
}

/* Reads a record; reason is NULL when there is none, else borrowed from *record. */
static int32_t read_record(const struct store *store, const char *serial, json_t **record, const char **reason,
                           json_int_t *at_ms, struct failure *failure) {
  *reason = NULL;
  int32_t status = store_read(store, FOLDER_REVOCATIONS, serial, record, failure);
  if (status != CA_OK || *record == NULL) return status;
  if (json_unpack(*record, "{s:s, s:I}", "reason", reason, "at_ms", at_ms) == 0 && revocation_reason(*reason) >= 0) {
    return CA_OK;
  }
  json_decref(*record);
  *record = NULL;
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "the file revocations/%s.json in the plugin's directory is damaged",
              serial);
}

int32_t revocation_state(const struct store *store, const char *serial, json_t **out, struct failure *failure) {
  json_t *record;
  const char *reason;
  json_int_t at_ms;
  int32_t status = read_record(store, serial, &record, &reason, &at_ms, failure);
  if (status != CA_OK) return status;
  *out = reason == NULL ? json_pack("{s:s, s:s}", "serial", serial, "state", "good")
                        : json_pack("{s:s, s:s, s:s, s:I}", "serial", serial, "state", "revoked", "reason", reason,
                                    "changed_at_ms", at_ms);
  json_decref(record);
  return *out != NULL ? CA_OK : no_memory(failure);
}

static int32_t revoke_one(const struct store *store, const char *serial, const char *reason, uint64_t now_ms,
                          struct failure *failure) {
  json_t *record;
  int32_t status = store_read(store, FOLDER_REVOCATIONS, serial, &record, failure);
  if (status != CA_OK) return status;
  if (record == NULL) {
    record = json_pack("{s:s, s:I}", "reason", reason, "at_ms", (json_int_t)now_ms);
    status = record != NULL ? store_write(store, FOLDER_REVOCATIONS, serial, record, failure) : no_memory(failure);
  }
  json_decref(record);
  return status;
}

int32_t revocation_revoke(const struct store *store, const struct call *call, const char *const *serials, size_t count,
                          const char *reason, struct failure *failure) {
  int lock;
  int32_t status = store_lock(store, call, LOCK, &lock, failure);
  if (status != CA_OK) return status;
  uint64_t now_ms = call_now_ms(call);
  for (size_t i = 0; i < count && status == CA_OK; i++) {
    status = revoke_one(store, serials[i], reason, now_ms, failure);
  }
  store_unlock(lock);
  return status;
}

static int32_t read_revoked(const struct store *store, const struct names *names, struct ca_revoked *revoked,
                            struct failure *failure) {
  for (size_t i = 0; i < names->count; i++) {
    json_t *record;
    const char *reason;
    json_int_t at_ms;
    const char *serial = names->names[i];
    if (!serial_is_valid(serial)) {
      return fail(failure, CA_UNHEALTHY, CODE_FILES, "a file in the folder revocations is named for no serial number");
    }
    int32_t status = read_record(store, serial, &record, &reason, &at_ms, failure);
    if (status != CA_OK) return status;
    if (reason == NULL) return fail(failure, CA_UNHEALTHY, CODE_FILES, "the revocation of %s has vanished", serial);
    (void)snprintf(revoked[i].serial, sizeof revoked[i].serial, "%s", serial);
    revoked[i].reason = revocation_reason(reason);
    revoked[i].at_ms = at_ms;
    json_decref(record);
  }
  return CA_OK;
}

/* hex has an even number of digits. */
static void number_text(int64_t number, char out[17]) {
  int digits = snprintf(out, 17, "%llx", (unsigned long long)number);
  if (digits % 2 != 0) (void)snprintf(out, 17, "0%llx", (unsigned long long)number);
}

static int32_t make_list(const struct store *store, const struct ca *ca, const struct names *names, int64_t number,
                         int64_t now_ms, int64_t hours, json_t **out, struct failure *failure) {
  char text[17];
  struct bytes der;
  struct ca_revoked *revoked = calloc(names->count + 1, sizeof *revoked);
  if (revoked == NULL) return no_memory(failure);
  /* Seconds are what a list can say. */
  int64_t this_update_ms = now_ms / 1000 * 1000;
  const struct ca_list list = {number, this_update_ms, this_update_ms + hours * HOUR_MS, revoked, names->count};
  int32_t status = read_revoked(store, names, revoked, failure);
  if (status == CA_OK) status = ca_crl(ca, &list, &der, failure);
  free(revoked);
  if (status != CA_OK) return status;
  number_text(number, text);
  *out = json_pack("{s:o, s:s, s:I, s:I}", "crl", json_der(&der), "number", text, "this_update_ms",
                   (json_int_t)list.this_update_ms, "next_update_ms", (json_int_t)list.next_update_ms);
  bytes_free(&der);
  return *out != NULL ? CA_OK : no_memory(failure);
}

/* What crl.json remembers; the number is 0 when there is none. */
struct last_list {
  json_t *reply; /* borrowed */
  json_int_t number, count, this_update_ms, next_update_ms;
};

static int32_t read_last(json_t *document, struct last_list *last, struct failure *failure) {
  *last = (struct last_list){.reply = NULL};
  if (document == NULL ||
      json_unpack(document, "{s:I, s:I, s:o, s:{s:I, s:I}}", "number", &last->number, "count", &last->count, "reply",
                  &last->reply, "reply", "this_update_ms", &last->this_update_ms, "next_update_ms",
                  &last->next_update_ms) == 0) {
    return CA_OK;
  }
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "crl.json in the plugin's directory is damaged");
}

static int32_t present_list(const struct store *store, const struct call *call, const struct ca *ca, int64_t hours,
                            const struct names *names, json_t *document, json_t **out, struct failure *failure) {
  struct last_list last;
  int64_t now_ms = (int64_t)call_now_ms(call);
  int32_t status = read_last(document, &last, failure);
  if (status != CA_OK) return status;
  bool present = last.number > 0 && last.count == (json_int_t)names->count &&
                 now_ms < last.this_update_ms + (last.next_update_ms - last.this_update_ms) / 2;
  if (present) {
    *out = json_incref(last.reply);
    return CA_OK;
  }
  status = make_list(store, ca, names, last.number + 1, now_ms, hours, out, failure);
  if (status != CA_OK) return status;
  json_t *next = json_pack("{s:I, s:I, s:O}", "number", last.number + 1, "count", (json_int_t)names->count, "reply", *out);
  status = next != NULL ? store_write(store, FOLDER_TOP, LIST, next, failure) : no_memory(failure);
  json_decref(next);
  if (status == CA_OK) return CA_OK;
  json_decref(*out);
  *out = NULL;
  /* A list that nobody saw changes nothing at the CA. */
  if (status == CA_UNKNOWN_OUTCOME) failure->status = status = CA_UNHEALTHY;
  return status;
}

int32_t revocation_crl(const struct store *store, const struct call *call, const struct ca *ca, int64_t hours,
                       json_t **out, struct failure *failure) {
  int lock;
  struct names names = {NULL, 0};
  json_t *document = NULL;
  *out = NULL;
  int32_t status = store_lock(store, call, LOCK, &lock, failure);
  if (status != CA_OK) return status;
  status = store_names(store, FOLDER_REVOCATIONS, &names, failure);
  if (status == CA_OK) status = store_read(store, FOLDER_TOP, LIST, &document, failure);
  if (status == CA_OK) status = present_list(store, call, ca, hours, &names, document, out, failure);
  store_unlock(lock);
  json_decref(document);
  store_names_free(&names);
  return status;
}
