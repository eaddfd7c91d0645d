#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "document.h"

#define PATH_SIZE 192
#define SUFFIX ".json"
/* What is older was left by a process that was killed: no write lasts as long. */
#define ABANDONED_S 3600

static const char *const FOLDERS[] = {FOLDER_JOURNAL, FOLDER_CERTIFICATES, FOLDER_REVOCATIONS, "locks"};
#define FOLDER_COUNT (sizeof FOLDERS / sizeof FOLDERS[0])

static int32_t fail_file(struct failure *failure, const char *what, const char *path) {
  char reason[96];
  int error = errno;
  if (strerror_r(error, reason, sizeof reason) != 0) (void)snprintf(reason, sizeof reason, "error %d", error);
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "%s %s in the plugin's directory failed: %s", what, path, reason);
}

static int32_t synchronise_folder(const struct store *store, const char *folder, struct failure *failure) {
  int descriptor = openat(store->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = descriptor >= 0 && fsync(descriptor) == 0;
  int32_t status = done ? CA_OK : fail_file(failure, "synchronising", folder);
  if (descriptor >= 0) (void)close(descriptor);
  return status;
}

/* Calls `each` with the names in a folder; it returns false when it has no memory. */
static int32_t read_folder(const struct store *store, const char *folder, bool (*each)(void *, const char *),
                           void *argument, struct failure *failure) {
  int descriptor = openat(store->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = descriptor >= 0 ? fdopendir(descriptor) : NULL;
  if (entries == NULL) {
    int32_t status = fail_file(failure, "reading", folder);
    if (descriptor >= 0) (void)close(descriptor);
    return status;
  }
  const struct dirent *entry;
  do {
    errno = 0;
    entry = readdir(entries);
  } while (entry != NULL && each(argument, entry->d_name));
  int32_t status = CA_OK;
  if (entry != NULL) {
    status = fail(failure, CA_UNHEALTHY, CODE_FILES, "no memory to read %s", folder);
  } else if (errno != 0) {
    status = fail_file(failure, "reading", folder);
  }
  (void)closedir(entries);
  return status;
}

struct sweep {
  const struct store *store;
  const char *folder;
};

/* Others may sweep or finish the same file: whatever fails here is no harm. */
static bool sweep_one(void *argument, const char *name) {
  const struct sweep *sweep = argument;
  char path[PATH_SIZE];
  struct stat found;
  int length = snprintf(path, sizeof path, "%s/%s", sweep->folder, name);
  bool temporary = name[0] == '.' && strstr(name, ".tmp") != NULL && length < PATH_SIZE;
  if (temporary && fstatat(sweep->store->root, path, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode) &&
      time(NULL) - found.st_mtime > ABANDONED_S) {
    (void)unlinkat(sweep->store->root, path, 0);
  }
  return true;
}

static int32_t sweep(const struct store *store, const char *folder, struct failure *failure) {
  struct sweep argument = {store, folder};
  return read_folder(store, folder, sweep_one, &argument, failure);
}

static int32_t make_folders(const struct store *store, struct failure *failure) {
  bool made = false;
  for (size_t i = 0; i < FOLDER_COUNT; i++) {
    if (mkdirat(store->root, FOLDERS[i], 0700) == 0) {
      made = true;
    } else if (errno != EEXIST) {
      return fail_file(failure, "making", FOLDERS[i]);
    }
  }
  return made ? synchronise_folder(store, FOLDER_TOP, failure) : CA_OK;
}

int32_t store_open(struct store *store, const char *directory, struct failure *failure) {
  bool made = mkdir(directory, 0700) == 0;
  if (!made && errno != EEXIST) return fail_file(failure, "making", FOLDER_TOP);
  store->root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int32_t status = store->root >= 0 ? make_folders(store, failure) : fail_file(failure, "opening", FOLDER_TOP);
  if (status == CA_OK) status = sweep(store, FOLDER_TOP, failure);
  for (size_t i = 0; i < FOLDER_COUNT && status == CA_OK; i++) status = sweep(store, FOLDERS[i], failure);
  if (status == CA_OK) return CA_OK;
  /* What was begun is undone; what is not empty was there before and stays. */
  for (size_t i = 0; made && store->root >= 0 && i < FOLDER_COUNT; i++) {
    (void)unlinkat(store->root, FOLDERS[i], AT_REMOVEDIR);
  }
  store_close(store);
  if (made) (void)rmdir(directory);
  return status;
}

void store_close(struct store *store) {
  if (store->root >= 0) (void)close(store->root);
  store->root = -1;
}

int32_t store_lock(const struct store *store, const struct call *call, const char *name, int *lock,
                   struct failure *failure) {
  char path[PATH_SIZE];
  (void)snprintf(path, sizeof path, "locks/%s", name);
  *lock = openat(store->root, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (*lock < 0) return fail_file(failure, "opening", path);
  for (unsigned turn = 0;; turn++) {
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0) return CA_OK;
    int32_t status = errno == EWOULDBLOCK || errno == EINTR ? call_check(call, failure)
                                                            : fail_file(failure, "locking", path);
    if (status != CA_OK) {
      store_unlock(*lock);
      return status;
    }
    call_wait(call, turn);
  }
}

void store_unlock(int lock) {
  (void)close(lock);
}

int32_t store_read(const struct store *store, const char *folder, const char *name, json_t **out,
                   struct failure *failure) {
  char path[PATH_SIZE];
  json_error_t error;
  *out = NULL;
  (void)snprintf(path, sizeof path, "%s/%s" SUFFIX, folder, name);
  int descriptor = openat(store->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return errno == ENOENT ? CA_OK : fail_file(failure, "opening", path);
  *out = json_loadfd(descriptor, JSON_REJECT_DUPLICATES, &error);
  (void)close(descriptor);
  if (json_is_object(*out)) return CA_OK;
  json_decref(*out);
  *out = NULL;
  return fail(failure, CA_UNHEALTHY, CODE_FILES, "the file %s in the plugin's directory is damaged", path);
}

static bool write_all(int descriptor, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    ssize_t written = write(descriptor, text, left);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) {
      text += written;
      left -= (size_t)written;
    }
  }
  return true;
}

/* A name that no other thread or process takes, in the folder of the file: a rename within one folder is always
 * allowed, also where the process is confined to the directory. */
static void temporary_path(char path[PATH_SIZE], const char *folder) {
  static atomic_uint_fast64_t next;
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)snprintf(path, PATH_SIZE, "%s/.%ld-%llu-%lld%09ld.tmp", folder, (long)getpid(),
                 (unsigned long long)atomic_fetch_add(&next, 1), (long long)now.tv_sec, now.tv_nsec);
}

static int32_t write_temporary(const struct store *store, const char *path, const char *text,
                               struct failure *failure) {
  int descriptor = openat(store->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_file(failure, "making", path);
  bool written = write_all(descriptor, text) && fsync(descriptor) == 0;
  int32_t status = written ? CA_OK : fail_file(failure, "writing", path);
  (void)close(descriptor);
  return status;
}

int32_t store_write(const struct store *store, const char *folder, const char *name, const json_t *document,
                    struct failure *failure) {
  char path[PATH_SIZE], temporary[PATH_SIZE];
  (void)snprintf(path, sizeof path, "%s/%s" SUFFIX, folder, name);
  temporary_path(temporary, folder);
  char *text = document_text(document);
  if (text == NULL) return fail(failure, CA_UNHEALTHY, CODE_FILES, "no memory to write %s", path);
  int32_t status = write_temporary(store, temporary, text, failure);
  free(text);
  if (status == CA_OK && renameat(store->root, temporary, store->root, path) != 0) {
    status = fail_file(failure, "renaming", path);
  }
  if (status != CA_OK) {
    (void)unlinkat(store->root, temporary, 0);
    return status;
  }
  status = synchronise_folder(store, folder, failure);
  if (status != CA_OK) failure->status = status = CA_UNKNOWN_OUTCOME;
  return status;
}

static bool collect_one(void *argument, const char *name) {
  struct names *names = argument;
  size_t length = strlen(name), suffix = strlen(SUFFIX);
  if (name[0] == '.' || length <= suffix || strcmp(name + length - suffix, SUFFIX) != 0) return true;
  if ((names->count & (names->count - 1)) == 0) { /* room doubles */
    size_t room = names->count == 0 ? 1 : 2 * names->count;
    char **grown = realloc(names->names, room * sizeof *grown);
    if (grown == NULL) return false;
    names->names = grown;
  }
  char *copy = strndup(name, length - suffix);
  if (copy == NULL) return false;
  names->names[names->count++] = copy;
  return true;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

int32_t store_names(const struct store *store, const char *folder, struct names *out, struct failure *failure) {
  *out = (struct names){NULL, 0};
  int32_t status = read_folder(store, folder, collect_one, out, failure);
  if (status != CA_OK) {
    store_names_free(out);
    return status;
  }
  if (out->count > 0) qsort(out->names, out->count, sizeof *out->names, compare_names);
  return CA_OK;
}

void store_names_free(struct names *names) {
  for (size_t i = 0; i < names->count; i++) free(names->names[i]);
  free(names->names);
  *names = (struct names){NULL, 0};
}

int32_t store_probe(const struct store *store, struct failure *failure) {
  char path[PATH_SIZE];
  temporary_path(path, FOLDER_TOP);
  int32_t status = write_temporary(store, path, "{}", failure);
  (void)unlinkat(store->root, path, 0);
  return status;
}
