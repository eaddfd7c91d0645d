#include "issue.h"

#include <stdio.h>

#include "revocation.h"

#define TEXT_LONGEST 1024

static int32_t read_holder(const json_t *request, struct ca_holder *holder, struct failure *failure) {
  const json_t *object;
  const char *kind;
  int32_t status = member_object(request, "holder", true, &object, failure);
  if (status == CA_OK) status = member_text(object, "kind", 1, TEXT_LONGEST, &kind, failure);
  if (status == CA_OK) status = member_text(object, "name", 1, TEXT_LONGEST, &holder->name, failure);
  if (status == CA_OK) {
    status = optional_text(object, "identity_code", 1, TEXT_LONGEST, &holder->identity_code, failure);
  }
  if (status == CA_OK) {
    status = optional_text(object, "organization", 1, TEXT_LONGEST, &holder->organization, failure);
  }
  if (status == CA_OK) {
    status = optional_text(object, "unified_social_credit_code", 1, TEXT_LONGEST, &holder->unified_social_credit_code,
                           failure);
  }
  if (status != CA_OK) return status;
  holder->enterprise = strcmp(kind, "enterprise") == 0;
  if (holder->enterprise || strcmp(kind, "person") == 0) return CA_OK;
  return fail(failure, CA_PERMANENT, CODE_REQUEST, "the member \"kind\" must be \"person\" or \"enterprise\"");
}

static int32_t read_validity(const json_t *request, struct ca_validity *validity, struct failure *failure) {
  const json_t *object;
  *validity = (struct ca_validity){CA_ABSENT, CA_ABSENT};
  int32_t status = member_object(request, "validity", false, &object, failure);
  if (status != CA_OK || object == NULL) return status;
  status = optional_integer(object, "not_before_ms", 0, INT64_MAX, &validity->not_before_ms, failure);
  if (status == CA_OK) status = optional_integer(object, "days", 0, UINT32_MAX, &validity->days, failure);
  return status;
}

static int32_t check_product(const json_t *request, struct failure *failure) {
  const char *product;
  int32_t status = optional_text(request, "product", 0, TEXT_LONGEST, &product, failure);
  if (status != CA_OK || product == NULL || strcmp(product, PRODUCT_PAIR) == 0) return status;
  return fail(failure, CA_PERMANENT, CODE_REQUEST, "this CA has no such product, only \"" PRODUCT_PAIR "\"");
}

/* The pair of a reply in the journal. */
static int32_t read_pair(const json_t *reply, struct ca_pair *out, struct failure *failure) {
  *out = (struct ca_pair){.signing_serial = ""};
  int32_t status = member_der(reply, "signing_certificate", &out->signing_certificate, failure);
  if (status == CA_OK) status = member_der(reply, "encryption_certificate", &out->encryption_certificate, failure);
  if (status == CA_OK) status = member_der(reply, "enveloped_key", &out->enveloped_key, failure);
  if (status == CA_OK) return CA_OK;
  ca_pair_free(out);
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "the record of the present pair is damaged");
}

/* The pair of a signing certificate that was issued and is good. */
static int32_t present_pair(const struct ca_instance *instance, const json_t *request, struct ca_pair *out,
                            struct failure *failure) {
  const char *serial;
  struct issued issued;
  json_t *state = NULL;
  int32_t status = member_serial(request, "serial", &serial, failure);
  if (status == CA_OK) status = journal_find(&instance->store, serial, &issued, failure);
  if (status != CA_OK) return status;
  if (issued.entry.document == NULL || !issued.signing) {
    status = fail(failure, CA_PERMANENT, CODE_SERIAL, "%s is no signing certificate that this CA has issued", serial);
  }
  if (status == CA_OK) status = revocation_state(&instance->store, serial, &state, failure);
  if (status == CA_OK && !state_is_good(state)) {
    status = fail(failure, CA_PERMANENT, CODE_SERIAL, "the certificate %s is revoked", serial);
  }
  if (status == CA_OK) status = read_pair(entry_reply(&issued.entry), out, failure);
  json_decref(state);
  journal_forget(&issued.entry);
  return status;
}

static int32_t issue(const struct ca_instance *instance, uint64_t now_ms, const json_t *request,
                     const struct bytes *csr, const struct ca_validity *validity, struct ca_pair *out,
                     struct failure *failure) {
  struct ca_holder holder = {.name = NULL};
  int32_t status = read_holder(request, &holder, failure);
  if (status == CA_OK) status = check_product(request, failure);
  return status == CA_OK ? ca_issue(instance->ca, csr, &holder, validity, now_ms, out, failure) : status;
}

static int32_t reissue(const struct ca_instance *instance, uint64_t now_ms, uint32_t operation, const json_t *request,
                       const struct bytes *csr, const struct ca_validity *validity, struct ca_pair *out,
                       struct failure *failure) {
  struct ca_pair present;
  int32_t status = present_pair(instance, request, &present, failure);
  if (status != CA_OK) return status;
  status = (operation == CA_OP_RENEW ? ca_renew : ca_rekey)(instance->ca, &present, csr, validity, now_ms, out, failure);
  ca_pair_free(&present);
  return status;
}

static int32_t make_pair(const struct ca_instance *instance, uint64_t now_ms, uint32_t operation,
                         const json_t *request, struct ca_pair *out, struct failure *failure) {
  struct bytes csr;
  struct ca_validity validity;
  int32_t status = member_der(request, "csr", &csr, failure);
  if (status == CA_OK) status = read_validity(request, &validity, failure);
  if (status == CA_OK) {
    status = operation == CA_OP_ISSUE
                 ? issue(instance, now_ms, request, &csr, &validity, out, failure)
                 : reissue(instance, now_ms, operation, request, &csr, &validity, out, failure);
  }
  bytes_free(&csr);
  return status;
}

static json_t *chain_of(const struct ca *ca) {
  size_t count;
  json_t *chain = json_array();
  const struct bytes *certificates = ca_chain(ca, &count);
  for (size_t i = 0; i < count; i++) (void)json_array_append_new(chain, json_der(&certificates[i]));
  return chain;
}

static json_t *reply_of(const struct ca *ca, const struct ca_pair *pair) {
  return json_pack("{s:o, s:o, s:o, s:o}", "signing_certificate", json_der(&pair->signing_certificate),
                   "encryption_certificate", json_der(&pair->encryption_certificate), "enveloped_key",
                   json_der(&pair->enveloped_key), "chain", chain_of(ca));
}

int32_t issue_prepare(const struct ca_instance *instance, const struct call *call, uint32_t operation,
                      const json_t *request, struct entry *entry, struct failure *failure) {
  struct ca_pair pair = {.signing_serial = ""};
  uint64_t now_ms = call_now_ms(call);
  int32_t status = make_pair(instance, now_ms, operation, request, &pair, failure);
  if (status == CA_OK) {
    const char *signing = pair.signing_serial, *encryption = pair.encryption_serial;
    json_t *reply = reply_of(instance->ca, &pair);
    status = reply != NULL ? journal_finish(entry, reply, json_pack("[s, s]", signing, encryption), now_ms, failure)
                           : fail(failure, CA_UNHEALTHY, CODE_FILES, "no memory for the reply");
    json_decref(reply);
    if (status == CA_OK) status = journal_prepare(&instance->store, entry, signing, true, encryption, failure);
    if (status == CA_OK) status = journal_prepare(&instance->store, entry, encryption, false, signing, failure);
  }
  ca_pair_free(&pair);
  return status;
}
