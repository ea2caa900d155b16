#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace reeve::executor {

/// Reads the input of a tool strictly: the first thing that is wrong is kept and handed out by
/// `finish`, which also refuses the members that nobody asked for.
class InputReader {
 public:
  explicit InputReader(const Json& input, std::string path = {});

  /// Absent: "".
  std::string text(std::string_view name, bool required = false);
  bool flag(std::string_view name, bool fallback);
  std::int64_t whole(
      std::string_view name, std::int64_t low, std::int64_t high, std::int64_t fallback
  );
  std::vector<std::string> texts(std::string_view name);
  /// The items of a list; absent: none.
  Json::Array items(std::string_view name);

  bool has(std::string_view name) const { return input_.find(name) != nullptr; }

  void fail(std::string_view name, std::string message);
  std::string field(std::string_view name) const;

  Result<void> finish();

 private:
  const Json* take(std::string_view name);

  const Json& input_;
  std::string path_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace reeve::executor
