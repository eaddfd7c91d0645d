/* A CA that thinks for a second about the first issue, and refuses it for good; the next one it does, under whatever key it comes. */
#include <stdio.h>
#include <unistd.h>

#include "skeleton.h"

#define THINKS_MICROSECONDS 1500000

/* Counts the calls in a file of the plugin's own folder; the number of this one, 1 for the first. */
static long count(const struct strike *strike) {
  char path[4096];
  const char *directory = json_string_value(json_object_get(strike->configuration, "directory"));
  (void)snprintf(path, sizeof path, "%s/submits", directory);
  FILE *file = fopen(path, "a");
  if (file == NULL) return 0;
  (void)fputc('x', file);
  long number = ftell(file);
  (void)fclose(file);
  return number;
}

int32_t fault_strike(const struct strike *strike) {
  if (count(strike) > 1) return GO_ON;
  (void)usleep(THINKS_MICROSECONDS);
  return CA_PERMANENT;
}
