#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/ports.h"
#include "security/sealing/sealing.h"

namespace reeve::identity {

/// Longest text that is sealed, in bytes.
inline constexpr std::size_t kOpaqueBytesMax = 4096;

/// Texts that clients carry for us and can neither read nor change, such as continue tokens. A text
/// opens only in the context that it was sealed in: who asks, for what.
///
/// Threading: const on any thread.
class Sealer {
 public:
  /// With the key in a file of ours (0600), which is made if it is not there.
  static Result<Sealer> open_or_create(const std::filesystem::path& file, platform::Random& random);

  /// With a key of 32 bytes. Invalid: another length.
  static Result<Sealer> from_key(Secret key);

  /// Letters, digits, `-`, `_`: fit for a URL. LimitExceeded: longer than kOpaqueBytesMax.
  Result<std::string> seal(std::string_view context, std::string_view plain) const;

  /// Invalid: it was not sealed here, was changed, or belongs to another context.
  Result<std::string> open(std::string_view context, std::string_view sealed) const;

 private:
  explicit Sealer(sealing::Key key) : key_(std::move(key)) {}

  sealing::Key key_;
};

}  // namespace reeve::identity
