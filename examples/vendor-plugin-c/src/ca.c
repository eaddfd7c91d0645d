#include "ca.h"

#include <stdlib.h>

#include "authority.h"
#include "certificate.h"
#include "envelope.h"
#include "request.h"
#include "revocation_list.h"
#include "sm2.h"

#define LONGEST_DAYS 3650

/* Nothing of it changes after ca_open, so that threads may share it: libcrypto counts references atomically. */
struct ca {
  struct ca_settings settings;
  struct authority authority;
};

int32_t ca_open(const struct ca_settings *settings, const struct store *store, const struct call *call,
                ca_slice passphrase, struct ca **out, struct failure *failure) {
  *out = NULL;
  struct ca *ca = calloc(1, sizeof *ca);
  if (ca == NULL || !sm2_prepare()) {
    free(ca);
    return sm2_failed(failure, "preparing libcrypto");
  }
  ca->settings = *settings;
  int32_t status = authority_open(settings->name, store, call, passphrase, &ca->authority, failure);
  if (status == CA_OK) {
    *out = ca;
  } else {
    free(ca);
  }
  return status;
}

void ca_close(struct ca *ca) {
  if (ca == NULL) return;
  authority_free(&ca->authority);
  free(ca);
}

int32_t ca_health(const struct ca *ca, uint64_t now_ms, struct failure *failure) {
  time_t now = (time_t)(now_ms / 1000);
  if (X509_cmp_time(X509_get0_notBefore(ca->authority.issuing), &now) < 0 &&
      X509_cmp_time(X509_get0_notAfter(ca->authority.issuing), &now) > 0) {
    return CA_OK;
  }
  return fail(failure, CA_UNHEALTHY, CODE_EXPIRED, "the issuing CA's certificate is not valid now");
}

const struct bytes *ca_chain(const struct ca *ca, size_t *count) {
  *count = sizeof ca->authority.chain / sizeof ca->authority.chain[0];
  return ca->authority.chain;
}

/* What both certificates of a pair have in common; everything is borrowed. */
struct order {
  const X509_NAME *subject;
  const X509_EXTENSION *identity_code;
  EVP_PKEY *signing_key;
  EVP_PKEY *encryption_key;
  int64_t not_before;
  int64_t not_after;
};

static int32_t set_validity(const struct ca *ca, const struct ca_validity *validity, uint64_t now_ms,
                            struct order *order, struct failure *failure) {
  int64_t days = validity->days != CA_ABSENT ? validity->days : ca->settings.validity_days;
  if (days < 1 || days > LONGEST_DAYS) {
    return fail(failure, CA_PERMANENT, CODE_VALIDITY, "the validity must have 1 to %d days", LONGEST_DAYS);
  }
  order->not_before = (validity->not_before_ms != CA_ABSENT ? validity->not_before_ms : (int64_t)now_ms) / 1000;
  order->not_after = order->not_before + days * CA_DAY_S - 1;
  time_t first = (time_t)order->not_before, last = (time_t)order->not_after;
  /* X509_cmp_time says -1 for "not later" and 1 for "later than". */
  if (X509_cmp_time(X509_get0_notBefore(ca->authority.issuing), &first) != -1 ||
      X509_cmp_time(X509_get0_notAfter(ca->authority.issuing), &last) != 1) {
    return fail(failure, CA_PERMANENT, CODE_VALIDITY, "the validity is not within that of the CA's certificate");
  }
  return CA_OK;
}

static bool certify(const struct ca *ca, enum profile profile, const struct order *order, char serial[SERIAL_TEXT],
                    struct bytes *der) {
  if (!certificate_new_serial(serial)) return false;
  const struct certificate certificate = {
      .profile = profile,
      .subject = order->subject,
      .key = profile == PROFILE_SIGNING ? order->signing_key : order->encryption_key,
      .serial = serial,
      .not_before = order->not_before,
      .not_after = order->not_after,
      .crl_url = ca->settings.crl_url,
      .identity_code = order->identity_code,
  };
  X509 *signed_certificate = certificate_sign(&certificate, ca->authority.issuing, ca->authority.key);
  bool done = signed_certificate != NULL && certificate_write(signed_certificate, der);
  X509_free(signed_certificate);
  return done;
}

static int32_t certify_pair(const struct ca *ca, const struct order *order, struct ca_pair *out,
                            struct failure *failure) {
  if (certify(ca, PROFILE_SIGNING, order, out->signing_serial, &out->signing_certificate) &&
      certify(ca, PROFILE_ENCRYPTION, order, out->encryption_serial, &out->encryption_certificate)) {
    return CA_OK;
  }
  return sm2_failed(failure, "signing a certificate");
}

/* A pair whose encryption key is made here. It exists in this function only, and then in the envelope. */
static int32_t certify_with_new_key(const struct ca *ca, struct order *order, struct ca_pair *out,
                                    struct failure *failure) {
  order->encryption_key = sm2_generate();
  if (order->encryption_key == NULL) return sm2_failed(failure, "making an encryption key");
  int32_t status = envelope_wrap(order->encryption_key, order->signing_key, &out->enveloped_key, failure);
  if (status == CA_OK) status = certify_pair(ca, order, out, failure);
  EVP_PKEY_free(order->encryption_key); /* wipes */
  return status;
}

int32_t ca_issue(const struct ca *ca, const struct bytes *csr, const struct ca_holder *holder,
                 const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out, struct failure *failure) {
  struct order order = {.subject = NULL};
  X509_NAME *subject = NULL;
  X509_EXTENSION *identity_code = NULL;
  *out = (struct ca_pair){.signing_serial = ""};
  int32_t status = request_key(csr, &order.signing_key, failure);
  if (status == CA_OK) status = subject_of_holder(holder, &subject, failure);
  if (status == CA_OK) status = identity_code_of_holder(holder, &identity_code, failure);
  if (status == CA_OK) status = set_validity(ca, validity, now_ms, &order, failure);
  if (status == CA_OK) {
    order.subject = subject;
    order.identity_code = identity_code;
    status = certify_with_new_key(ca, &order, out, failure);
  }
  EVP_PKEY_free(order.signing_key);
  X509_NAME_free(subject);
  X509_EXTENSION_free(identity_code);
  return status;
}

/* Both certificates of a pair that was issued before. */
static int32_t read_present(const struct ca_pair *present, X509 **signing, X509 **encryption,
                            struct failure *failure) {
  *signing = certificate_read(&present->signing_certificate);
  *encryption = certificate_read(&present->encryption_certificate);
  if (*signing != NULL && *encryption != NULL) return CA_OK;
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "the record of the present pair is damaged");
}

static int32_t again(const struct ca *ca, const struct ca_pair *present, const struct bytes *csr, bool same_keys,
                     const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out,
                     struct failure *failure) {
  struct order order = {.subject = NULL};
  X509 *signing, *encryption;
  *out = (struct ca_pair){.signing_serial = ""};
  int32_t status = read_present(present, &signing, &encryption, failure);
  if (status == CA_OK) status = request_key(csr, &order.signing_key, failure);
  if (status == CA_OK && sm2_same_public_key(order.signing_key, X509_get0_pubkey(signing)) != same_keys) {
    status = fail(failure, CA_PERMANENT, CODE_KEY,
                  same_keys ? "renewal keeps the key, but the request has another one; rekeying takes a new key"
                            : "rekeying changes the key, but the request has the present one; renewal keeps the key");
  }
  if (status == CA_OK) status = set_validity(ca, validity, now_ms, &order, failure);
  if (status == CA_OK) {
    order.subject = X509_get_subject_name(signing);
    order.identity_code = identity_code_of_certificate(signing);
    if (same_keys) {
      /* Both keys stay, so the envelope of the present pair is that of the new one: no key need be kept here. */
      const struct bytes *envelope = &present->enveloped_key;
      order.encryption_key = X509_get0_pubkey(encryption);
      status = bytes_copy(&out->enveloped_key, envelope->data, envelope->size)
                   ? certify_pair(ca, &order, out, failure)
                   : sm2_failed(failure, "copying the envelope");
    } else {
      status = certify_with_new_key(ca, &order, out, failure);
    }
  }
  EVP_PKEY_free(order.signing_key);
  X509_free(signing);
  X509_free(encryption);
  return status;
}

int32_t ca_renew(const struct ca *ca, const struct ca_pair *present, const struct bytes *csr,
                 const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out, struct failure *failure) {
  return again(ca, present, csr, true, validity, now_ms, out, failure);
}

int32_t ca_rekey(const struct ca *ca, const struct ca_pair *present, const struct bytes *csr,
                 const struct ca_validity *validity, uint64_t now_ms, struct ca_pair *out, struct failure *failure) {
  return again(ca, present, csr, false, validity, now_ms, out, failure);
}

void ca_pair_free(struct ca_pair *pair) {
  bytes_free(&pair->signing_certificate);
  bytes_free(&pair->encryption_certificate);
  bytes_free(&pair->enveloped_key);
}

int32_t ca_crl(const struct ca *ca, const struct ca_list *list, struct bytes *out, struct failure *failure) {
  bool done = revocation_list_sign(list, ca->authority.issuing, ca->authority.key, out);
  return done ? CA_OK : sm2_failed(failure, "signing the revocation list");
}
