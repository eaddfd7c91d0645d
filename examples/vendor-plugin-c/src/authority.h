/*
 * authority.h: root and issuing CA, in authority.json: {"name": text, "root": member, "issuing": member} with
 * member {"certificate": der, "key": der of EncryptedPrivateKeyInfo}.
 */
#ifndef VENDOR_AUTHORITY_H
#define VENDOR_AUTHORITY_H

#include <openssl/x509.h>

#include "encoding.h"
#include "store.h"

#define AUTHORITY_NAME 255

struct authority {
  X509 *issuing;
  EVP_PKEY *key;         /* the issuing CA's; the root's is not needed again */
  struct bytes chain[2]; /* issuing, root */
};

/* Opens the CA of the directory, or makes it. After a failure there is nothing to free. */
int32_t authority_open(const char *name, const struct store *store, const struct call *call, ca_slice passphrase,
                       struct authority *out, struct failure *failure);

void authority_free(struct authority *authority);

#endif
