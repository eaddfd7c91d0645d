/*
 * ca_adapter.h: the boundary between a signing-session broker and one certificate authority.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * A plugin is a shared library that exports exactly one symbol, ca_adapter_get(). It is loaded by a worker process that
 * holds nothing else: a plugin that crashes, hangs or corrupts memory costs the calls that are inside it, no more.
 *
 * LANGUAGE. C11 (C++11 compiles it too). Structures hold fixed-width integers, pointers and slices only; every member is
 * naturally aligned and there is no implicit padding. 64-bit, little-endian platforms.
 *
 * VERSIONS. CA_ABI_MAJOR changes when a plugin must be rebuilt, CA_ABI_MINOR when something was added. Structures grow
 * at their end only, and begin with their size. A plugin and a host of the same major version work together whichever
 * minor version each was built with: HOW THIS CONTRACT GROWS, below, says how.
 *
 * MEMORY. Nobody frees what the other allocated. A ca_slice given to the plugin is borrowed until that call returns, and
 * so is the ca_call: copy what is needed longer. A ca_slice given to the host is borrowed until the host's function
 * returns. Replies go into a ca_buf, an opaque thing of the host, by host->buf_write; it is the present call's and
 * nothing when the call is over. A ca_slice in the adapter's table (vendor, name, version, build_id) points to static
 * storage of the plugin. Slices are not NUL-terminated; an empty one may have a NULL pointer. Pointers that the host
 * passes are never NULL, except in an empty slice.
 *
 * LIFE. The process calls, in this order: ca_adapter_get once; describe; open once per instance; health, submit,
 * poll, lookup, cancel and list as often as there is work; close once per instance. Several processes may have the same
 * plugin open with the same configuration at once: always during an upgrade, and whenever the host runs more than one.
 * What an instance keeps outside its process must allow for that.
 *
 * THREADS. The plugin says in ca_adapter.threading how it may be called, and the host keeps to it. The plugin calls host
 * functions only inside a call from the host and on that very thread; from any other thread they do nothing and fail.
 * A plugin may have threads of its own. A thread that calls the plugin has a stack of at least 8 MiB.
 *
 * ERRORS. Every function of the adapter returns a status, below. The class must be true: every one but
 * CA_UNKNOWN_OUTCOME promises that the CA did nothing, and the host builds on it.
 *
 * UNWINDING. No exception, panic or longjmp may leave a function of either side.
 *
 * PROCESS. A plugin does not call exit, abort, fork or exec, installs no signal handlers, changes no working directory,
 * locale or environment, and writes only where its configuration says. Standard input is empty; what it prints to
 * standard output or error goes to the host's log. The environment is empty, the working directory is the root. It is
 * never unloaded: the process ends instead. It may be killed at any instant, and must find its own files consistent
 * afterwards.
 *
 * SANDBOX. The host may close the process, by landlock and seccomp, before the library's constructors run. What is
 * closed fails with EPERM, EACCES, EXDEV or ENOSYS, never with a signal. Open are:
 *   - reading the system's libraries, its time zones, its certificates (not its keys), its configuration of names, and
 *     the files and folders that the operator named for reading;
 *   - the folders that the operator named for writing, in which regular files and folders can be made. They have the mode
 *     that open and mkdir give them, under umask 077; chmod, chown, extended attributes, symbolic links, devices
 *     and named pipes and sockets are closed there too;
 *   - TCP to the ports that the operator named, and name servers;
 *   - threads, memory, clocks, timers, random numbers, signals to itself.
 * Closed are every other file, listening, Unix sockets (but pairs), other processes, new processes, changing the user, the
 * limits and the priority. A write beyond the largest file fails with EFBIG. A library that the plugin is linked with must
 * be where the system's loader looks, or in a folder that its run path names in full and the operator named for reading:
 * the plugin is loaded from memory, so that $ORIGIN leads nowhere.
 *
 * DEADLINES. Each call has a time-out, kept by the host: first it marks the call as cancelled (host->cancelled), a
 * little later it kills the process. A plugin that waits for a network bounds every wait by host->remaining_ms. describe
 * and open have no ca_call: both together must be done within the host's limit for starting (15 s unless the operator
 * says otherwise).
 *
 * THE HOST PROMISES
 *   - to journal an operation that changes something before it submits it, and never to submit it again after
 *     CA_UNKNOWN_OUTCOME, a broken reply, a crash or a kill, before lookup said "absent" (or with CA_CAN_DEDUPLICATE,
 *     then with the same key and the same request);
 *   - to use an idempotency key for one request only;
 *   - not to submit an operation whose capability bit is not set, nor to call a function that is NULL;
 *   - to call with well-formed documents, but the plugin checks what it builds on: they come from another process;
 *   - to call close only when no call is inside, and nothing with that instance afterwards;
 *   - to read at most struct_size octets of a structure, and to leave a plugin's memory alone but for the slices that it
 *     hands over.
 *
 * DOCUMENTS. Requests, replies, configuration and errors are JSON (RFC 8259) in UTF-8, objects at the top, nested at most
 * 32 deep. A reader ignores members it does not know. A member marked with "?" may be absent; absent is not null.
 *   der      text, base64 (RFC 4648 section 4, padded) of DER
 *   hex      text, lower-case hexadecimal digits, an even number of them
 *   serial   hex of a certificate's serial number, without leading zero octets
 *   time     integer, milliseconds since 1970-01-01T00:00:00Z
 *
 * HOW THIS CONTRACT GROWS
 *
 * A major version is for ever what it is; only the following is added in a minor version.
 *   - Members at the end of ca_host, ca_call and ca_adapter, each aligned to 8 octets and a multiple of 8 octets long.
 *     ca_slice never changes; ca_buf and ca_instance stay opaque.
 *   - Operations with their capability bits, and further capability bits.
 *   - Status values, threading numbers, log levels, bits of flags.
 *   - Members of documents, and values of their texts.
 * Nothing is removed, renumbered, reordered or given another meaning, and no function that is optional becomes required.
 *
 * struct_size is the size of the structure as its maker knows it, and what lies beyond it is not there. Whoever reads a
 * member that is younger than version 1.0 asks CA_HAS first.
 *
 * A plugin that is OLDER than its host fills less of the table than there is room and lowers struct_size to what it
 * filled (ca_adapter_fill does); the host reads the rest as zero, which is NULL. ca_host and ca_call are longer than the
 * plugin knows; it leaves their rest alone. It returns CA_NOT_SUPPORTED for an operation that it does not know, ignores
 * bits of flags and members of documents that it does not know. It is never rebuilt for a minor version.
 *
 * A plugin that is NEWER than its host copies no more of its table than there is room: its younger functions fall away,
 * and the host ignores the capability bits and bits of flags that it does not know. Before it uses a function of ca_host
 * or a member of ca_call that is younger than 1.0, it asks CA_HAS, and does without or refuses in ca_adapter_get
 * (CA_NOT_SUPPORTED). Status values, threading numbers and values of texts that are younger than host->abi_minor it does
 * not use: an unknown threading number is refused, an unknown status counts as below.
 *
 * REFUSED AT LOAD, each with a line that says why:
 *   - another abi_major;
 *   - a struct_size larger than the room that the host gave: the plugin wrote past the end;
 *   - a struct_size below CA_ADAPTER_SIZE_1_0, or not a multiple of 8 (it would cut a member);
 *   - a required function that is NULL;
 *   - a capability bit without its function, or a function without its bit: it announces more than it fills;
 *   - a capability bit or a bit of flags that has no meaning in the plugin's own minor version, where the host knows that
 *     version;
 *   - a threading number that the host does not know; vendor, name or version that are not 1 to 128 octets of UTF-8.
 *
 * HISTORY. 1.0: the first.
 */
#ifndef CA_ADAPTER_H
#define CA_ADAPTER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CA_ABI_MAJOR 1u
#define CA_ABI_MINOR 0u

/* The sizes in version 1.0, in octets: no side announces less. */
#define CA_HOST_SIZE_1_0 80u
#define CA_CALL_SIZE_1_0 56u
#define CA_ADAPTER_SIZE_1_0 160u

/* Whether the structure of that type behind the pointer has the member: CA_HAS(ca_host, host, cancelled). */
#define CA_HAS(type, pointer, member) \
  ((pointer)->struct_size >= offsetof(type, member) + sizeof((pointer)->member))

/* ---- Status: what every function of the adapter returns ------------------------------------------------------------
 *
 * CA_OK            Done. The reply document is in the buffer.
 * CA_PENDING       Accepted, not finished (a person must approve, the CA works in batches). The buffer holds
 *                  {"token": text, "retry_after_ms": integer, "expires_at_ms"?: time}; the host polls with the token.
 *                  The token must survive a restart of the process.
 * CA_RETRYABLE     Nothing was done, for certain, and the same call may work later (the connection was refused).
 * CA_PERMANENT     Nothing was done, and the same request will never work (the CA says that the request is bad).
 * CA_UNHEALTHY     Nothing was done; the CA or the plugin is out of order. The host stops calling for a while.
 * CA_AUTHENTICATION  Nothing was done: the CA refused the plugin's credentials.
 * CA_UNKNOWN_OUTCOME  The CA may have acted: a time-out after sending, a broken reply. The host never submits again
 *                  blindly; it asks lookup first. When in doubt between this and another class, return this.
 * CA_NOT_SUPPORTED The CA or plugin does not offer it.
 * CA_LIMIT         Nothing was done: quota, rate limit, or a reply larger than the buffer may become. When something was
 *                  done and only its reply is too large, return CA_UNKNOWN_OUTCOME.
 *
 * With every status but CA_OK and CA_PENDING the buffer holds an error document (or nothing):
 *   {"vendor_code"?: text, "text"?: text, "retry_after_ms"?: integer}
 * vendor_code and text are the CA's own, verbatim, without secrets and personal data; the host shows them to operators.
 * What was written into the buffer stays in it: write nothing before it is certain which document it will be.
 * Any other value counts as CA_UNKNOWN_OUTCOME from submit of an operation that changes something, as CA_UNHEALTHY
 * otherwise.
 */
#define CA_OK 0
#define CA_PENDING 1
#define CA_RETRYABLE 2
#define CA_PERMANENT 3
#define CA_UNHEALTHY 4
#define CA_AUTHENTICATION 5
#define CA_UNKNOWN_OUTCOME 6
#define CA_NOT_SUPPORTED 7
#define CA_LIMIT 8

/* ---- Operations of submit ------------------------------------------------------------------------------------------
 *
 * Shared parts:
 *   holder   {"kind": "person"|"enterprise", "name": text, "identity_code"?: text, "organization"?: text,
 *             "unified_social_credit_code"?: text}
 *            identity_code is personal data: it goes into the certificate if the CA's profile wants it, and nowhere else.
 *   validity {"not_before_ms"?: time, "days"?: integer}     absent members: the CA's own rule
 *   pair     {"signing_certificate": der, "encryption_certificate"?: der, "enveloped_key"?: der,
 *             "chain": [der, ...]}
 *            enveloped_key is an SM2EnvelopedKey (GM/T 0009, GB/T 35276): the encryption private key for the signing
 *            public key. encryption_certificate and enveloped_key are both there or both absent. chain leads from the
 *            issuer to the root.
 *   state    {"serial": serial, "state": "good"|"held"|"revoked"|"unknown", "reason"?: reason, "changed_at_ms"?: time}
 *   reason   "unspecified" | "keyCompromise" | "cACompromise" | "affiliationChanged" | "superseded" |
 *            "cessationOfOperation" | "certificateHold" | "privilegeWithdrawn"          (RFC 5280 section 5.3.1)
 *
 * ISSUE            {"csr": der, "holder": holder, "validity"?: validity, "product"?: text}           -> pair
 *                  csr is a PKCS#10 request for the signing key; the plugin or CA checks its signature. product names one
 *                  of describe's products.
 * RENEW            {"serial": serial, "csr": der, "validity"?: validity}                             -> pair
 *                  A further pair for the same keys and subject. serial names the present signing certificate. The
 *                  present pair stays valid.
 * REKEY            as RENEW, but csr brings another key, and the encryption key is new too           -> pair
 * REVOKE           {"serial": serial, "reason": reason, "pair": boolean}       -> {"certificates": [state, ...]}
 *                  pair: the other certificate of the pair too. Revoking what is revoked already is CA_OK and reports the
 *                  first reason and time. The reply says "revoked" only when the CA has confirmed it.
 * HOLD, UNHOLD     {"serial": serial, "pair": boolean}                         -> {"certificates": [state, ...]}
 * STATUS           {"serial": serial}                                                                -> state
 * CRL              {}                      -> {"crl": der, "number": hex, "this_update_ms": time, "next_update_ms": time,
 *                                              "delta"?: der}
 *                  crl is the newest complete list; number and times are its own. delta is a delta list (RFC 5280 section
 *                  5.2.4) that can be put to it, where the CA makes one.
 * OCSP             {"request": der}        -> {"response": der}                                     (RFC 6960)
 * RECOVER_KEY      {"serial": serial, "csr": der}   -> {"encryption_certificate": der, "enveloped_key": der}
 *                  serial names the encryption certificate. Its private key comes enveloped for the key of csr.
 * SEAL_ISSUE       {"type": integer, "name": text, "picture": {"format": text, "data": base64 text, "width_mm": integer,
 *                   "height_mm": integer}, "signers": [der, ...], "valid_from_ms"?: time, "valid_until_ms": time}
 *                  -> {"seal_id": text, "seal": der}
 *                  seal is an SESeal of GB/T 38540-2020 (version 4). format is the standard's: "PNG", "OFD", ...
 * SEAL_STATUS      {"seal_id": text}
 *                  -> {"seal_id": text, "state": "valid"|"revoked"|"expired"|"unknown", "changed_at_ms"?: time}
 * SEAL_REVOKE      {"seal_id": text, "reason": text}                           -> as SEAL_STATUS
 * TIMESTAMP        {"request": der}        -> {"response": der}                                     (RFC 3161)
 * CA_CERTIFICATES  {}                      -> {"certificates": [der, ...]}
 *                  All certificates a relying party needs to build chains, roots last.
 *
 * Operations that change nothing at the CA: STATUS, CRL, OCSP, SEAL_STATUS, TIMESTAMP, CA_CERTIFICATES.
 */
#define CA_OP_ISSUE 1u
#define CA_OP_RENEW 2u
#define CA_OP_REKEY 3u
#define CA_OP_REVOKE 4u
#define CA_OP_HOLD 5u
#define CA_OP_UNHOLD 6u
#define CA_OP_STATUS 7u
#define CA_OP_CRL 8u
#define CA_OP_OCSP 9u
#define CA_OP_RECOVER_KEY 10u
#define CA_OP_SEAL_ISSUE 11u
#define CA_OP_SEAL_STATUS 12u
#define CA_OP_SEAL_REVOKE 13u
#define CA_OP_TIMESTAMP 14u
#define CA_OP_CA_CERTIFICATES 15u

/* ---- Capabilities: bit number = operation number; from bit 48 on, functions and promises ---------------------------
 *
 * A bit says that the CA behind the plugin offers it, whatever the configuration; what only some configurations have is
 * announced, and answered with CA_NOT_SUPPORTED where it is missing. Bits do not change while the library is loaded. */
#define CA_CAN(op) (UINT64_C(1) << (op))
/* The function of that name is offered. A bit without its pointer, or a pointer without its bit, is refused at load. */
#define CA_CAN_POLL (UINT64_C(1) << 48)
#define CA_CAN_LOOKUP (UINT64_C(1) << 49)
#define CA_CAN_CANCEL (UINT64_C(1) << 50)
#define CA_CAN_LIST (UINT64_C(1) << 51)
/* The same idempotency key with the same request gives the same reply, for as long as the CA keeps records; with another
 * request it gives CA_PERMANENT. A host may then submit again after an unknown outcome. */
#define CA_CAN_DEDUPLICATE (UINT64_C(1) << 52)

/* ---- Threading ----------------------------------------------------------------------------------------------------- */
/* All functions, from ca_adapter_get on, are called on one thread. */
#define CA_THREADING_SERIAL 1u
/* The host may open several instances. Each is opened, called and closed on one thread of its own; calls into different
 * instances run at the same time. */
#define CA_THREADING_PER_INSTANCE 2u
/* Any function may be called at any time from any thread, except that close is called when no call is inside. */
#define CA_THREADING_REENTRANT 3u

/* ---- Log levels ---------------------------------------------------------------------------------------------------- */
#define CA_LOG_ERROR 1u
#define CA_LOG_WARN 2u
#define CA_LOG_INFO 3u
#define CA_LOG_DEBUG 4u

/* Bytes borrowed from the other side. */
typedef struct ca_slice {
  const uint8_t *ptr;
  uint64_t len;
} ca_slice;

/* Where a reply goes: the host's, opaque, filled by host->buf_write. */
typedef struct ca_buf ca_buf;

/* One opened connection to a CA: the plugin's, opaque. */
typedef struct ca_instance ca_instance;

/* What the host offers the plugin. It and ctx are valid for the life of the process and never change; no function here is
 * NULL. Each is called only inside a call from the host and on its thread (see THREADS). None blocks for long: secret_get
 * asks another process, log waits when the host is slow to take lines. */
typedef struct ca_host {
  uint32_t struct_size; /* of this structure as the host knows it, at least CA_HOST_SIZE_1_0 */
  uint16_t abi_major;   /* the host's CA_ABI_MAJOR and CA_ABI_MINOR */
  uint16_t abi_minor;
  void *ctx; /* first argument of every function below */

  /* Appends bytes to a reply or a scratch buffer; they are copied. CA_OK; CA_LIMIT when it would grow too large (the
   * host's limit for replies, 8 MiB unless the operator says otherwise), and nothing was appended; CA_PERMANENT outside a
   * call, or when out is no buffer of the present call. */
  int32_t (*buf_write)(void *ctx, ca_buf *out, ca_slice bytes);

  /* Writes one event to the host's log. level is a CA_LOG_ number; event_id is the plugin's own numbering; fields is a
   * JSON object, cut after 8 KiB. Never write a secret or personal data; the host masks the secrets it gave out, it
   * cannot know the others. Does nothing outside a call. */
  void (*log)(void *ctx, uint32_t level, uint32_t event_id, ca_slice fields);

  /* Fetches a credential by the name that describe announced (at most 128 octets) and appends it to out: CA_OK;
   * CA_AUTHENTICATION when the host has none of that name; CA_LIMIT as buf_write; CA_PERMANENT outside a call or for
   * what is no name. Wipe the copy after use; ask again after CA_AUTHENTICATION from the CA, since credentials rotate. */
  int32_t (*secret_get)(void *ctx, ca_slice name, ca_buf *out);

  /* Reads what buf_write or secret_get put into a buffer of the present call. Valid until that buffer is appended to or
   * the call ends. Empty for what is no buffer of the present call. */
  ca_slice (*buf_bytes)(void *ctx, const ca_buf *buf);

  /* A further buffer for the plugin's own use during this call (for secret_get). The host wipes and frees it when the
   * call returns. NULL when none can be had: outside a call, or after 64 in one call. */
  ca_buf *(*scratch)(void *ctx);

  /* The wall clock, as time. It may jump; for waiting use remaining_ms. */
  uint64_t (*now_ms)(void *ctx);

  /* Milliseconds left until the time-out of the call with that call_id, 0 when it is over or not known. */
  uint64_t (*remaining_ms)(void *ctx, uint64_t call_id);

  /* 1 when nobody waits any more for the call with that call_id: return soon, with CA_RETRYABLE if nothing was done, with
   * CA_UNKNOWN_OUTCOME if something may have been; else 0. A plugin that does not look is killed at its time-out. */
  uint32_t (*cancelled)(void *ctx, uint64_t call_id);
} ca_host;

/* One call from the host. Borrowed until the call returns. */
typedef struct ca_call {
  uint32_t struct_size;     /* at least CA_CALL_SIZE_1_0 */
  uint32_t flags;           /* 0 in this version; ignore bits that you do not know */
  uint64_t call_id;         /* unique in this process; for remaining_ms and cancelled */
  uint64_t timeout_ms;      /* what was left when the call began */
  ca_slice idempotency_key; /* 1 to 128 printable ASCII characters for submit; empty for the others */
  ca_slice trace_id;        /* UTF-8, names the caller's work in logs; may be empty */
} ca_call;

/* What the plugin offers the host. NULL = not offered. Everything after flags is called as threading says, and only with
 * instances that this plugin opened and that are not closed. out is an empty buffer for the reply, or for the error
 * document. */
typedef struct ca_adapter {
  uint32_t struct_size; /* preset by the host to the room there is; the plugin lowers it to what it filled */
  uint16_t abi_major;   /* the plugin's CA_ABI_MAJOR: must equal the host's */
  uint16_t abi_minor;   /* the plugin's CA_ABI_MINOR, whether larger or smaller than the host's */
  ca_slice vendor;      /* UTF-8, 1 to 128 octets each */
  ca_slice name;
  ca_slice version;
  ca_slice build_id;     /* whatever names this build in the vendor's archive, at most 128 octets; may be empty */
  uint64_t capabilities; /* CA_CAN_ bits */
  uint32_t threading;    /* one of CA_THREADING_ */
  uint32_t flags;        /* 0 in this version */

  /* Required. Works without configuration, network and secrets, and gives the same document each time:
   *   {"configuration": JSON Schema of open's document,
   *    "secrets": [{"name": text, "required": boolean, "text": text}, ...],
   *    "products": [{"name": text, "text": text}, ...]}
   * No credential may be part of the configuration. secrets and products may be absent when there are none. */
  int32_t (*describe)(const ca_host *host, ca_buf *out);

  /* Required. config is a document that fits describe's schema. On CA_OK *instance is set, to something else than NULL;
   * otherwise out holds an error document, *instance stays NULL and everything that was begun is undone. A CA that cannot
   * be reached is no reason to fail: health says it. The instance may keep host, not config. It opens again what the CA
   * or a device closed while it was idle, without being told. */
  int32_t (*open)(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out);

  /* Required. Called once per opened instance, with no call inside; ends the threads of the instance and gives its
   * memory, descriptors and sessions back. The instance is gone whatever is returned. A process may also end without it. */
  int32_t (*close)(ca_instance *instance);

  /* Required. Asks the CA, over the same way that submit takes: CA_OK with {"text"?: text}, or the class that says what is
   * wrong. Changes nothing. The host asks now and then, and after faults. */
  int32_t (*health)(ca_instance *instance, const ca_call *call, ca_buf *out);

  /* Required. Runs one operation: CA_OK with the operation's reply, CA_PENDING with a token, or the class that says what
   * is wrong. A request that does not fit its operation is CA_PERMANENT. */
  int32_t (*submit)(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out);

  /* What became of a pending operation: as submit, with the reply of that operation. token is the octets of the token's
   * text. It is asked in any process, also after a restart, at most a few times after it was answered with CA_OK.
   * CA_PERMANENT for a token nobody knows, and for an operation that was withdrawn or refused. Required when submit
   * returns CA_PENDING. */
  int32_t (*poll)(ca_instance *instance, const ca_call *call, ca_slice token, ca_buf *out);

  /* What the CA knows, after a crash or an unknown outcome. query is {"idempotency_key": text} or {"serial": serial}.
   *   {"state": "absent"}                                nothing was done under that key, and nothing is under way
   *   {"state": "pending", "token": text}
   *   {"state": "done", "operation": integer, "reply": the reply of that operation}
   * "absent" must be certain; when it is not, return CA_RETRYABLE or CA_UNHEALTHY. Changes nothing. Without this function
   * an unknown outcome can only be cleared up by a person. */
  int32_t (*lookup)(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out);

  /* Withdraws a pending operation: {"state": "cancelled"|"done"}. "done": it was too late, and poll has the reply.
   * CA_PERMANENT for a token nobody knows. */
  int32_t (*cancel)(ca_instance *instance, const ca_call *call, ca_slice token, ca_buf *out);

  /* All certificates the CA issued through this adapter, page by page. query is {"cursor"?: text, "limit"?: integer}:
   *   {"certificates": [{"serial": serial, "idempotency_key"?: text, "state": state's}, ...], "next"?: text}
   * next is the cursor of the following page, absent on the last. What is issued meanwhile may be missing, what was there
   * at the beginning may not. Changes nothing. */
  int32_t (*list)(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out);
} ca_adapter;

/*
 * The only exported symbol, called once, before everything else. Fills out and returns CA_OK. out is zeroed, its
 * struct_size is the room there is; it may be more or less than sizeof(ca_adapter), and is the host's again when the
 * function returns. A plugin that cannot work with this host (another host->abi_major, or a host that is too old for it)
 * returns CA_NOT_SUPPORTED and leaves out alone; so does one whose device or driver is missing, with CA_UNHEALTHY. No host
 * function may be called here; host stays valid.
 */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int32_t ca_adapter_get(const ca_host *host, ca_adapter *out);

/* Copies a table into the host's, as far as there is room, and says how much that was: what a plugin calls at the end of
 * ca_adapter_get. */
static inline void ca_adapter_fill(ca_adapter *out, const ca_adapter *mine) {
  uint32_t room = out->struct_size;
  uint32_t size = room < (uint32_t)sizeof *mine ? room : (uint32_t)sizeof *mine;
  memcpy(out, mine, size);
  out->struct_size = size;
}

#ifdef __cplusplus
}
#endif

#endif /* CA_ADAPTER_H */
