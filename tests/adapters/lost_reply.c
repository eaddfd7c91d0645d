/* A CA that nobody can ask: it neither looks up nor knows a key again, and its first reply is lost. */
#include <stdio.h>
#include <unistd.h>

#include "skeleton.h"

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
  if (count(strike) == 1) _exit(1);
  return GO_ON;
}

void fault_table(const ca_host *host, ca_adapter *adapter) {
  (void)host;
  adapter->lookup = NULL;
  adapter->capabilities &= ~(CA_CAN_LOOKUP | CA_CAN_DEDUPLICATE);
}
