/* Prints much to standard output and error: binary, control sequences, lines without end. */
#include <unistd.h>

#include "skeleton.h"

#define BLOCK 65536u
#define BLOCKS 128u

static uint8_t block[BLOCK];

/* What can't be written is not written. */
static void print(int descriptor) {
  if (write(descriptor, block, BLOCK) < 0) return;
}

static void fill(unsigned kind) {
  static const char *const control = "\x1b[2J\x1b]0;title\x07{\"level\":\"error\"}\r\n";
  for (size_t i = 0; i < BLOCK; i++) {
    block[i] = kind == 0 ? (uint8_t)(i * 167) : kind == 1 ? 'x' : kind == 2 ? '\n' : (uint8_t)control[i % strlen(control)];
  }
}

int32_t fault_strike(const struct strike *strike) {
  bool for_ever = is_variant(strike, "for_ever");
  for (unsigned i = 0; i < BLOCKS || for_ever; i++) {
    fill(i % 4);
    print(STDOUT_FILENO);
    print(STDERR_FILENO);
  }
  if (is_variant(strike, "close")) {
    (void)close(STDOUT_FILENO);
    (void)close(STDERR_FILENO);
  }
  return GO_ON;
}
