/*
 * call.h: one call from the host, and what the plugin may ask the host during it.
 *
 * A struct call lives on the stack of the function that the host called and is handed down by pointer, so that no host
 * function can be used outside a call or from another thread.
 */
#ifndef VENDOR_CALL_H
#define VENDOR_CALL_H

#include <stdbool.h>

#include <jansson.h>

#include "ca_adapter.h"
#include "failure.h"

struct call {
  const ca_host *host;
  const ca_call *from;  /* NULL in describe and open, which have none */
  uint64_t deadline_ms; /* used without `from`: open waits no longer than this moment */
};

/* Events' numbers in the host's log. */
#define EVENT_OPENED 1u
#define EVENT_ISSUED 2u
#define EVENT_REVOKED 3u
#define EVENT_REFUSED 4u
#define EVENT_CRL 5u

uint64_t call_now_ms(const struct call *call);

/* CA_RETRYABLE when the call was cancelled or its time is over: asked before every wait and before every commit. */
int32_t call_check(const struct call *call, struct failure *failure);

/* Waits a little, at most as long as the call may last. */
void call_wait(const struct call *call, unsigned turn);

/* Appends text to a reply. */
int32_t call_write(const struct call *call, ca_buf *out, const char *text);

/* Logs an event; takes the reference to `fields` (NULL: nothing is logged). "event" and "trace_id" are added. */
void call_log(const struct call *call, uint32_t level, uint32_t event_id, const char *event, json_t *fields);

#endif
