/* A CA that publishes other CA certificates than it made for itself: the reply in `published.json` of its folder. */
#include <stdio.h>

#include "skeleton.h"

int32_t fault_strike(const struct strike *strike) {
  char path[4096], reply[32768];
  const char *directory = json_string_value(json_object_get(strike->configuration, "directory"));
  (void)snprintf(path, sizeof path, "%s/published.json", directory);
  FILE *file = fopen(path, "r");
  if (file == NULL) return GO_ON;
  size_t length = fread(reply, 1, sizeof reply - 1, file);
  (void)fclose(file);
  reply[length] = 0;
  return write_text(strike, strike->out, reply);
}
