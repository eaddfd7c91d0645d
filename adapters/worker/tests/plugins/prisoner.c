/* A plugin that tries what it is told. The command is the cursor of a list query, the outcome the next cursor: "ok" or the
 * name of errno. */
#include "ca_adapter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct ca_instance {
  const ca_host *host;
};

static int constructor_outcome;

/* Runs inside dlopen, before ca_adapter_get can be asked for. */
__attribute__((constructor)) static void at_load(void) {
  constructor_outcome = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static ca_slice text(const char *words) {
  ca_slice slice = {(const uint8_t *)words, strlen(words)};
  return slice;
}

/* ---- Files --------------------------------------------------------------------------------------------------------- */

static int with_file(const char *path, int flags, int (*use)(int)) {
  int file = open(path, flags | O_CLOEXEC, 0600);
  int outcome = file < 0 || (use != NULL && use(file) < 0) ? errno : 0;
  if (file >= 0) close(file);
  return outcome;
}

static int read_one(int file) {
  char octet;
  return (int)read(file, &octet, 1);
}

static int write_much(int file) {
  static const char much[1 << 16];
  for (int i = 0; i < 64; i++) {
    if (write(file, much, sizeof much) < 0) return -1;
  }
  return 0;
}

static int map_shared(int file) {
  if (ftruncate(file, 4096) < 0) return -1;
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return -1;
  memory[0] = 1;
  return munmap(memory, 4096);
}

static int sync_and_lock(int file) {
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
  struct flock lock = {.l_type = F_WRLCK};
  if (write(file, "x", 1) < 0 || fsync(file) < 0 || fcntl(file, F_SETLK, &lock) < 0) return -1;
  return futimens(file, times);
}

static int file_command(const char *verb, const char *one, const char *two) {
  if (!strcmp(verb, "read")) return with_file(one, O_RDONLY, read_one);
  if (!strcmp(verb, "write")) return with_file(one, O_WRONLY | O_CREAT, NULL);
  if (!strcmp(verb, "empty")) return with_file(one, O_RDONLY | O_TRUNC, NULL);
  if (!strcmp(verb, "fill")) return with_file(one, O_WRONLY | O_CREAT, write_much);
  if (!strcmp(verb, "map")) return with_file(one, O_RDWR | O_CREAT, map_shared);
  if (!strcmp(verb, "keep")) return with_file(one, O_RDWR | O_CREAT, sync_and_lock);
  if (!strcmp(verb, "list")) return with_file(one, O_RDONLY | O_DIRECTORY, NULL);
  if (!strcmp(verb, "truncate")) return truncate(one, 0) < 0 ? errno : 0;
  if (!strcmp(verb, "mkdir")) return mkdir(one, 0700) < 0 ? errno : 0;
  if (!strcmp(verb, "rename")) return rename(one, two) < 0 ? errno : 0;
  if (!strcmp(verb, "remove")) return remove(one) < 0 ? errno : 0;
  if (!strcmp(verb, "symlink")) return symlink(one, two) < 0 ? errno : 0;
  if (!strcmp(verb, "hardlink")) return link(one, two) < 0 ? errno : 0;
  if (!strcmp(verb, "mkfifo")) return mkfifo(one, 0600) < 0 ? errno : 0;
  if (!strcmp(verb, "chmod")) return chmod(one, 0777) < 0 ? errno : 0;
  if (!strcmp(verb, "chown")) return chown(one, getuid(), getgid()) < 0 ? errno : 0;
  return -1;
}

/* ---- Network ------------------------------------------------------------------------------------------------------- */

static int on_socket(int family, int type, int protocol, int (*use)(int, const char *), const char *argument) {
  int connection = socket(family, type | SOCK_CLOEXEC, protocol);
  int outcome = connection < 0 || (use != NULL && use(connection, argument) < 0) ? errno : 0;
  if (connection >= 0) close(connection);
  return outcome;
}

static struct sockaddr_in loopback(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int tcp(int connection, const char *port) {
  struct sockaddr_in address = loopback(port);
  return connect(connection, (struct sockaddr *)&address, sizeof address);
}

static int fast_open(int connection, const char *port) {
  struct sockaddr_in address = loopback(port);
  return (int)sendto(connection, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address);
}

static int be_connected_to(int connection, const char *unused) {
  (void)unused;
  return listen(connection, 1);
}

static int unix_socket(int connection, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* '@' stands for the zero octet of an abstract name. */
  strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  if (name[0] == '@') address.sun_path[0] = '\0';
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
  return connect(connection, (struct sockaddr *)&address, length);
}

static int network_command(const char *verb, const char *one) {
  int ends[2];
  if (!strcmp(verb, "connect")) return on_socket(AF_INET, SOCK_STREAM, 0, tcp, one);
  if (!strcmp(verb, "fastopen")) return on_socket(AF_INET, SOCK_STREAM, 0, fast_open, one);
  if (!strcmp(verb, "listen")) return on_socket(AF_INET, SOCK_STREAM, 0, be_connected_to, NULL);
  if (!strcmp(verb, "mptcp")) return on_socket(AF_INET, SOCK_STREAM, 262, tcp, one);
  if (!strcmp(verb, "udp")) return on_socket(AF_INET6, SOCK_DGRAM, 0, NULL, NULL);
  if (!strcmp(verb, "raw")) return on_socket(AF_INET, SOCK_RAW, IPPROTO_TCP, NULL, NULL);
  if (!strcmp(verb, "packet")) return on_socket(AF_PACKET, SOCK_RAW, 0, NULL, NULL);
  if (!strcmp(verb, "netlink")) return on_socket(AF_NETLINK, SOCK_RAW, atoi(one), NULL, NULL);
  if (!strcmp(verb, "vsock")) return on_socket(AF_VSOCK, SOCK_STREAM, 0, NULL, NULL);
  if (!strcmp(verb, "unix")) return on_socket(AF_UNIX, SOCK_STREAM, 0, unix_socket, one);
  if (!strcmp(verb, "pair")) return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? errno : 0;
  if (!strcmp(verb, "datagrams")) return socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0 ? errno : 0;
  if (!strcmp(verb, "resolve")) {
    struct addrinfo *found = NULL;
    int outcome = getaddrinfo(one, "443", NULL, &found);
    if (found != NULL) freeaddrinfo(found);
    return outcome == 0 ? 0 : ENOENT;
  }
  return -1;
}

/* ---- Processes ----------------------------------------------------------------------------------------------------- */

static int forked(pid_t child) {
  if (child == 0) _exit(0);
  if (child < 0) return errno;
  waitpid(child, NULL, 0);
  return 0;
}

static int call(long number, long a, long b, long c, long d) {
  return syscall(number, a, b, c, d, 0L) < 0 ? errno : 0;
}

static int peek(void) {
  char there[8];
  struct iovec mine = {there, sizeof there}, theirs = {(void *)&constructor_outcome, sizeof there};
  return process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0) < 0 ? errno : 0;
}

static int process_command(const char *verb, const char *one) {
  struct rlimit limit = {1000, 1000};
  pid_t parent = getppid();
  if (!strcmp(verb, "fork")) return forked(fork());
  if (!strcmp(verb, "clone")) return forked((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (!strcmp(verb, "clone3")) {
    unsigned long long arguments[11] = {0};
    arguments[4] = SIGCHLD;
    return forked((pid_t)syscall(SYS_clone3, arguments, sizeof arguments));
  }
  if (!strcmp(verb, "system")) return system("true") == 0 ? 0 : EPERM; /* the shell's status, or 127 without one */
  if (!strcmp(verb, "exec")) return execl("/bin/true", "true", (char *)NULL) < 0 ? errno : 0;
  if (!strcmp(verb, "kill")) return kill(parent, SIGCONT) < 0 ? errno : 0;
  if (!strcmp(verb, "kill_group")) return kill(0, SIGCONT) < 0 ? errno : 0;
  if (!strcmp(verb, "tkill")) return call(SYS_tkill, parent, SIGCONT, 0, 0);
  if (!strcmp(verb, "pidfd")) return call(SYS_pidfd_open, parent, 0, 0, 0);
  if (!strcmp(verb, "sigio")) {
    int ends[2];
    if (pipe(ends) < 0) return errno;
    return fcntl(ends[0], F_SETOWN, parent) < 0 ? errno : 0;
  }
  if (!strcmp(verb, "ptrace")) return ptrace(PTRACE_SEIZE, parent, NULL, NULL) < 0 ? errno : 0;
  if (!strcmp(verb, "peek")) return peek();
  if (!strcmp(verb, "parent")) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)parent, one);
    return with_file(path, O_RDONLY, read_one);
  }
  if (!strcmp(verb, "limit_parent")) return prlimit(parent, RLIMIT_NOFILE, &limit, NULL) < 0 ? errno : 0;
  if (!strcmp(verb, "slow_parent")) return setpriority(PRIO_PROCESS, (id_t)parent, 19) < 0 ? errno : 0;
  if (!strcmp(verb, "pin_parent")) {
    cpu_set_t one_core;
    CPU_ZERO(&one_core);
    CPU_SET(0, &one_core);
    return sched_setaffinity(parent, sizeof one_core, &one_core) < 0 ? errno : 0;
  }
  if (!strcmp(verb, "shm")) return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0 ? errno : 0;
  return -1;
}

/* ---- What binds the process ---------------------------------------------------------------------------------------- */

static int bond_command(const char *verb) {
  struct rlimit limit;
  if (!strcmp(verb, "constructor")) return constructor_outcome;
  if (!strcmp(verb, "outlive")) return prctl(PR_SET_PDEATHSIG, 0) < 0 ? errno : 0;
  if (!strcmp(verb, "dumpable")) return prctl(PR_SET_DUMPABLE, 1) < 0 ? errno : 0;
  if (!strcmp(verb, "closed_to_peers")) return prctl(PR_GET_DUMPABLE) == 0 ? 0 : EINVAL;
  if (!strcmp(verb, "more_files")) {
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? errno : 0;
  }
  if (!strcmp(verb, "hurry")) return setpriority(PRIO_PROCESS, 0, -5) < 0 ? errno : 0;
  if (!strcmp(verb, "session")) return setsid() < 0 ? errno : 0;
  if (!strcmp(verb, "user")) return setuid(getuid()) < 0 ? errno : 0;
  if (!strcmp(verb, "unshare")) return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
  if (!strcmp(verb, "chroot")) return chroot("/") < 0 ? errno : 0;
  if (!strcmp(verb, "bpf")) return call(SYS_bpf, 0, 0, 0, 0);
  if (!strcmp(verb, "perf")) return call(SYS_perf_event_open, 0, 0, 0, 0);
  if (!strcmp(verb, "keyctl")) return call(SYS_keyctl, 0, -3, 0, 0);
  if (!strcmp(verb, "io_uring")) return call(SYS_io_uring_setup, 1, 0, 0, 0);
  if (!strcmp(verb, "userfaultfd")) return call(SYS_userfaultfd, 0, 0, 0, 0);
  if (!strcmp(verb, "personality")) return call(SYS_personality, 0x0040000, 0, 0, 0);
  if (!strcmp(verb, "unknown")) return call(100000, 0, 0, 0, 0);
  return -1;
}

/* ---- Ordinary work ------------------------------------------------------------------------------------------------- */

static void *allocate(void *unused) {
  for (int i = 0; i < 1000; i++) {
    char *memory = malloc(100000);
    if (memory == NULL) return NULL;
    memory[i] = 1;
    free(memory);
  }
  return unused;
}

static int threads(void) {
  pthread_t each[8];
  void *result = NULL;
  for (int i = 0; i < 8; i++) {
    if (pthread_create(&each[i], NULL, allocate, each) != 0) return EAGAIN;
  }
  for (int i = 0; i < 8; i++) {
    if (pthread_join(each[i], &result) != 0 || result == NULL) return ENOMEM;
  }
  return 0;
}

/* SHA-256 of nothing, and random octets, by OpenSSL. */
static int crypto(void) {
  void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return ENOENT;
  unsigned char *(*sha256)(const unsigned char *, size_t, unsigned char *) =
      (unsigned char *(*)(const unsigned char *, size_t, unsigned char *))dlsym(library, "SHA256");
  int (*random)(unsigned char *, int) = (int (*)(unsigned char *, int))dlsym(library, "RAND_bytes");
  unsigned char digest[32], octets[32];
  if (sha256 == NULL || random == NULL || sha256((const unsigned char *)"", 0, digest) == NULL) return EINVAL;
  return digest[0] == 0xe3 && random(octets, sizeof octets) == 1 ? 0 : EINVAL;
}

static int work_command(const char *verb, const char *one) {
  char octets[16];
  if (!strcmp(verb, "threads")) return threads();
  if (!strcmp(verb, "random")) return getrandom(octets, sizeof octets, 0) < 0 ? errno : 0;
  if (!strcmp(verb, "sleep")) return usleep(1000) < 0 ? errno : 0;
  if (!strcmp(verb, "signal_itself")) return kill(getpid(), 0) < 0 || raise(SIGCONT) != 0 ? errno : 0;
  if (!strcmp(verb, "crypto")) return crypto();
  if (!strcmp(verb, "library")) return dlopen(one, RTLD_NOW | RTLD_LOCAL) == NULL ? ENOENT : 0;
  if (!strcmp(verb, "environment")) return environ != NULL && environ[0] != NULL ? EEXIST : 0;
  if (!strcmp(verb, "abort")) abort();
  return -1;
}

static const char *attempt(const char *command) {
  char verb[32] = "", one[512] = "", two[512] = "";
  sscanf(command, "%31s %511s %511s", verb, one, two);
  int outcome = file_command(verb, one, two);
  if (outcome < 0) outcome = network_command(verb, one);
  if (outcome < 0) outcome = process_command(verb, one);
  if (outcome < 0) outcome = bond_command(verb);
  if (outcome < 0) outcome = work_command(verb, one);
  if (outcome < 0) return "no such command";
  return outcome == 0 ? "ok" : strerrorname_np(outcome);
}

static int32_t describe(const ca_host *host, ca_buf *out) {
  return host->buf_write(host->ctx, out, text("{\"configuration\": {\"type\": \"object\"}}"));
}

static int32_t open_instance(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out) {
  static ca_instance only;
  (void)config;
  (void)out;
  only.host = host;
  *instance = &only;
  return CA_OK;
}

static int32_t close_instance(ca_instance *instance) {
  (void)instance;
  return CA_OK;
}

static int32_t health(ca_instance *instance, const ca_call *call, ca_buf *out) {
  (void)call;
  return instance->host->buf_write(instance->host->ctx, out, text("{}"));
}

static int32_t submit(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out) {
  (void)instance, (void)call, (void)operation, (void)request, (void)out;
  return CA_NOT_SUPPORTED;
}

static int32_t list(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out) {
  static const char begin[] = "\"cursor\":\"";
  char command[1100] = "", reply[256];
  const char *found = memmem(query.ptr, query.len, begin, sizeof begin - 1);
  (void)call;
  if (found == NULL) return CA_PERMANENT;
  found += sizeof begin - 1;
  size_t room = query.len - (size_t)(found - (const char *)query.ptr);
  const char *end = memchr(found, '"', room);
  if (end == NULL || (size_t)(end - found) >= sizeof command) return CA_PERMANENT;
  memcpy(command, found, (size_t)(end - found));
  snprintf(reply, sizeof reply, "{\"certificates\": [], \"next\": \"%s\"}", attempt(command));
  return instance->host->buf_write(instance->host->ctx, out, text(reply));
}

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  (void)host;
  ca_adapter mine = {
      .struct_size = sizeof mine,
      .abi_major = CA_ABI_MAJOR,
      .abi_minor = CA_ABI_MINOR,
      .vendor = text("Example"),
      .name = text("prisoner"),
      .version = text("1"),
      .capabilities = CA_CAN_LIST,
      .threading = CA_THREADING_SERIAL,
      .describe = describe,
      .open = open_instance,
      .close = close_instance,
      .health = health,
      .submit = submit,
      .list = list,
  };
  ca_adapter_fill(out, &mine);
  return CA_OK;
}
