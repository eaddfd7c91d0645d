/*
 * configuration.h: what the operator sets, and what describe says about it.
 */
#ifndef VENDOR_CONFIGURATION_H
#define VENDOR_CONFIGURATION_H

#include "ca.h"

#define SECRET_PASSPHRASE "vendor_ca.passphrase"
#define PASSPHRASE_LEAST 8
#define PRODUCT_PAIR "pair"

#define DIRECTORY_LONGEST 1024

struct configuration {
  char directory[DIRECTORY_LONGEST + 1];
  struct ca_settings ca;
};

/* The reply of describe. */
extern const char DESCRIPTION[];

int32_t configuration_read(ca_slice document, struct configuration *out, struct failure *failure);

#endif
