#include "call.h"

#include <stdlib.h>
#include <time.h>

/* The longest pause between two looks at what is waited for. */
#define LONGEST_PAUSE_MS 20u

uint64_t call_now_ms(const struct call *call) {
  return call->host->now_ms(call->host->ctx);
}

static uint64_t remaining_ms(const struct call *call) {
  if (call->from != NULL) return call->host->remaining_ms(call->host->ctx, call->from->call_id);
  uint64_t now = call_now_ms(call);
  return now < call->deadline_ms ? call->deadline_ms - now : 0;
}

int32_t call_check(const struct call *call, struct failure *failure) {
  if (call->from != NULL && call->host->cancelled(call->host->ctx, call->from->call_id) != 0) {
    return fail(failure, CA_RETRYABLE, CODE_OVER, "the call was cancelled before anything was done");
  }
  if (remaining_ms(call) == 0) {
    return fail(failure, CA_RETRYABLE, CODE_OVER, "the time-out was over before anything was done");
  }
  return CA_OK;
}

void call_wait(const struct call *call, unsigned turn) {
  uint64_t pause = turn < LONGEST_PAUSE_MS ? turn + 1 : LONGEST_PAUSE_MS;
  uint64_t remaining = remaining_ms(call);
  if (pause > remaining) pause = remaining;
  struct timespec time = {0, (long)pause * 1000000L};
  (void)nanosleep(&time, NULL); /* an interrupted pause is only shorter */
}

static ca_slice slice_of(const char *text) {
  return (ca_slice){(const uint8_t *)text, strlen(text)};
}

int32_t call_write(const struct call *call, ca_buf *out, const char *text) {
  return call->host->buf_write(call->host->ctx, out, slice_of(text));
}

void call_log(const struct call *call, uint32_t level, uint32_t event_id, const char *event, json_t *fields) {
  if (fields == NULL) return;
  (void)json_object_set_new(fields, "event", json_string(event));
  if (call->from != NULL && call->from->trace_id.len > 0) {
    const ca_slice trace_id = call->from->trace_id;
    /* No text, no member: json_stringn gives NULL for what is not UTF-8. */
    (void)json_object_set_new(fields, "trace_id", json_stringn((const char *)trace_id.ptr, (size_t)trace_id.len));
  }
  char *text = json_dumps(fields, JSON_COMPACT);
  if (text != NULL) call->host->log(call->host->ctx, level, event_id, slice_of(text));
  free(text);
  json_decref(fields);
}
