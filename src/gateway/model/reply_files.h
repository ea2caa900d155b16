#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace reeve::gateway::model {

/// Seals a text of at most kSealedPieceBytes under a name, and opens it again under the same one.
struct Sealer {
  std::function<Result<std::string>(std::string_view name, std::string_view plain)> seal;
  /// Corrupt, Invalid, NotFound: nothing opens it any more. Unavailable: there is no key now.
  std::function<Result<Secret>(std::string_view name, std::string_view sealed)> open;
};

inline constexpr std::size_t kSealedPieceBytes = std::size_t{32} << 10U;

/// Replies that outlive the process: `<root>/<name>`, sealed, in lines of one piece each. They are
/// there after the process was killed; after a power cut they may not be.
///
/// Threading: one thread; takes as long as the disk does.
class ReplyFiles {
 public:
  ReplyFiles(std::filesystem::path root, Sealer sealer)
      : root_(std::move(root)), sealer_(std::move(sealer)) {}

  /// `name` is hexadecimal. Io, LimitExceeded: the disk refuses. Unavailable: there is no key.
  Result<void> save(std::string_view name, std::string_view text) const;

  void drop(std::string_view name) const;

  /// All that can be opened, with their names. What nothing opens any more is removed; what cannot
  /// be read now, or has no key now, stays.
  std::vector<std::pair<std::string, std::string>> all() const;

 private:
  Result<std::string> open(const std::string& name, std::string_view lines) const;

  std::filesystem::path root_;
  Sealer sealer_;
};

}  // namespace reeve::gateway::model
