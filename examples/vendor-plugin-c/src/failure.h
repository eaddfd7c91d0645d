/*
 * failure.h: why something was not done.
 *
 * Functions that can fail return a status of ca_adapter.h; with any but CA_OK they have filled a struct failure, from
 * which adapter.c makes the error document. Texts are ours and name members, serial numbers and files, never the value of
 * a holder's member: they are shown to operators and written to logs.
 */
#ifndef VENDOR_FAILURE_H
#define VENDOR_FAILURE_H

#include "ca_adapter.h"

/* The CA's own codes, the document's vendor_code. A vendor puts its real ones here. */
#define CODE_REQUEST "V1001"      /* a document is not what it must be */
#define CODE_CONFIGURATION "V1002"
#define CODE_CREDENTIAL "V1003"   /* no passphrase, or a wrong one */
#define CODE_REPLY "V1004"        /* the reply does not fit into the host's buffer */
#define CODE_CSR "V2001"          /* the PKCS#10 request is refused */
#define CODE_SUBJECT "V2002"      /* the subject can't stand in a certificate */
#define CODE_VALIDITY "V2003"
#define CODE_KEY "V2004"          /* renewal with another key, rekeying with the same */
#define CODE_SERIAL "V2005"       /* not issued here, revoked, or of the wrong kind */
#define CODE_DUPLICATE "V2006"    /* another request under the same idempotency key */
#define CODE_OVER "V3001"         /* cancelled, or the time-out is over */
#define CODE_FILES "V4001"        /* the directory can't be read or written */
#define CODE_CRYPTOGRAPHY "V4002" /* libcrypto failed */
#define CODE_EXPIRED "V4003"      /* the CA's certificate is not valid now */
#define CODE_OPERATION "V5001"    /* not offered */

struct failure {
  int32_t status;
  const char *code;
  char text[256];
};

/* Fills it and returns status. */
int32_t fail(struct failure *failure, int32_t status, const char *code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

#endif
