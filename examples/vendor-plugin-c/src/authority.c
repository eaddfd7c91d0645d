#include "authority.h"

#include "certificate.h"
#include "document.h"
#include "sm2.h"

#define FILE_NAME "authority"
#define ROOT_DAYS ((int64_t)20 * 365)
#define ISSUING_DAYS ((int64_t)15 * 365)

static int32_t member_new(json_t *authority, const char *name, const X509 *certificate, EVP_PKEY *key,
                          ca_slice passphrase, struct failure *failure) {
  struct bytes der = {NULL, 0}, sealed = {NULL, 0};
  json_t *member = NULL;
  if (certificate_write(certificate, &der) && sm2_seal(key, passphrase, &sealed)) {
    member = json_pack("{s:o, s:o}", "certificate", json_der(&der), "key", json_der(&sealed));
  }
  bytes_free(&der);
  bytes_free(&sealed);
  if (member == NULL) return sm2_failed(failure, "sealing a key of the CA");
  return json_object_set_new(authority, name, member) == 0 ? CA_OK : sm2_failed(failure, "recording the CA");
}

/* Makes one of the two CAs; `issuer` NULL: it signs itself. */
static int32_t make_member(const char *name, enum profile profile, int64_t now, const X509 *issuer,
                           EVP_PKEY *issuer_key, X509 **out, EVP_PKEY **key, struct failure *failure) {
  char serial[SERIAL_TEXT];
  X509_NAME *subject = NULL;
  bool root = profile == PROFILE_ROOT;
  int32_t status = subject_of_ca(name, root ? "Root CA" : "CA", &subject, failure);
  if (status != CA_OK) return status;
  *key = sm2_generate();
  if (*key != NULL && certificate_new_serial(serial)) {
    const struct certificate certificate = {.profile = profile, .subject = subject, .key = *key, .serial = serial,
                                            .not_before = now, .crl_url = "",
                                            .not_after = now + (root ? ROOT_DAYS : ISSUING_DAYS) * CA_DAY_S};
    *out = certificate_sign(&certificate, issuer, issuer_key != NULL ? issuer_key : *key);
  }
  X509_NAME_free(subject);
  return *out != NULL ? CA_OK : sm2_failed(failure, "making the CA");
}

static int32_t make_authority(const char *name, ca_slice passphrase, int64_t now, json_t **out,
                              struct failure *failure) {
  X509 *root = NULL, *issuing = NULL;
  EVP_PKEY *root_key = NULL, *issuing_key = NULL;
  json_t *authority = json_pack("{s:s}", "name", name);
  int32_t status = make_member(name, PROFILE_ROOT, now, NULL, NULL, &root, &root_key, failure);
  if (status == CA_OK) {
    status = make_member(name, PROFILE_ISSUING, now, root, root_key, &issuing, &issuing_key, failure);
  }
  if (status == CA_OK) status = member_new(authority, "root", root, root_key, passphrase, failure);
  if (status == CA_OK) status = member_new(authority, "issuing", issuing, issuing_key, passphrase, failure);
  X509_free(root);
  X509_free(issuing);
  EVP_PKEY_free(root_key);
  EVP_PKEY_free(issuing_key);
  if (status == CA_OK) {
    *out = authority;
  } else {
    json_decref(authority);
  }
  return status;
}

/* Reads the file of the authority, or makes it, under a lock: two processes may open at once. */
static int32_t read_authority(const char *name, const struct store *store, const struct call *call,
                              ca_slice passphrase, json_t **out, struct failure *failure) {
  int lock;
  int32_t status = store_lock(store, call, FILE_NAME, &lock, failure);
  if (status != CA_OK) return status;
  status = store_read(store, FOLDER_TOP, FILE_NAME, out, failure);
  if (status == CA_OK && *out == NULL) {
    status = make_authority(name, passphrase, (int64_t)(call_now_ms(call) / 1000), out, failure);
    if (status == CA_OK) status = store_write(store, FOLDER_TOP, FILE_NAME, *out, failure);
    /* Nothing was issued by it yet: whoever opens next finds it whole or makes another. */
    if (status == CA_UNKNOWN_OUTCOME) failure->status = status = CA_UNHEALTHY;
  }
  store_unlock(lock);
  return status;
}

static int32_t load(struct authority *out, const char *expected, const json_t *authority, ca_slice passphrase,
                    struct failure *failure) {
  const json_t *root, *issuing;
  const char *name;
  struct bytes sealed = {NULL, 0};
  int32_t status = member_text(authority, "name", 1, AUTHORITY_NAME, &name, failure);
  if (status == CA_OK) status = member_object(authority, "root", true, &root, failure);
  if (status == CA_OK) status = member_object(authority, "issuing", true, &issuing, failure);
  if (status == CA_OK) status = member_der(issuing, "certificate", &out->chain[0], failure);
  if (status == CA_OK) status = member_der(root, "certificate", &out->chain[1], failure);
  if (status == CA_OK) status = member_der(issuing, "key", &sealed, failure);
  if (status == CA_OK) {
    out->issuing = certificate_read(&out->chain[0]);
    out->key = sm2_unseal(&sealed, passphrase);
  }
  bytes_free(&sealed);
  if (status != CA_OK || out->issuing == NULL) {
    return fail(failure, CA_UNHEALTHY, CODE_FILES, "authority.json in the plugin's directory is damaged");
  }
  if (strcmp(name, expected) != 0) {
    return fail(failure, CA_PERMANENT, CODE_CONFIGURATION,
                "the directory holds a CA of another name; configure that name or another directory");
  }
  if (out->key == NULL) {
    return fail(failure, CA_AUTHENTICATION, CODE_CREDENTIAL, "the passphrase does not open the CA's key");
  }
  if (!sm2_same_public_key(out->key, X509_get0_pubkey(out->issuing))) {
    return fail(failure, CA_UNHEALTHY, CODE_FILES, "the CA's key and certificate do not belong together");
  }
  return CA_OK;
}

int32_t authority_open(const char *name, const struct store *store, const struct call *call, ca_slice passphrase,
                       struct authority *out, struct failure *failure) {
  json_t *authority = NULL;
  *out = (struct authority){.issuing = NULL};
  int32_t status = read_authority(name, store, call, passphrase, &authority, failure);
  if (status == CA_OK) status = load(out, name, authority, passphrase, failure);
  json_decref(authority);
  if (status != CA_OK) authority_free(out);
  return status;
}

void authority_free(struct authority *authority) {
  X509_free(authority->issuing);
  EVP_PKEY_free(authority->key); /* wipes */
  bytes_free(&authority->chain[0]);
  bytes_free(&authority->chain[1]);
  *authority = (struct authority){.issuing = NULL};
}
