#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace reeve {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(
      stderr, "reeve: internal error: %s:%d: assertion failed: %s\n", file, line, condition
  );
  std::abort();
}

}  // namespace reeve
