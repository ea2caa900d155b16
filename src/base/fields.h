#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve {

/// Reads the members of one JSON object strictly. Getters give the fallback if the member is absent
/// or wrong; the first thing that is wrong is kept and told by `finish`, which also refuses members
/// that nobody asked for.
class Fields {
 public:
  /// `what` names the object in errors.
  Fields(const Json& json, std::string_view what);

  std::string text(std::string_view name, std::string_view fallback = {});
  /// Must be there and not empty.
  std::string required_text(std::string_view name);
  bool flag(std::string_view name, bool fallback = false);
  /// A whole number in [min, max]; 0 if absent.
  std::int64_t number(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<std::int64_t> optional_number(
      std::string_view name, std::int64_t min, std::int64_t max
  );
  std::optional<Timestamp> time(std::string_view name);
  Timestamp required_time(std::string_view name);
  /// An object whose members are texts, in their order.
  std::vector<std::pair<std::string, std::string>> texts(std::string_view name);
  std::vector<std::string> text_list(std::string_view name);
  /// Null if absent.
  const Json* object(std::string_view name);
  const Json* array(std::string_view name);
  /// Allows the member without looking at it.
  void skip(std::string_view name);

  /// Invalid: the first problem, with the member as subject.
  Result<void> finish() const;

 private:
  const Json* take(std::string_view name, Json::Type type, std::string_view type_name);
  void fail(std::string message, std::string_view name);

  const Json& json_;
  std::string what_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace reeve
