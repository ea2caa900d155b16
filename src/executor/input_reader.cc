#include "executor/input_reader.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::executor {

InputReader::InputReader(const Json& input, std::string path)
    : input_(input), path_(std::move(path)) {
  if (!input_.is_object()) {
    error_ = make_error(ErrorCode::Invalid, "must be an object", path_.empty() ? "input" : path_);
  }
}

std::string InputReader::field(std::string_view name) const {
  return path_.empty() ? std::string(name) : concat(path_, ".", name);
}

void InputReader::fail(std::string_view name, std::string message) {
  if (!error_) {
    error_ = make_error(ErrorCode::Invalid, std::move(message), field(name));
  }
}

const Json* InputReader::take(std::string_view name) {
  known_.emplace_back(name);
  return input_.find(name);
}

std::string InputReader::text(std::string_view name, bool required) {
  const Json* member = take(name);
  if (member == nullptr) {
    if (required) {
      fail(name, "is missing");
    }
    return {};
  }
  if (!member->is_string()) {
    fail(name, "must be a string");
    return {};
  }
  return member->as_string();
}

bool InputReader::flag(std::string_view name, bool fallback) {
  const Json* member = take(name);
  if (member != nullptr && !member->is_bool()) {
    fail(name, "must be true or false");
  }
  return member != nullptr && member->is_bool() ? member->as_bool() : fallback;
}

std::int64_t InputReader::whole(
    std::string_view name, std::int64_t low, std::int64_t high, std::int64_t fallback
) {
  const Json* member = take(name);
  if (member == nullptr) {
    return fallback;
  }
  if (!member->is_int() || member->as_int() < low || member->as_int() > high) {
    fail(name, concat("must be a whole number between ", low, " and ", high));
    return fallback;
  }
  return member->as_int();
}

Json::Array InputReader::items(std::string_view name) {
  const Json* member = take(name);
  if (member == nullptr) {
    return {};
  }
  if (!member->is_array()) {
    fail(name, "must be a list");
    return {};
  }
  return member->as_array();
}

std::vector<std::string> InputReader::texts(std::string_view name) {
  std::vector<std::string> texts;
  for (const Json& item : items(name)) {
    if (!item.is_string()) {
      fail(name, "must be a list of strings");
      return {};
    }
    texts.push_back(item.as_string());
  }
  return texts;
}

Result<void> InputReader::finish() {
  if (error_) {
    return std::move(*error_);
  }
  for (const Json::Member& member : input_.as_object()) {
    if (std::find(known_.begin(), known_.end(), member.first) == known_.end()) {
      return make_error(ErrorCode::Invalid, "is not a known member", field(member.first));
    }
  }
  return {};
}

}  // namespace reeve::executor
