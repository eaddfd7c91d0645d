#include "encoding.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

void bytes_free(struct bytes *bytes) {
  if (bytes->data != NULL) {
    OPENSSL_cleanse(bytes->data, bytes->size);
    free(bytes->data);
  }
  bytes->data = NULL;
  bytes->size = 0;
}

bool bytes_copy(struct bytes *out, const void *data, size_t size) {
  out->data = malloc(size > 0 ? size : 1);
  if (out->data == NULL) return false;
  if (size > 0) memcpy(out->data, data, size);
  out->size = size;
  return true;
}

bool base64_decode(const char *text, size_t length, struct bytes *out) {
  out->data = NULL;
  out->size = 0;
  if (length == 0 || length % 4 != 0 || length > INT_MAX) return false;
  size_t padding = text[length - 1] != '=' ? 0 : text[length - 2] != '=' ? 1 : 2;
  out->data = malloc(length / 4 * 3);
  if (out->data == NULL) return false;
  int decoded = EVP_DecodeBlock(out->data, (const unsigned char *)text, (int)length);
  if (decoded < (int)padding) {
    bytes_free(out);
    return false;
  }
  out->size = (size_t)decoded - padding;
  /* The decoder forgives much (blanks, misplaced padding, stray bits): only what we would have written is taken. */
  char *again = base64_encode(out);
  bool same = again != NULL && strlen(again) == length && memcmp(again, text, length) == 0;
  free(again);
  if (!same) bytes_free(out);
  return same;
}

char *base64_encode(const struct bytes *bytes) {
  if (bytes->size > INT_MAX / 2) return NULL;
  char *text = malloc((bytes->size + 2) / 3 * 4 + 1);
  if (text == NULL) return NULL;
  text[0] = '\0';
  if (bytes->size > 0) (void)EVP_EncodeBlock((unsigned char *)text, bytes->data, (int)bytes->size);
  return text;
}

void hex_encode(const uint8_t *data, size_t size, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    *out++ = digits[data[i] >> 4];
    *out++ = digits[data[i] & 15];
  }
  *out = '\0';
}

bool serial_is_valid(const char *text) {
  size_t length = strlen(text);
  return length >= 2 && length < SERIAL_TEXT && length % 2 == 0 && strspn(text, "0123456789abcdef") == length &&
         strncmp(text, "00", 2) != 0;
}

static uint8_t digit_value(char digit) {
  return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

size_t serial_octets(const char *text, uint8_t out[SERIAL_OCTETS]) {
  size_t count = 0;
  for (; text[2 * count] != '\0' && count < SERIAL_OCTETS; count++) {
    out[count] = (uint8_t)(digit_value(text[2 * count]) << 4 | digit_value(text[2 * count + 1]));
  }
  return count;
}
