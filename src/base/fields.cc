#include "base/fields.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve {

Fields::Fields(const Json& json, std::string_view what) : json_(json), what_(what) {
  if (!json_.is_object()) {
    error_ = make_error(ErrorCode::Invalid, "must be an object", what_);
  }
}

void Fields::fail(std::string message, std::string_view name) {
  if (!error_) {
    error_ = make_error(ErrorCode::Invalid, std::move(message), concat(what_, ".", name));
  }
}

void Fields::skip(std::string_view name) {
  known_.emplace_back(name);
}

const Json* Fields::take(std::string_view name, Json::Type type, std::string_view type_name) {
  skip(name);
  const Json* member = json_.find(name);
  if (member == nullptr || member->type() == type) {
    return member;
  }
  fail(concat("must be ", type_name), name);
  return nullptr;
}

std::string Fields::text(std::string_view name, std::string_view fallback) {
  const Json* member = take(name, Json::Type::String, "a text");
  return member == nullptr ? std::string(fallback) : member->as_string();
}

std::string Fields::required_text(std::string_view name) {
  std::string value = text(name);
  if (value.empty()) {
    fail("is missing or empty", name);
  }
  return value;
}

bool Fields::flag(std::string_view name, bool fallback) {
  const Json* member = take(name, Json::Type::Bool, "true or false");
  return member == nullptr ? fallback : member->as_bool();
}

std::optional<std::int64_t> Fields::optional_number(
    std::string_view name, std::int64_t min, std::int64_t max
) {
  const Json* member = take(name, Json::Type::Int, "a whole number");
  if (member == nullptr) {
    return std::nullopt;
  }
  const std::int64_t value = member->as_int();
  if (value < min || value > max) {
    fail(concat("must be from ", min, " to ", max), name);
    return std::nullopt;
  }
  return value;
}

std::int64_t Fields::number(std::string_view name, std::int64_t min, std::int64_t max) {
  return optional_number(name, min, max).value_or(0);
}

std::optional<Timestamp> Fields::time(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) {
    return std::nullopt;
  }
  const Result<Timestamp> at = parse_timestamp(value);
  if (!at) {
    fail(at.error().message, name);
    return std::nullopt;
  }
  return *at;
}

Timestamp Fields::required_time(std::string_view name) {
  const std::optional<Timestamp> at = time(name);
  if (!at) {
    fail("is missing or empty", name);
  }
  return at.value_or(Timestamp());
}

std::vector<std::pair<std::string, std::string>> Fields::texts(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> values;
  if (const Json* member = object(name)) {
    for (const Json::Member& item : member->as_object()) {
      if (!item.second.is_string()) {
        fail(concat("the value of \"", item.first, "\" must be a text"), name);
        return {};
      }
      values.emplace_back(item.first, item.second.as_string());
    }
  }
  return values;
}

std::vector<std::string> Fields::text_list(std::string_view name) {
  std::vector<std::string> values;
  if (const Json* member = array(name)) {
    for (const Json& item : member->as_array()) {
      if (!item.is_string()) {
        fail("must be a list of texts", name);
        return {};
      }
      values.push_back(item.as_string());
    }
  }
  return values;
}

const Json* Fields::object(std::string_view name) {
  return take(name, Json::Type::Object, "an object");
}

const Json* Fields::array(std::string_view name) {
  return take(name, Json::Type::Array, "a list");
}

Result<void> Fields::finish() const {
  if (error_) {
    return *error_;
  }
  for (const Json::Member& member : json_.as_object()) {
    if (std::find(known_.begin(), known_.end(), member.first) == known_.end()) {
      Error error =
          make_error(ErrorCode::Invalid, "is not known", concat(what_, ".", member.first));
      if (const std::string near = nearest(member.first, known_); !near.empty()) {
        error.hint = concat("did you mean \"", near, "\"?");
      }
      return error;
    }
  }
  return {};
}

}  // namespace reeve
