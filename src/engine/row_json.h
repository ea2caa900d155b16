#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/strings.h"
#include "base/time.h"
#include "model/run.h"

/// What the codecs of rows are written with. Members that are empty, zero or false are left out:
/// rows stay small and readable.
namespace reeve::engine {

void write_time(JsonWriter& json, std::string_view name, const std::optional<Timestamp>& at);
void write_text(JsonWriter& json, std::string_view name, std::string_view text);
void write_count(JsonWriter& json, std::string_view name, std::uint64_t count);
void write_flag(JsonWriter& json, std::string_view name, bool set);

/// Always written: an object of strings.
void write_values(
    JsonWriter& json, std::string_view name, const std::vector<model::NamedValue>& values
);

/// The number that a text is, if it is nothing else.
std::optional<std::int64_t> decimal(std::string_view text);

/// The error of a row that contradicts itself.
Error corrupt_row(std::string message);

/// Reads the members of one object and keeps the first thing that is wrong with them, so that a
/// decoder is a list of its members.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {
    if (!object.is_object()) {
      fail("an object", "is expected here");
    }
  }

  /// The first problem.
  Result<void> check() const {
    return problem_ ? Result<void>(corrupt_row(*problem_)) : Result<void>();
  }

  bool has(std::string_view name) const { return object_.find(name) != nullptr; }

  std::string text(std::string_view name) {
    const Json* found = typed(name, Json::Type::String);
    return found == nullptr ? std::string() : found->as_string();
  }

  std::string needed_text(std::string_view name) {
    std::string content = text(name);
    if (content.empty()) {
      fail(name, "is missing");
    }
    return content;
  }

  bool flag(std::string_view name) {
    const Json* found = typed(name, Json::Type::Bool);
    return found != nullptr && found->as_bool();
  }

  std::uint64_t number(std::string_view name, std::uint64_t max) {
    const Json* found = typed(name, Json::Type::Int);
    if (found == nullptr) {
      return 0;
    }
    if (found->as_int() < 0 || static_cast<std::uint64_t>(found->as_int()) > max) {
      fail(name, "is out of range");
      return 0;
    }
    return static_cast<std::uint64_t>(found->as_int());
  }

  std::uint32_t count(std::string_view name) {
    return static_cast<std::uint32_t>(number(name, std::numeric_limits<std::uint32_t>::max()));
  }

  Revision revision(std::string_view name) {
    return Revision(number(name, std::numeric_limits<std::int64_t>::max()));
  }

  std::optional<Timestamp> time(std::string_view name) {
    if (!has(name)) {
      return std::nullopt;
    }
    const Result<Timestamp> at = parse_timestamp(text(name));
    if (!at) {
      fail(name, at.error().message);
      return std::nullopt;
    }
    return *at;
  }

  /// A value with a closed list of names.
  template <class Enum>
  Enum word(std::string_view name, Result<Enum> (*parse)(std::string_view)) {
    const Result<Enum> value = parse(text(name));
    if (!value) {
      fail(name, value.error().message);
      return Enum{};
    }
    return *value;
  }

  std::vector<model::NamedValue> values(std::string_view name) {
    std::vector<model::NamedValue> result;
    const Json* found = needed(name, Json::Type::Object);
    if (found != nullptr) {
      for (const Json::Member& member : found->as_object()) {
        if (!member.second.is_string()) {
          fail(concat(name, ".", member.first), "is not a string");
          return {};
        }
        result.emplace_back(member.first, member.second.as_string());
      }
    }
    return result;
  }

  const Json::Array& items(std::string_view name) {
    static const Json::Array kNone;
    const Json* found = needed(name, Json::Type::Array);
    return found == nullptr ? kNone : found->as_array();
  }

  /// A member that must be there; without it the row is corrupt and an empty object is returned.
  const Json& object(std::string_view name) {
    static const Json kNone = Json::object();
    const Json* found = needed(name, Json::Type::Object);
    return found == nullptr ? kNone : *found;
  }

  void fail(std::string_view name, std::string_view what) {
    if (!problem_) {
      problem_ = concat(name, " ", what);
    }
  }

 private:
  const Json* typed(std::string_view name, Json::Type type) {
    const Json* found = object_.find(name);
    if (found != nullptr && found->type() != type) {
      fail(name, "is of the wrong type");
      return nullptr;
    }
    return found;
  }

  const Json* needed(std::string_view name, Json::Type type) {
    if (!has(name)) {
      fail(name, "is missing");
    }
    return typed(name, type);
  }

  const Json& object_;
  std::optional<std::string> problem_;
};

}  // namespace reeve::engine
