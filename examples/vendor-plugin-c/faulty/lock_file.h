/*
 * lock_file.h: a lock file as it should not be: who dies inside leaves it behind.
 */
#ifndef VENDOR_FAULTY_LOCK_FILE_H
#define VENDOR_FAULTY_LOCK_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

/* How long it is held: long enough to be killed meanwhile. */
#define HELD_MS 60

/* Holds the lock for a while; false when somebody seems to have it. */
static inline bool hold_lock_file(const json_t *configuration) {
  char path[1200];
  const char *directory = json_string_value(json_object_get(configuration, "directory"));
  (void)snprintf(path, sizeof path, "%s/fault.lock", directory != NULL ? directory : "/nowhere");
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  (void)close(file);
  (void)nanosleep(&(struct timespec){.tv_nsec = HELD_MS * 1000000L}, NULL);
  return unlink(path) == 0;
}

#endif
