/* Whom a certificate names: the subject, and the identity code of GM/T 0015. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "certificate.h"
#include "sm2.h"

#define IDENTITY_CODE "1.2.156.10260.4.1.1"
#define IDENTITY_CODE_LENGTH 32

static bool add(X509_NAME *name, int nid, const char *text) {
  /* UTF-8 in; X.520's string types and lengths are libcrypto's business. */
  return text == NULL || X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

/* Takes the name when all its parts could be added. */
static int32_t finished(bool done, X509_NAME *name, X509_NAME **out, struct failure *failure) {
  if (done) {
    *out = name;
    return CA_OK;
  }
  X509_NAME_free(name);
  ERR_clear_error();
  return fail(failure, CA_PERMANENT, CODE_SUBJECT,
              "the subject can't stand in a certificate: names have 1 to 64 characters, codes letters and digits");
}

int32_t subject_of_holder(const struct ca_holder *holder, X509_NAME **out, struct failure *failure) {
  X509_NAME *name = X509_NAME_new();
  const char *code = holder->unified_social_credit_code;
  bool done = name != NULL && add(name, NID_countryName, "CN");
  if (holder->enterprise) {
    done = done && add(name, NID_organizationName, holder->name) && add(name, NID_commonName, holder->name) &&
           add(name, NID_serialNumber, code);
  } else {
    done = done && add(name, NID_organizationName, holder->organization) &&
           add(name, NID_organizationalUnitName, code) && add(name, NID_commonName, holder->name);
  }
  return finished(done, name, out, failure);
}

int32_t subject_of_ca(const char *name, const char *title, X509_NAME **out, struct failure *failure) {
  char common_name[320];
  X509_NAME *subject = X509_NAME_new();
  int length = snprintf(common_name, sizeof common_name, "%s %s", name, title);
  bool done = subject != NULL && length > 0 && (size_t)length < sizeof common_name &&
              add(subject, NID_countryName, "CN") && add(subject, NID_organizationName, name) &&
              add(subject, NID_commonName, common_name);
  return finished(done, subject, out, failure);
}

static bool all_of(const char *text, size_t length, const char *allowed) {
  return strspn(text, allowed) >= length;
}

/* A resident card's number has 17 digits and a check character. */
static bool is_resident_card(const char *code) {
  return strlen(code) == 18 && all_of(code, 17, "0123456789") && strchr("0123456789X", code[17]) != NULL;
}

/* IdentityCode ::= CHOICE {                               -- GM/T 0015, extension 1.2.156.10260.4.1.1
 *   residenterCardNumber       [0] PrintableString,       -- tagged explicitly
 *   militaryOfficerCardNumber  [1] UTF8String,
 *   passportNumber             [2] PrintableString }      -- and every other code of letters and digits */
int32_t identity_code_of_holder(const struct ca_holder *holder, X509_EXTENSION **out, struct failure *failure) {
  static const char alphanumeric[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const char *code = holder->identity_code;
  *out = NULL;
  if (holder->enterprise || code == NULL) return CA_OK;
  size_t length = strlen(code);
  if (length < 1 || length > IDENTITY_CODE_LENGTH || !all_of(code, length, alphanumeric)) {
    return fail(failure, CA_PERMANENT, CODE_SUBJECT, "the holder's identity code is not 1 to 32 letters and digits");
  }
  uint8_t der[4 + IDENTITY_CODE_LENGTH] = {is_resident_card(code) ? 0xa0 : 0xa2, (uint8_t)(length + 2), 0x13,
                                           (uint8_t)length};
  memcpy(der + 4, code, length);
  ASN1_OBJECT *type = OBJ_txt2obj(IDENTITY_CODE, 1);
  ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
  if (type != NULL && value != NULL && ASN1_OCTET_STRING_set(value, der, (int)length + 4) == 1) {
    *out = X509_EXTENSION_create_by_OBJ(NULL, type, 0, value);
  }
  ASN1_OCTET_STRING_free(value);
  ASN1_OBJECT_free(type);
  return *out != NULL ? CA_OK : sm2_failed(failure, "writing the identity code");
}

const X509_EXTENSION *identity_code_of_certificate(const X509 *certificate) {
  ASN1_OBJECT *type = OBJ_txt2obj(IDENTITY_CODE, 1);
  int at = type != NULL ? X509_get_ext_by_OBJ(certificate, type, -1) : -1;
  ASN1_OBJECT_free(type);
  return at >= 0 ? X509_get_ext(certificate, at) : NULL;
}
