/*
 * issue.h: issue, renew and rekey, from the request document to a prepared entry of the journal.
 */
#ifndef VENDOR_ISSUE_H
#define VENDOR_ISSUE_H

#include "journal.h"
#include "operation.h"

/* Makes the pair, writes the index of its two certificates, and completes the entry, which was begun in memory. The
 * caller stores the entry: that is when the pair is issued. */
int32_t issue_prepare(const struct ca_instance *instance, const struct call *call, uint32_t operation,
                      const json_t *request, struct entry *entry, struct failure *failure);

#endif
