/*
 * operation.h: what submit, lookup and list do, from documents to documents.
 */
#ifndef VENDOR_OPERATION_H
#define VENDOR_OPERATION_H

#include "ca.h"
#include "configuration.h"
#include "document.h"

/* An opened CA. Nothing of it changes between open and close, which is what CA_THREADING_REENTRANT rests on. */
struct ca_instance {
  const ca_host *host;
  struct configuration configuration;
  struct store store;
  struct ca *ca;
};

#define OPERATIONS                                                                                         \
  (CA_CAN(CA_OP_ISSUE) | CA_CAN(CA_OP_RENEW) | CA_CAN(CA_OP_REKEY) | CA_CAN(CA_OP_REVOKE) |                \
   CA_CAN(CA_OP_STATUS) | CA_CAN(CA_OP_CRL) | CA_CAN(CA_OP_CA_CERTIFICATES))

/* Whether the CA is another one afterwards. */
bool operation_changes(uint32_t operation);

/* Each gives a reply on CA_OK, to be dropped by json_decref. */
int32_t operation_run(const struct ca_instance *instance, const struct call *call, uint32_t operation, ca_slice request,
                      json_t **reply, struct failure *failure);
int32_t operation_lookup(const struct ca_instance *instance, const struct call *call, ca_slice query, json_t **reply,
                         struct failure *failure);
int32_t operation_list(const struct ca_instance *instance, const struct call *call, ca_slice query, json_t **reply,
                       struct failure *failure);

#endif
