/*
 * host.h: a host in this process, for the tests. It keeps every promise of ca_adapter.h and holds the plugin to its own:
 * host functions work inside a call and on its thread only, scratch buffers are freed when the call returns.
 */
#ifndef VENDOR_TEST_HOST_H
#define VENDOR_TEST_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "ca_adapter.h"

#define PASSPHRASE "correct horse battery staple"

/* What one call came to. The document is NULL when the reply is empty or no JSON. */
struct reply {
  int32_t status;
  char *text;
  json_t *document;
};

/* Loads the plugin; ends the test program when that fails. */
void host_load(const char *path);
const ca_host *host_table(void);
const ca_adapter *host_adapter(void);
int32_t (*host_entry(void))(const ca_host *, ca_adapter *);

/* What the host answers: NULL for none; how large replies may become; the time-out of calls; whether they are cancelled. */
void host_set_passphrase(const char *passphrase);
void host_set_reply_limit(size_t octets);
void host_set_timeout(uint64_t milliseconds);
void host_set_cancelled(bool cancelled);

/* Everything that was logged, one event a line; kept until host_forget_log. */
const char *host_log(void);
void host_forget_log(void);
/* How often a host function was used outside of a call or with a foreign buffer. */
unsigned host_violations(void);

struct reply host_describe(void);
struct reply host_open(const char *configuration, ca_instance **instance);
struct reply host_health(ca_instance *instance);
struct reply host_submit(ca_instance *instance, uint32_t operation, const char *key, const char *request);
struct reply host_submit_octets(ca_instance *instance, uint32_t operation, const char *key, const void *request,
                                size_t size);
struct reply host_lookup(ca_instance *instance, const char *query);
struct reply host_list(ca_instance *instance, const char *query);
void reply_free(struct reply *reply);

#endif
