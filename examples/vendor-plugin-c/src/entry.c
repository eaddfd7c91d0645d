/* The only exported symbol. */
#include "adapter.h"

int32_t ca_adapter_get(const ca_host *host, ca_adapter *out) {
  if (host == NULL || out == NULL || host->abi_major != CA_ABI_MAJOR) return CA_NOT_SUPPORTED;
  if (host->struct_size < CA_HOST_SIZE_1_0) return CA_NOT_SUPPORTED;
  ca_adapter_fill(out, &VENDOR_ADAPTER);
  return CA_OK;
}
