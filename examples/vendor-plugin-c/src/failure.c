#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int32_t fail(struct failure *failure, int32_t status, const char *code, const char *format, ...) {
  va_list arguments;
  failure->status = status;
  failure->code = code;
  va_start(arguments, format);
  (void)vsnprintf(failure->text, sizeof failure->text, format, arguments);
  va_end(arguments);
  return status;
}
