#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace reeve {

/// SHA-256 (FIPS 180-4), 32 bytes.
using Sha256Bytes = std::array<std::uint8_t, 32>;

/// Computes SHA-256 over pieces. Movable, not shareable between threads.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  /// Adds bytes to the hash.
  void update(std::string_view bytes);

  /// The hash of everything added since construction or the last `finish`, which also resets.
  Sha256Bytes finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// SHA-256 of `bytes` as lower-case hex.
Digest sha256(std::string_view bytes);

/// 64 well-mixed bits of `bytes`; stable for ever (FNV-1a, then a finaliser). Not for security.
std::uint64_t stable_hash(std::string_view bytes);

}  // namespace reeve
