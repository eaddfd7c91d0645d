/*
 * skeleton.h: what the plugins with a fault have in common.
 *
 * Each is the good plugin with one function more, fault_strike, which is asked before the good one does a call. The
 * configuration is the good plugin's with two or three members more:
 *   "at"       where the fault strikes: "open", "health", "issue" (default), "renew", "rekey", "revoke", "status", "crl",
 *              "ca_certificates", "lookup", "list"
 *   "variant"  which form of it, see README.md; absent: the first
 *   "targets"  an object, what read_other tries to reach
 * Everywhere else such a plugin behaves, so that a host takes it for a CA until then.
 */
#ifndef VENDOR_FAULTY_SKELETON_H
#define VENDOR_FAULTY_SKELETON_H

#include <stdbool.h>

#include <jansson.h>

#include "ca_adapter.h"

/* What fault_strike returns to let the good plugin do the call. */
#define GO_ON INT32_MIN

/* One call at the chosen place. */
struct strike {
  const ca_host *host;
  ca_instance *instance; /* NULL in open */
  const ca_call *call;   /* NULL in open */
  uint32_t operation;    /* of submit, else 0 */
  ca_slice document;     /* request, query or configuration */
  ca_buf *out;
  const json_t *configuration;
};

/* The fault. */
int32_t fault_strike(const struct strike *strike);

/* Changes the table before the host sees it. Only some faults have it. */
void fault_table(const ca_host *host, ca_adapter *table);

/* The last open's configuration, NULL when it was no JSON: for what is no strike. */
json_t *present_configuration(void);

/* Whether it asks for that variant. */
bool present_variant(const char *name);

/* Whether the configuration asks for that variant. */
bool is_variant(const struct strike *strike, const char *name);

/* Writes text to a reply. */
int32_t write_text(const struct strike *strike, ca_buf *out, const char *text);

/* Does the call by the good plugin and adds a member to its reply; takes the reference to the value. */
int32_t go_on_with(const struct strike *strike, const char *member, json_t *value);

/* The good plugin's submit, under another key or with another request. */
int32_t good_submit(const struct strike *strike, const char *key, ca_slice request, ca_buf *out);

#endif
