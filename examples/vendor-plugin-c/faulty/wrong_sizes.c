/* A table that is not what it says; which one is chosen by a macro when it is compiled. */
#include "skeleton.h"

int32_t fault_strike(const struct strike *strike) {
  (void)strike;
  return GO_ON;
}

void fault_table(const ca_host *host, ca_adapter *table) {
  (void)host;
  (void)table;
#if defined(LARGER_THAN_ROOM)
  table->struct_size += 64;
#elif defined(LARGER_THAN_FILLED)
  /* The size of the whole table, but everything from open on was never filled. */
  memset((uint8_t *)table + offsetof(ca_adapter, open), 0, sizeof *table - offsetof(ca_adapter, open));
#elif defined(WRITES_BEYOND)
  memset((uint8_t *)table + table->struct_size, 0x5a, 64);
#elif defined(SMALLER)
  table->struct_size = 64;
#elif defined(CUTS_A_MEMBER)
  table->struct_size -= 4;
#elif defined(ZERO)
  table->struct_size = 0;
#elif defined(BIT_WITHOUT_POINTER)
  table->lookup = NULL;
#elif defined(POINTER_WITHOUT_BIT)
  table->capabilities &= ~CA_CAN_LIST;
#elif defined(UNKNOWN_BIT)
  table->capabilities |= CA_CAN(40);
#elif defined(REQUIRED_NULL)
  table->submit = NULL;
#elif defined(SLICE_TOO_LONG)
  table->vendor.len = UINT64_C(1) << 40;
#elif defined(SLICE_OVERFLOWS)
  table->version.len = UINT64_MAX;
#elif defined(SLICE_NULL)
  table->name.ptr = NULL;
#elif defined(SLICE_EMPTY)
  table->name.len = 0;
#elif defined(SLICE_NOT_TEXT)
  static const uint8_t octets[] = {0xff, 0xfe, 0xfd};
  table->vendor = (ca_slice){octets, sizeof octets};
#elif defined(WRONG_MAJOR)
  table->abi_major = CA_ABI_MAJOR + 1;
#elif defined(WRONG_THREADING)
  table->threading = 77;
#elif defined(UNKNOWN_FLAGS)
  table->flags = 0x80000001;
#elif defined(OTHER_MINOR)
  if (host->abi_minor != CA_ABI_MINOR) table->vendor.len--;
#elif defined(ANY_MAJOR)
  /* The skeleton answers hosts of other contracts as well. */
#elif defined(CALLS_HOST)
  (void)host->now_ms(host->ctx);
  host->log(host->ctx, CA_LOG_INFO, 1, (ca_slice){(const uint8_t *)"{}", 2});
#elif defined(MISSING_SYMBOL)
  /* Exported under another name. */
#else
#error "which one?"
#endif
}
