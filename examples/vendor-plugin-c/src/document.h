/*
 * document.h: the JSON documents of the boundary, read strictly.
 *
 * A document is an object, at most 1 MiB, nested at most 32 deep, in UTF-8, without duplicate members. Members that
 * nobody asks for are ignored. An optional member is absent or of its type; null is neither.
 */
#ifndef VENDOR_DOCUMENT_H
#define VENDOR_DOCUMENT_H

#include <jansson.h>

#include "ca_adapter.h"
#include "encoding.h"
#include "failure.h"

/* How documents are written, in the journal and to the host: the same reply has the same octets. */
#define DOCUMENT_FLAGS JSON_COMPACT

/* Reads one; `what` names it in the failure ("the request"). The caller drops *out by json_decref. */
int32_t document_read(ca_slice bytes, const char *what, json_t **out, struct failure *failure);

/* A text member of at least `min` and at most `max` octets, borrowed from the object. */
int32_t member_text(const json_t *object, const char *name, size_t min, size_t max, const char **out,
                    struct failure *failure);

/* As member_text; *out is NULL when it is absent. */
int32_t optional_text(const json_t *object, const char *name, size_t min, size_t max, const char **out,
                      struct failure *failure);

/* A der member, of at most 64 KiB; the caller frees. */
int32_t member_der(const json_t *object, const char *name, struct bytes *out, struct failure *failure);

/* A serial member. */
int32_t member_serial(const json_t *object, const char *name, const char **out, struct failure *failure);

/* An object member; NULL in *out when it is absent and not required. */
int32_t member_object(const json_t *object, const char *name, bool required, const json_t **out,
                      struct failure *failure);

int32_t member_boolean(const json_t *object, const char *name, bool *out, struct failure *failure);

/* An integer between min and max; *out stays as it is when the member is absent. */
int32_t optional_integer(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *out,
                         struct failure *failure);

/* Bytes as a der value; NULL without memory. */
json_t *json_der(const struct bytes *bytes);

/* Text of a document, to be freed by free(); NULL without memory. */
char *document_text(const json_t *document);

#endif
