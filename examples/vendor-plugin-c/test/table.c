/* The table, its size and version, and the description. */
#include <stdlib.h>

#include "test.h"

static void the_table_is_filled_as_far_as_there_is_room_and_no_octet_more(void) {
  const size_t whole = sizeof(ca_adapter);
  for (size_t room = 8; room <= whole + 64; room += 8) {
    uint8_t *octets = calloc(1, whole + 128);
    CHECK(octets != NULL);
    memset(octets + room, 0xee, whole + 128 - room);
    ca_adapter *table = (ca_adapter *)(void *)octets;
    uint32_t size = (uint32_t)room;
    memcpy(octets, &size, sizeof size);
    CHECK(host_entry()(host_table(), table) == CA_OK);
    memcpy(&size, octets, sizeof size);
    CHECK(size == (room < whole ? room : whole));
    for (size_t i = room; i < whole + 128; i++) CHECK(octets[i] == 0xee);
    free(octets);
  }
}

static void another_major_version_is_refused_and_the_table_left_alone(void) {
  for (unsigned major = 0; major < 4; major++) {
    if (major == CA_ABI_MAJOR) continue;
    ca_host host = *host_table();
    ca_adapter table = {.struct_size = sizeof table}, before = table;
    host.abi_major = (uint16_t)major;
    CHECK(host_entry()(&host, &table) == CA_NOT_SUPPORTED);
    CHECK(memcmp(&table, &before, sizeof table) == 0);
  }
}

static void a_later_minor_version_of_the_host_is_welcome(void) {
  ca_host host = *host_table();
  ca_adapter table = {.struct_size = sizeof table};
  host.abi_minor = UINT16_MAX;
  CHECK(host_entry()(&host, &table) == CA_OK && table.abi_minor == CA_ABI_MINOR);
}

static bool agrees(uint64_t bit, bool there) { return ((host_adapter()->capabilities & bit) != 0) == there; }

static void capability_bits_and_pointers_agree(void) {
  const ca_adapter *adapter = host_adapter();
  CHECK(adapter->describe != NULL && adapter->open != NULL && adapter->close != NULL);
  CHECK(adapter->health != NULL && adapter->submit != NULL);
  CHECK(agrees(CA_CAN_POLL, adapter->poll != NULL) && agrees(CA_CAN_CANCEL, adapter->cancel != NULL));
  CHECK(agrees(CA_CAN_LOOKUP, adapter->lookup != NULL) && agrees(CA_CAN_LIST, adapter->list != NULL));
  CHECK(adapter->vendor.len >= 1 && adapter->vendor.len <= 128 && adapter->name.len >= 1);
  CHECK(adapter->threading == CA_THREADING_REENTRANT && adapter->flags == 0);
}

static void the_description_has_a_schema_a_secret_and_a_product(void) {
  struct reply reply = host_describe();
  CHECK_STATUS(reply, CA_OK);
  const char *type, *secret, *product;
  int required;
  CHECK(json_unpack(reply.document, "{s:{s:s}, s:[{s:s, s:b}], s:[{s:s}]}", "configuration", "type", &type, "secrets",
                    "name", &secret, "required", &required, "products", "name", &product) == 0);
  CHECK(strcmp(type, "object") == 0 && strcmp(secret, "vendor_ca.passphrase") == 0 && required);
  CHECK(strcmp(product, "pair") == 0);
  reply_free(&reply);
}

static void an_operation_that_is_not_offered_is_not_supported(void) {
  ca_instance *instance = test_open();
  static const uint32_t operations[] = {0, CA_OP_HOLD, CA_OP_OCSP, CA_OP_SEAL_ISSUE, 16, 48, 63, 64, 65, UINT32_MAX};
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    struct reply reply = host_submit(instance, operations[i], "key", "{}");
    CHECK_STATUS(reply, CA_NOT_SUPPORTED);
    reply_free(&reply);
  }
  test_close(instance);
}

const struct test TABLE_TESTS[] = {
    TEST(the_table_is_filled_as_far_as_there_is_room_and_no_octet_more),
    TEST(another_major_version_is_refused_and_the_table_left_alone),
    TEST(a_later_minor_version_of_the_host_is_welcome),
    TEST(capability_bits_and_pointers_agree),
    TEST(the_description_has_a_schema_a_secret_and_a_product),
    TEST(an_operation_that_is_not_offered_is_not_supported),
    {NULL, NULL},
};
