/*
 * journal.h: what was done under which idempotency key, so that a kill at any instant leaves exactly one certificate.
 *
 * journal/DIGEST.json, DIGEST being SM3 of the key in hex:
 *   {"idempotency_key": text, "operation": integer, "request_digest": hex,
 *    "state": "begun", "request": {...}}                        a change of state that may be half done
 *   {..., "state": "done", "reply": {...}, "serials": [serial, ...], "at_ms": time}
 *
 * Whoever holds the lock of a key knows that nobody works under it. A pair is issued in the instant in which its entry
 * is renamed into place: before, nobody has seen it and a retry makes another; from then on every retry finds it. What
 * changes something that exists (a revocation) is begun with an entry, done, and recorded as done; whoever finds it
 * begun does it again, which changes nothing that is done.
 *
 * certificates/SERIAL.json, {"entry": DIGEST, "role": "signing"|"encryption", "partner": serial}, is written before the
 * entry. A certificate counts as issued when the entry that it names lists it; one that was prepared by a killed process
 * is listed nowhere.
 */
#ifndef VENDOR_JOURNAL_H
#define VENDOR_JOURNAL_H

#include "document.h"
#include "store.h"

#define ENTRY_NAME 65 /* 64 hex digits and NUL */

struct entry {
  char name[ENTRY_NAME];
  json_t *document; /* NULL: there is none */
};

/* One certificate of a pair, from its two files. */
struct issued {
  struct entry entry; /* document NULL: not issued here */
  bool signing;
  char serial[SERIAL_TEXT];
  char partner[SERIAL_TEXT];
};

/* Locks a key and reads its entry. On CA_OK the caller ends with store_unlock and journal_forget. */
int32_t journal_lock(const struct store *store, const struct call *call, const char *key, size_t length, int *lock,
                     struct entry *entry, struct failure *failure);

void journal_forget(struct entry *entry);

/* SM3 of a request, whatever the order of its members. */
int32_t journal_digest(const json_t *request, char digest[ENTRY_NAME], struct failure *failure);

/* Makes the entry of an operation in memory: state "begun" with a copy of the request's reference. */
int32_t journal_begin(struct entry *entry, const char *key, size_t length, uint32_t operation, const char *digest,
                      json_t *request, struct failure *failure);

/* Sets the reply (a reference is taken) and the serials of new certificates (may be NULL), and drops the request. */
int32_t journal_finish(struct entry *entry, json_t *reply, json_t *serials, uint64_t at_ms, struct failure *failure);

/* Stores the entry as it is: the commit. */
int32_t journal_store(const struct store *store, const struct entry *entry, struct failure *failure);

/* Writes the index file of a certificate that the entry is about to list. */
int32_t journal_prepare(const struct store *store, const struct entry *entry, const char *serial, bool signing,
                        const char *partner, struct failure *failure);

/* Finds a certificate; the caller ends with journal_forget of its entry. */
int32_t journal_find(const struct store *store, const char *serial, struct issued *out, struct failure *failure);

/* Parts of a sound entry; NULL or 0 when it is not. */
bool entry_is_done(const struct entry *entry);
json_t *entry_reply(const struct entry *entry);
uint32_t entry_operation(const struct entry *entry);
bool entry_is_of(const struct entry *entry, uint32_t operation, const char *digest);

#endif
