#include "configuration.h"

#include <stdio.h>

#include "document.h"

#define NAME_LONGEST 40

/* The schema and configuration_read say the same; the host validates by the schema, open trusts nobody. */
const char DESCRIPTION[] =
    "{\"configuration\": {"
    "\"$schema\": \"https://json-schema.org/draft/2020-12/schema\","
    "\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"directory\", \"name\"],"
    "\"properties\": {"
    "\"directory\": {\"type\": \"string\", \"minLength\": 2, \"maxLength\": 1024, \"pattern\": \"^/\","
    " \"description\": \"where everything is kept: an absolute path whose parent exists\"},"
    "\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 40,"
    " \"description\": \"the CA's name; it can't be changed later\"},"
    "\"validity_days\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 3650, \"default\": 365,"
    " \"description\": \"of a certificate, when the request does not say\"},"
    "\"crl_url\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 1023, \"pattern\": \"^[!-~]+$\","
    " \"description\": \"where the revocation list is published; it becomes part of each certificate\"},"
    "\"crl_hours\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 720, \"default\": 24,"
    " \"description\": \"from one revocation list to its next update\"}}},"
    "\"secrets\": [{\"name\": \"" SECRET_PASSPHRASE "\", \"required\": true,"
    " \"text\": \"protects the CA's keys at rest; at least 8 octets; losing it loses the CA\"}],"
    "\"products\": [{\"name\": \"" PRODUCT_PAIR "\","
    " \"text\": \"signing and encryption certificate of a person or an enterprise\"}]}";

static size_t characters(const char *text) {
  size_t count = 0;
  for (; *text != '\0'; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
  return count;
}

static bool is_printable_ascii(const char *text) {
  for (; *text != '\0'; text++) {
    if (*text <= ' ' || *text > '~') return false;
  }
  return true;
}

static int32_t wrong(struct failure *failure, const char *what) {
  return fail(failure, CA_PERMANENT, CODE_CONFIGURATION, "the configuration is refused: %s", what);
}

/* A misspelt member would go unnoticed otherwise: unlike other documents, this one is written by hand. */
static bool has_only_known_members(const json_t *document) {
  static const char *const known[] = {"directory", "name", "validity_days", "crl_url", "crl_hours"};
  size_t count = 0;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) count += json_object_get(document, known[i]) != NULL;
  return count == json_object_size(document);
}

static int32_t read_members(const json_t *document, struct configuration *out, struct failure *failure) {
  const char *directory, *name, *crl_url;
  struct ca_settings *ca = &out->ca;
  int32_t status = member_text(document, "directory", 2, DIRECTORY_LONGEST, &directory, failure);
  if (status == CA_OK) status = member_text(document, "name", 1, sizeof ca->name - 1, &name, failure);
  if (status == CA_OK) status = optional_text(document, "crl_url", 1, sizeof ca->crl_url - 1, &crl_url, failure);
  if (status == CA_OK) status = optional_integer(document, "validity_days", 1, 3650, &ca->validity_days, failure);
  if (status == CA_OK) status = optional_integer(document, "crl_hours", 1, 720, &ca->crl_hours, failure);
  if (status != CA_OK) return status;
  if (!has_only_known_members(document)) return wrong(failure, "it has a member that the schema does not know");
  if (directory[0] != '/') return wrong(failure, "\"directory\" must be an absolute path");
  if (characters(name) > NAME_LONGEST) return wrong(failure, "\"name\" must have 1 to 40 characters");
  if (crl_url != NULL && !is_printable_ascii(crl_url)) return wrong(failure, "\"crl_url\" must be a URL in ASCII");
  (void)snprintf(out->directory, sizeof out->directory, "%s", directory);
  (void)snprintf(ca->name, sizeof ca->name, "%s", name);
  (void)snprintf(ca->crl_url, sizeof ca->crl_url, "%s", crl_url != NULL ? crl_url : "");
  return CA_OK;
}

int32_t configuration_read(ca_slice bytes, struct configuration *out, struct failure *failure) {
  json_t *document;
  *out = (struct configuration){.ca = {.validity_days = 365, .crl_hours = 24}};
  int32_t status = document_read(bytes, "the configuration", &document, failure);
  if (status != CA_OK) return status;
  status = read_members(document, out, failure);
  json_decref(document);
  return status;
}
