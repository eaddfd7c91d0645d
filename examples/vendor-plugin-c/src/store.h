/*
 * store.h: the plugin's directory.
 *
 *   authority.json            root and issuing CA                    (ca.c)
 *   crl.json                  the present revocation list            (revocation.c)
 *   journal/DIGEST.json       one file per idempotency key           (journal.c)
 *   certificates/SERIAL.json  which journal entry made it            (journal.c)
 *   revocations/SERIAL.json   since when and why                     (revocation.c)
 *   locks/NAME                empty files, locked while they are open
 *
 * A file appears whole or not at all: it is written under another name in the same folder, synchronised, renamed, and
 * the folder is synchronised. The process may be killed between any two instructions. Locks are the kernel's (flock) and
 * end with the process that holds them. They hold between threads and between processes on one machine; on a network
 * file system only where that passes flock on.
 */
#ifndef VENDOR_STORE_H
#define VENDOR_STORE_H

#include <jansson.h>

#include "call.h"
#include "failure.h"

#define FOLDER_TOP "."
#define FOLDER_JOURNAL "journal"
#define FOLDER_CERTIFICATES "certificates"
#define FOLDER_REVOCATIONS "revocations"

struct store {
  int root; /* descriptor of the directory */
};

/* Opens the directory, makes what is missing (the last component and its folders), and removes what a killed process
 * left behind. */
int32_t store_open(struct store *store, const char *directory, struct failure *failure);

void store_close(struct store *store);

/* Waits for a lock, as long as the call may last; CA_RETRYABLE when that is over. */
int32_t store_lock(const struct store *store, const struct call *call, const char *name, int *lock,
                   struct failure *failure);

void store_unlock(int lock);

/* Reads a file; *out is NULL when there is none. */
int32_t store_read(const struct store *store, const char *folder, const char *name, json_t **out,
                   struct failure *failure);

/* Stores a file, in the place of any of that name. CA_UNHEALTHY: it is not stored. CA_UNKNOWN_OUTCOME: it is, but may
 * be gone after a power failure. */
int32_t store_write(const struct store *store, const char *folder, const char *name, const json_t *document,
                    struct failure *failure);

/* The names in a folder, sorted, to be freed by store_names_free. */
struct names {
  char **names;
  size_t count;
};
int32_t store_names(const struct store *store, const char *folder, struct names *out, struct failure *failure);
void store_names_free(struct names *names);

/* Whether files can be written. */
int32_t store_probe(const struct store *store, struct failure *failure);

#endif
