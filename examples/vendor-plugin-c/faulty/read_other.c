/* Tries to reach what is not its own, harmlessly, and reports what it could. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skeleton.h"

extern char **environ;

/* Notes "what: detail". Only what worked is noted, never what was read. */
static void note(json_t *could, const char *what, const char *detail) {
  char text[512];
  (void)snprintf(text, sizeof text, "%s: %s", what, detail);
  (void)json_array_append_new(could, json_string(text));
}

static void try_read(json_t *could, const char *path) {
  uint8_t octet;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  if (read(descriptor, &octet, 1) >= 0) note(could, "read", path);
  (void)close(descriptor);
}

static void try_list(json_t *could, const char *path) {
  DIR *entries = opendir(path);
  if (entries == NULL) return;
  if (readdir(entries) != NULL) note(could, "list", path);
  (void)closedir(entries);
}

/* Makes a file that was not there, and removes it. */
static void try_write(json_t *could, const char *folder) {
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/.read_other-%ld", folder, (long)getpid());
  int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  note(could, "write", folder);
  (void)close(descriptor);
  (void)unlink(path);
}

/* Attaches, and detaches at once: that needs a stop, of microseconds. */
static void try_trace(json_t *could, pid_t parent) {
  if (ptrace(PTRACE_SEIZE, parent, NULL, NULL) != 0) return;
  note(could, "trace", "parent");
  if (ptrace(PTRACE_INTERRUPT, parent, NULL, NULL) == 0) (void)waitpid(parent, NULL, __WALL);
  (void)ptrace(PTRACE_DETACH, parent, NULL, NULL);
}

static void try_parent(json_t *could) {
  static const char *const files[] = {"environ", "maps", "cmdline", "auxv"};
  char path[64];
  pid_t parent = getppid();
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)parent, files[i]);
    try_read(could, path);
  }
  (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)parent);
  try_list(could, path);
  (void)snprintf(path, sizeof path, "/proc/%ld/mem", (long)parent);
  int memory = open(path, O_RDONLY | O_CLOEXEC);
  if (memory >= 0) {
    note(could, "open", path);
    (void)close(memory);
  }
  /* A signal that does nothing to a process that runs. */
  if (kill(parent, SIGCONT) == 0) note(could, "signal", "parent");
  try_trace(could, parent);
  /* An address that is mapped nowhere: "bad address" means that the rights would have sufficed. */
  uint8_t octet;
  struct iovec local = {&octet, 1}, remote = {NULL, 1};
  if (process_vm_readv(parent, &local, 1, &remote, 1, 0) >= 0) note(could, "read memory", "parent");
}

/* "a.b.c.d" and a port. */
static void try_connect(json_t *could, const char *address, json_int_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) return;
  int stream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (stream < 0) return;
  note(could, "socket", "TCP");
  if (connect(stream, (const struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) {
    note(could, "connect", address);
  }
  (void)close(stream);
  int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (datagram < 0) return;
  if (sendto(datagram, "x", 1, 0, (const struct sockaddr *)&to, sizeof to) == 1) note(could, "send", address);
  (void)close(datagram);
}

static void try_own_process(json_t *could) {
  char detail[32];
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
    (void)snprintf(detail, sizeof detail, "%.*s", (int)strcspn(*variable, "="), *variable);
    note(could, "environment", detail);
  }
  char *const arguments[] = {(char[]){"true"}, NULL};
  pid_t child = fork();
  if (child == 0) {
    (void)execv("/bin/true", arguments);
    _exit(1);
  }
  if (child < 0) return;
  int status;
  note(could, "fork", "child");
  if (waitpid(child, &status, 0) == child && status == 0) note(could, "execute", "/bin/true");
}

static void each_target(json_t *could, const json_t *targets, const char *member,
                        void (*attempt)(json_t *, const char *), const char *otherwise) {
  size_t index;
  json_t *path;
  const json_t *paths = json_object_get(targets, member);
  if (paths == NULL && otherwise != NULL) attempt(could, otherwise);
  json_array_foreach(paths, index, path) {
    if (json_is_string(path)) attempt(could, json_string_value(path));
  }
}

int32_t fault_strike(const struct strike *strike) {
  json_t *could = json_array();
  const json_t *targets = json_object_get(strike->configuration, "targets");
  const char *address = json_string_value(json_object_get(targets, "address"));
  const json_t *port = json_object_get(targets, "port");
  each_target(could, targets, "read", try_read, "/etc/passwd");
  each_target(could, targets, "list", try_list, "/");
  each_target(could, targets, "write", try_write, "/tmp");
  try_parent(could);
  try_connect(could, address != NULL ? address : "127.0.0.1", json_is_integer(port) ? json_integer_value(port) : 9);
  try_own_process(could);
  json_t *event = json_pack("{s:s, s:O}", "event", "reached", "could", could);
  char *text = event != NULL ? json_dumps(event, JSON_COMPACT) : NULL;
  json_decref(event);
  if (text != NULL) {
    strike->host->log(strike->host->ctx, CA_LOG_WARN, 7, (ca_slice){(const uint8_t *)text, strlen(text)});
  }
  free(text);
  return go_on_with(strike, "could", could);
}
