/*
 * encoding.h: bytes, and how the documents write them: der in base64, hex, serial.
 */
#ifndef VENDOR_ENCODING_H
#define VENDOR_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of ours, to be freed by bytes_free. */
struct bytes {
  uint8_t *data;
  size_t size;
};

/* A serial number has at most 20 octets (RFC 5280 section 4.1.2.2). */
#define SERIAL_OCTETS 20
#define SERIAL_TEXT (2 * SERIAL_OCTETS + 1)

/* Wipes and frees them, and leaves them empty. */
void bytes_free(struct bytes *bytes);

/* Copies; false without memory. */
bool bytes_copy(struct bytes *out, const void *data, size_t size);

/* RFC 4648 section 4, padded, nothing else in between. False when it is not. */
bool base64_decode(const char *text, size_t length, struct bytes *out);

/* Text to be freed by free(); NULL without memory. */
char *base64_encode(const struct bytes *bytes);

/* Writes 2 * size digits and a NUL. */
void hex_encode(const uint8_t *data, size_t size, char *out);

/* Whether it is a serial: lower-case hex of 1 to 20 octets without leading zero octets. */
bool serial_is_valid(const char *text);

/* The octets of a valid serial; returns how many. */
size_t serial_octets(const char *text, uint8_t out[SERIAL_OCTETS]);

#endif
