#include "document.h"

#include <stdlib.h>

#define DEPTH_LIMIT 32
#define SIZE_LIMIT ((uint64_t)1 << 20)
#define DER_LIMIT ((size_t)64 << 10)

/* Looks at brackets outside of strings only: it is asked before the parser, which recurses, is. */
static bool nesting_is_within_limit(ca_slice bytes) {
  unsigned depth = 0;
  bool in_string = false, escaped = false;
  for (uint64_t i = 0; i < bytes.len; i++) {
    uint8_t octet = bytes.ptr[i];
    if (escaped) {
      escaped = false;
    } else if (in_string) {
      escaped = octet == '\\';
      in_string = octet != '"';
    } else if (octet == '"') {
      in_string = true;
    } else if (octet == '{' || octet == '[') {
      if (++depth > DEPTH_LIMIT) return false;
    } else if ((octet == '}' || octet == ']') && depth > 0) {
      depth--;
    }
  }
  return true;
}

int32_t document_read(ca_slice bytes, const char *what, json_t **out, struct failure *failure) {
  *out = NULL;
  if (bytes.ptr == NULL || bytes.len == 0) {
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "%s is empty; it must be a JSON object", what);
  }
  if (bytes.len > SIZE_LIMIT) {
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "%s is longer than 1 MiB", what);
  }
  if (!nesting_is_within_limit(bytes)) {
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "%s is nested more than %d deep", what, DEPTH_LIMIT);
  }
  json_error_t error;
  json_t *document = json_loadb((const char *)bytes.ptr, (size_t)bytes.len, JSON_REJECT_DUPLICATES, &error);
  if (document == NULL) {
    /* The parser's text quotes the document, which may hold personal data; the place is enough. */
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "%s is not JSON: error at octet %d", what, error.position);
  }
  if (!json_is_object(document)) {
    json_decref(document);
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "%s is JSON, but no object", what);
  }
  *out = document;
  return CA_OK;
}

static int32_t wrong_member(struct failure *failure, const char *name, const char *must) {
  return fail(failure, CA_PERMANENT, CODE_REQUEST, "the member \"%s\" must be %s", name, must);
}

int32_t optional_text(const json_t *object, const char *name, size_t min, size_t max, const char **out,
                      struct failure *failure) {
  const json_t *member = json_object_get(object, name);
  *out = NULL;
  if (member == NULL) return CA_OK;
  size_t length = json_string_length(member);
  if (!json_is_string(member) || length < min || length > max) {
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "the member \"%s\" must be text of %zu to %zu octets", name, min,
                max);
  }
  *out = json_string_value(member);
  return CA_OK;
}

int32_t member_text(const json_t *object, const char *name, size_t min, size_t max, const char **out,
                    struct failure *failure) {
  int32_t status = optional_text(object, name, min, max, out, failure);
  if (status != CA_OK) return status;
  return *out != NULL ? CA_OK : wrong_member(failure, name, "there");
}

int32_t member_der(const json_t *object, const char *name, struct bytes *out, struct failure *failure) {
  const char *text;
  *out = (struct bytes){NULL, 0};
  int32_t status = member_text(object, name, 4, DER_LIMIT / 3 * 4, &text, failure);
  if (status != CA_OK) return status;
  if (!base64_decode(text, strlen(text), out)) return wrong_member(failure, name, "base64 with padding");
  return CA_OK;
}

int32_t member_serial(const json_t *object, const char *name, const char **out, struct failure *failure) {
  int32_t status = member_text(object, name, 0, SIZE_LIMIT, out, failure);
  if (status != CA_OK || serial_is_valid(*out)) return status;
  return wrong_member(failure, name,
                      "1 to 20 octets in lower-case hexadecimal digits without leading zero octets");
}

int32_t member_object(const json_t *object, const char *name, bool required, const json_t **out,
                      struct failure *failure) {
  *out = json_object_get(object, name);
  if (*out == NULL && !required) return CA_OK;
  return json_is_object(*out) ? CA_OK : wrong_member(failure, name, "an object");
}

int32_t member_boolean(const json_t *object, const char *name, bool *out, struct failure *failure) {
  const json_t *member = json_object_get(object, name);
  if (!json_is_boolean(member)) return wrong_member(failure, name, "true or false");
  *out = json_is_true(member);
  return CA_OK;
}

int32_t optional_integer(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *out,
                         struct failure *failure) {
  const json_t *member = json_object_get(object, name);
  if (member == NULL) return CA_OK;
  if (!json_is_integer(member) || json_integer_value(member) < min || json_integer_value(member) > max) {
    return fail(failure, CA_PERMANENT, CODE_REQUEST, "the member \"%s\" must be an integer from %lld to %lld", name,
                (long long)min, (long long)max);
  }
  *out = json_integer_value(member);
  return CA_OK;
}

json_t *json_der(const struct bytes *bytes) {
  char *text = base64_encode(bytes);
  json_t *value = text != NULL ? json_string(text) : NULL;
  free(text);
  return value;
}

char *document_text(const json_t *document) {
  return json_dumps(document, DOCUMENT_FLAGS);
}
