/* Answers in a form, of a class or with a content that the contract does not allow. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "skeleton.h"

#define SHORT_KEY 64

/* Variants that answer the same to everything. */
static const struct {
  const char *variant;
  int32_t status;
  const char *document;
} FIXED[] = {
    {"unhealthy", CA_UNHEALTHY, "{\"text\": \"the CA is on holiday\"}"},
    {"retryable", CA_RETRYABLE, "{\"text\": \"the CA is at lunch\"}"},
    {"no_status", 99, "{}"},
    {"ok", CA_OK, "{}"},
    {"empty", CA_OK, "{\"certificates\": []}"},
    {"endless", CA_OK, "{\"certificates\": [], \"next\": \"here\"}"},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *first; /* the first reply; kept for the life of the process */

static json_t *request_of(const struct strike *strike) {
  return json_loadb((const char *)strike->document.ptr, (size_t)strike->document.len, 0, NULL);
}

static int32_t write_json(const struct strike *strike, json_t *document) {
  char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
  int32_t status = text != NULL ? write_text(strike, strike->out, text) : CA_UNKNOWN_OUTCOME;
  free(text);
  return status;
}

/* The good plugin's reply as a document, NULL when it refuses. */
static json_t *good_document(const struct strike *strike, int32_t *status) {
  ca_buf *buffer = strike->host->scratch(strike->host->ctx);
  *status = buffer != NULL ? good_submit(strike, NULL, strike->document, buffer) : CA_UNHEALTHY;
  if (*status != CA_OK) return NULL;
  ca_slice bytes = strike->host->buf_bytes(strike->host->ctx, buffer);
  return json_loadb((const char *)bytes.ptr, (size_t)bytes.len, 0, NULL);
}

static void edit(const struct strike *strike, json_t *reply) {
  if (is_variant(strike, "no_chain")) (void)json_object_set_new(reply, "chain", json_array());
  if (is_variant(strike, "no_envelope")) (void)json_object_del(reply, "enveloped_key");
  if (is_variant(strike, "revoked")) (void)json_object_set_new(reply, "state", json_string("revoked"));
  if (is_variant(strike, "swapped")) {
    json_t *signing = json_incref(json_object_get(reply, "signing_certificate"));
    (void)json_object_set(reply, "signing_certificate", json_object_get(reply, "encryption_certificate"));
    (void)json_object_set_new(reply, "encryption_certificate", signing);
  }
}

static int32_t edited(const struct strike *strike) {
  int32_t status;
  json_t *reply = good_document(strike, &status);
  if (reply == NULL) return GO_ON;
  edit(strike, reply);
  status = write_json(strike, reply);
  json_decref(reply);
  return status;
}

/* The good plugin's reply to another request than the host's. */
static int32_t for_another_request(const struct strike *strike) {
  json_t *request = request_of(strike);
  if (is_variant(strike, "own_validity")) (void)json_object_del(request, "validity");
  if (is_variant(strike, "other_holder")) {
    (void)json_object_set_new(json_object_get(request, "holder"), "name", json_string("somebody else"));
  }
  char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
  const ca_slice document = {(const uint8_t *)text, text != NULL ? strlen(text) : 0};
  int32_t status = text != NULL ? good_submit(strike, NULL, document, strike->out) : GO_ON;
  free(text);
  json_decref(request);
  return status;
}

static int32_t first_reply(const struct strike *strike) {
  int32_t status = CA_OK;
  (void)pthread_mutex_lock(&lock);
  if (first == NULL) {
    json_t *reply = good_document(strike, &status);
    if (reply != NULL) first = json_dumps(reply, JSON_COMPACT);
    json_decref(reply);
  }
  (void)pthread_mutex_unlock(&lock);
  return first != NULL ? write_text(strike, strike->out, first) : GO_ON;
}

static int32_t grants(const struct strike *strike) {
  int32_t status;
  json_t *reply = good_document(strike, &status);
  json_decref(reply);
  return status == CA_PERMANENT ? write_text(strike, strike->out, "{}") : GO_ON;
}

static int32_t pretends(const struct strike *strike) {
  json_t *request = request_of(strike);
  json_t *reply = json_pack("{s:[{s:O, s:s, s:O}]}", "certificates", "serial", json_object_get(request, "serial"),
                            "state", "revoked", "reason", json_object_get(request, "reason"));
  int32_t status = reply != NULL ? write_json(strike, reply) : GO_ON;
  json_decref(reply);
  json_decref(request);
  return status;
}

int32_t fault_strike(const struct strike *strike) {
  static atomic_uint calls;
  const ca_host *host = strike->host;
  for (size_t i = 0; i < sizeof FIXED / sizeof *FIXED; i++) {
    if (!is_variant(strike, FIXED[i].variant)) continue;
    int32_t written = write_text(strike, strike->out, FIXED[i].document);
    return written == CA_OK ? FIXED[i].status : written;
  }
  if (is_variant(strike, "alternates")) return atomic_fetch_add(&calls, 1) % 2 == 1 ? CA_LIMIT : GO_ON;
  if (is_variant(strike, "first_reply")) return first_reply(strike);
  if (is_variant(strike, "grants")) return grants(strike);
  if (is_variant(strike, "pretends")) return pretends(strike);
  if (is_variant(strike, "own_validity") || is_variant(strike, "other_holder")) return for_another_request(strike);
  if (is_variant(strike, "short_keys")) return strike->call->idempotency_key.len > SHORT_KEY ? CA_PERMANENT : GO_ON;
  if (is_variant(strike, "tells")) host->log(host->ctx, CA_LOG_INFO, 1, strike->document);
  if (is_variant(strike, "slow")) (void)nanosleep(&(struct timespec){.tv_sec = 3}, NULL);
  if (is_variant(strike, "tells") || is_variant(strike, "slow")) return GO_ON;
  return edited(strike);
}
