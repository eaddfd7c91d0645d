/*
 * revocation.h: which certificates are revoked, and the list of them.
 *
 * revocations/SERIAL.json: {"reason": reason, "at_ms": time}. A revocation is for good; the first stays as it is.
 * crl.json: the reply of CA_OP_CRL and how many certificates it lists; it is made anew when that changed or half of its
 * time is over.
 */
#ifndef VENDOR_REVOCATION_H
#define VENDOR_REVOCATION_H

#include "ca.h"
#include "document.h"

/* The CRLReason's number of a name; -1 for none that one can be revoked for. */
int revocation_reason(const char *name);

/* The state document of an issued certificate. */
int32_t revocation_state(const struct store *store, const char *serial, json_t **out, struct failure *failure);

/* The state document of a certificate that was not issued here. */
json_t *revocation_unknown(const char *serial);

bool state_is_good(const json_t *state);

/* Revokes certificates that are not revoked yet. */
int32_t revocation_revoke(const struct store *store, const struct call *call, const char *const *serials, size_t count,
                          const char *reason, struct failure *failure);

/* The reply of CA_OP_CRL. */
int32_t revocation_crl(const struct store *store, const struct call *call, const struct ca *ca, int64_t hours,
                       json_t **out, struct failure *failure);

#endif
