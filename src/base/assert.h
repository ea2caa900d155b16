#pragma once

namespace reeve {

/// Prints the failed condition and aborts the process. Any thread.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace reeve

/// States what must be true. Stays on in release builds; never fires because of input, network or
/// disk: what may happen is handled, not asserted.
#define REEVE_ASSERT(condition)                                  \
  do {                                                           \
    if (!(condition)) [[unlikely]] {                             \
      ::reeve::assertion_failed(#condition, __FILE__, __LINE__); \
    }                                                            \
  } while (false)
