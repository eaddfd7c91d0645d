/*
 * adapter.h: the plugin's table.
 */
#ifndef VENDOR_ADAPTER_H
#define VENDOR_ADAPTER_H

#include "ca_adapter.h"

extern const ca_adapter VENDOR_ADAPTER;

#endif
