/*
 * ca.h: the certification authority itself. THIS IS THE PLACE TO REPLACE.
 *
 * Behind these functions stands a small SM2 CA of its own, a root and an issuing CA in one file of the directory, made
 * with libcrypto: enough to try everything without a network. A vendor puts calls to the real CA into ca.c and removes
 * what only ca.c uses (authority, certificate, subject, request, envelope, revocation_list, sm2); adapter.c, operation.c,
 * revocation.c, journal.c, store.c, document.c and call.c stay.
 *
 * What a function must keep, whatever it calls:
 *   - It returns the class of ca_adapter.h that is true. CA_UNKNOWN_OUTCOME as soon as a request may have reached the CA
 *     and its answer is not known; CA_RETRYABLE only when it certainly did not.
 *   - It waits at most as long as call_check allows, and gives every socket that bound.
 *   - It is safe to call from several threads at once (CA_THREADING_REENTRANT).
 *   - It knows nothing of JSON and of the host.
 * A CA across a network takes the idempotency key as its own number of the request, so that the plugin can ask for what
 * became of it; README.md says how the journal is used then.
 */
#ifndef VENDOR_CA_H
#define VENDOR_CA_H

#include "encoding.h"
#include "store.h"

struct ca;

struct ca_settings {
  char name[256]; /* "NAME Root CA", "NAME CA" */
  char crl_url[1024]; /* empty: no CRL distribution point */
  int64_t validity_days;
  int64_t crl_hours;
};

/* Who gets a certificate. Absent texts are NULL. */
struct ca_holder {
  bool enterprise;
  const char *name;
  const char *organization;
  const char *unified_social_credit_code;
  const char *identity_code;
};

/* A member that the request does not have: the CA's own rule. */
#define CA_ABSENT (-1)
#define CA_DAY_S 86400

struct ca_validity {
  int64_t not_before_ms;
  int64_t days;
};

struct ca_pair {
  char signing_serial[SERIAL_TEXT];
  char encryption_serial[SERIAL_TEXT];
  struct bytes signing_certificate;
  struct bytes encryption_certificate;
  struct bytes enveloped_key;
};

struct ca_revoked {
  char serial[SERIAL_TEXT];
  int reason; /* CRLReason of RFC 5280 section 5.3.1 */
  int64_t at_ms;
};

struct ca_list {
  int64_t number;
  int64_t this_update_ms; /* whole seconds */
  int64_t next_update_ms;
  const struct ca_revoked *revoked;
  size_t count;
};

/* Opens the CA of the directory, or makes it. The passphrase protects its keys at rest and is borrowed for the call. */
int32_t ca_open(const struct ca_settings *settings, const struct store *store, const struct call *call,
                ca_slice passphrase, struct ca **out, struct failure *failure);
void ca_close(struct ca *ca);

/* CA_UNHEALTHY when its certificates are not valid now. */
int32_t ca_health(const struct ca *ca, uint64_t now_ms, struct failure *failure);

/* A pair for a new signing key, with an encryption key made here. Nothing is issued yet: the journal commits it. */
int32_t ca_issue(const struct ca *ca, const struct bytes *csr, const struct ca_holder *holder,
                 const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out, struct failure *failure);

/* A further pair for the keys and subject of the present one. */
int32_t ca_renew(const struct ca *ca, const struct ca_pair *present, const struct bytes *csr,
                 const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out, struct failure *failure);

/* A pair for the present one's subject with two new keys. */
int32_t ca_rekey(const struct ca *ca, const struct ca_pair *present, const struct bytes *csr,
                 const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out, struct failure *failure);

void ca_pair_free(struct ca_pair *pair);

/* A complete list of what is revoked. */
int32_t ca_crl(const struct ca *ca, const struct ca_list *list, struct bytes *out, struct failure *failure);

/* The certificates from the issuer to the root: two, DER. */
const struct bytes *ca_chain(const struct ca *ca, size_t *count);

#endif
