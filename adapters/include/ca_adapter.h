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
 * at their end only. The reader of a structure looks at struct_size before it reads a member beyond the first version;
 * the host allocates and zeroes the adapter's table and presets its struct_size, the plugin fills at most that much.
 *
 * MEMORY. Nobody frees what the other allocated. A ca_slice given to the plugin is borrowed until that call returns.
 * Replies go into a ca_buf, an opaque thing of the host, by host->buf_write. A ca_slice in the adapter's table (vendor,
 * name, version, build_id) points to static storage of the plugin. Slices are not NUL-terminated; an empty one may have
 * a NULL pointer.
 *
 * THREADS. The plugin says in ca_adapter.threading how it may be called, and the host keeps to it. The plugin calls host
 * functions only inside a call from the host and on that very thread; from any other thread they do nothing and fail.
 * A plugin may have threads of its own.
 *
 * UNWINDING. No exception, panic or longjmp may leave a function of either side.
 *
 * PROCESS. A plugin does not call exit, abort, fork or exec, installs no signal handlers, changes no working directory,
 * locale or environment, and writes only where its configuration says. Standard input is empty; what it prints to
 * standard output or error goes to the host's log. It is never unloaded: the process ends instead. It may be killed at
 * any instant, and must find its own files consistent afterwards.
 *
 * DEADLINES. Each call has a time-out, kept by the host: first it marks the call as cancelled (host->cancelled), a
 * little later it kills the process. A plugin that waits for a network bounds every wait by host->remaining_ms.
 *
 * DOCUMENTS. Requests, replies, configuration and errors are JSON (RFC 8259) in UTF-8, objects at the top, nested at most
 * 32 deep. A reader ignores members it does not know. A member marked with "?" may be absent; absent is not null.
 *   der      text, base64 (RFC 4648 section 4, padded) of DER
 *   hex      text, lower-case hexadecimal digits, an even number of them
 *   serial   hex of a certificate's serial number, without leading zero octets
 *   time     integer, milliseconds since 1970-01-01T00:00:00Z
 */
#ifndef CA_ADAPTER_H
#define CA_ADAPTER_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CA_ABI_MAJOR 1u
#define CA_ABI_MINOR 0u

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
 * CA_LIMIT         Nothing was done: quota, rate limit, or a reply larger than the buffer may become.
 *
 * With every status but CA_OK and CA_PENDING the buffer holds an error document (or nothing):
 *   {"vendor_code"?: text, "text"?: text, "retry_after_ms"?: integer}
 * vendor_code and text are the CA's own, verbatim, without secrets and personal data; the host shows them to operators.
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
 * CRL              {}                      -> {"crl": der, "number": hex, "this_update_ms": time, "next_update_ms": time}
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

/* ---- Capabilities: bit number = operation number; from bit 48 on, functions and promises --------------------------- */
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

/* What the host offers the plugin. Valid for the life of the process. */
typedef struct ca_host {
  uint32_t struct_size; /* of this structure as the host knows it */
  uint16_t abi_major;   /* the host's CA_ABI_MAJOR and CA_ABI_MINOR */
  uint16_t abi_minor;
  void *ctx; /* first argument of every function below */

  /* Appends bytes to a reply. CA_OK; CA_LIMIT when the reply would grow too large (the call should then return CA_LIMIT);
   * CA_PERMANENT when used outside a call. The bytes are copied. */
  int32_t (*buf_write)(void *ctx, ca_buf *out, ca_slice bytes);

  /* Writes one event to the host's log. fields is a JSON object. event_id is the plugin's own numbering. Never write a
   * secret or personal data; the host masks the secrets it gave out, it cannot know the others. */
  void (*log)(void *ctx, uint32_t level, uint32_t event_id, ca_slice fields);

  /* Fetches a credential by the name that describe announced: CA_OK; CA_AUTHENTICATION when the host has none of that
   * name. Wipe the copy after use; ask again after CA_AUTHENTICATION from the CA, since credentials rotate. */
  int32_t (*secret_get)(void *ctx, ca_slice name, ca_buf *out);

  /* Reads what buf_write or secret_get put into a buffer made by scratch. Valid until that buffer changes or the call
   * ends. */
  ca_slice (*buf_bytes)(void *ctx, const ca_buf *buf);

  /* A buffer for the plugin's own use during this call (for secret_get). The host wipes and frees it when the call
   * returns. NULL when none can be had. */
  ca_buf *(*scratch)(void *ctx);

  /* The wall clock, as time. */
  uint64_t (*now_ms)(void *ctx);

  /* Milliseconds left until the call's time-out, 0 when it is over. */
  uint64_t (*remaining_ms)(void *ctx, uint64_t call_id);

  /* 1 when nobody waits for the call any more: return soon, with CA_RETRYABLE if nothing was done, with
   * CA_UNKNOWN_OUTCOME if something may have been; else 0. */
  uint32_t (*cancelled)(void *ctx, uint64_t call_id);
} ca_host;

/* One call from the host. */
typedef struct ca_call {
  uint32_t struct_size;
  uint32_t flags;           /* 0 in this version */
  uint64_t call_id;         /* unique in this process */
  uint64_t timeout_ms;      /* what was left when the call began */
  ca_slice idempotency_key; /* 1 to 128 printable ASCII characters for submit; empty for the others */
  ca_slice trace_id;        /* for the log, may be empty */
} ca_call;

/* What the plugin offers the host. NULL = not offered. Everything after flags is called as threading says. */
typedef struct ca_adapter {
  uint32_t struct_size; /* preset by the host; the plugin lowers it to what it filled */
  uint16_t abi_major;   /* the plugin's CA_ABI_MAJOR: must equal the host's */
  uint16_t abi_minor;   /* the plugin's CA_ABI_MINOR */
  ca_slice vendor;      /* UTF-8, 1 to 128 bytes each */
  ca_slice name;
  ca_slice version;
  ca_slice build_id; /* whatever names this build in the vendor's archive; may be empty */
  uint64_t capabilities;
  uint32_t threading;
  uint32_t flags; /* 0 in this version */

  /* Required. Works without configuration, network and secrets:
   *   {"configuration": JSON Schema of open's document,
   *    "secrets": [{"name": text, "required": boolean, "text": text}, ...],
   *    "products": [{"name": text, "text": text}, ...]}
   * No credential may be part of the configuration. */
  int32_t (*describe)(const ca_host *host, ca_buf *out);

  /* Required. config is a document that fits describe's schema. On CA_OK *instance is set; otherwise out holds an error
   * document, *instance stays NULL and everything that was begun is undone. A CA that cannot be reached is no reason
   * to fail: health says it. */
  int32_t (*open)(const ca_host *host, ca_slice config, ca_instance **instance, ca_buf *out);

  /* Required. Called once per opened instance, with no call inside. */
  int32_t (*close)(ca_instance *instance);

  /* Required. Asks the CA: CA_OK with {"text"?: text}, or the class that says what is wrong. */
  int32_t (*health)(ca_instance *instance, const ca_call *call, ca_buf *out);

  /* Required. Runs one operation. */
  int32_t (*submit)(ca_instance *instance, const ca_call *call, uint32_t operation, ca_slice request, ca_buf *out);

  /* What became of a pending operation: as submit. CA_PERMANENT for a token nobody knows. */
  int32_t (*poll)(ca_instance *instance, const ca_call *call, ca_slice token, ca_buf *out);

  /* What the CA knows, after a crash or an unknown outcome. query is {"idempotency_key": text} or {"serial": serial}.
   *   {"state": "absent"}                                nothing was done under that key, and nothing is under way
   *   {"state": "pending", "token": text}
   *   {"state": "done", "operation": integer, "reply": the reply of that operation}
   * "absent" must be certain; when it is not, return CA_RETRYABLE or CA_UNHEALTHY. */
  int32_t (*lookup)(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out);

  /* Withdraws a pending operation: {"state": "cancelled"|"done"}. */
  int32_t (*cancel)(ca_instance *instance, const ca_call *call, ca_slice token, ca_buf *out);

  /* All certificates the CA issued through this adapter, page by page. query is {"cursor"?: text, "limit"?: integer}:
   *   {"certificates": [{"serial": serial, "idempotency_key"?: text, "state": state's}, ...], "next"?: text} */
  int32_t (*list)(ca_instance *instance, const ca_call *call, ca_slice query, ca_buf *out);
} ca_adapter;

/*
 * The only exported symbol. Fills out and returns CA_OK. out is zeroed, its struct_size is the room there is. A plugin
 * that cannot work with host->abi_major returns CA_NOT_SUPPORTED and leaves out alone. No host function may be called
 * here; host stays valid.
 */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int32_t ca_adapter_get(const ca_host *host, ca_adapter *out);

/* Copies a table into the host's, as far as there is room: what a plugin calls at the end of ca_adapter_get. */
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
