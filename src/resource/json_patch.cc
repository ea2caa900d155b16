#include "resource/json_patch.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "resource/json_compare.h"

namespace reeve::resource {

namespace {

constexpr std::size_t kIndexDigitsMax = 9;

/// A pointer of RFC 6901, cut and unescaped.
using Pointer = std::vector<std::string>;

Result<Pointer> parse_pointer(std::string_view text) {
  Pointer pointer;
  if (text.empty()) {
    return pointer;
  }
  if (text.front() != '/') {
    return make_error(ErrorCode::Invalid, "a pointer is empty or begins with '/'");
  }
  for (const std::string_view piece : split(text.substr(1), '/')) {
    std::string token;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (piece[i] != '~') {
        token.push_back(piece[i]);
        continue;
      }
      const char next = i + 1 < piece.size() ? piece[i + 1] : '\0';
      if (next != '0' && next != '1') {
        return make_error(ErrorCode::Invalid, "'~' of a pointer is followed by 0 or 1");
      }
      token.push_back(next == '0' ? '~' : '/');
      ++i;
    }
    pointer.push_back(std::move(token));
  }
  return pointer;
}

/// A position in an array of `size` members; the end counts.
std::optional<std::size_t> array_index(std::string_view token, std::size_t size) {
  if (token.empty() || token.size() > kIndexDigitsMax || (token.size() > 1 && token[0] == '0')) {
    return std::nullopt;
  }
  std::size_t index = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return index <= size ? std::optional(index) : std::nullopt;
}

Json* child(Json& parent, std::string_view token) {
  if (parent.is_object()) {
    return parent.find(token);
  }
  if (!parent.is_array()) {
    return nullptr;
  }
  Json::Array& items = parent.as_array();
  const std::optional<std::size_t> index = array_index(token, items.size());
  return index && *index < items.size() ? &items[*index] : nullptr;
}

/// The value that the first `count` tokens lead to, or null.
Json* resolve(Json& root, const Pointer& pointer, std::size_t count) {
  Json* at = &root;
  for (std::size_t i = 0; i < count && at != nullptr; ++i) {
    at = child(*at, pointer[i]);
  }
  return at;
}

bool is_prefix(const Pointer& left, const Pointer& right) {
  return left.size() < right.size() && std::equal(left.begin(), left.end(), right.begin());
}

enum class OperationKind { Add, Remove, Replace, Move, Copy, Test };

struct Operation {
  OperationKind kind = OperationKind::Test;
  Pointer path;
  Pointer from;                 ///< of Move and Copy
  const Json* value = nullptr;  ///< of Add, Replace and Test
};

std::optional<OperationKind> operation_kind(std::string_view name) {
  constexpr std::pair<std::string_view, OperationKind> kKinds[] = {
      {"add", OperationKind::Add},
      {"remove", OperationKind::Remove},
      {"replace", OperationKind::Replace},
      {"move", OperationKind::Move},
      {"copy", OperationKind::Copy},
      {"test", OperationKind::Test}};
  for (const auto& [known, kind] : kKinds) {
    if (known == name) {
      return kind;
    }
  }
  return std::nullopt;
}

Result<Pointer> pointer_member(const Json& json, std::string_view name) {
  const Json* text = json.find(name);
  if (text == nullptr || !text->is_string()) {
    return make_error(ErrorCode::Invalid, concat("\"", name, "\" must be a string"));
  }
  return parse_pointer(text->as_string());
}

Result<Operation> parse_operation(const Json& json) {
  if (!json.is_object()) {
    return make_error(ErrorCode::Invalid, "an operation is an object");
  }
  const std::string name = json.get_string("op");
  const std::optional<OperationKind> kind = operation_kind(name);
  if (!kind) {
    return make_error(
        ErrorCode::Invalid, "\"op\" is one of add, remove, replace, move, copy and test"
    );
  }
  Operation operation;
  operation.kind = *kind;
  REEVE_TRY(operation.path, pointer_member(json, "path"));
  switch (*kind) {
    case OperationKind::Remove:
      break;
    case OperationKind::Move:
    case OperationKind::Copy: {
      REEVE_TRY(operation.from, pointer_member(json, "from"));
      break;
    }
    case OperationKind::Add:
    case OperationKind::Replace:
    case OperationKind::Test:
      operation.value = json.find("value");
      if (operation.value == nullptr) {
        return make_error(ErrorCode::Invalid, concat("\"", name, "\" needs a \"value\""));
      }
      break;
  }
  return operation;
}

Error no_such_path() {
  return make_error(ErrorCode::NotFound, "there is nothing at this path");
}

constexpr std::size_t kMovedMax = 10'000'000;

/// Carries operations out on one document.
class Patcher {
 public:
  Patcher(Json& root, const JsonPatchLimits& limits) : root_(root), limits_(limits) {}

  /// More was to be added than the whole may have.
  bool is_too_much() const { return added_bytes_ > limits_.size_bytes_max; }

  Result<void> apply(const Operation& operation) {
    switch (operation.kind) {
      case OperationKind::Add:
        REEVE_CHECK(charge_added(*operation.value));
        return add(operation.path, *operation.value);
      case OperationKind::Remove: {
        REEVE_TRY([[maybe_unused]] const Json gone, remove(operation.path));
        return {};
      }
      case OperationKind::Replace:
        REEVE_CHECK(charge_added(*operation.value));
        return replace(operation.path, *operation.value);
      case OperationKind::Move:
        return move(operation);
      case OperationKind::Copy:
        return copy(operation);
      case OperationKind::Test:
        return test(operation.path, *operation.value);
    }
    return {};
  }

 private:
  Result<void> check_depth(const Pointer& path, const Json& value) const {
    if (static_cast<int>(path.size()) + json_depth(value) > limits_.depth_max) {
      return make_error(
          ErrorCode::LimitExceeded, concat("more than ", limits_.depth_max, " levels of nesting")
      );
    }
    return {};
  }

  /// Each operation may be about a list of a million members: all together move no more than some.
  Result<void> charge_moved(std::size_t members) {
    moved_ += members;
    if (moved_ > kMovedMax) {
      return make_error(ErrorCode::LimitExceeded, "too many members are moved");
    }
    return {};
  }

  /// What comes with the patch may be removed again, but not without end.
  Result<void> charge_added(const Json& value) {
    added_bytes_ += json_size(value);
    if (is_too_much()) {
      return make_error(ErrorCode::LimitExceeded, "too much is added");
    }
    return {};
  }

  Result<void> add(const Pointer& path, Json value) {
    REEVE_CHECK(check_depth(path, value));
    if (path.empty()) {
      root_ = std::move(value);
      return {};
    }
    Json* parent = resolve(root_, path, path.size() - 1);
    const std::string& token = path.back();
    if (parent != nullptr && parent->is_object()) {
      parent->set(token, std::move(value));
      return {};
    }
    if (parent == nullptr || !parent->is_array()) {
      return no_such_path();
    }
    Json::Array& items = parent->as_array();
    const std::optional<std::size_t> index =
        token == "-" ? std::optional(items.size()) : array_index(token, items.size());
    if (!index) {
      return no_such_path();
    }
    REEVE_CHECK(charge_moved(items.size() - *index));
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
    return {};
  }

  Result<Json> remove(const Pointer& path) {
    if (path.empty()) {
      return std::exchange(root_, Json());
    }
    Json* parent = resolve(root_, path, path.size() - 1);
    Json* target = parent == nullptr ? nullptr : child(*parent, path.back());
    if (target == nullptr) {
      return no_such_path();
    }
    REEVE_CHECK(
        charge_moved(parent->is_array() ? parent->as_array().size() : parent->as_object().size())
    );
    Json gone = std::move(*target);
    if (parent->is_array()) {
      Json::Array& items = parent->as_array();
      items.erase(items.begin() + (target - items.data()));
    } else {
      Json::Object& members = parent->as_object();
      members.erase(std::find_if(members.begin(), members.end(), [&](const Json::Member& member) {
        return &member.second == target;
      }));
    }
    return gone;
  }

  Result<void> replace(const Pointer& path, const Json& value) {
    REEVE_CHECK(check_depth(path, value));
    Json* target = resolve(root_, path, path.size());
    if (target == nullptr) {
      return no_such_path();
    }
    *target = value;
    return {};
  }

  Result<void> move(const Operation& operation) {
    if (is_prefix(operation.from, operation.path)) {
      return make_error(ErrorCode::Invalid, "nothing can be moved into itself");
    }
    if (operation.from == operation.path) {
      return resolve(root_, operation.path, operation.path.size()) == nullptr
                 ? Result<void>(no_such_path())
                 : Result<void>();
    }
    REEVE_TRY(Json value, remove(operation.from));
    return add(operation.path, std::move(value));
  }

  Result<void> copy(const Operation& operation) {
    const Json* source = resolve(root_, operation.from, operation.from.size());
    if (source == nullptr) {
      return no_such_path();
    }
    copied_bytes_ += json_size(*source);
    if (copied_bytes_ > limits_.size_bytes_max) {
      return make_error(ErrorCode::LimitExceeded, "too much is copied");
    }
    return add(operation.path, *source);
  }

  Result<void> test(const Pointer& path, const Json& value) {
    const Json* target = resolve(root_, path, path.size());
    if (target == nullptr) {
      return no_such_path();
    }
    if (!equivalent(*target, value)) {
      return make_error(ErrorCode::Invalid, "the value is another one");
    }
    return {};
  }

  Json& root_;
  const JsonPatchLimits& limits_;
  std::size_t added_bytes_ = 0;
  std::size_t copied_bytes_ = 0;
  std::size_t moved_ = 0;
};

}  // namespace

Outcome<Json> json_patch(Json target, const Json& patch, const JsonPatchLimits& limits) {
  if (!patch.is_array()) {
    return bad_request("error decoding patch: a JSON patch is a list of operations");
  }
  const Json::Array& items = patch.as_array();
  if (items.size() > limits.operations_max) {
    Status status = request_entity_too_large(limits.operations_max);
    status.message = concat(
        "The allowed maximum operations in a JSON patch is ",
        limits.operations_max,
        ", got ",
        items.size()
    );
    return status;
  }
  Patcher patcher(target, limits);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Result<Operation> operation = parse_operation(items[i]);
    if (!operation) {
      return bad_request(
          concat("error decoding patch: operation ", i, ": ", operation.error().message)
      );
    }
    const Result<void> done = patcher.apply(*operation);
    if (patcher.is_too_much()) {
      return request_entity_too_large(limits.size_bytes_max);
    }
    if (!done) {
      return patch_failed(
          {{"FieldValueInvalid",
            concat("operation ", i, " (", items[i].get_string("op"), "): ", done.error().message),
            items[i].get_string("path")}}
      );
    }
  }
  if (json_size(target) > limits.size_bytes_max) {
    return request_entity_too_large(limits.size_bytes_max);
  }
  return target;
}

}  // namespace reeve::resource
